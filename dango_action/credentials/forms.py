"""What must not leave, and every form in which programs write it: quoted, escaped, encoded."""

from __future__ import annotations

import base64
import html
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHORTEST = 4
"""Characters; to hide anything shorter would hide half of a log, and no secret."""
WHOLE = 8
"""Characters; what is shorter is a secret only where it is a word of its own: `test` does not shred `latest`."""
_DIGITS = 6  # of a number in JSON that may be a secret
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!])")  # what the summary escapes
# What is no secret, and stands in every log: words of YAML, short numbers, dates and times, and PEM's brackets.
_PLAIN = re.compile(
    r"true|false|null|none|[-+.\d]{1,7}|\d{4}-\d\d(-\d\d([T ][\d:.Z+-]*)?)?|-----(BEGIN|END) [A-Z0-9 ]+-----",
    re.IGNORECASE,
)
# The same in every service account of Google.
_PUBLIC = frozenset(
    {
        "service_account",
        "authorized_user",
        "googleapis.com",
        "https://accounts.google.com/o/oauth2/auth",
        "https://oauth2.googleapis.com/token",
        "https://www.googleapis.com/oauth2/v1/certs",
    }
)
_WIDTHS = (64, 76)  # of base64 in PEM and in MIME
_SHIFTS = ((0, 0), (2, 1), (3, 2))  # of base64: characters that other bytes share, after so many bytes before


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A value that must not leave. `path` is what people call it, and never the value.

    A `setting` was asked for as one by the source, like the address of a shop: it is hidden in logs, but no
    reason to stop an upload.
    """

    path: str
    text: str = field(repr=False)
    setting: bool = False


def fragments(known: Known) -> Iterator[str]:
    """Give what has to be hidden of a value, each once.

    That is the value, each of its lines, its leaves if it is JSON, and its password if it is a URL; not what is
    shorter than `SHORTEST` or stands in every log.
    """
    seen: set[str] = set()
    for text in _parts(known.text):
        for part in (text, *text.splitlines()):
            stripped = part.strip()
            if stripped not in seen and hideable(stripped):
                seen.add(stripped)
                yield stripped
    for number in _numbers(known.text):
        if number not in seen:
            seen.add(number)
            yield number


def hideable(text: str) -> bool:
    """Tell whether a text is long enough, and not so common that to hide it would hide everything."""
    return len(text) >= SHORTEST and not _PLAIN.fullmatch(text) and text not in _PUBLIC


def skipped(known: Iterable[Known]) -> list[str]:
    """Return the paths of secrets that are too short to hide, for a warning."""
    return [
        one.path
        for one in known
        if not one.setting and 0 < len(one.text.strip()) < SHORTEST and not _PLAIN.fullmatch(one.text.strip())
    ]


def forms(fragment: str) -> frozenset[bytes]:
    """Return how programs write a text: raw, for URLs, JSON, Python, HTML, SQL and Markdown, in base64 and hex.

    Base64 is that of the text alone, and of one that is long enough what it shares with that of any longer text.
    """
    data = encode(fragment)
    cores = based(data) if len(fragment) >= WHOLE else ()
    return frozenset((*map(encode, _escaped(fragment)), *_encoded(data), *cores, *_wrapped(data)))


def masks(known: Known) -> Iterator[str]:
    """Give what a runner has to mask for a value, each once: it finds exact texts only.

    New runners derive base64 and the form for URLs themselves, and older ones do not.
    """
    seen = set()
    for fragment in fragments(known):
        data = encode(fragment)
        plain = base64.b64encode(data).rstrip(b"=").decode()
        safe = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
        for mask in (fragment, *_quoted(fragment), plain, safe):
            if mask not in seen:
                seen.add(mask)
                yield mask


def encode(text: str) -> bytes:
    """Return the bytes of any text: of an environment's variable the very bytes, of JSON also half characters."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")


def based(data: bytes) -> Iterator[bytes]:
    """Give what base64 texts that hold the data have in common, for each of its three places in them."""
    for skipped_characters, before in _SHIFTS:
        bits = 8 * (before + len(data))
        core = base64.b64encode(bytes(before) + data)[skipped_characters : bits // 6]
        yield core
        yield core.translate(bytes.maketrans(b"+/", b"-_"))


def _parts(text: str) -> Iterator[str]:
    """Give a text and what it holds as JSON or as a URL."""
    todo: list[Any] = [text]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            todo += value.values()
        elif isinstance(value, list):
            todo += value
        elif isinstance(value, str):
            yield value
            yield from _password(value)
            todo += _json(value)


def _numbers(text: str) -> Iterator[str]:
    todo = _json(text)
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            todo += value.values()
        elif isinstance(value, list):
            todo += value
        elif isinstance(value, int | float) and sum(map(str.isdigit, str(value))) >= _DIGITS:
            yield str(value)


def _json(text: str) -> list[Any]:
    """Return the value in a JSON text, as the only one of a list; none if it is no object, list or string."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return []
    try:
        return [json.loads(text, parse_constant=str)]
    except (ValueError, RecursionError):
        return []


def _password(text: str) -> Iterator[str]:
    if "://" not in text or "@" not in text:
        return
    try:
        password = urlsplit(text.strip()).password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)


def _quoted(text: str) -> Iterator[str]:
    data = encode(text)
    for once in {quote(data, safe=""), quote(data), quote_plus(data)}:
        yield once
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), once)


def _escaped(text: str) -> Iterator[str]:
    yield text
    yield from _quoted(text)
    for ascii_only in (True, False):
        written = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield written
        yield written.replace("/", "\\/")
        yield json.dumps(written, ensure_ascii=ascii_only)[1:-1]  # JSON in JSON
    yield repr(text)[1:-1]
    yield repr(f'"{text}')[2:-1]  # beside the other quote, Python escapes both
    yield repr(encode(text))[2:-1]
    escaped = html.escape(text, quote=False)
    yield escaped
    yield html.escape(text)
    yield html.escape(text).replace("&#x27;", "&#39;")
    yield text.replace("'", "''")  # SQL and YAML
    yield text.replace('"', '""')  # CSV
    yield _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _wrapped(data: bytes) -> Iterator[bytes]:
    """Give the lines of base64 that is longer than a line."""
    text = base64.b64encode(data)
    for width in _WIDTHS:
        if len(text) > width:
            lines = [text[start : start + width] for start in range(0, len(text), width)]
            yield from (line for line in lines if len(line) >= WHOLE)


def _encoded(data: bytes) -> Iterator[bytes]:
    yield base64.b64encode(data)
    yield base64.urlsafe_b64encode(data)
    yield data.hex().encode()
    yield data.hex().upper().encode()
