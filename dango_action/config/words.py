"""The phrases that problems are made of."""

from __future__ import annotations

import difflib
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 80
# A file can have thousands of sources, each with a mistake; these keep the time and the messages short.
_COMPARED = 100
_LISTED = 20


def show(text: str) -> str:
    """Return the text as it may stand in one line of a message: nothing unprintable, and not endless.

    Without this, a name could carry a newline and a `::command::` into the log of a runner.
    """
    short = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in short)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the hint for a word that is none of the known ones."""
    listed = list(islice(known, _COMPARED))
    # The nearest is looked for in small letters too: `Evolve` is nearer to `evolve` than difflib thinks.
    for spelling in (word[:_LONGEST], word[:_LONGEST].lower()):
        near = difflib.get_close_matches(spelling, listed, 1)
        if near:
            return f"did you mean `{near[0]}`?"
    return f"use one of: {', '.join(listed[:_LISTED])}{', …' if len(listed) > _LISTED else ''}"
