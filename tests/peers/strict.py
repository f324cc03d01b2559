"""Servers on loopback that refuse what their API's documentation does not have, and remember that they had to."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit


class RefusedError(Exception):
    """A request that the API would not take."""


@dataclass(frozen=True)
class Asked:
    """A GET request; each parameter has the list of its values."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]

    def only(self, *, once=(), many=()):
        """Return the parameters: those of `once` exactly once each, those of `many` at least; no other ones."""
        odd = self.query.keys() ^ {*once, *many} | {key for key in once if len(self.query.get(key, ())) > 1}
        if odd:
            raise RefusedError(f"{self.path}: {sorted(odd)}")
        return {key: self.query[key] if key in many else self.query[key][0] for key in self.query}


class Strict(ABC):
    """An API: `answer` gives JSON, or status, headers and JSON. `first` has answers that come before all others."""

    def __init__(self):
        self.first, self.asked, self.refused = [], [], []

    @abstractmethod
    def answer(self, asked):
        """Return what the API answers; a RefusedError becomes its refusal."""

    def refusal(self, reason):
        return 400, {}, {"message": reason}

    def respond(self, asked):
        self.asked.append(asked)
        if self.first:
            return self.first.pop(0)
        try:
            made = self.answer(asked)
        except (RefusedError, ValueError, KeyError) as error:
            self.refused.append(str(error))
            return self.refusal(str(error))
        return made if isinstance(made, tuple) else (200, {}, made)


@contextlib.contextmanager
def served(api):
    """Serve an API; give its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            query = parse_qs(parts.query, keep_blank_values=True)
            status, headers, document = api.respond(Asked(parts.path, query, dict(self.headers)))
            body = json.dumps(document).encode()
            self.send_response(status)
            for key, value in {"Content-Length": len(body), "Content-Type": "application/json", **headers}.items():
                self.send_header(key, str(value))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
