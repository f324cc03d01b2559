"""APIs of vendors as their documentation has them, as far as the tests go: keys, pages, cursors, and refusals.

Each is a function from a request to a status and JSON, with its rows as an attribute that a test may add to.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import time

UTC = dt.UTC
PAGE = 2


def instant(text):
    """Return the seconds since 1970 of an ISO text."""
    return int(dt.datetime.fromisoformat(text).astimezone(UTC).timestamp())


class Dialpad:
    """Calls newest first, with 64-bit numbers as texts, in pages by a cursor; a bearer token for each company."""

    def __init__(self, *tokens):
        self.calls = {token: [] for token in tokens}

    def add(self, token, number, started):
        self.calls[token].insert(0, {"call_id": str(number), "date_started": str(instant(started) * 1000)})

    def __call__(self, asked):
        if asked.bearer not in self.calls:
            return 401, {"error": {"code": 401, "message": f"no such key: {asked.bearer}"}}
        if asked.path == "/api/v2/users":
            return 200, {"items": [{"id": "7", "display_name": "Member"}]}
        if asked.path != "/api/v2/call":
            return 404, {"error": {"code": 404}}
        after = int(asked.query["started_after"])
        found = [call for call in self.calls[asked.bearer] if int(call["date_started"]) >= after]
        begin = int(asked.query.get("cursor", 0))
        more = {"cursor": str(begin + PAGE)} if begin + PAGE < len(found) else {}
        return 200, {"items": found[begin : begin + PAGE], **more}


class NextDNS:
    """Profiles, and their logs, by a key in a header."""

    def __init__(self, key):
        self.key, self.logs = key, []

    def __call__(self, asked):
        if asked.headers.get("x-api-key") != self.key:
            return 403, {"errors": [{"code": "forbidden"}]}
        if asked.path == "/profiles":
            return 200, {"data": [{"id": "p1", "name": "Home"}], "meta": {"pagination": {"cursor": None}}}
        if asked.path != "/profiles/p1/logs":
            return 404, {"errors": [{"code": "notFound"}]}
        since = int(asked.query["from"]) / 1000
        found = [row for row in self.logs if instant(row["timestamp"]) >= since]
        begin = int(asked.query.get("cursor", 0))
        cursor = str(begin + PAGE) if begin + PAGE < len(found) else None
        return 200, {"data": found[begin : begin + PAGE], "meta": {"pagination": {"cursor": cursor}}}


class UniRate:
    """Rates by a key in the query; whoever does not accept JSON gets an HTML page's status."""

    def __init__(self, key):
        self.key, self.rates = key, {"USD": 1.1, "GBP": 0.9}

    def __call__(self, asked):
        if asked.query.get("api_key") != self.key:
            return 401, {"error": "invalid key"}
        if asked.headers.get("accept") != "application/json":
            return 404, {}
        match asked.path, asked.query.get("from"):
            case "/api/rates", "EUR":
                return 200, {"base": "EUR", "rates": self.rates}
            case "/api/currencies", None:
                return 200, {"currencies": sorted(self.rates)}
            case "/api/vat/rates", None:
                return 200, {"vat_rates": {"DE": {"country_code": "DE", "vat_rate": 19.0}}}
        return 404, {}


class Aquabyte:
    """Sites, and biomass by day, in pages by a token; a window wider than a year is refused."""

    def __init__(self, key):
        self.key, self.biomass = key, []

    def __call__(self, asked):
        if asked.headers.get("apikey") != self.key:
            return 401, {"detail": "unauthorized"}
        if asked.path == "/v3/sites":
            return 200, {"sites": [{"id": "s1", "name": "Fjord"}]}
        if asked.path != "/v3/biomass" or asked.query.get("penId") != "all":
            return 404, {"detail": "not found"}
        since, until = (dt.date.fromisoformat(asked.query[key]) for key in ("fromDate", "toDate"))
        if (until - since).days > 366:
            return 400, {"detail": "the window is too wide"}
        found = [row for row in self.biomass if since.isoformat() <= row["date"] <= until.isoformat()]
        begin = int(asked.query.get("nextToken", 0))
        more = {"nextToken": str(begin + PAGE)} if begin + PAGE < len(found) else {}
        return 200, {"biomass": found[begin : begin + PAGE], **more}


class Stripe:
    """Objects newest first, `created[gt]`, `has_more` and `starting_after`."""

    def __init__(self, key):
        self.key, self.objects = key, {"charges": [], "customers": [], "invoices": [], "refunds": []}

    def add(self, kind, name, created, **more):
        self.objects[kind].insert(0, {"id": name, "object": kind[:-1], "created": created, **more})

    def __call__(self, asked):
        if asked.bearer != self.key:
            return 401, {"error": {"type": "invalid_request_error"}}
        kind = asked.path.removeprefix("/v1/")
        if kind not in self.objects or asked.query.get("limit") != "100":
            return 404, {"error": {"type": "invalid_request_error"}}
        found = [row for row in self.objects[kind] if row["created"] > int(asked.query["created[gt]"])]
        names = [row["id"] for row in found]
        after = asked.query.get("starting_after")
        begin = names.index(after) + 1 if after else 0
        page = found[begin : begin + PAGE]
        return 200, {"object": "list", "data": page, "has_more": begin + PAGE < len(found)}


