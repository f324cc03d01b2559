"""Zendesk Support as its documentation has it: exports by cursor and by time, lists by cursor, and three logins."""

from __future__ import annotations

import base64
import datetime as dt
import json
import time
from urllib.parse import urlencode

from strict import RefusedError

HIDDEN = 60  # seconds before now that no export has
PAGED = (
    *("groups", "group_memberships", "organization_memberships", "brands", "ticket_fields", "user_fields"),
    *(
        "organization_fields",
        "macros",
        "triggers",
        "views",
        "tags",
        "satisfaction_ratings",
        "ticket_metric_events",
    ),
)
WHOLE = {"ticket_forms": "ticket_forms", "slas/policies": "sla_policies"}
SINCE = {"ticket_metric_events": "time", "satisfaction_ratings": "updated_at"}
WRONG = {
    "error": "invalid_token",
    "error_description": "The access token provided is expired, revoked, malformed or invalid for other reasons.",
}
FORBIDDEN = {"error": {"title": "Forbidden", "message": "You do not have access to this page."}}
BUSY = {
    "error": "APIRateLimitExceeded",
    "description": "Number of allowed incremental export API requests exceeded",
}


def seconds(text):
    """Return the seconds since 1970 of an ISO text."""
    return int(dt.datetime.fromisoformat(text).timestamp())


def basic(email, token):
    """Return the header of an API token."""
    return "Basic " + base64.b64encode(f"{email}/token:{token}".encode()).decode()


