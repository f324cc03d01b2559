"""Service accounts: assertions that they sign, for which they get tokens (RFC 7523)."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from dango_action.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Mapping

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SECONDS = 3600


class Assertions:
    """What a service account asks for tokens with.

    Raises:
        CredentialsError: the private key is none.

    """

    def __init__(self, email: str, key: str, scope: str, url: str) -> None:
        self._claims = {"iss": email, "scope": scope, "aud": url}
        self._key = _loaded(key)

    def form(self) -> Mapping[str, str]:
        """Return what is sent for a token; it is good for an hour."""
        now = int(time.time())
        claims = {**self._claims, "iat": now, "exp": now + _SECONDS}
        text = f"{_encoded({'alg': 'RS256', 'typ': 'JWT'})}.{_encoded(claims)}"
        signature = self._key.sign(text.encode(), PKCS1v15(), SHA256())
        return {"grant_type": _GRANT, "assertion": f"{text}.{_base64(signature)}"}


def _loaded(key: str) -> RSAPrivateKey:
    try:
        # a variable or a TOML file may hold the key file's `\\n` as it stands there
        loaded = load_pem_private_key(key.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        loaded = None
    if not isinstance(loaded, RSAPrivateKey):
        raise CredentialsError.because(
            "`private_key` is no RSA key in PEM", "take the whole value of `private_key` from the JSON key file"
        ) from None
    return loaded


def _encoded(part: Mapping[str, object]) -> str:
    return _base64(json.dumps(part).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
