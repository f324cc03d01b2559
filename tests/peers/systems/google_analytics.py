"""The Google Analytics Data API's runReport, over events of properties that a test adds.

Rows of a report come in the order that was asked for; where that leaves a choice, every page chooses anew.
"""

from __future__ import annotations

import datetime as dt
import json
import re

from systems.google_api import Api, RefusedError, invalid

DIMENSIONS = {
    "browser",
    "city",
    "country",
    "date",
    "deviceCategory",
    "eventName",
    "hostName",
    "landingPage",
    "newVsReturning",
    "operatingSystem",
    "pagePath",
    "pageTitle",
    "region",
    "sessionCampaignName",
    "sessionDefaultChannelGroup",
    "sessionMedium",
    "sessionSource",
}
METRICS = {
    "activeUsers": "TYPE_INTEGER",
    "averageSessionDuration": "TYPE_SECONDS",
    "bounceRate": "TYPE_FLOAT",
    "ecommercePurchases": "TYPE_INTEGER",
    "engagedSessions": "TYPE_INTEGER",
    "engagementRate": "TYPE_FLOAT",
    "eventCount": "TYPE_INTEGER",
    "eventValue": "TYPE_FLOAT",
    "keyEvents": "TYPE_FLOAT",
    "newUsers": "TYPE_INTEGER",
    "purchaseRevenue": "TYPE_CURRENCY",
    "screenPageViews": "TYPE_INTEGER",
    "sessions": "TYPE_INTEGER",
    "totalRevenue": "TYPE_CURRENCY",
    "totalUsers": "TYPE_INTEGER",
    "transactions": "TYPE_INTEGER",
    "userEngagementDuration": "TYPE_SECONDS",
}
REQUEST = {
    "dateRanges",
    "dimensionFilter",
    "dimensions",
    "keepEmptyRows",
    "limit",
    "metricFilter",
    "metrics",
    "offset",
    "orderBys",
    "returnPropertyQuota",
}
MOST_ROWS, MOST_DIMENSIONS, MOST_METRICS = 250_000, 9, 10


class Analytics(Api):
    """Properties by their number, each a list of events: dicts of dimensions, with `date` as 2026-01-31, and metrics."""

    scopes = (
        "https://www.googleapis.com/auth/analytics.readonly",
        "https://www.googleapis.com/auth/analytics",
    )

    def __init__(self, tokens):
        super().__init__(tokens)
        self.properties, self.endless = {}, set()

    def answer(self, asked):
        found = re.fullmatch(r"/v1beta/properties/(\d+):runReport", asked.path)
        if not found or asked.method != "POST":
            raise RefusedError(404, "NOT_FOUND", "Requested entity was not found.")
        body = json.loads(asked.body)
        if odd := body.keys() - REQUEST:
            raise invalid(f'Invalid JSON payload received. Unknown name "{min(odd)}": Cannot find field.')
        if found[1] not in self.properties:
            text = "User does not have sufficient permissions for this property."
            raise RefusedError(403, "PERMISSION_DENIED", text)
        return self._report(found[1], body)

    def _report(self, number, body):
        events, endless = self.properties[number], number in self.endless
        dimensions = [item["name"] for item in body.get("dimensions", [])]
        metrics = [item["name"] for item in body.get("metrics", [])]
        _hold(dimensions, metrics)
        [asked] = body["dateRanges"]
        begin, end = (_day(asked[key]) for key in ("startDate", "endDate"))
        if begin > end:
            raise invalid(f"Invalid date range: startDate ({begin}) is after endDate ({end}).")
        found = {}
        for event in events:
            if begin <= event["date"] <= end:
                key = tuple(_shown(event, name) for name in dimensions)
                sums = found.setdefault(key, dict.fromkeys(metrics, 0))
                for name in metrics:
                    sums[name] += event.get(name, 0)
        limit, offset = int(body.get("limit", 10_000)), int(body.get("offset", 0))
        if limit <= 0 or offset < 0:
            raise invalid("The limit must be positive.")
        rows = sorted(found.items(), reverse=offset // limit % 2 == 1)
        for order in reversed(body.get("orderBys", [])):
            place = dimensions.index(order["dimension"]["dimensionName"])
            rows.sort(key=lambda row, place=place: row[0][place], reverse=order.get("desc", False))
        page = rows[offset : offset + min(limit, MOST_ROWS)] if not endless else rows[:limit]
        return _answer(dimensions, metrics, page, 10**9 if endless else len(rows))


def _hold(dimensions, metrics):
    for kind, names, known in (("dimension", dimensions, DIMENSIONS), ("metric", metrics, METRICS)):
        for name in names:
            if name not in known and not name.startswith("customEvent:"):
                raise invalid(f"Field {name} is not a valid {kind}.")
    if len(dimensions) > MOST_DIMENSIONS:
        raise invalid(f"Requests are limited to 9 dimensions. This request is for {len(dimensions)}.")
    if not 0 < len(metrics) <= MOST_METRICS:
        raise invalid(f"Requests are limited to 10 metrics. This request is for {len(metrics)}.")


def _day(text):
    today = dt.datetime.now(dt.UTC).date()
    ago = {"today": 0, "yesterday": 1}.get(text)
    if found := re.fullmatch(r"(\d+)daysAgo", text):
        ago = int(found[1])
    if ago is not None:
        return (today - dt.timedelta(days=ago)).isoformat()
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text) or text < "2015-08-14":
        raise invalid(f"Invalid date: {text}")
    return dt.date.fromisoformat(text).isoformat()


def _shown(event, name):
    value = event.get(name, "(not set)")
    return value.replace("-", "") if name == "date" else value


def _answer(dimensions, metrics, page, count):
    made = {
        "dimensionHeaders": [{"name": name} for name in dimensions],
        "metricHeaders": [{"name": name, "type": METRICS[name]} for name in metrics],
        "metadata": {"currencyCode": "EUR", "timeZone": "Etc/UTC"},
        "kind": "analyticsData#runReport",
    }
    rows = [
        {
            "dimensionValues": [{"value": value} for value in key],
            "metricValues": [{"value": f"{sums[name]:.15g}"} for name in metrics],
        }
        for key, sums in page
    ]
    return made | ({"rows": rows, "rowCount": count} if rows else {})
