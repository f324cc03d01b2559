"""The dotted paths of secrets, as dlt and TOML write them: `sources.shop.api_key`, `sources."a.b".token`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 500  # characters as written; YAML takes a key of at most 1024, and quotes can double the length

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def parse(text: str) -> tuple[str, ...] | str:
    """Return the parts of a path, or the reason why this is none.

    A part is made of ASCII letters, digits, `_` and `-`, or is quoted, with the escapes of JSON. The reason never
    quotes the text: somebody may have put a secret in its place.
    """
    if len(text) > LONGEST:
        return f"it has {len(text):,} characters, and the most is {LONGEST}"
    parts: list[str] = []
    at = 0
    while True:
        found = _QUOTED.match(text, at) or _PLAIN.match(text, at)
        part = _unquoted(found[0]) if found else None
        if found is None or not part:
            return _reason(text, at)
        parts.append(part)
        at = found.end()
        if at == len(text):
            break
        if text[at] != ".":
            return _reason(text, at)
        at += 1
    # Quoting may have made it longer: what can be read must also be writable.
    return tuple(parts) if len(format_path(parts)) <= LONGEST else "it is too long"


def format_path(parts: Iterable[str]) -> str:
    """Return the path as one printable line; `parse` gives the same parts back."""
    return ".".join(part if _PLAIN.fullmatch(part) else _quoted(part) for part in parts)


def encoded(parts: tuple[str, ...]) -> bytes:
    """Return bytes that no other path has: each part after its length."""
    return b"".join(len(raw).to_bytes(4) + raw for raw in (part.encode() for part in parts))


def _quoted(part: str) -> str:
    text = json.dumps(part, ensure_ascii=False)
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def _unquoted(text: str) -> str | None:
    """Return what a part stands for; None if its escapes are wrong or it holds what no variable can."""
    if not text.startswith('"'):
        return text
    try:
        part = json.loads(text)
        part.encode()  # half of a surrogate pair is no text
    except ValueError:
        return None
    return part if isinstance(part, str) and "\0" not in part else None


def _reason(text: str, at: int) -> str:
    if not text:
        return "it is empty"
    if at >= len(text) or text[at] == ".":
        return f"a part is missing at character {at + 1}"
    if text[at] == '"':
        return f"the part in quotes at character {at + 1} is empty, not closed, or not as JSON has it"
    return f"character {at + 1} can't stand in it without quotes"
