"""How requests prove who they are. Tokens come from where a definition says, never from an address of a user's."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from dango_action.config import logins as words
from dango_action.config.registry import token_url
from dango_action.errors import CredentialsError
from dango_action.sources.rest.code import code
from dango_action.sources.rest.session import AGAIN, LONGEST, TIMEOUT, pause_of
from dango_action.sources.rest.templates import host_of, references, render, render_base

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from requests import PreparedRequest

    from dango_action.config.rest_api import Client

_EARLY = 60.0
"""Seconds before its end at which a token is not used any more."""
_TRIES = 3
_HEADER = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def auth_of(client: Client, values: Mapping[str, Any]) -> AuthBase:
    """Return the login of a definition; of several, the first one whose parameters all have values.

    Raises:
        CredentialsError: none of them has; it names what each one needs.

    """
    if client.auth is None:
        return Nobody()
    lacking: list[list[str]] = []
    for choice in client.auth:
        needed = dict.fromkeys(needs(choice))
        absent = [name for name in needed if values.get(name) in (None, "")]
        if not absent:
            return _made(choice, values)
        lacking.append(absent)
    ways = "; or ".join(" and ".join(f"`{name}`" for name in names) for names in lacking)
    raise CredentialsError.because(
        f"the credentials are not complete: there is no {ways}",
        "`dango sources show TYPE` says how to get them, `dango config explain` where they are looked for; "
        "`credentials_from: NAME` takes those of another source",
    )


def needs(choice: words.Auth) -> list[str]:
    """Return the parameters that a login is made of."""
    fields = choice.model_dump(exclude={"type", "scope", "data", "arguments"}, exclude_none=True)
    texts = [text for text in fields.values() if isinstance(text, str)]
    if isinstance(choice, words.PythonAuth):
        texts = [text for text in choice.arguments.values() if isinstance(text, str)]
    return [name for text in texts for name in references(text)]


def _made(choice: words.Auth, values: Mapping[str, Any]) -> AuthBase:  # noqa: PLR0911 - one for each kind
    def text(field: str) -> str:
        return str(_plain(render(field, values)))

    match choice:
        case words.Bearer():
            return Sent(lambda: ("Authorization", f"Bearer {text(choice.token)}"))
        case words.Header():
            return Sent(lambda: (choice.name, text(choice.value)))
        case words.Query():
            return InQuery(choice.name, text(choice.value))
        case words.Basic():
            # as bytes, since `requests` takes text for Latin-1
            return HTTPBasicAuth(text(choice.username).encode(), text(choice.password).encode())
        case words.ClientCredentials():
            data = {"grant_type": "client_credentials", **_plain(render(choice.data, values))}
            data |= {"scope": text(choice.scope)} if choice.scope else {}
            client = (text(choice.client_id), text(choice.client_secret))
            url = render_base(choice.token_url, values)
            return Minted(Mint(url, lambda: data, client, choice.send), choice.header, choice.prefix)
        case words.RefreshToken():
            data = {"grant_type": "refresh_token", "refresh_token": text(choice.refresh_token)}
            client = (text(choice.client_id), text(choice.client_secret))
            return Minted(Mint(token_url(choice.provider), lambda: data, client))
        case words.ServiceAccount():
            # imported here, since cryptography costs what few sources need
            from dango_action.sources.rest.assertions import Assertions  # noqa: PLC0415

            url = token_url(choice.provider)
            signed = Assertions(text(choice.client_email), text(choice.private_key), text(choice.scope), url)
            return Minted(Mint(url, signed.form))
        case words.PythonAuth():
            made: AuthBase = code(choice.function)(**_plain(render(choice.arguments, values)))
            return made


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever was rendered
    """Return a rendered value that dlt does not see, with single braces again."""
    if isinstance(value, str):
        return value.replace("{{", "{").replace("}}", "}")
    if isinstance(value, dict):
        return {_plain(key): _plain(below) for key, below in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


class Nobody(AuthBase):
    """No login: without it, `requests` would look for one in the user's ~/.netrc."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Leave a request as it is."""
        return request


