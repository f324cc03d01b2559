"""Shopee's Open Platform API v2 as its documentation has it, for the calls of a shop."""

from __future__ import annotations

import hashlib
import hmac
import time

from strict import RefusedError, Strict

COMMON = ("partner_id", "timestamp", "access_token", "shop_id", "sign")
WINDOW = 15 * 24 * 3600
ORDER, PRODUCT = "/api/v2/order", "/api/v2/product"


def whole(text, least, most):
    """Return a whole number within its bounds."""
    if not text.isascii() or not text.isdecimal() or not least <= int(text) <= most:
        raise RefusedError(f"{text} is not from {least} to {most}")
    return int(text)


class Shopee(Strict):
    """A shop. `page` rows make a page whatever is asked for, so that a few rows have several."""

    def __init__(self, *, partner=1000001, shop=2000001, key="the-partner-key", token="the-access-token", page=2):
        super().__init__()
        self.partner, self.shop, self.key, self.token, self.page = partner, shop, key, token, page
        self.orders, self.items, self.when_listed = {}, {}, lambda: None

    def order(self, number, updated, **more):
        self.orders[number] = {"order_sn": number, "update_time": updated, "order_status": "SHIPPED", **more}

    def refusal(self, reason):
        return 200, {}, {"error": "error_param", "message": reason, "request_id": "r"}

    def calls(self):
        """Return what answers each path."""
        return {
            f"{ORDER}/get_order_list": self._order_list,
            f"{ORDER}/get_order_detail": self._order_detail,
            f"{PRODUCT}/get_item_list": self._item_list,
            f"{PRODUCT}/get_item_base_info": self._item_base_info,
        }

    def answer(self, asked):
        call = self.calls()[asked.path]
        signed = {key: asked.query[key][0] for key in COMMON}
        base = f"{self.partner}{asked.path}{signed['timestamp']}{self.token}{self.shop}"
        sign = hmac.new(self.key.encode(), base.encode(), hashlib.sha256).hexdigest()
        if signed["access_token"] != self.token:
            return 403, {}, {"error": "error_auth", "message": "Invalid access_token.", "request_id": "r"}
        if signed["sign"] != sign or abs(int(signed["timestamp"]) - time.time()) > 300:
            return {"error": "error_sign", "message": "Wrong sign.", "request_id": "r"}
        if (signed["partner_id"], signed["shop_id"]) != (str(self.partner), str(self.shop)):
            raise RefusedError("another shop")
        return {"error": "", "message": "", "request_id": "r", "response": call(asked)}

    def _order_list(self, asked):
        own = ("time_range_field", "time_from", "time_to", "page_size", "cursor")
        query = asked.only(once=(*COMMON, *own))
        begin, end = (whole(query[key], 0, 2**33) for key in ("time_from", "time_to"))
        if query["time_range_field"] != "update_time" or not 0 <= end - begin <= WINDOW:
            raise RefusedError(f"a window of {end - begin} s")
        whole(query["page_size"], 1, 100)
        found = [n for n, order in sorted(self.orders.items()) if begin <= order["update_time"] <= end]
        start = int(query["cursor"] or 0)
        more = start + self.page < len(found)
        listed = [{"order_sn": number} for number in found[start : start + self.page]]
        self.when_listed()
        return {"more": more, "next_cursor": str(start + self.page) if more else "", "order_list": listed}

    def _order_detail(self, asked):
        query = asked.only(once=(*COMMON, "order_sn_list", "response_optional_fields"))
        numbers = query["order_sn_list"].split(",")
        whole(str(len(numbers)), 1, 50)
        return {"order_list": [self.orders[number] for number in numbers]}

    def _item_list(self, asked):
        query = asked.only(once=(*COMMON, "offset", "page_size"), many=("item_status",))
        if not {*query["item_status"]} <= {"NORMAL", "BANNED", "UNLIST", "REVIEWING"}:
            raise RefusedError("item_status")
        whole(query["page_size"], 1, 100)
        start, found = whole(query["offset"], 0, 2**31), sorted(self.items)
        more = start + self.page < len(found)
        listed = [{"item_id": number} for number in found[start : start + self.page]]
        answer = (
            {"total_count": len(found), "has_next_page": more, "item": listed} if found else {"total_count": 0}
        )
        return answer | ({"next_offset": start + self.page} if more else {"has_next_page": False})

    def _item_base_info(self, asked):
        numbers = asked.only(once=(*COMMON, "item_id_list"))["item_id_list"].split(",")
        whole(str(len(numbers)), 1, 50)
        return {"item_list": [{"item_id": int(n), "item_name": self.items[int(n)]} for n in numbers]}
