"""One setting with two values in two places: the run goes on with the first, and says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dango_action.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dango_action.config.model import Source
    from dango_action.credentials.held import Credentials


def conflicts(source: Source, credentials: Credentials) -> Iterator[Problem]:
    """Give a warning for each setting of a source that has different values in different places, never a value."""
    for first, *rest in credentials.settings_held(source).values():
        others = [held.label for held in rest if not _same(held.text, first.text)]
        if others:
            yield Problem(
                what=f"source `{source.name}` has two values for one setting: in {first.label}, "
                f"and another in {' and in '.join(others)}",
                hint=f"the one in {first.label} is used; remove the other",
            )


def _same(one: str, other: str) -> bool:
    if one == other or {one.lower(), other.lower()} in ({"true"}, {"false"}):
        return True
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False
