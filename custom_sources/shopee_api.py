"""Orders and products of a shop on Shopee, by the Open Platform API v2 (its documentation: open.shopee.com).

sources:
  - name: shopee_sg
    type: dlt_native
    dlt_native:
      source_module: shopee_api
      source_function: shopee_source
      function_kwargs: {partner_id: 1000001, shop_id: 2000001, start_date: "2024-01-01"}

`partner_key` and `access_token` are secrets, in `[sources.shopee_sg]`. An access token lives for 4 hours; it is
made from a refresh token, which lives for 30 days and is good for one use ("Authorization and Authentication").
Nothing here makes a new one: whatever keeps your refresh token has to put an access token where dlt finds it,
before each run.
"""

import hashlib
import hmac
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import dlt
import requests
from dlt.common.exceptions import TransientException
from dlt.extract import DltResource

HOST = "https://partner.shopeemobile.com"
LONGEST_WINDOW = 15 * 24 * 3600  # seconds, of v2.order.get_order_list
PAGE = 100  # rows, of both lists
DETAILS = 50  # orders or products in one request for details
SETTLED = 60  # seconds after which an order of that second no longer changes its `update_time` unseen
PATIENCE = (1, 2, 4, 8, 16)  # seconds between tries, if Shopee does not say how long
LONGEST_PAUSE = 120  # seconds; when it asks for more, the run may try again later
TIMEOUT = (10, 60)  # seconds to connect, and between two pieces of an answer
TOO_MANY = "error_too_many_request"

# Without the buyer's name, address and telephone: add `recipient_address` and the like if you need them.
ORDER_FIELDS = (
    *("buyer_user_id", "item_list", "total_amount", "payment_method", "pay_time", "note"),
    *("shipping_carrier", "actual_shipping_fee", "package_list", "pickup_done_time", "fulfillment_flag"),
    *("cancel_by", "cancel_reason"),
)
ITEM_STATUS = ("NORMAL", "UNLIST", "BANNED")

Row = dict[str, Any]
Some = TypeVar("Some")


class ShopeeError(Exception):
    """Shopee refuses a request. The message has its words, and neither a key nor the signed address.

    `response` is the answer, if its status says what is wrong.
    """

    response: requests.Response | None = None


class ShopeeBusyError(ShopeeError, TransientException):
    """Shopee had too many requests of this app, or can't be reached; later it will do."""


@dlt.source
def shopee_source(  # noqa: PLR0913, PLR0917 - each one is a setting of its own
    partner_id: int,
    shop_id: int,
    start_date: str = "2024-01-01",
    partner_key: str = dlt.secrets.value,
    access_token: str = dlt.secrets.value,
    base_url: str = HOST,
) -> tuple[DltResource, DltResource]:
    """Load `orders`, changed since the last run, and `products` as they are now.

    `start_date`, in UTC unless it says otherwise, is from when the first run loads. `base_url` is another host for
    a sandbox, or for the regions that have their own.
    """
    day = datetime.fromisoformat(start_date)
    begin = int((day if day.tzinfo else day.replace(tzinfo=UTC)).timestamp())
    shop = Shop(
        partner_id=partner_id,
        shop_id=shop_id,
        partner_key=partner_key,
        access_token=access_token,
        base_url=base_url,
    )
    cursor: dlt.sources.incremental[int] = dlt.sources.incremental("update_time", initial_value=begin)
    return orders(shop, cursor), products(shop)


@dlt.resource(write_disposition="merge", primary_key="order_sn")
def orders(shop: "Shop", update_time: dlt.sources.incremental[int]) -> Iterator[list[Row]]:
    """Each order in its present state, once for all changes since the last run; `order_sn` is its key.

    Times are seconds since 1970. The last minute is left to the next run.
    """
    until = int(time.time()) - SETTLED
    for begin, end in windows(update_time.last_value or 0, until):
        for page in shop.order_numbers(begin, end):
            for some in batches(page, DETAILS):
                # An order that changes right now comes with a later time than was asked for. Its cursor would skip
                # the other orders of that time: it is left to the next run, which will find it there.
                yield [order for order in shop.order_details(some) if order["update_time"] <= until]


