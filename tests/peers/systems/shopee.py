"""The rest of Shopee's Open Platform API v2 for a shop, at a host of its own: returns, money, promotions."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import strict
from shopee import COMMON, WINDOW, Shopee, whole
from strict import RefusedError

HOST = "partner.shopeemobile.com"
LARGEST = 2**33


@dataclass(frozen=True)
class Posted(strict.Asked):
    """A request with a body, which a GET has not."""

    body: bytes = b""


class OpenPlatform(Shopee):
    """A shop with all that the registry's type asks for; an app for `hosts.Hosts`."""

    def __init__(self, **given):
        super().__init__(**given)
        self.returns, self.escrows, self.transactions, self.discounts, self.vouchers = [], [], [], [], []
        self.models, self.left_out, self.times = {}, set(), []

    def __call__(self, asked):
        self.times.append(time.monotonic())
        query = {}
        for key, value in asked.pairs:
            query.setdefault(key, []).append(value)
        made = self.respond(Posted(asked.path, query, asked.headers, asked.body))
        return (made[0], made[2], made[1])

    def answer(self, asked):
        if bool(asked.body) != asked.path.endswith("_batch"):
            raise RefusedError("a body")
        made = super().answer(asked)
        if isinstance(made, dict) and asked.path.endswith("get_shop_info"):
            return {**made.pop("response", {}), **made}
        return made

    def calls(self):
        paged = {
            "returns/get_return_list": ("return", self.returns, 0, "update_time"),
            "payment/get_wallet_transaction_list": ("transaction_list", self.transactions, 0, "create_time"),
            "payment/get_escrow_list": ("escrow_list", self.escrows, 1, "escrow_release_time"),
            "discount/get_discount_list": ("discount_list", self.discounts, 1, None),
            "voucher/get_voucher_list": ("voucher_list", self.vouchers, 1, None),
        }
        made = {path: lambda asked, given=given: self._paged(asked, *given) for path, given in paged.items()}
        made["shop/get_shop_info"] = lambda asked: (
            asked.only(once=COMMON) and {"shop_name": "Shop", "region": "SG"}
        )
        made["payment/get_escrow_detail_batch"] = self._escrow_details
        made["product/get_model_list"] = self._models
        return super().calls() | {f"/api/v2/{path}": call for path, call in made.items()}

    def _paged(self, asked, name, rows, first, at):
        """Give a page of rows, numbered from `first`; by a time, of 15 days at most."""
        prefix = {"escrow_release_time": "release_time"}.get(at, at)
        times = (f"{prefix}_from", f"{prefix}_to") if at else ()
        own = {"discount_list": ["discount_status"], "voucher_list": ["status"]}.get(name, [])
        query = asked.only(once=(*COMMON, "page_no", "page_size", *times, *own))
        whole(query["page_size"], 1, 100)
        if at:
            begin, end = (whole(query[key], 0, LARGEST) for key in times)
            if not 0 <= end - begin <= WINDOW:
                raise RefusedError(f"a window of {end - begin} s")
            rows = [row for row in rows if begin <= row[at] <= end]
        start = (whole(query["page_no"], first, 5000) - first) * self.page
        return {name: rows[start : start + self.page], "more": start + self.page < len(rows)}

    def _escrow_details(self, asked):
        asked.only(once=COMMON)
        wanted = json.loads(asked.body)
        if set(wanted) != {"order_sn_list"} or not isinstance(wanted["order_sn_list"], list):
            raise RefusedError("order_sn_list is required, format should be string[]")
        whole(str(len(wanted["order_sn_list"])), 1, 50)
        numbers = [number for number in wanted["order_sn_list"] if number not in self.left_out]
        income = {"escrow_amount": 9.5, "items": [{"item_id": 1, "quantity_purchased": 2}]}
        return [{"escrow_detail": {"order_sn": number, "order_income": income}} for number in numbers]

    def _models(self, asked):
        number = asked.only(once=(*COMMON, "item_id"))["item_id"]
        return {"model": self.models.get(int(number), []), "tier_variation": []}