class Sent(AuthBase):
    """A header, which is made for each request."""

    def __init__(self, header: Callable[[], tuple[str, str]]) -> None:
        self._header = header

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the header."""
        name, value = self._header()
        request.headers[name] = _sendable(name, value)
        return request


def _sendable(name: str, value: str) -> str:
    """Return a header's value without the space around it, which a copied secret often has.

    Raises:
        CredentialsError: there is something in it that no header can hold.

    """
    if _HEADER.fullmatch(value := value.strip()):
        return value
    raise CredentialsError.because(
        f"the secret for `{name}` can't be sent: it has a line break, or a character like `…`",
        "copy it again, whole and without anything else, and set it anew",
    )


class InQuery(AuthBase):
    """A secret in the query."""

    def __init__(self, name: str, value: str) -> None:
        self._name, self._value = name, value

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the secret."""
        request.prepare_url(request.url, {self._name: self._value})
        return request


class Mint:
    """Where access tokens come from (RFC 6749, 5): one is got at need, and kept until shortly before its end."""

    def __init__(
        self,
        url: str,
        form: Callable[[], Mapping[str, Any]],
        client: tuple[str, str] | None = None,
        send: str = "body",
    ) -> None:
        self._url, self._client, self._send = url, client, send
        self._form = form
        self._lock = threading.Lock()
        self._token, self._ends = "", 0.0

    def token(self) -> str:
        """Return a token that is good for a while.

        Raises:
            CredentialsError: the server gives none for these credentials.

        """
        with self._lock:
            if time.monotonic() >= self._ends:
                self._get()
            return self._token

    def forget(self, token: str) -> bool:
        """Let a token that was refused not be used again; False if it is the first of its kind, just got."""
        with self._lock:
            if self._token == token:
                self._ends = 0.0
            return True

    def _get(self) -> None:
        document = self._asked()
        token, lasts = document.get("access_token"), document.get("expires_in")
        if not isinstance(token, str) or not token:
            raise CredentialsError.because(
                f"{host_of(self._url)} gives no token: its answer has no `access_token`",
                "are the client's id and secret right?",
            )
        seconds = float(lasts) if isinstance(lasts, int | float | str) and str(lasts).isdigit() else 3600.0
        self._token, self._ends = token, time.monotonic() + max(seconds - _EARLY, seconds / 2)

    def _data(self) -> dict[str, Any]:
        if self._client is None or self._send == "basic":
            return dict(self._form())
        return {**self._form(), "client_id": self._client[0], "client_secret": self._client[1]}

    def _asked(self) -> dict[str, Any]:
        for number in range(_TRIES):
            last = number == _TRIES - 1
            form = self._data()
            try:
                response = requests.post(
                    self._url,
                    json=form if self._send == "json" else None,
                    data=None if self._send == "json" else form,
                    auth=self._client if self._send == "basic" else None,
                    timeout=TIMEOUT,
                    allow_redirects=False,
                )
            except (requests.ConnectionError, requests.Timeout):
                if last:
                    raise
                time.sleep(2**number)
                continue
            pause = pause_of(response, number)
            if last or response.status_code not in AGAIN or pause > LONGEST:
                break
            time.sleep(pause)
        return self._read(response)

    def _read(self, response: requests.Response) -> dict[str, Any]:
        if response.status_code in AGAIN or response.status_code >= requests.codes.server_error:
            response.raise_for_status()
        try:
            document = response.json()
        except requests.JSONDecodeError:
            document = {}
        document = document if isinstance(document, dict) else {}
        if response.ok:
            return document
        said = " ".join(str(document[key]) for key in ("error", "error_description") if document.get(key))
        raise CredentialsError.because(
            f"{host_of(self._url)} gives no token: {response.status_code} {said or response.reason}",
            "what it was asked with is wrong, expired or revoked (refresh token, client, key): get new ones",
        )


class Minted(AuthBase):
    """A token of a mint, in a header."""

    def __init__(self, mint: Mint, header: str = "Authorization", prefix: str = "Bearer ") -> None:
        self._mint, self._header, self._prefix = mint, header, prefix

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the token, and the way to another one, should this one be refused."""
        request.headers[self._header] = f"{self._prefix}{self._mint.token()}"
        vars(request).update(renew=self._renew, minted=self._header)  # the session asks for them
        return request

    def _renew(self, request: PreparedRequest) -> bool:
        old = request.headers[self._header].removeprefix(self._prefix)
        self._mint.forget(old)
        request.headers[self._header] = f"{self._prefix}{self._mint.token()}"
        return True
