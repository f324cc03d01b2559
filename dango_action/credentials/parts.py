"""What in the text of a secret is a secret, too: its lines, leaves and passwords; and what never is."""

from __future__ import annotations

import base64
import json
import re
from enum import IntEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST = 4
"""Characters; to hide anything shorter would hide half of a log, and no secret."""
_DIGITS = 6  # of a number in JSON, or with a point, that may be a secret
_TOLD = 4  # digits of a number that may be a secret, but can't be hidden
_PACKED = 16  # characters of base64 that is taken for some: a key, or a file, that is decoded before its use
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\udc80-\udcff]")
_DISTINCT = 8  # bytes of a key; what repeats a few, as `AAAAAAAAAAAAAAAA` stands for zeros, is in every file
_PIECE = 16  # characters between blanks
_SCHEME = re.compile(r"\s*(?:Bearer|Basic|Token)\s+(\S+)\s*", re.IGNORECASE)  # of an `Authorization`
# What is no secret, and stands in every log: words of YAML, short numbers, dates and times, and PEM's brackets.
_WORDS = re.compile(r"true|false|null|none", re.IGNORECASE)
_NUMBER = re.compile(r"[-+.\d]{1,7}")
_DATE = re.compile(r"\d{4}-\d\d(-\d\d([T ][\d:.Z+-]*)?)?", re.IGNORECASE)
_BRACKET = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]+-----", re.IGNORECASE)
# The same in every service account of Google.
_PUBLIC = frozenset(
    {
        "service_account",
        "authorized_user",
        "googleapis.com",
        "https://accounts.google.com",
        "https://accounts.google.com/o/oauth2/auth",
        "https://oauth2.googleapis.com/token",
        "https://www.googleapis.com/oauth2/v1/certs",
    }
)
# What OAuth and OpenID Connect call things. Only in JSON, and no others: a word like `default` can be a password.
_PROTOCOL = frozenset(
    {
        "authorization_code",
        "bearer",
        "Bearer",
        "client_credentials",
        "email",
        "offline_access",
        "openid",
        "profile",
        "read_only",
        "read_write",
        "refresh_token",
    }
)
# A key in JSON that names something, as `auth_provider_x509_cert_url` does; another may be a token itself.
_NAME = re.compile(r"(?:[A-Za-z]+\d{0,3}|\d{1,4})(?:[ _.:/@-]+(?:[A-Za-z]+\d{0,3}|\d{1,4}))*")


class Kind(IntEnum):
    """What a part is of a value, the foremost first."""

    WHOLE = 0
    LEAF = 1
    """Of JSON, or what programs take out of the text in another way; also a line of what is no JSON."""
    NUMBER = 2
    LINE = 3
    """Of JSON, which holds a leaf."""
    PIECE = 4
    """Between blanks, where programs may break a text. It is worth to be hidden, but no proof of the value."""
    BYTES = 5
    """That base64 stands for, and that are no text; `encode` turns it into them."""


def hideable(text: str) -> bool:
    """Tell whether a text is long enough, and not so common that to hide it would hide everything."""
    return (
        len(text) >= SHORTEST
        and not (_WORDS.fullmatch(text) or _BRACKET.fullmatch(text) or _is_plain(text))
        and text not in _PUBLIC
    )


def parts(text: str) -> Iterator[tuple[Kind, str]]:
    """Give a text, and what it holds as JSON, URL, header or base64, with the kind of each."""
    todo: list[tuple[Any, Kind]] = [(text, Kind.WHOLE)]
    while todo:
        value, kind = todo.pop()
        if isinstance(value, dict):
            yield from ((Kind.LEAF, key) for key in value if len(key) >= _PIECE and not _NAME.fullmatch(key))
            todo += ((below, Kind.LEAF) for below in value.values())
        elif isinstance(value, list):
            todo += ((below, Kind.LEAF) for below in value)
        elif isinstance(value, str):
            if kind == Kind.LEAF and value in _PROTOCOL:
                continue
            inner = _json(value)
            yield kind, value
            todo += ((password, Kind.LEAF) for password in _password(value))
            yield from _lines(value, inner)
            todo += ((below, kind) for below in inner)
            for data in _unpacked(value):
                packed = data.decode(errors="surrogateescape")
                if not _BINARY.search(packed):
                    todo.append((packed, Kind.LEAF))
                elif len(set(data)) >= _DISTINCT:
                    yield Kind.BYTES, packed
        elif isinstance(value, int | float) and _digits(str(value)) >= _DIGITS:
            yield Kind.NUMBER, str(value)


def _lines(text: str, inner: list[Any]) -> Iterator[tuple[Kind, str]]:
    """Give the lines of a text, and its long pieces; of JSON only lines that hold more than a key or a word."""
    if not inner:
        yield from ((Kind.LEAF, line) for line in text.splitlines())
        yield from ((Kind.PIECE, piece) for piece in text.split() if len(piece) >= _PIECE)
        return
    for line in text.splitlines():
        word = line.strip(' \t,"')
        if hideable(word) and word not in _PROTOCOL and not word.endswith(("{", "[")):
            yield Kind.LINE, line


def _unpacked(text: str) -> list[bytes]:
    """Return what a text is base64 of, as the only one of a list; none if it is too short, or anything else."""
    packed = re.sub(r"\s*\n\s*", "", text.strip())
    if len(packed) < _PACKED:
        return []
    try:
        return [base64.b64decode(packed, validate=True)]
    except ValueError:
        return []


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _is_plain(text: str) -> bool:
    """Tell whether a text is a short number or a date; an amount like `1234.56` is longer than most counts."""
    if _NUMBER.fullmatch(text):
        return "." not in text or _digits(text) < _DIGITS
    return bool(_DATE.fullmatch(text))


def stays(text: str) -> bool:
    """Tell whether a text may be a secret that can't be hidden; `12` and `true` are taken for settings."""
    if _NUMBER.fullmatch(text) and _digits(text) < _TOLD:
        return False
    return 0 < len(text) < SHORTEST or _is_plain(text)


def _json(text: str) -> list[Any]:
    """Return the value in a JSON text, as the only one of a list; none if it is no object, list or string."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return []
    try:
        return [json.loads(text, parse_constant=str)]
    except (ValueError, RecursionError):
        return []


def _password(text: str) -> Iterator[str]:
    if header := _SCHEME.fullmatch(text):
        yield header[1]
    if "://" not in text or "@" not in text:
        return
    try:
        password = urlsplit(text.strip()).password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)
