"""The Google Ads API's search over REST, for the part of its query language that has no functions.

Rows are as the API writes them: nested, in camel case, 64-bit numbers as texts. What a query does not select is left
out, but for resource names, which always come.
"""

from __future__ import annotations

import datetime as dt
import json
import re

from systems.google_api import Api, RefusedError

VERSION = "v26"
WORD = r"[a-z][a-z0-9_.]*"
QUERY = re.compile(
    rf"SELECT (?P<select>{WORD}(?:, {WORD})*) FROM (?P<source>[a-z_]+)(?: WHERE (?P<where>.+?))?"
    rf"(?: ORDER BY (?P<order>{WORD})(?P<down> DESC)?)?(?: LIMIT (?P<limit>\d+))?(?: PARAMETERS \S.*)?"
)
CONDITION = re.compile(rf"({WORD}) (=|!=|>=|<=|IN|BETWEEN|DURING) (.+)")
# what may be selected beside a resource's own fields, metrics and segments
BESIDE = {
    "customer": set(),
    "customer_client": {"customer"},
    "campaign": {"customer", "campaign_budget", "bidding_strategy"},
    "campaign_budget": {"customer"},
    "ad_group": {"customer", "campaign"},
    "ad_group_ad": {"customer", "campaign", "ad_group"},
    "ad_group_criterion": {"customer", "campaign", "ad_group"},
    "keyword_view": {"customer", "campaign", "ad_group", "ad_group_criterion"},
    "search_term_view": {"customer", "campaign", "ad_group"},
    "conversion_action": {"customer"},
    "change_event": {"customer", "campaign", "ad_group"},
}
MONTHS_OF_DAYS = 37


def failure(code, status, message, **error):
    """Return a refusal in the form of this API, like `queryError=UNRECOGNIZED_FIELD`."""
    detail = {
        "@type": f"type.googleapis.com/google.ads.googleads.{VERSION}.errors.GoogleAdsFailure",
        "errors": [{"errorCode": error, "message": message}],
        "requestId": "a-request",
    }
    said = {403: "The caller does not have permission"}.get(code, "Request contains an invalid argument.")
    return RefusedError(code, status, said, detail)


def wrong(error, message, kind="queryError"):
    return failure(400, "INVALID_ARGUMENT", message, **{kind: error})


class Ads(Api):
    """Accounts, each with rows by the resource that they come from; `page` rows make a page."""

    scopes = ("https://www.googleapis.com/auth/adwords",)

    def __init__(self, tokens, *, developer="a-developer-token", page=2):
        super().__init__(tokens)
        self.developer, self.page, self.accounts, self.managers, self.endless = developer, page, {}, {}, set()

    def answer(self, asked):
        found = re.fullmatch(r"/(v\d+)/customers/(\d{10})/googleAds:search", asked.path)
        if not found or asked.method != "POST":
            raise RefusedError(404, "NOT_FOUND", "Requested entity was not found.")
        version, customer = found.groups()
        if version != VERSION:
            raise wrong("UNSUPPORTED_VERSION", f"Version {version} is deprecated.", "requestError")
        self._admit_developer(asked, customer)
        body = json.loads(asked.body)
        if "pageSize" in body:
            raise wrong("PAGE_SIZE_NOT_SUPPORTED", "Setting the page size is not supported.", "requestError")
        if odd := body.keys() - {"query", "pageToken", "validateOnly", "searchSettings"}:
            raise RefusedError(400, "INVALID_ARGUMENT", f'Unknown name "{min(odd)}": Cannot find field.')
        return self._search(customer, body["query"], body.get("pageToken"))

    def _admit_developer(self, asked, customer):
        if "developer-token" not in asked.headers:
            text = "The developer-token parameter is missing."
            raise wrong("DEVELOPER_TOKEN_PARAMETER_MISSING", text, "requestError")
        if asked.headers["developer-token"] != self.developer:
            text = "The developer token is not valid."
            raise failure(401, "UNAUTHENTICATED", text, authenticationError="DEVELOPER_TOKEN_INVALID")
        login = asked.headers.get("login-customer-id")
        if login is not None and not re.fullmatch(r"\d{10}", login):
            raise wrong("INVALID_LOGIN_CUSTOMER_ID", "The login customer ID is not a number.", "headerError")
        if customer not in self.accounts or login != self.managers.get(customer):
            text = "User doesn't have permission to access customer."
            raise failure(403, "PERMISSION_DENIED", text, authorizationError="USER_PERMISSION_DENIED")

    def _search(self, customer, query, token):
        rows, endless = self.accounts[customer], customer in self.endless
        found = QUERY.fullmatch(" ".join(query.split()))
        if not found:
            raise wrong("UNEXPECTED_INPUT", "Error in query: unexpected input.")
        selected, source = found["select"].split(", "), found["source"]
        if source not in BESIDE:
            raise wrong("BAD_RESOURCE_TYPE_IN_FROM_CLAUSE", f"'{source}' is not a valid resource.")
        for name in selected:
            if name.partition(".")[0] not in {source, "metrics", "segments", *BESIDE[source]}:
                raise wrong("PROHIBITED_RESOURCE_TYPE_IN_SELECT_CLAUSE", f"{name} is not there from {source}.")
        conditions = [_condition(text) for text in re.split(r" AND (?!')", found["where"] or "") if text]
        _hold_to_dates(source, selected, conditions, int(found["limit"] or 0))
        kept = [row for row in rows.get(source, []) if all(_fits(row, *condition) for condition in conditions)]
        if found["order"]:
            kept.sort(key=lambda row: _value(row, found["order"]), reverse=bool(found["down"]))
        kept = kept[: int(found["limit"] or len(kept))]
        begin, begun = json.loads(token) if token else (0, query)
        if begun != query:
            raise wrong("INVALID_PAGE_TOKEN", "The page token belongs to another query.", "requestError")
        end = begin + self.page
        answer = {"fieldMask": ",".join(_camel(name) for name in selected)}
        if kept[begin:end]:
            answer["results"] = [_cut(row, selected) for row in kept[begin:end]]
        if endless or end < len(kept):
            answer["nextPageToken"] = json.dumps([0 if endless else end, query])
        return answer