class Personio:
    """Persons for whoever has exchanged its client's secret for a token."""

    token = "papi-4d0c11"

    def __init__(self, client, secret):
        self.client, self.secret, self.persons = client, secret, []

    def add(self, number, name):
        moment = "2024-05-01T00:00:00Z"
        self.persons.append(
            {
                "id": number,
                "email": f"{name.lower()}@example.com",
                "created_at": moment,
                "updated_at": moment,
                "first_name": name,
                "last_name": "Example",
                "gender": "UNSPECIFIED",
                "profile_picture": {"url": None},
                "status": "ACTIVE",
                "custom_attributes": [],
                "employments": [],
                "_meta": {"links": {}},
            }
        )

    def __call__(self, asked):
        if asked.path == "/v2/auth/token":
            wanted = {"client_id": self.client, "client_secret": self.secret, "grant_type": "client_credentials"}
            if asked.form != wanted:
                return 401, {"_meta": {}}
            return 200, {"access_token": self.token, "expires_in": 3600, "scope": "", "token_type": "Bearer"}
        if asked.bearer != self.token:
            return 401, {"_meta": {}}
        if asked.path != "/v2/persons":
            return 404, {"_meta": {}}
        begin = int(asked.query.get("cursor", 0))
        more = begin + PAGE < len(self.persons)
        link = f"https://{asked.host}/v2/persons?cursor={begin + PAGE}"
        links = {"next": {"href": link}} if more else {}
        return 200, {"_data": self.persons[begin : begin + PAGE], "_meta": {"links": links}}


class Slack:
    """Members of workspaces, each for the token of its bot. A refusal has the status 200, too."""

    def __init__(self, *tokens):
        self.tokens = tokens

    def members(self, token):
        user, bot = f"U{self.tokens.index(token)}", "B1"
        return [
            {"id": user, "name": "member", "is_bot": False, "profile": {"real_name": "Member"}},
            {"id": bot, "name": "helper", "is_bot": True, "profile": {"real_name": "Helper"}},
        ]

    def __call__(self, asked):
        if asked.bearer not in self.tokens:
            return 200, {"ok": False, "error": "invalid_auth"}
        if asked.path != "/api/users.list":
            return 200, {"ok": False, "error": "unknown_method"}
        return 200, {"ok": True, "members": self.members(asked.bearer)}


class Notion:
    """Users of a workspace, in pages."""

    def __init__(self, token):
        self.token, self.users = token, []

    def add(self, number, name):
        uuid = f"00000000-0000-4000-8000-{number:012}"
        mail = f"{name.lower()}@example.com"
        self.users.append(
            {"object": "user", "id": uuid, "type": "person", "name": name, "person": {"email": mail}}
        )

    def __call__(self, asked):
        if asked.bearer != self.token or "notion-version" not in asked.headers:
            return 401, {"object": "error", "status": 401, "code": "unauthorized", "message": "no such token"}
        if asked.path != "/v1/users":
            return 404, {"object": "error", "status": 404, "code": "object_not_found", "message": "no such object"}
        begin = int(asked.query.get("start_cursor", 0))
        more = begin + PAGE < len(self.users)
        return 200, {
            "object": "list",
            "type": "user",
            "user": {},
            "request_id": f"00000000-0000-4000-9000-{begin:012}",
            "results": self.users[begin : begin + PAGE],
            "has_more": more,
            "next_cursor": str(begin + PAGE) if more else None,
        }


class Shopee:
    """Orders of a shop, for requests that are signed, and were so within the last five minutes."""

    path = "/api/v2/order/get_order_list"

    def __init__(self, partner, key, shop):
        self.partner, self.key, self.shop = partner, key, shop
        self.orders = [{"order_sn": f"S{number}", "timestamp": 1000 + number} for number in range(5)]

    def __call__(self, asked):
        signed = asked.query.get("timestamp", "0")
        sign = hmac.new(
            self.key.encode(), f"{self.partner}{self.path}{signed}".encode(), hashlib.sha256
        ).hexdigest()
        fresh = abs(time.time() - int(signed)) < 300
        if asked.query.get("sign") != sign or not fresh or asked.query.get("shop_id") != str(self.shop):
            return 403, {"error": "error_sign"}
        if asked.path != self.path:
            return 404, {"error": "error_not_found"}
        since, until = int(asked.query["time_from"]), int(asked.query["time_to"])
        return 200, {
            "response": {"order_list": [row for row in self.orders if since <= row["timestamp"] <= until]}
        }
