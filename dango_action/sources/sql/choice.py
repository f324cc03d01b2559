"""Which tables of a database are synced: names and globs, each of which has to fit something."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, TypeVar

from dango_action.config.words import did_you_mean
from dango_action.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

DLT = "_dlt_"
"""How the names of dlt's own tables begin; a database that dlt has loaded into has them, too."""
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """What has rows in a database. A `part` is a partition, whose rows its table has, too."""

    name: str
    kind: Literal["table", "view", "part"] = "table"


def chosen(relations: Collection[Relation], include: Sequence[str], exclude: Sequence[str], of: str) -> list[str]:
    """Return the names of what is synced: without patterns, all tables; else the tables and views that one fits.

    A partition is only synced by its exact name. `of` is what has them, for people.

    Raises:
        ConfigError: a pattern to include fits nothing, all of these are named; or nothing is left.

    """
    if problems := list(_unfit(relations, include, "tables", of)):
        raise ConfigError(*problems)
    named = {one.name for one in relations if one.name in include}
    fitting = {
        one.name
        for one in relations
        if one.kind != "part" and (_fits(one.name, include) if include else one.kind == "table")
    }
    left = sorted(one for one in named | fitting if not _fits(one, exclude) and not one.startswith(DLT))
    if relations and not left:
        hint = "name some in `tables`, views among them; or take something out of `exclude`"
        raise ConfigError.because(f"no table of {of} is left to sync", hint)
    return left


def by_pattern(
    patterns: Mapping[str, _Value], names: Sequence[str], parameter: str, of: str
) -> Iterator[tuple[str, _Value]]:
    """Give the value for each name: that of its own name, else that of the first pattern that fits it.

    Raises:
        ConfigError: a pattern fits no name; all of these are named.

    """
    relations = [Relation(name=name) for name in names]
    if problems := list(_unfit(relations, list(patterns), parameter, of)):
        raise ConfigError(*problems)
    for name in names:
        if name in patterns:
            yield name, patterns[name]
        elif fitting := [value for pattern, value in patterns.items() if _fits(name, [pattern])]:
            yield name, fitting[0]


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def _unfit(relations: Collection[Relation], patterns: Sequence[str], parameter: str, of: str) -> Iterator[Problem]:
    names = sorted(one.name for one in relations)
    for pattern in patterns:
        if _fits_any(pattern, names):
            continue
        if pattern.startswith("!"):
            hint = f"to leave tables out, write `exclude: [{pattern[1:]}]`"
        else:
            hint = did_you_mean(pattern, names) if names else f"{of} has no tables that this user sees"
        yield Problem(what=f"`{pattern}` in `{parameter}` fits no table of {of}", hint=hint)


def _fits_any(pattern: str, names: Sequence[str]) -> bool:
    return any(_fits(name, [pattern]) for name in names)