def _condition(text):
    found = CONDITION.fullmatch(text.strip())
    if not found:
        raise wrong("UNEXPECTED_INPUT", f"Error in query: unexpected input {text}.")
    name, operator, value = found.groups()
    values = re.findall(r"'([^']*)'", value) or value.strip("()").split(", ")
    if operator == "DURING" and value not in {"LAST_7_DAYS", "LAST_14_DAYS", "LAST_30_DAYS"}:
        raise wrong("INVALID_VALUE_WITH_DURING_OPERATOR", f"{value} is no range.")
    return name, operator, values


def _hold_to_dates(source, selected, conditions, limit):
    """Refuse what the API refuses of dates: a range without an end, and days of longer ago than are kept."""
    cursor = "change_event.change_date_time" if source == "change_event" else "segments.date"
    by = {operator: values for name, operator, values in conditions if name == cursor}
    finite = {"BETWEEN", "DURING"} & by.keys() or by.keys() >= {">=", "<="}
    if source == "change_event":
        if not finite:
            raise wrong("CHANGE_DATE_RANGE_INFINITE", "The range needs a start and an end.", "changeEventError")
        if not 0 < limit <= 10000:
            raise wrong("LIMIT_NOT_SPECIFIED", "A LIMIT of at most 10000 is needed.", "changeEventError")
    elif cursor in selected or by:
        if not finite:
            raise wrong("EXPECTED_FILTERS_ON_DATE_RANGE", "segments.date needs a finite range.")
        begin, end = by.get("BETWEEN") or (by[">="][0], by["<="][0]) if "DURING" not in by else ("", "")
        if begin > end:
            raise wrong("START_DATE_AFTER_END_DATE", "The start is after the end.", "dateRangeError")
        oldest = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=MONTHS_OF_DAYS * 31)
        if begin and dt.date.fromisoformat(begin) < oldest:
            raise wrong(
                "REQUESTED_DATE_GRANULARITY_NOT_SUPPORTED", "Days are kept for 37 months.", "dateRangeError"
            )


def _fits(row, name, operator, values):
    value = _value(row, name)
    simple = {
        "=": lambda: value == values[0],
        "!=": lambda: value != values[0],
        ">=": lambda: value >= values[0],
        "<=": lambda: value <= values[0],
        "BETWEEN": lambda: values[0] <= value <= values[1],
        "IN": lambda: value in values,
    }
    if operator in simple:
        return simple[operator]()
    days = int(values[0].split("_")[1])
    today = dt.datetime.now(dt.UTC).date()
    return (today - dt.timedelta(days=days)).isoformat() <= value[:10] < today.isoformat()


def _camel(name):
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


def _value(row, name):
    for key in _camel(name).split("."):
        row = (row or {}).get(key)
    return row


def _cut(row, selected):
    """Return what of a row was selected, and the resource names of what it is of."""
    made = {}
    for name in selected:
        *above, last = _camel(name).split(".")
        source, target = row, made
        for key in above:
            source = source.get(key, {})
            target = target.setdefault(key, {})
            if "resourceName" in source:
                target["resourceName"] = source["resourceName"]
        if last in source:
            target[last] = source[last]
    return _without_empty(made)


def _without_empty(part):
    below = {key: _without_empty(value) if isinstance(value, dict) else value for key, value in part.items()}
    return {key: value for key, value in below.items() if value != {}}
