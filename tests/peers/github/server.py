"""Plain HTTP on loopback: routes, what a client may send, planned faults, and a record of every request."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import threading
import traceback
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Headers = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client sent; header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = field(repr=False)

    def json(self, known: set[str], needed: set[str]) -> dict[str, Any]:
        """Return the body, a JSON object with these keys."""
        if not self.headers.get("content-type", "").startswith("application/json"):
            raise misuse(415, f"{self.method} {self.path}: the body is not declared as JSON")
        try:
            value = json.loads(self.body)
        except ValueError:
            raise misuse(400, f"{self.method} {self.path}: the body is not JSON") from None
        if not isinstance(value, dict) or not needed <= value.keys() or not value.keys() <= known:
            raise misuse(400, f"{self.method} {self.path}: the body has not the documented keys: {value!r}")
        return value


@dataclass(frozen=True, kw_only=True)
class Response:
    """An answer: bytes are sent as they are, everything else as JSON."""

    status: int = 200
    body: Any = b""
    headers: Headers = field(default_factory=dict)


class RefusedError(Exception):
    """A request that gets an error as its answer; with a `violation` if no client should have sent it."""

    def __init__(self, response: Response, violation: str | None = None) -> None:
        super().__init__(violation or f"HTTP {response.status}")
        self.response = response
        self.violation = violation


def misuse(status: int, what: str) -> RefusedError:
    """Return the refusal of something that the documentation does not allow."""
    return RefusedError(Response(status=status, body={"message": what, "msg": what}), what)


Handler = Callable[..., Response]


@dataclass(frozen=True, kw_only=True)
class Route:
    """A documented operation: its path holds `{name}` parts, and its query only these parameters."""

    method: str
    path: str
    query: frozenset[str]
    handler: Handler

    def match(self, request: Request) -> dict[str, str] | None:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path)
        found = re.fullmatch(pattern, request.path)
        if found is None or self.method != request.method:
            return None
        return {name: urllib.parse.unquote(value) for name, value in found.groupdict().items()}


class Routes:
    """The operations of one host."""

    def __init__(self) -> None:
        self._routes: list[Route] = []

    def add(self, method: str, path: str, handler: Handler, query: str = "") -> None:
        self._routes.append(Route(method=method, path=path, query=frozenset(query.split()), handler=handler))

    def answer(self, request: Request) -> Response:
        if "transfer-encoding" in request.headers:
            raise misuse(411, f"{request.method} {request.path}: a body without a length")
        for route in self._routes:
            parts = route.match(request)
            if parts is None:
                continue
            unknown = request.query.keys() - route.query
            if unknown:
                raise misuse(400, f"{request.method} {request.path}: undocumented parameters {sorted(unknown)}")
            return route.handler(request, **parts)
        raise misuse(404, f"{request.method} {request.path}: there is no such operation")


@dataclass(kw_only=True)
class Fault:
    """An answer that the next requests for matching paths get; without a status the connection breaks."""

    pattern: str
    status: int | None
    left: int
    headers: Headers


@dataclass(kw_only=True)
class Record:
    """What all hosts of the peer share: requests seen, misuse seen, faults to come."""

    requests: list[Request] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    holds: list[tuple[str, threading.Event]] = field(default_factory=list)
    held: int = 0  # requests that had to wait
    lock: threading.RLock = field(default_factory=threading.RLock)

    def wait(self, request: Request) -> None:
        """Wait as long as requests for this path are held back."""
        for pattern, let_go in self.holds:
            if re.search(pattern, request.path) and not let_go.is_set():
                self.held += 1
                let_go.wait(60)

    def fault(self, request: Request) -> Fault | None:
        for fault in self.faults:
            if fault.left and re.search(fault.pattern, request.path):
                fault.left -= 1
                return fault
        return None


class Host:
    """One host name and port. `name` decides whether a client takes two hosts for the same."""

    def __init__(self, name: str, routes: Routes, record: Record) -> None:
        handler = type("Handler", (_Handler,), {"routes": routes, "record": record})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://{name}:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    routes: Routes
    record: Record

    def _handle(self) -> None:
        request = self._request()
        self.record.wait(request)
        with self.record.lock:
            self.record.requests.append(request)
            fault = self.record.fault(request)
            response = None if fault else self._answer(request)
        self.close_connection = True
        if fault and fault.status is not None:
            body = {"message": "planned fault", "code": "unavailable", "msg": "planned fault"}
            response = Response(status=fault.status, body=body, headers=fault.headers)
        if response is not None:
            with contextlib.suppress(ConnectionError):  # whoever asked may have gone
                self._send(response)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _handle  # noqa: N815

    def _request(self) -> Request:
        address = urllib.parse.urlsplit(self.path)
        return Request(
            method=self.command,
            path=address.path,
            query=dict(urllib.parse.parse_qsl(address.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )

    def _answer(self, request: Request) -> Response:
        try:
            return self.routes.answer(request)
        except RefusedError as refused:
            if refused.violation:
                self.record.violations.append(refused.violation)
            return refused.response
        except Exception:  # noqa: BLE001 - a mistake in the peer must not look like one of the client
            self.record.violations.append(traceback.format_exc())
            return Response(status=500, body={"message": "the peer itself has failed"})

    def _send(self, response: Response) -> None:
        raw = isinstance(response.body, bytes)
        body = response.body if raw else json.dumps(response.body).encode()
        self.send_response(response.status)
        if not raw:
            self.send_header("Content-Type", "application/json; charset=utf-8")
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status != http.HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing; `requests` has it all."""
