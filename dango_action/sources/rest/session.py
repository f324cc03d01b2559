"""Requests that keep to what an API allows: not too many, again after a pause, and to its own host alone.

What an answer means is said here, once: go on, wait, or stop with words for people.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import requests
from dlt.common import jsonpath
from dlt.sources.helpers.rest_client.exceptions import IgnoreResponseException

from dango_action.errors import CredentialsError, SourceError
from dango_action.retry_after import seconds_of
from dango_action.sources.rest.templates import host_of, origin_of, with_parts
from dango_action.sources.rest.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dango_action.config.rest_api import Answer, RateLimit

TIMEOUT = (15.0, 180.0)
"""Seconds to connect, and between two parts of an answer."""
TRIES = 6
"""How often one request is sent before its failure is the source's."""
CONNECTS = 3
"""The same of a server that can't be reached: without a network, nobody wants to wait for long."""
LONGEST = 300.0
"""Seconds of a pause that a request waits for; a server that asks for more gets the source tried again later."""
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""What a server answers that may be otherwise soon."""
_BROKEN = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
_LONGEST_DETAIL = 200
_SHORTEST = 8


class ApiSession(requests.Session):
    """A session for one source. Its resources may use it from several threads."""

    def __init__(self, addresses: Iterable[str], answers: Sequence[Answer], limit: RateLimit | None) -> None:
        super().__init__()
        self._origins, self._answers = frozenset(map(origin_of, addresses)), answers
        self._turns = Turns(limit)

    def __deepcopy__(self, _: dict[int, Any]) -> ApiSession:
        """Stay one: dlt copies its configuration to look through it, and a login has locks and a token."""
        return self

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Follow no redirect to another host: headers of our own would go there, too."""
        target = super().get_redirect_target(resp)
        try:
            return self._own(requests.compat.urljoin(resp.url, target)) if target else None
        except ValueError:  # it is no address
            return None

    def _own(self, url: str) -> str | None:
        """Return an address if it is at a host of the API's, and with TLS if that host has it; else None.

        Servers behind a proxy often write `http://` into their links.
        """
        if url.startswith("http://") and origin_of(secured := f"https://{url[7:]}") in self._origins:
            return secured
        return url if origin_of(url) in self._origins else None

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Prepare a request, in whose path values of rows are parts of it and nothing more."""
        request.url = with_parts(request.url)
        return super().prepare_request(request)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # noqa: ANN401
        """Send a request until its answer is one to go on with.

        Raises:
            CredentialsError: the server refuses the login, or what it may do.
            SourceError: the answer says that the request can't be met.
            requests.HTTPError: the server is out of order, or asks for a longer pause than one waits for here.

        """
        own = self._own(request.url or "")
        if own is None:
            what = f"an answer leads to another host, {host_of(request.url or '')}"
            raise SourceError.because(what, "the credentials are not sent there; is the address right?")
        request.url = own
        hooks, request.hooks = request.hooks, {"response": []}
        kwargs["timeout"] = kwargs.get("timeout") or TIMEOUT
        renewed = False
        for number in range(TRIES):
            last = number == TRIES - 1
            self._turns.wait()
            if number:
                _sign_again(request)
            try:
                response = super().send(request, **kwargs)
            except _BROKEN as error:
                if number >= CONNECTS - 1:  # its own text has the address, with what may be secret in the query
                    raise type(error)(
                        f"{host_of(request.url or '')} can't be reached, or does not answer"
                    ) from None
                time.sleep(2**number)
                continue
            if response.status_code == requests.codes.unauthorized and not renewed and _renew(request):
                renewed = True
                continue
            rule = self._rule(response)
            # one that leads on within the API is followed by the caller
            if rule is None and response.ok and (not response.is_redirect or self.get_redirect_target(response)):
                return _dispatched(_read(response), hooks["response"])
            if not self._is_passing(response, rule):
                raise _refusal(response, rule)
            pause = pause_of(response, number)
            if last or pause > LONGEST:
                raise requests.HTTPError(_said(response, rule), response=response)
            time.sleep(pause)
        raise AssertionError  # the last try returns or raises

    def _rule(self, response: requests.Response) -> Answer | None:
        return next((rule for rule in self._answers if _fits(rule, response)), None)

    @staticmethod
    def _is_passing(response: requests.Response, rule: Answer | None) -> bool:
        return rule.do == "retry" if rule else response.status_code in AGAIN


def _read(response: requests.Response) -> requests.Response:
    """Return an answer whose JSON is read, once for all that look at it.

    Raises:
        IgnoreResponseException: it is empty, and so has no rows.
        SourceError: it is something else.

    """
    if response.is_redirect:
        return response
    if not response.content.strip():
        raise IgnoreResponseException
    try:
        document = response.json()
    except requests.JSONDecodeError:
        kind = response.headers.get("Content-Type", "no type").partition(";")[0]
        what = f"{_said(response, None)} with {kind} that is no JSON"
        raise SourceError.because(
            what, "is the address that of the API, and not of its pages for people?"
        ) from None
    vars(response)["json"] = lambda **_: document
    return response


def pause_of(response: requests.Response, number: int) -> float:
    """Return the seconds to wait before another try: what the server asks for, or more with each try from 0 on."""
    asked = seconds_of(response.headers.get("Retry-After"))
    return float(2**number) if asked is None else asked


def _renew(request: requests.PreparedRequest) -> bool:
    """Let the login get a new token, if it can; False if this is the one that was refused."""
    renew: Callable[[requests.PreparedRequest], bool] | None = getattr(request, "renew", None)
    return renew(request) if renew else False


def _sign_again(request: requests.PreparedRequest) -> None:
    """Let a login whose proof has the time in it prove itself anew: a pause may outlast it."""
    sign: Callable[[], None] | None = getattr(request, "sign_again", None)
    if sign:
        sign()


def _dispatched(response: requests.Response, hooks: Sequence[Callable[..., Any]]) -> requests.Response:
    for hook in hooks:
        response = hook(response) or response
    return response


def _fits(rule: Answer, response: requests.Response) -> bool:
    if rule.status is not None and rule.status != response.status_code:
        return False
    if rule.path is None:
        return rule.status is not None
    found = _found(rule.path, response)
    return any(value in rule.equals for value in found) if rule.equals is not None else any(found)


def _found(path: str, response: requests.Response) -> list[Any]:
    try:
        return list(jsonpath.find_values(path, response.json()))
    except requests.JSONDecodeError:
        return []


def _refusal(response: requests.Response, rule: Answer | None) -> Exception:
    """Return what an answer means that no other try changes."""
    said, status = _said(response, rule), response.status_code
    if rule and rule.do == "ignore":
        return IgnoreResponseException()
    if (rule and rule.do == "refuse") or (not rule and status == requests.codes.unauthorized):
        hint = "are the credentials right, and not expired? `dango config explain` tells their place"
        return CredentialsError.because(said, hint)
    if not rule and status == requests.codes.forbidden:
        hint = "the credentials are known there, but may not do this: give them the permission, or leave it out"
        return CredentialsError.because(said, hint)
    if not rule and response.is_redirect:
        hint = "the credentials are not sent there; is the address right?"
        return SourceError.because(f"{said} and leads to another host", hint)
    hint = "is the name right, and does the account have it?" if status == requests.codes.not_found else ""
    return SourceError.because(said, hint or "look at the settings of the source; the log has the request")


def _said(response: requests.Response, rule: Answer | None) -> str:
    """Return an answer in words: where from, what it is, and what the server itself says."""
    path = response.request.path_url.partition("?")[0] if response.request else ""
    what = f"{host_of(response.url)} answers {response.status_code} {response.reason or ''}".rstrip()
    said = f"{what} to {path}"
    if rule and rule.say:
        said = f"{rule.say} ({said})"
    detail = _without_minted(next(_details(response, rule), ""), response.request)[:_LONGEST_DETAIL]
    return f"{said}: {detail}" if detail else said


def _without_minted(text: str, request: requests.PreparedRequest | None) -> str:
    """Return a server's words without the token that was got for it: nothing else knows that to be a secret."""
    header = getattr(request, "minted", None)  # the login says in which header it is
    words = str(request.headers.get(header, "")).split() if request and header else []
    for word in words:
        text = text.replace(word, "***") if len(word) >= _SHORTEST else text
    return text


def _details(response: requests.Response, rule: Answer | None) -> Iterator[str]:
    paths = [rule.detail] if rule and rule.detail else []
    for path in (*paths, "error.message", "error_description", "errors[0].message", "message", "error", "errors"):
        for value in _found(path, response):
            if value and isinstance(value, str | dict | list):
                yield " ".join(str(value).split())
