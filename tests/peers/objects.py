"""Google Cloud Storage and Azure Blob Storage on loopback, as far as reading goes: lists in pages of two, and objects.

Google's XML API of objects and Azure's REST API, by their documentation. What neither has is refused, and so is a
request without the signature that Azure wants. Google's is asked for without one, as for a public bucket.
"""

import http.server
import threading
from dataclasses import dataclass, field
from email.utils import format_datetime
from hashlib import md5
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 2


@dataclass
class Objects:
    """A bucket, or a container, `name`; use it in a `with`. `sas` is the query of a signed address."""

    name: str
    now: object
    sas: str = ""
    objects: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def __enter__(self):
        kind = type("Handler", (_Handler,), {"peer": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path, query):
        """Return a status, a type, a text and headers."""
        signed = {key: query.pop(key, None) for key in parse_qs(self.sas)}
        if signed != parse_qs(self.sas):
            return 403, "application/xml", b"<Error><Code>AuthenticationFailed</Code></Error>", {}
        bucket, _, key = path.removeprefix("/").partition("/")
        if bucket != self.name:
            return 404, "application/xml", b"<Error><Code>NoSuchBucket</Code></Error>", {}
        if key:
            return self._object(key, query)
        known = (
            {"restype", "comp", "prefix", "marker"} if self.sas else {"list-type", "prefix", "continuation-token"}
        )
        wanted = {"restype": ["container"], "comp": ["list"]} if self.sas else {"list-type": ["2"]}
        if query.keys() - known or {key: query.get(key) for key in wanted} != wanted:
            return 400, "application/xml", b"<Error><Code>InvalidArgument</Code></Error>", {}
        return 200, "application/xml", self._list(query).encode(), {}

    def _object(self, key, query):
        if query or key not in self.objects:
            return 404, "application/xml", b"<Error><Code>NoSuchKey</Code></Error>", {}
        return 200, "application/octet-stream", self.objects[key], self._about(key)

    def _about(self, key):
        return {
            "ETag": f'"{md5(self.objects[key]).hexdigest()}"',
            "Last-Modified": format_datetime(self.now, usegmt=True),
        }

    def _list(self, query):
        start = int(query.get("marker", query.get("continuation-token", ["0"]))[0])
        prefix = query.get("prefix", [""])[0]
        found = [key for key in sorted(self.objects) if key.startswith(prefix)]
        more = str(start + PAGE) if start + PAGE < len(found) else ""
        rows = found[start : start + PAGE]
        return self._azure(rows, more) if self.sas else self._google(rows, more)

    def _google(self, rows, more):
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{self.now:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>{escape(self._about(key)['ETag'])}</ETag><Size>{len(self.objects[key])}</Size></Contents>"
            for key in rows
        )
        token = f"<NextContinuationToken>{more}</NextContinuationToken>" if more else ""
        head = f"<Name>{self.name}</Name><IsTruncated>{'true' if more else 'false'}</IsTruncated>"
        return f'<?xml version="1.0"?><ListBucketResult>{head}{contents}{token}</ListBucketResult>'

    def _azure(self, rows, more):
        blobs = "".join(
            f"<Blob><Name>{escape(key)}</Name><Properties>"
            f"<Last-Modified>{self._about(key)['Last-Modified']}</Last-Modified>"
            f"<Etag>{self._about(key)['ETag'].strip(chr(34))}</Etag>"
            f"<Content-Length>{len(self.objects[key])}</Content-Length><Content-Type>text/csv</Content-Type><BlobType>BlockBlob</BlobType>"
            "</Properties></Blob>"
            for key in rows
        )
        return f'<?xml version="1.0"?><EnumerationResults><Blobs>{blobs}</Blobs><NextMarker>{more}</NextMarker></EnumerationResults>'


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    peer: Objects

    def _answer(self, *, body):
        url = urlsplit(self.path)
        self.peer.asked.append((self.command, self.path))
        status, kind, text, headers = self.peer.answer(
            unquote(url.path), parse_qs(url.query, keep_blank_values=False)
        )
        self.send_response(status)
        for key, value in {"Content-Type": kind, "Content-Length": str(len(text)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(text)

    def do_GET(self):
        self._answer(body=True)

    def do_HEAD(self):
        self._answer(body=False)

    def log_message(self, *_):
        pass
