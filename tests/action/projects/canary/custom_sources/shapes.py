"""The forms in which a program may write a secret: what the source prints, and what the tests look for."""

import base64
import binascii
import gzip
import html
import json
import re
import zlib
from urllib.parse import quote, quote_plus

RUN = re.compile(rb"[A-Za-z0-9+/_-]{20,}")
PACKED = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08", re.DOTALL)


def shapes(secret):
    """Return how programs write a text, by name."""
    data = secret.encode()
    return {
        "raw": data,
        "base64": base64.b64encode(data),
        "base64 one further": base64.b64encode(b"x" + data + b" and more"),
        "base64 two further": base64.b64encode(b"xy" + data + b" and more"),
        "base64 behind a word": b"path/" + base64.b64encode(b"x" + data + b" and more"),
        "urlsafe": base64.urlsafe_b64encode(data),
        "urlsafe one further": base64.urlsafe_b64encode(b"x" + data + b" and more"),
        "lines of base64": base64.encodebytes(data),
        "quote": quote(secret, safe="").encode(),
        "quote_plus": quote_plus(secret).encode(),
        "json": json.dumps({"a": secret}).encode(),
        "json as it is": json.dumps([secret], ensure_ascii=False).encode(),
        "json in json": json.dumps(json.dumps({"a": secret})).encode(),
        "repr": repr(secret).encode(),
        "repr of bytes": repr(data).encode(),
        "html": html.escape(secret).encode(),
        "hex": data.hex().encode(),
        "base64 of zlib": base64.b64encode(zlib.compress(data)),
        "base64 of gzip": base64.b64encode(gzip.compress(data)),
        "base64 of zlib of json": base64.b64encode(zlib.compress(json.dumps({"is": {"a": secret}}).encode())),
    }


def packed(secret):
    """Return what a program writes that compresses it, by name: bytes that no log has as a text."""
    data = secret.encode()
    return {"zlib": zlib.compress(data), "gzip": gzip.compress(data), "zlib, fast": zlib.compress(data, 1)}


def fragments(secret):
    """Return what must not be seen of a secret: it, its lines, and the values of a JSON object."""
    parts = [secret]
    if secret.startswith("{"):
        parts += [value for value in json.loads(secret).values() if value != "service_account"]
    lines = (line.strip() for part in parts for line in part.splitlines())
    whole = [part.strip() for part in parts]
    return [
        part for part in dict.fromkeys((*whole, *lines)) if len(part) >= 4 and not part.startswith("-----")
    ] + [part for part in dict.fromkeys(whole) if part.startswith("-----")]


def found(data, secret):
    """Return which forms of a secret are in the data, and in what is compressed or base64 in it."""
    needles = {
        f"{name} of part {number}": needle
        for number, part in enumerate(fragments(secret))
        for name, needle in _needles(part).items()
    }
    layers = list(_layers(data, 3))
    return {name for name, needle in needles.items() if any(needle in layer for layer in layers)}


def _needles(part):
    data = part.encode()
    inner = json.dumps(part)[1:-1]
    needles = {
        "raw": data,
        "quote": quote(part, safe="").encode(),
        "quote_plus": quote_plus(part).encode(),
        "json": inner.encode(),
        "json as it is": json.dumps(part, ensure_ascii=False)[1:-1].encode(),
        "json in json": json.dumps(inner)[1:-1].encode(),
        "repr": repr(part)[1:-1].encode(),
        "repr of bytes": repr(data)[2:-1].encode(),
        "html": html.escape(part).encode(),
        "hex": data.hex().encode(),
    }
    for before in range(3):
        core = base64.b64encode(bytes(before) + data)[4 * bool(before) : (before + len(data)) // 3 * 4]
        if len(core) >= 8:
            needles[f"base64 after {before}"] = core
            needles[f"urlsafe after {before}"] = core.translate(bytes.maketrans(b"+/", b"-_"))
    return needles


def _layers(data, deeper):
    yield data
    if not deeper:
        return
    for start in PACKED.finditer(data):
        try:
            yield from _layers(zlib.decompressobj(47).decompress(data[start.start() :], 1 << 20), deeper - 1)
        except zlib.error:
            continue
    for text in (data, re.sub(rb"\r?\n", b"", data)):  # base64 may stand in lines
        for run in RUN.finditer(text):
            characters = run[0].translate(bytes.maketrans(b"-_", b"+/"))
            for place in range(4):
                part = characters[place:]
                part = part[: len(part) - len(part) % 4]
                decoded = binascii.a2b_base64(part)
                if PACKED.search(decoded):
                    yield from _layers(decoded, deeper - 1)
