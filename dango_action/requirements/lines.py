"""The lines of a requirements file as pip reads them, joined and without comments, with their places."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dango_action.errors import Position

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_HASH = re.compile(r"\s+--hash(?:\s*=\s*|\s+)(\S+)")


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
        bare = _COMMENT.sub("", held)
        if bare.strip():
            column = len(bare) - len(bare.lstrip()) + 1
            hashes = tuple(_HASH.findall(bare))
            at = Position(file=file, line=start, column=column)
            yield Line(text=_HASH.sub("", bare).strip(), hashes=hashes, at=at)
        held, start = "", 0
