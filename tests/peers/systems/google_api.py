"""What Google's APIs have in common: tokens at oauth2.googleapis.com, errors in one form, and a record for its clients.

`exchanges` of an API holds what it was asked and has answered; tests/peers/systems/google_reader.py lets Google's own
packages read them.
"""

from __future__ import annotations

import base64
import json
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

TOKENS = "oauth2.googleapis.com"
CLIENT, SECRET = "1234-abcd.apps.googleusercontent.com", "GOCSPX-the-secret-of-the-client"
BEARER_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class RefusedError(Exception):
    """An answer other than 200, with Google's code, status, message, and what it has in `details`."""

    def __init__(self, code, status, message, *details):
        super().__init__(message)
        error = {"code": code, "message": message, "status": status}
        self.answer = code, {"error": error | ({"details": list(details)} if details else {})}


def invalid(message, *details):
    return RefusedError(400, "INVALID_ARGUMENT", message, *details)


class Tokens:
    """The token endpoint. `grants` has the scopes of refresh tokens, `accounts` the public keys of service accounts."""

    def __init__(self):
        self.grants, self.accounts, self.issued = {}, {}, {}

    def __call__(self, asked):
        if (asked.method, asked.path) != ("POST", "/token"):
            return 404, {"error": "not_found"}
        if not asked.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return 400, {"error": "invalid_request", "error_description": "Could not find the form."}
        return self._assertion(asked.form) if "assertion" in asked.form else self._refresh(asked.form)

    def _refresh(self, form):
        if form.keys() != {"grant_type", "client_id", "client_secret", "refresh_token"}:
            return 400, {"error": "invalid_request", "error_description": "Missing required parameter."}
        if (form["client_id"], form["client_secret"]) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client", "error_description": "Unauthorized"}
        if form["grant_type"] != "refresh_token":
            return 400, {"error": "unsupported_grant_type", "error_description": "Invalid grant_type"}
        if form["refresh_token"] not in self.grants:
            return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
        return self._issue(self.grants[form["refresh_token"]])

    def _assertion(self, form):
        if form.keys() != {"grant_type", "assertion"} or form["grant_type"] != BEARER_GRANT:
            return 400, {"error": "unsupported_grant_type", "error_description": "Invalid grant_type"}
        head, body, signature = form["assertion"].split(".")
        header, claims = json.loads(_bytes(head)), json.loads(_bytes(body))
        if header.get("alg") != "RS256" or claims.get("iss") not in self.accounts:
            return 400, {"error": "invalid_grant", "error_description": "Invalid grant: account not found"}
        signed = f"{head}.{body}".encode()
        try:
            self.accounts[claims["iss"]].verify(_bytes(signature), signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        fresh = abs(claims["iat"] - time.time()) < 300 and 0 < claims["exp"] - claims["iat"] <= 3600
        if claims["aud"] != f"https://{TOKENS}/token" or not fresh:
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT: Token must be short-lived"}
        return self._issue(claims["scope"].split())

    def _issue(self, scopes):
        token = f"ya29.a-token-number-{len(self.issued) + 1}"
        self.issued[token] = scopes
        return 200, {"access_token": token, "expires_in": 3599, "scope": " ".join(scopes), "token_type": "Bearer"}

    def service_account(self, email):
        """Make a service account, and return its key file's content."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.accounts[email] = key.public_key()
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "project_id": "a-project",
            "private_key_id": "17c2",
            "private_key": text.decode(),
            "client_email": email,
            "token_uri": f"https://{TOKENS}/token",
        }


class Api:
    """An API of Google: whoever has no token of its scope is refused. `first` has answers that come before all others."""

    scopes: tuple = ()

    def __init__(self, tokens):
        self.tokens, self.first, self.exchanges, self.times = tokens, [], [], []

    def __call__(self, asked):
        self.times.append((asked.path, time.monotonic()))
        if self.first:
            return self.first.pop(0)
        try:
            self._admit(asked)
            made = self.answer(asked)
        except RefusedError as error:
            return error.answer
        self.exchanges.append(
            {"path": asked.path, "query": asked.pairs, "body": json.loads(asked.body or "null"), "answer": made}
        )
        return 200, made

    def answer(self, asked):
        raise NotImplementedError

    def _admit(self, asked):
        if asked.bearer not in self.tokens.issued:
            text = "Request had invalid authentication credentials. Expected OAuth 2 access token."
            raise RefusedError(401, "UNAUTHENTICATED", text)
        if not {*self.tokens.issued[asked.bearer]} & {*self.scopes}:
            reason = {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            }
            raise RefusedError(403, "PERMISSION_DENIED", "Request had insufficient authentication scopes.", reason)


def exhausted(message):
    """Return the answer of whoever asks too much."""
    return 429, {"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED"}}, {"Retry-After": "1"}


def _bytes(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
