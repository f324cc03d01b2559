"""The signature of Shopee's Open Platform."""

import hashlib
import hmac
import time
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase


class signed(AuthBase):  # noqa: N801 - the definition names it as a function
    """Sign each request with the time of now ("Signature calculation"): Shopee takes a signature for 5 minutes."""

    def __init__(self, *, partner_id: int, partner_key: str, shop_id: int, access_token: str) -> None:
        self._key = partner_key.encode()
        self._shop = {"partner_id": partner_id, "access_token": access_token, "shop_id": shop_id}

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the common parameters of a shop's request to its address, and again to each further try of it."""
        bare = request.url or ""
        vars(request)["sign_again"] = lambda: request.prepare_url(bare, self._common(urlsplit(bare).path))
        vars(request)["sign_again"]()
        return request

    def _common(self, path: str) -> dict[str, Any]:
        now = int(time.time())
        base = f"{self._shop['partner_id']}{path}{now}{self._shop['access_token']}{self._shop['shop_id']}"
        sign = hmac.new(self._key, base.encode(), hashlib.sha256).hexdigest()
        return {**self._shop, "timestamp": now, "sign": sign}


def shop(document: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return the shop without what every answer has, and with its id, which this answer has not."""
    own = {key: value for key, value in document.items() if key not in {"error", "message", "request_id"}}
    return {"response": {"shop_id": values["shop_id"], **own}}