@dlt.resource(write_disposition="replace", primary_key="item_id")
def products(shop: "Shop") -> Iterator[list[Row]]:
    """Each product that is not deleted.

    All of them in each run: pages by offset shift when a product comes or goes, and the next run puts that right.
    """
    for page in shop.item_numbers():
        for some in batches(page, DETAILS):
            yield shop.item_details(some)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """One shop's side of the API; its representation shows no secret."""

    partner_id: int
    shop_id: int
    partner_key: str = field(repr=False)
    access_token: str = field(repr=False)
    base_url: str
    session: requests.Session = field(default_factory=requests.Session, repr=False)

    def order_numbers(self, begin: int, end: int) -> Iterator[list[str]]:
        """Yield pages of the orders with an `update_time` in a window (v2.order.get_order_list)."""
        asked = {"time_range_field": "update_time", "time_from": begin, "time_to": end, "page_size": PAGE}
        cursor = ""
        while True:
            found = self.get("/api/v2/order/get_order_list", {**asked, "cursor": cursor})
            yield [order["order_sn"] for order in found.get("order_list") or ()]
            if not found.get("more"):
                return
            if found["next_cursor"] == cursor:
                raise ShopeeError(
                    "get_order_list has more orders, and its `next_cursor` leads back to the same page"
                )
            cursor = found["next_cursor"]

    def order_details(self, numbers: Sequence[str]) -> list[Row]:
        """Return up to 50 orders (v2.order.get_order_detail)."""
        asked = {"order_sn_list": ",".join(numbers), "response_optional_fields": ",".join(ORDER_FIELDS)}
        found: list[Row] = self.get("/api/v2/order/get_order_detail", asked).get("order_list") or []
        if absent := set(numbers) - {order["order_sn"] for order in found}:
            raise ShopeeError(f"get_order_detail has left out {', '.join(sorted(absent))}: they would be lost")
        return found

    def item_numbers(self) -> Iterator[list[int]]:
        """Yield pages of the shop's products (v2.product.get_item_list)."""
        offset = 0
        while True:
            asked = {"offset": offset, "page_size": PAGE, "item_status": ITEM_STATUS}
            found = self.get("/api/v2/product/get_item_list", asked)
            yield [item["item_id"] for item in found.get("item") or ()]
            if not found.get("has_next_page"):
                return
            if found["next_offset"] <= offset:
                raise ShopeeError("get_item_list has more products, and its `next_offset` leads back")
            offset = found["next_offset"]

    def item_details(self, numbers: Sequence[int]) -> list[Row]:
        """Return up to 50 products (v2.product.get_item_base_info)."""
        asked = {"item_id_list": ",".join(map(str, numbers))}
        found: list[Row] = self.get("/api/v2/product/get_item_base_info", asked).get("item_list") or []
        return found

    def get(self, path: str, asked: Row) -> Row:
        """Return what Shopee answers; asked for patience, wait and try again.

        Raises:
            ShopeeError: it refuses, in its words.
            ShopeeBusyError: it is of no use to go on now.

        """
        for pause in (*PATIENCE, None):
            response = self._answer(path, asked)
            document = _document(response)
            busy = response.status_code == requests.codes.too_many_requests or document.get("error") == TOO_MANY
            asked_pause = response.headers.get("Retry-After", "")
            seconds = int(asked_pause) if asked_pause.isdecimal() else pause
            if not busy or pause is None or seconds is None or seconds > LONGEST_PAUSE:
                break
            time.sleep(seconds)
        if busy:
            raise ShopeeBusyError(f"{path}: Shopee has had too many requests")
        if document.get("error") or not response.ok:
            said = f"{document.get('error', '')} {document.get('message', '')}".strip()
            error = ShopeeError(f"{path}: {said or 'no JSON'} (status {response.status_code})")
            error.response = response
            raise error
        found: Row = document.get("response") or {}
        return found

    def _answer(self, path: str, asked: Row) -> requests.Response:
        """Send one request, signed with the time of now: a signature is good for 5 minutes."""
        now = int(time.time())
        common = {
            "partner_id": self.partner_id,
            "timestamp": now,
            "access_token": self.access_token,
            "shop_id": self.shop_id,
            "sign": self.sign(path, now),
        }
        try:
            return self.session.get(f"{self.base_url}{path}", params={**common, **asked}, timeout=TIMEOUT)
        except requests.RequestException as error:
            # its own message has the address with token and signature
            raise ShopeeBusyError(f"{path}: {type(error).__name__} at {self.base_url}") from None

    def sign(self, path: str, timestamp: int) -> str:
        """Sign a request of a shop ("Signature calculation" in the documentation's developer guide)."""
        base = f"{self.partner_id}{path}{timestamp}{self.access_token}{self.shop_id}"
        return hmac.new(self.partner_key.encode(), base.encode(), hashlib.sha256).hexdigest()


def windows(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a time into windows that Shopee takes. Two share a second, whose orders are merged: none is lost."""
    while begin < end:
        stop = min(begin + LONGEST_WINDOW, end)
        yield begin, stop
        begin = stop


def batches(rows: Sequence[Some], size: int) -> Iterator[Sequence[Some]]:
    """Cut rows into pieces of at most this size."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _document(response: requests.Response) -> Row:
    try:
        document = response.json()
    except requests.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}
