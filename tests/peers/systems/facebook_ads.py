"""Meta's Marketing API as its documentation and SDK have it: an ad account, its objects, and reports that are jobs."""

from __future__ import annotations

import datetime as dt
import hmac
import json
import time
from urllib.parse import urlencode

from strict import RefusedError

VERSION, LARGEST, KEPT = "v26.0", 500, 37 * 31  # rows of a page, and days of figures
EDGES = {"campaigns": "campaigns", "adsets": "ad_sets", "ads": "ads", "adcreatives": "ad_creatives"}
FILTERED = {"campaigns", "adsets", "ads"}
STATUS = {
    *("ACTIVE", "PAUSED", "ARCHIVED", "DELETED", "ADSET_PAUSED", "CAMPAIGN_PAUSED", "DISAPPROVED", "IN_PROCESS"),
    *("PENDING_BILLING_INFO", "PENDING_REVIEW", "PREAPPROVED", "WITH_ISSUES"),
}
REPORT = {"level", "fields", "breakdowns", "action_attribution_windows", "time_increment", "time_range"}
IDS = {"account": [], "campaign": ["campaign_id"], "adset": ["campaign_id", "adset_id"]}
IDS["ad"] = [*IDS["adset"], "ad_id"]


def error(code, message, status=400, **more):
    """Return an error as Graph words it."""
    return status, {
        "error": {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "A", **more}
    }


EXPIRED = error(190, "Error validating access token: Session has expired.", error_subcode=463)
BUSY = error(80004, "(#80004) There have been too many calls to this ad-account.", error_subcode=2446079)
FORBIDDEN = error(200, "(#200) Ad account owner has NOT grant ads_management or ads_read permission", status=403)


def proof(secret, token):
    """Return the proof of an app's token."""
    return hmac.new(secret.encode(), token.encode(), "sha256").hexdigest()


class Graph:
    """The host of several ad accounts, each with a token of its own."""

    host = "graph.facebook.com"

    def __init__(self, *accounts):
        self.accounts = {account.token: account for account in accounts}

    def __call__(self, asked):
        account = self.accounts.get(asked.query.get("access_token") or asked.bearer)
        return account(asked) if account else EXPIRED


