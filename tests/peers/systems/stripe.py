"""Stripe's API as its documentation has it, for the lists that a sync reads."""

from __future__ import annotations

import re
import time

COMMON = {"limit", "starting_after", "ending_before", "expand[]"}
CREATED = {"created[gt]", "created[gte]", "created[lt]", "created[lte]"}
# What each list takes besides the common parameters, as far as it could be asked for here.
LISTS = {
    "accounts": CREATED,
    "application_fees": CREATED | {"charge"},
    "balance_transactions": CREATED | {"currency", "payout", "source", "type"},
    "charges": CREATED | {"customer", "payment_intent", "transfer_group"},
    "checkout/sessions": CREATED | {"customer", "payment_intent", "status", "subscription"},
    "coupons": CREATED,
    "credit_notes": CREATED | {"customer", "invoice"},
    "customers": CREATED | {"email", "test_clock"},
    "disputes": CREATED | {"charge", "payment_intent"},
    "events": CREATED | {"delivery_success", "type", "types[]"},
    "invoiceitems": CREATED | {"customer", "invoice", "pending"},
    "invoices": CREATED | {"collection_method", "customer", "status", "subscription"},
    "payment_intents": CREATED | {"customer"},
    "payouts": CREATED | {"destination", "status"},
    "prices": CREATED | {"active", "currency", "product", "type"},
    "products": CREATED | {"active", "shippable", "url"},
    "promotion_codes": CREATED | {"active", "code", "coupon", "customer"},
    "refunds": CREATED | {"charge", "payment_intent"},
    "setup_intents": CREATED | {"customer", "payment_method"},
    "subscription_items": {"subscription"},
    "subscription_schedules": CREATED | {"customer", "scheduled"},
    "subscriptions": CREATED | {"collection_method", "customer", "price", "status"},
    "tax_rates": CREATED | {"active", "inclusive"},
    "topups": CREATED | {"amount", "status"},
    "transfers": CREATED | {"destination", "transfer_group"},
}
STATUSES = {
    *("active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused", "trialing"),
    "unpaid",
}
VERSION = re.compile(r"20(1[1-9]|2[0-6])-(0[1-9]|1[0-2])-([0-2]\d|3[01])(\.[a-z]+)?")


class RefusedError(Exception):
    """A request that Stripe answers with an error: its status, message and whatever else is in it."""

    def __init__(self, status, message, **more):
        super().__init__(message)
        self.answer = (status, {"error": {"message": message, "type": "invalid_request_error", **more}})


class Stripe:
    """An account. `page` objects make a page whatever is asked for, so that a few objects have several.

    `first` has answers that come before all others, by path; `denied` are the paths that the key may not read; `stuck`
    are those whose pages never end.
    """

    def __init__(self, key, *, page=2, account=None):
        self.key, self.page, self.account = key, page, account
        self.objects = {path: [] for path in LISTS}
        self.first, self.denied, self.stuck, self.asked, self.refused = {}, set(), set(), [], []

    def add(self, path, name, created, /, **more):
        stamp = "date" if path == "invoiceitems" else "created"
        self.objects.setdefault(path, []).append({"id": name, stamp: created, **more})

    def change(self, path, name, /, **more):
        [found] = [row for row in self.objects[path] if row["id"] == name]
        found.update(more)

    def of(self, path):
        """Return the queries for a list, in their order, and when each came."""
        return [(query, at) for asked, query, at in self.asked if asked == path]

    def __call__(self, asked):
        path = asked.path.removeprefix("/v1/")
        self.asked.append((path, asked.query, time.monotonic()))
        if self.first.get(path):
            return self.first[path].pop(0)
        try:
            self._admit(asked, path)
            return 200, self._list(path, asked.query)
        except RefusedError as error:
            self.refused.append(str(error))
            return error.answer

    def _admit(self, asked, path):
        if asked.bearer != self.key:
            shown = f"{asked.bearer[:8]}{'*' * 8}{asked.bearer[-4:]}"
            raise RefusedError(401, f"Invalid API Key provided: {shown}")
        if not VERSION.fullmatch(asked.headers.get("stripe-version", "")):
            raise RefusedError(400, f"Invalid Stripe API version: {asked.headers.get('stripe-version')}")
        if asked.headers.get("stripe-account") != self.account:
            wanted = asked.headers.get("stripe-account")
            said = f"The provided key does not have access to account '{wanted}' (or that account does not exist)."
            raise RefusedError(403, said, code="account_invalid")
        if path in self.denied:
            said = f"The provided key does not have the required permissions for this endpoint, '{path}'."
            raise RefusedError(403, said)
        lines = re.fullmatch(r"invoices/\w+/lines", path)
        if asked.method != "GET" or (path not in LISTS and not (lines and path in self.objects)):
            raise RefusedError(404, f"Unrecognized request URL ({asked.method}: {asked.path}).")

    def _list(self, path, query):
        unknown = query.keys() - COMMON - LISTS.get(path, set())
        if unknown:
            raise RefusedError(400, f"Received unknown parameters: {', '.join(unknown)}", code="parameter_unknown")
        if query.get("status", "all") not in STATUSES and path == "subscriptions":
            raise RefusedError(400, f"Invalid status: must be one of {', '.join(sorted(STATUSES))}")
        if path == "subscription_items" and "subscription" not in query:
            raise RefusedError(400, "Missing required param: subscription.", code="parameter_missing")
        whole = {key: _whole(key, query[key]) for key in query if key == "limit" or key in CREATED}
        if not 1 <= whole.get("limit", 10) <= 100:
            raise RefusedError(400, "This value must be less than or equal to 100.", param="limit")
        found = sorted(self._found(path, query, whole), key=_created, reverse=True)
        begin = self._begin(path, found, query.get("starting_after"))
        size = min(self.page, whole.get("limit", 10))
        more = path in self.stuck or begin + size < len(found)
        return {"object": "list", "url": f"/v1/{path}", "has_more": more, "data": found[begin : begin + size]}

    def _found(self, path, query, whole):
        least = max(whole.get("created[gte]", 0), whole.get("created[gt]", -1) + 1)
        most = min(whole.get("created[lte]", 2**40), whole.get("created[lt]", 2**40) - 1)
        for row in self.objects[path]:
            canceled = path == "subscriptions" and row.get("status") == "canceled"
            wanted = not canceled or query.get("status") in ("all", "canceled")
            of = query.get("subscription") in (None, row.get("subscription"))
            if wanted and of and least <= _created(row) <= most:
                yield row

    def _begin(self, path, found, after):
        if after is None or path in self.stuck:
            return 0
        names = [row["id"] for row in found]
        if after not in names:
            said = f"No such {path.rpartition('/')[2].removesuffix('s')}: '{after}'"
            raise RefusedError(400, said, code="resource_missing", param="starting_after")
        return names.index(after) + 1


def _created(row):
    return row.get("created", row.get("date", 0))


def _whole(key, text):
    if not re.fullmatch(r"\d+", text):
        raise RefusedError(400, f"Invalid integer: {text}", code="parameter_invalid_integer", param=key)
    return int(text)
