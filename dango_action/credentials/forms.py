"""What must not leave, and every form in which programs write it: quoted, escaped, encoded."""

from __future__ import annotations

import base64
import html
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from dango_action.credentials.parts import Kind, hideable, parts, stays

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WHOLE = 8
"""Characters; what is shorter is a secret only where it is a word of its own: `test` does not shred `latest`."""
MOST = 500
"""Parts of one value that are known in every form, the longest first; a value with more of them is a document."""
_DERIVED = 100  # parts of one value that a runner gets in other forms, too
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!])")  # what the summary escapes
# What clients keep of a text in a URL, beside letters, digits and `_.-~`.
_KEPT = (
    "",  # urllib's `quote`, C#
    "/",  # the same for a path
    "!*'()",  # `encodeURIComponent`
    "!#$&'()*+,/:;=?@",  # `encodeURI`, urllib3
    "!#$&'()*+,/:;=?@[]",  # requests
    "!$&'()*+,:;=",  # urllib3, for a password
    "$&+:=@",  # Go
    "!$&'()*+,;=",  # yarl, for a password
    "!$&'()*+,/:;=@",  # and for a path
    "!$'()*,/:?@",  # and for a part of a query
    "!$%&'()*+,",  # browsers and httpx, for a password
    "!#$%&'()*+,/:;=?@[\\]^|",  # and for a path; they keep what is there of `%`
    "!#$%&()*+,/:;=?@[\\]^`{|}",  # browsers, for a query
    "!#$%&'()*+,/:;=?@[\\]^`{|}",  # httpx, for a query
)
_HEX = re.compile("%[0-9A-F]{2}")
_NEEDLESS = re.compile(r"%(?:2[DE]|3\d|[46][1-9A-F]|[57][0-9A]|5F|7E)", re.IGNORECASE)  # of what needs no quoting
_LOWER = {ord(char): f"\\u{ord(char):04x}" for char in "<>&"}
_UPPER = {ord(char): f"\\u{ord(char):04X}" for char in "<>&"}
_QUOTE = {ord("'"): "\\u0027"}
_IN_SCRIPTS: tuple[dict[int, str], ...] = (
    {},
    _LOWER,
    _LOWER | _QUOTE,
    _UPPER,
    _UPPER | _QUOTE,
)  # what Go, PHP and templates escape in JSON
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
    """Give what has to be hidden of a value, each once: the value, then its longest parts.

    Parts are its lines, its leaves and odd keys if it is JSON, the password of a URL, the token of a header, and
    the text that it is base64 of. Not what is shorter than `SHORTEST` or stands in every log, and no more than
    `MOST`.
    """
    yield from _ranked(known)[:MOST]


def lesser(known: Known) -> list[str]:
    """Return the parts of a document that are too many for all their forms, to be hidden as they are."""
    return _ranked(known)[MOST:]


def _ranked(known: Known) -> list[str]:
    ranks: dict[str, int] = {}
    for rank, text in parts(known.text):
        part = text.strip()
        if rank < Kind.PIECE and (rank == Kind.NUMBER or hideable(part)):
            ranks[part] = min(rank, ranks.get(part, rank))
    return sorted(ranks, key=lambda part: (ranks[part] != Kind.WHOLE, len(part) < WHOLE, ranks[part], -len(part)))


def pieces(known: Known) -> list[str]:
    """Return the long pieces between blanks, where YAML folds a text; one is no proof that the value is there."""
    return _of_kind(known, Kind.PIECE)


def binaries(known: Known) -> list[str]:
    """Return the bytes that a value is base64 of, and that are no text, as texts that `encode` turns into them.

    They are nothing for a runner or for SQL, which know texts only.
    """
    return _of_kind(known, Kind.BYTES)


def _of_kind(known: Known, kind: Kind) -> list[str]:
    return list(dict.fromkeys(text for each, text in parts(known.text) if each == kind and hideable(text)))[:MOST]


def skipped(known: Iterable[Known]) -> list[str]:
    """Return the paths of secrets that can't be hidden, for a warning.

    They are too short, a short number, or a date; but `true` and the like, and numbers of up to three digits,
    are taken for settings.
    """
    return [one.path for one in known if not one.setting and stays(one.text.strip())]


def forms(fragment: str) -> frozenset[bytes]:
    """Return how programs write a text: raw, for URLs, JSON, Python, HTML, SQL and Markdown, in base64 and hex.

    Base64 is that of the text alone, and of one that is long enough what it shares with that of any longer text.
    """
    data = encode(fragment)
    cores = based(data) if len(fragment) >= WHOLE else ()
    return frozenset((*map(encode, _escaped(fragment)), *_encoded(data), *cores, *_wrapped(data)))


def masks(known: Known) -> Iterator[str]:
    """Give what a runner has to mask for a value, each once: it finds exact texts only.

    New runners derive base64 and a form for URLs themselves, and older ones do not. Of a value with many parts
    only the longest are given in all forms: each mask costs a runner time on every line.
    """
    seen = set()
    for number, fragment in enumerate(fragments(known)):
        for mask in (fragment, *(_derived(fragment) if number < _DERIVED else ())):
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


def _derived(text: str) -> Iterator[str]:
    data = encode(text)
    yield from _quoted(text)
    yield base64.b64encode(data).rstrip(b"=").decode()
    yield base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _quoted(text: str) -> set[str]:
    """Return how clients write a text in a URL; most texts are the same in all of them."""
    data = encode(text)
    written = {quote(data, safe=kept) for kept in _KEPT}
    written.add(quote(data, safe="*").replace("~", "%7E"))  # forms in browsers, and Java
    if "%" in text:  # some clients take it for quoted already, and write what needs no quotes without them
        known = encode(_NEEDLESS.sub(lambda found: unquote(found[0]), text))
        written |= {quote(known, safe=f"{kept}%") for kept in _KEPT}
    written |= {once.replace("%20", "+") for once in written}
    return written | {_HEX.sub(lambda found: found[0].lower(), once) for once in written}


def _json_forms(text: str) -> Iterator[str]:
    for ascii_only in (True, False):
        plain = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        for written in {plain.translate(escapes) for escapes in _IN_SCRIPTS}:
            yield written
            yield written.replace("/", "\\/")
            yield json.dumps(written, ensure_ascii=ascii_only)[1:-1]  # JSON in JSON


def _escaped(text: str) -> Iterator[str]:
    yield text
    yield from _quoted(text)
    yield from _json_forms(text)
    yield repr(text)[1:-1]
    yield repr(f'"{text}')[2:-1]  # beside the other quote, Python escapes both
    yield repr(encode(text))[2:-1]
    escaped = html.escape(text, quote=False)
    yield escaped
    yield html.escape(text)
    yield html.escape(text).replace("&#x27;", "&#39;")
    yield text.replace("'", "''")  # SQL and YAML
    yield text.replace("'", "'\"'\"'")  # `shlex.quote`
    yield text.replace("'", "'\\''")  # a shell's `set -x`
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