class Facebook:
    """An ad account. `days` has the figures: a list of rows for each day; `page` rows make a page."""

    def __init__(self, account, token, *, page=2, secret=None):
        self.account, self.token, self.page, self.secret = account, token, page, secret
        self.objects = {name: [] for name in (*EDGES, "customaudiences")}
        self.leads, self.days, self.jobs = {}, {}, {}
        self.first, self.refused, self.times, self.fails = [], [], [], False

    def __call__(self, asked):
        self.times.append(time.monotonic())
        try:
            return self._answer(asked)
        except (RefusedError, ValueError, KeyError) as problem:
            self.refused.append(f"{asked.path}: {problem!r}")
            return error(100, f"(#100) {problem}")

    def _answer(self, asked):
        _, version, node, *edge = asked.path.split("/")
        if version != VERSION:
            return error(2635, f"(#2635) You are calling a deprecated version of the Ads API: {version}")
        if self.secret and asked.query.get("appsecret_proof") != proof(self.secret, self.token):
            return error(100, "API calls from the server require an appsecret_proof argument")
        if self.first:
            return self.first.pop(0)
        if node == f"act_{self.account}":
            return self._of_account(asked, edge)
        return self._of_others(asked, node, edge)

    def _of_account(self, asked, edge):
        if not edge:
            fields = self._only(asked, "fields")["fields"].split(",")
            return 200, {key: f"the {key}" for key in fields} | {"id": f"act_{self.account}"}
        if asked.method == "POST":
            return self._start(asked)
        return self._edge(asked, edge[0])

    def _of_others(self, asked, node, edge):
        if node in self.jobs:
            return self._result(asked, node) if edge == ["insights"] else self._state(asked, node)
        if edge == ["leads"]:
            self._only(asked, "fields", "limit", "after")
            return self._paged(asked, self.leads.get(node, []))
        return error(100, f"Unsupported get request. Object with ID '{node}' does not exist", error_subcode=33)

    def _only(self, asked, *names):
        """Return the parameters; no other ones than these."""
        if odd := set(asked.query) - {*names, "access_token", *(["appsecret_proof"] if self.secret else [])}:
            raise RefusedError(f"param {sorted(odd)}")
        return asked.query

    def _edge(self, asked, edge):
        """List objects; without a filter, archived and deleted ones are left out."""
        query = self._only(asked, "fields", "limit", "after", *(["effective_status"] if edge in FILTERED else []))
        wanted = json.loads(query.get("effective_status", "[]")) or list(STATUS - {"ARCHIVED", "DELETED"})
        if set(wanted) - STATUS:
            raise RefusedError("effective_status")
        fields = query["fields"].split(",")
        rows = [row for row in self.objects[edge] if edge not in FILTERED or row["effective_status"] in wanted]
        return self._paged(asked, [{key: row[key] for key in row if key in fields} for row in rows])

    def _paged(self, asked, rows):
        """Give a page; `cursors.after` is there on the last one, too, `next` is not, and has the token."""
        if int(asked.query["limit"]) > LARGEST:
            return error(1, "Please reduce the amount of data you're asking for, then retry your request")
        begin = int(asked.query.get("after", "c0")[1:])
        page = rows[begin : begin + self.page]
        if not page:
            if "after" in asked.query:
                raise RefusedError("there was no `next`")
            return 200, {"data": []}
        paging = {"cursors": {"before": f"c{begin}", "after": f"c{begin + len(page)}"}}
        if begin + self.page < len(rows):
            query = {**asked.query, "after": paging["cursors"]["after"], "access_token": self.token}
            paging["next"] = f"https://{asked.host}{asked.path}?{urlencode(query)}"
        return 200, {"data": page, "paging": paging}

    def _start(self, asked):
        """Start a report of some days."""
        self._only(asked)
        if not asked.headers["content-type"].startswith("application/json"):
            raise RefusedError("no JSON")
        wanted = json.loads(asked.body)
        if set(wanted) - REPORT or wanted["level"] not in IDS or wanted["time_increment"] != 1:
            raise RefusedError(f"param {sorted(wanted)}")
        if not all(isinstance(wanted.get(key, []), list) for key in ("fields", "breakdowns")):
            raise RefusedError("no list")
        since, until = (dt.date.fromisoformat(wanted["time_range"][key]) for key in ("since", "until"))
        if since > until or set(wanted["time_range"]) != {"since", "until"}:
            raise RefusedError("time_range")
        if (dt.datetime.now(dt.UTC).date() - since).days > KEPT:
            return error(
                3018, "(#3018) The start date of the time range cannot be beyond 37 months from the current date"
            )
        number = f"{self.account}7{len(self.jobs)}"
        self.jobs[number] = {
            "wanted": wanted,
            "since": since,
            "until": until,
            "asked": 0,
            "takes": 1 if self.jobs else 2,
        }
        return 200, {"report_run_id": number}

    def _state(self, asked, number):
        """Tell how a report is doing: the first one of an account takes longer than the others."""
        self._only(asked, "fields")
        job = self.jobs[number]
        job["asked"] += 1
        last = "Job Failed" if self.fails else "Job Completed"
        status = last if job["asked"] >= job["takes"] else "Job Running"
        percent = 100 if status == "Job Completed" else 10 * job["asked"]
        return 200, {"id": number, "async_status": status, "async_percent_completion": percent}

    def _result(self, asked, number):
        """Give the rows of a report that is done."""
        self._only(asked, "limit", "after")
        job = self.jobs[number]
        if job["asked"] < job["takes"]:
            return error(2601, "(#2601) The report is not ready")
        wanted = job["wanted"]
        shown = {
            *wanted["fields"],
            *wanted.get("breakdowns", []),
            *IDS[wanted["level"]],
            "date_start",
            "date_stop",
        }
        days = [day for day in sorted(self.days) if job["since"] <= dt.date.fromisoformat(day) <= job["until"]]
        rows = [{**row, "date_start": day, "date_stop": day} for day in days for row in self.days[day]]
        return self._paged(asked, [{key: row[key] for key in row if key in shown} for row in rows])
