"""The lines of a requirements file as pip reads them, joined and without comments, with their places."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dango_action.errors import Position

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_COMMENT = re.compile(r"(?<!\S)#")
_HASH = "--hash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One requirement or option. Its hashes are apart, and `at` is where its first word stands."""

    text: str
    hashes: tuple[str, ...]
    at: Position


def lines(text: str, file: str) -> Iterator[Line]:
    """Give what a file asks for, line by line; what is empty or a comment asks for nothing."""
    held, start = "", 0
    for number, raw in enumerate([*_LINE_BREAK.split(text), ""], 1):
        goes_on = raw.endswith("\\") and not raw.lstrip().startswith("#")
        start = start or number
        held += raw[:-1] if goes_on else raw
        if goes_on:
            continue
        bare = _COMMENT.split(held, 1)[0]
        if bare.strip():
            at = Position(file=file, line=start, column=len(bare) - len(bare.lstrip()) + 1)
            rest, hashes = _without_hashes(bare)
            yield Line(text=rest.strip(), hashes=hashes, at=at)
        held, start = "", 0


def _without_hashes(text: str) -> tuple[str, tuple[str, ...]]:
    """Return what stands before the hashes of a line, and these."""
    words, hashes = iter(text.split() if _HASH in text else ()), []
    rest = []
    for word in words:
        name, is_joined, value = word.partition("=")
        if name == _HASH:
            hashes.append(value if is_joined else next(words, ""))
        else:
            rest.append(word)
    return (" ".join(rest) or text, tuple(hashes))