class Zendesk:
    """A help desk. `page` rows make a page whatever is asked for; `first` has answers that come before all others.

    An export by cursor has an empty page in its middle, as Zendesk's may have.
    """

    def __init__(self, subdomain, *logins, client=None, page=2):
        self.host, self.logins, self.client, self.page = f"{subdomain}.zendesk.com", set(logins), client, page
        self.rows = {name: [] for name in (*PAGED, *WHOLE.values(), "tickets", "users", "organizations")}
        self.ticket_events, self.metric_sets, self.given = [], {}, 0
        self.first, self.refused, self.times = [], [], []

    def ticket(self, number, at, **more):
        """Add a ticket, or change it: one row for each."""
        kept = [row for row in self.rows["tickets"] if row["id"] != number]
        self.rows["tickets"] = [*kept, {"id": number, "generated_timestamp": at, "status": "open", **more}]
        self.metric_sets[number] = {"id": number + 1000, "ticket_id": number, "reopens": more.get("reopens", 0)}

    def __call__(self, asked):
        self.times.append(time.monotonic())
        try:
            return self._answer(asked)
        except (RefusedError, ValueError, KeyError) as error:
            self.refused.append(f"{asked.path}: {error!r}")
            return 400, {"error": "BadRequest", "description": str(error)}

    def _answer(self, asked):
        if asked.path == "/oauth/tokens":
            return self._token(asked)
        if asked.headers.get("authorization") not in self.logins:
            return 401, WRONG
        if self.first:
            return self.first.pop(0)
        return self._export_or_list(asked, asked.path.removeprefix("/api/v2/").removesuffix(".json"))

    def _export_or_list(self, asked, what):
        if what in {"incremental/tickets/cursor", "incremental/users/cursor"}:
            return self._by_cursor(asked, what.split("/")[1])
        if what in {"incremental/organizations", "incremental/ticket_events"}:
            return self._by_time(asked, what.split("/")[1])
        if what in WHOLE:
            only(asked)
            return 200, {WHOLE[what]: self.rows[WHOLE[what]], "count": 1, "next_page": None, "previous_page": None}
        name = what.removeprefix("incremental/")
        if name not in PAGED:
            return 404, {"error": "InvalidEndpoint", "description": "Not found"}
        return self._list(asked, name)

    def _token(self, asked):
        """Make a token; the request's parameters "must be formatted as JSON"."""
        if asked.headers["content-type"] != "application/json":
            raise RefusedError("not JSON")
        found = json.loads(asked.body)
        if set(found) - {"grant_type", "client_id", "client_secret", "scope", "expires_in"}:
            raise RefusedError(f"token: {sorted(found)}")
        if (found["client_id"], found["client_secret"]) != self.client or found["scope"] != "read":
            return 401, {"error": "invalid_client", "error_description": "Client authentication failed"}
        self.given += 1
        self.logins.add(f"Bearer made-{self.given}")
        return 201, {
            "access_token": f"made-{self.given}",
            "token_type": "bearer",
            "scope": "read",
            "expires_in": 7200,
        }

    def _by_cursor(self, asked, name):
        """Export by cursor: `start_time` in the first request, `cursor` in all others, never both."""
        query = only(asked, "start_time", "per_page", "include", "cursor")
        per_page(query)
        if ("start_time" in query) == ("cursor" in query):
            raise RefusedError("one of start_time and cursor")
        if name == "users":
            rows = [{**row, "at": seconds(row["updated_at"])} for row in self.rows[name]]
        else:
            rows = [{**row, "at": row["generated_timestamp"]} for row in self.rows[name]]
        rows.sort(key=lambda row: (row["at"], row["id"]))
        rows = [row for row in rows if row["at"] < time.time() - HIDDEN]
        hollow = False
        if "cursor" in query:
            at, number, hollow = json.loads(base64.urlsafe_b64decode(query["cursor"]))
            rest = [row for row in rows if (row["at"], row["id"]) > (at, number)]
        else:
            if (too_recent := recent(query["start_time"])) is not None:
                return too_recent
            at, number, rest = (
                int(query["start_time"]),
                0,
                [r for r in rows if r["at"] >= int(query["start_time"])],
            )
        page = rest[: 0 if hollow else self.page]
        if page:
            at, number = page[-1]["at"], page[-1]["id"]
        done = len(page) == len(rest)
        # after the first page an empty one, which is not the last
        cursor = json.dumps([at, number, "start_time" in query and not done]).encode()
        more = {"cursor": base64.urlsafe_b64encode(cursor).decode()}
        document = {
            name: [{key: row[key] for key in row if key != "at"} for row in page],
            "after_url": address(asked, more),
            "after_cursor": more["cursor"],
            "before_url": None,
            "before_cursor": None,
            "end_of_stream": done,
        }
        if query.get("include") == "metric_sets":
            document["metric_sets"] = [self.metric_sets[row["id"]] for row in page]
        elif "include" in query:
            raise RefusedError("include")
        return 200, document

    def _by_time(self, asked, name):
        """Export by time: the next page begins at the time of the last row, which comes again."""
        query = only(asked, "start_time", "per_page", "include")
        per_page(query)
        if (too_recent := recent(query["start_time"])) is not None:
            return too_recent
        start, events = int(query["start_time"]), name == "ticket_events"
        if events != (query.get("include") == "comment_events"):
            raise RefusedError("include")
        time_of = (lambda row: row["timestamp"]) if events else (lambda row: seconds(row["updated_at"]))
        rows = sorted(self.ticket_events if events else self.rows[name], key=time_of)
        rows = [row for row in rows if start <= time_of(row) < time.time() - HIDDEN]
        page = rows[: self.page]
        page += [row for row in rows[self.page :] if time_of(row) == time_of(page[-1])]
        end = time_of(page[-1]) if page else start
        done = len(page) == len(rows)
        end += end == start and not done  # a second with more rows than a page has
        link = address(asked, {"start_time": end})
        return 200, {name: page, "count": len(page), "end_time": end, "end_of_stream": done, "next_page": link}

    def _list(self, asked, name):
        """List by cursor: `links.next` is there on the last page, too."""
        since = SINCE.get(name)
        query = only(asked, "page[size]", "page[after]", *(["start_time"] if since else []))
        if not 1 <= int(query["page[size]"]) <= 100:
            raise RefusedError("page[size]")
        rows = self.rows[name]
        if name == "ticket_metric_events" and (too_recent := recent(query["start_time"])) is not None:
            return too_recent
        if since:
            rows = [row for row in rows if seconds(row[since]) >= int(query["start_time"])]
        begin = int(query.get("page[after]", "c0")[1:])
        page = rows[begin : begin + self.page]
        more = begin + self.page < len(rows)
        after = f"c{begin + len(page)}" if page else None
        link = address(asked, {**query, "page[after]": after}) if page else None
        meta = {"has_more": more, "after_cursor": after, "before_cursor": after}
        return 200, {name: page, "meta": meta, "links": {"next": link, "prev": link}}


def only(asked, *names):
    """Return the parameters; each at most once, and no other ones."""
    if odd := [key for key, _ in asked.pairs if key not in names or len(asked.pairs) != len(asked.query)]:
        raise RefusedError(f"{asked.path}: {sorted(odd)}")
    return asked.query


def per_page(query):
    """Refuse a page that is too large."""
    if not 1 <= int(query.get("per_page", 1000)) <= 1000:
        raise RefusedError("per_page")


def recent(start):
    """Return the refusal of a time that is too recent, or None."""
    if int(start) <= time.time() - HIDDEN:
        return None
    return 400, {
        "error": "StartTimeTooRecent",
        "description": "Too recent start_time. Use a start_time older than 60 seconds",
    }


def address(asked, query):
    """Return the address of another page."""
    return f"https://{asked.host}{asked.path}?{urlencode(query)}"
