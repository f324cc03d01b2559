"""The proof that Meta wants of apps with "Require app secret"."""

import hashlib
import hmac

import requests
from requests.auth import AuthBase


class proved(AuthBase):  # noqa: N801 - the definition names it as a function
    """Send the token with its proof, in each request."""

    def __init__(self, *, access_token: str, app_secret: str) -> None:
        """Take the token and the secret of its app."""
        self._header = f"Bearer {access_token}"
        self._proof = hmac.new(app_secret.encode(), access_token.encode(), hashlib.sha256).hexdigest()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add both to a request."""
        request.headers["Authorization"] = self._header
        request.prepare_url(request.url, {"appsecret_proof": self._proof})
        return request
