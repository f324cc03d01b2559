"""The blob store, on another host: block blobs behind signed addresses, as Azure's documentation has them.

Like Azure, it refuses a request that brings an `Authorization` header beside the signature. A client that forwards
GitHub's token to it has also leaked the token, so that is noted as misuse.
"""

from __future__ import annotations

import secrets
import urllib.parse
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from github.server import Host, RefusedError, Request, Response, Routes, misuse

if TYPE_CHECKING:
    from github.server import Record

SIGNED = "sv se sp sr sig"
# An account in the path, as for Azure's emulator: the client takes it for one by its host name.
PATH = "/account/artifacts/{blob}"


class Blobs:
    """What has been uploaded, block by block, and what is whole."""

    def __init__(self, record: Record) -> None:
        self.committed: dict[str, bytes] = {}
        self._blocks: dict[str, dict[str, bytes]] = {}
        self._signatures: dict[tuple[str, str], str] = {}
        routes = Routes()
        routes.add("PUT", PATH, self._put, f"{SIGNED} comp blockid timeout")
        routes.add("GET", PATH, self._get, f"{SIGNED} timeout")
        routes.add("HEAD", PATH, self._get, f"{SIGNED} timeout")
        self._host = Host("localhost", routes, record)
        self.url = self._host.url

    def close(self) -> None:
        self._host.close()

    def reserve(self) -> tuple[str, str]:
        """Return a new blob's id and the address to upload it to."""
        blob = secrets.token_hex(8)
        return blob, self._signed(blob, "w")

    def link(self, content: bytes) -> str:
        """Return an address that serves this content once it is asked for."""
        blob = secrets.token_hex(8)
        self.committed[blob] = content
        return self._signed(blob, "r")

    def _signed(self, blob: str, permission: str) -> str:
        # `+` and `/` as in a real signature, so that a client must leave the address as it is
        signature = self._signatures[blob, permission] = secrets.token_hex(16) + "+/="
        query = {"sv": "2025-11-05", "se": "2099-01-01T00:00:00Z", "sr": "b", "sp": permission, "sig": signature}
        return f"{self.url}{PATH.format(blob=blob)}?{urllib.parse.urlencode(query)}"

    def _check(self, request: Request, blob: str, permission: str) -> None:
        if "authorization" in request.headers:
            what = f"{request.method} {request.path}: an Authorization header came to the blob store"
            raise RefusedError(_error(400, "InvalidAuthenticationInfo"), what)
        if request.query.get("sig") != self._signatures.get((blob, permission), object()):
            raise RefusedError(_error(403, "AuthenticationFailed"))

    def _get(self, request: Request, blob: str) -> Response:
        self._check(request, blob, "r")
        headers = {"Content-Type": "application/zip", "x-ms-blob-type": "BlockBlob"}
        return Response(body=self.committed[blob], headers=headers)

    def _put(self, request: Request, blob: str) -> Response:
        self._check(request, blob, "w")
        match request.query.get("comp"):
            case "block":
                self._blocks.setdefault(blob, {})[request.query["blockid"]] = request.body
            case "blocklist":
                self.committed[blob] = self._joined(request, blob)
            case None if request.headers.get("x-ms-blob-type") == "BlockBlob":
                self.committed[blob] = request.body
            case other:
                raise misuse(400, f"PUT {request.path}: neither a block blob nor a known part of one: {other}")
        return Response(status=201, headers={"x-ms-request-server-encrypted": "true"})

    def _joined(self, request: Request, blob: str) -> bytes:
        blocks = self._blocks.get(blob, {})
        named = [each.text or "" for each in ET.fromstring(request.body)]
        if missing := set(named) - blocks.keys():
            raise misuse(400, f"PUT {request.path}: blocks that were never uploaded: {sorted(missing)}")
        return b"".join(blocks[name] for name in named)


def _error(status: int, code: str) -> Response:
    body = f"<Error><Code>{code}</Code></Error>".encode()
    return Response(status=status, body=body, headers={"Content-Type": "application/xml", "x-ms-error-code": code})
