"""Why packages were not installed: uv's own words, at the line that is to blame as far as trying it tells."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from dango_action.errors import Position, Problem
from dango_action.machine import free
from dango_action.requirements.asked import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dango_action.installing.uv import Said, Uv
    from dango_action.requirements.asked import Asked, Wanted

_NOT_THAT_WAY = 1
"""uv's exit status if packages can't be had as they are asked for; 2 says that it could not find that out."""
_MOST_TRIED = 30
_LONGEST_TRIAL = 60.0  # seconds for all lines
_LONGEST = 1500  # characters of what uv says, in one problem
_FULL = 1024 * 1024  # bytes; with less nothing can be installed
_START = Position(file=FILE, line=1, column=1)


def problems(uv: Uv, asked: Asked, said: Said) -> list[Problem]:
    """Return what is wrong, one problem for each line that can't be installed by itself."""
    if said.status is None:
        hint = "nothing was synced; ask for less, or run again if the index was slow"
        return [Problem(what="the packages were not installed in 20 minutes", hint=hint, at=_START)]
    if free(uv.folder) < _FULL:
        hint = "nothing was synced; ask for less, or free some of the disk before this step"
        return [Problem(what="the packages do not fit on the disk", hint=hint, at=_START)]
    if said.status != _NOT_THAT_WAY:
        hint = "nothing was synced; if the index did not answer, run again"
        return [Problem(what=f"uv could not look for the packages: {_words(said)}", hint=hint, at=_START)]
    if uv.install(asked, asked.wanted, dry=True, longest=_LONGEST_TRIAL).status == 0:
        return [_not_brought(uv, asked, said)]
    found = list(_alone(uv, asked))
    if found:
        return [_problem(f"`{one.name}` can't be installed: ", own, one, asked) for one, own in found]
    return [_problem("these packages can't be installed together: ", said, None, asked)]


def _not_brought(uv: Uv, asked: Asked, said: Said) -> Problem:
    """Return the problem of packages that go together, and that could not be put into place."""
    at = asked.wanted[0].at if len(asked.wanted) == 1 else _START
    hint = (
        "nothing was synced. The packages go together, so it was a download, a hash or the disk, "
        f"of which {free(uv.folder) // 1_000_000:,} MB are free"
    )
    return Problem(what=f"the packages were found, and not installed: {_words(said)}", hint=hint, at=at)


def _alone(uv: Uv, asked: Asked) -> Iterator[tuple[Wanted, Said]]:
    """Try each line by itself, without installing anything, and give those that fail by themselves."""
    until = time.monotonic() + _LONGEST_TRIAL
    for one in asked.wanted[:_MOST_TRIED]:
        left = until - time.monotonic()
        if left <= 0:
            return
        said = uv.install(asked, [one], dry=True, longest=left)
        if said.status == _NOT_THAT_WAY:
            yield one, said


def _problem(what: str, said: Said, one: Wanted | None, asked: Asked) -> Problem:
    hint = "change the line; what dango is made with keeps its versions"
    if one is not None and one.name not in asked.built:
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        hint += f". If it has no wheel for Python {python} here, `--no-binary {one.name}` lets its code be built"
    return Problem(what=f"{what}{_words(said)}", hint=hint, at=one.at if one else _START)


def _words(said: Said) -> str:
    words = " ".join(said.text.split()).replace("`", "'")
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} …"
