"""dlt's environment format: values by path in, the variables out from which dlt resolves the same values.

What dlt (1.31) makes of a variable's text depends on the type that a source asks for. A value comes back equal
as `str`, `bool`, `int`, `float`, `Decimal`, `bytes`, `date`, naive `time`, `datetime`, `list`, `Sequence`,
`dict`, `Mapping`, a `Literal` of one type, or an `Optional` of these, secret or not, and in specs within specs.

Of a mapping both are given, as dlt needs one or the other: its JSON for a parameter that is a `dict`, and each
of its leaves for a spec or a section. The JSON has two limits:

- A spec with a section of its own, as all credentials have, takes a text at its own name for its native form: a
  connection string, say. JSON there is an error, or the name of a DuckDB file. So a mapping whose name ends in
  `credentials` has leaves only; for a parameter `credentials: dict`, give the JSON as a text.
- It is left out where it would be too large, or not exact: JSON has no dates, bytes, decimals or infinite
  numbers, and dlt's has no integers over 64 bits. Then dlt misses the `dict`; it never gets another one.

A null counts as absent for dlt. It is kept in lists and in a mapping's JSON, and is a problem elsewhere.

What dlt can restore from no text, though it can from TOML:

- `Any`, or no type: it is the text. `dlt.secrets["key"]` guesses: "007" becomes 7.
- `tuple` and `TypedDict`: both are refused.
- another type than the value's own: 1.0 as an `int`, 2 as a `bool`.
"""

from __future__ import annotations

import base64
import contextlib
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson

from dango_action.config.words import show
from dango_action.errors import Position, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Path = tuple[str, ...]

LARGEST = 96 * 1024
"""Bytes of a variable's text. Linux takes 128 KiB for name and text, or starts no process any more."""
_LONGEST_NAME = 4096  # characters
_LISTED = 5  # paths in one message
_DEEPEST = 64  # parts of a path, and levels within a list; dlt's JSON takes 1024
_SMALLEST, _GREATEST = -(2**63), 2**64 - 1  # beyond these, dlt's JSON reads an integer as a float
# Below these, the second part names a section too: `[sources.shop]`, `[destination.duckdb]`.
_DOUBLE = frozenset({"sources", "destination"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable, and the path of its value; `table`: the text is the JSON of the mapping at that path."""

    name: str
    path: Path
    text: str = field(repr=False)
    table: bool = False


def variable_name(path: Path) -> str:
    """Return the name under which dlt looks for a path: `SOURCES__SHOP__API_KEY`.

    A path of one part is the name of a variable as it is, also in small letters, for whoever reads it from the
    environment. dlt asks for names in capitals only.
    """
    return path[0] if len(path) == 1 else "__".join(path).upper()


def variables(
    values: Mapping[Path, Any], places: Mapping[Path, Position] = {}, *, tables: bool = False
) -> tuple[list[Variable], list[Problem]]:
    """Return the variables for all values that have any, and a problem for each value that has none.

    Mappings may be given whole or by their leaves. One given whole at a path of one part is JSON under that name.
    Two values with one name have no variable: which one dlt would get is not for us to choose.

    `tables` is for a receiver that hands dlt the mapping and not the text where `Variable.table` says so: then
    credentials have their JSON too. Without it the variables are right as they are.
    """
    where = _Places.of(places)
    tree, problems = _tree(values, where)
    whole = {path[0] for path, value in values.items() if len(path) == 1 and isinstance(value, Mapping)}
    writer = _Writer(whole=whole, places=where, tables=tables, problems=problems)
    writer.walk(tree)
    clashes = _clashes(writer.found)
    problems += [_clash(name, clash, where) for name, clash in clashes.items() if not _repeats(clash, clashes)]
    return [variable for variable in writer.found if variable.name not in clashes], problems


@dataclass(frozen=True, slots=True)
class _Places:
    """Where values stand; `heads` has the place of the first value in a mapping that was given by its leaves."""

    given: Mapping[Path, Position]
    heads: Mapping[Path, Position]

    @classmethod
    def of(cls, given: Mapping[Path, Position]) -> _Places:
        heads: dict[Path, Position] = {}
        for path, at in given.items():
            for length in range(1, min(len(path), _DEEPEST)):
                heads.setdefault(path[:length], at)
        return cls(given, heads)

    def at(self, path: Path) -> Position | None:
        """Return the place of a value, else of the mapping that it was given in, else of the first one in it."""
        known = (self.given.get(path[:length]) for length in (len(path), *range(_DEEPEST, 0, -1)))
        return next((at for at in known if at), self.heads.get(path))

    def problem(self, problem: Problem, path: Path, culprit: Path | None = None) -> Problem:
        """Return the problem with the name of a value, and the place of it or of another one."""
        return replace(problem, what=f"`{_dotted(path)}` {problem.what}", at=self.at(culprit or path))


@dataclass(slots=True, kw_only=True)
class _Writer:
    """Goes through a tree of mappings and writes what it finds down as variables."""

    whole: set[str]
    places: _Places
    tables: bool
    problems: list[Problem]
    found: list[Variable] = field(default_factory=list)

    def walk(self, tree: dict[str, Any], path: Path = (), *, carried: bool = False) -> None:
        """Write a mapping; `carried`: the JSON of one around it holds it already."""
        if path and self._has_json(path) and not _name_problem(path):
            text = _json(tree)
            if text and len(text.encode()) <= LARGEST:
                self.found.append(Variable(name=variable_name(path), path=path, text=text, table=True))
                carried = True
        for key, value in tree.items():
            if isinstance(value, dict):
                self.walk(value, (*path, key), carried=carried)
            else:
                self._leaf((*path, key), value, carried=carried)

    def _has_json(self, path: Path) -> bool:
        first, native = path[0].lower(), path[-1].lower().endswith("credentials") and not self.tables
        if len(path) == 1:
            return path[0] in self.whole and first not in {*_DOUBLE, "credentials"}
        return len(path) > 1 + (first in _DOUBLE) and not native

    def _leaf(self, path: Path, value: object, *, carried: bool) -> None:
        problem = _name_problem(path) or (_NULL if value is None else None)
        if problem and carried:
            return  # no field of a spec has such a name or value, and a `dict` has it from the JSON
        text = problem or _text(value)
        if isinstance(text, str):
            text = _text_problem(text) or text
        if isinstance(text, Problem):
            self.problems.append(self.places.problem(text, path))
        else:
            self.found.append(Variable(name=variable_name(path), path=path, text=text))


def _tree(values: Mapping[Path, Any], places: _Places) -> tuple[dict[str, Any], list[Problem]]:
    """Return all values as one mapping of mappings, and what does not fit into it."""
    tree: dict[str, Any] = {}
    problems: dict[Path, Problem] = {}
    for given, whole in values.items():
        for path, value in _leaves(given, whole):
            problem = _path_problem(path)
            if problem:
                problems[path] = places.problem(problem, path)
            elif taken := _put(tree, path, value):
                where, problem = taken
                problems[where] = places.problem(problem, where, path)
    return tree, list(problems.values())


def _leaves(path: Path, value: object) -> Iterator[tuple[Path, Any]]:
    """Give what is in a mapping, at any depth, with its path; an empty mapping is a leaf."""
    todo = [(path, value)]
    while todo:
        at, value = todo.pop()
        if isinstance(value, Mapping) and len(at) <= _DEEPEST:
            todo += [((*at, key), below) for key, below in reversed(list(value.items()))]
            if not value:
                yield at, {}
        else:
            yield at, value


def _put(tree: dict[str, Any], path: Path, value: object) -> tuple[Path, Problem] | None:
    """Put a leaf into the tree, unless something stands in its way: then return where, and why."""
    for depth, part in enumerate(path[:-1], start=1):
        below: object = tree.setdefault(part, {})
        if not isinstance(below, dict):
            return path[:depth], _BELOW
        tree = below
    if path[-1] not in tree:
        tree[path[-1]] = value
        return None
    tables = {isinstance(tree[path[-1]], dict), isinstance(value, dict)}
    return None if tables == {True} else (path, _BELOW if True in tables else _TWO)


def _path_problem(path: tuple[object, ...]) -> Problem | None:
    if not path:
        return Problem(what="has no name", hint="give it one")
    if not all(isinstance(part, str) for part in path):
        return Problem(what="has a name that is no text", hint="put the name in quotes")
    if len(path) > _DEEPEST:
        return Problem(what=f"is nested deeper than {_DEEPEST} levels", hint="nest it less deep")
    return None


def _name_problem(path: Path) -> Problem | None:
    name = variable_name(path)
    if not all(path):
        return Problem(what="has a name with an empty part", hint="a name is made of words with `.` between them")
    if "=" in name or "\0" in name or _size(name) is None:
        return Problem(what="has a name that no variable can have", hint="use letters, digits and `_`")
    if len(name) > _LONGEST_NAME:
        return Problem(what=f"has a name of more than {_LONGEST_NAME:,} characters", hint="shorten it")
    return None


_KINDS = {dict: "a name that is no text", int: "an integer of over 64 bits", float: "a number that is not finite"}
_NULL = Problem(what="is null, which no variable can hold", hint="remove it: dlt uses the default then")
_TWO = Problem(what="is given twice", hint="remove one of the two")
_BELOW = Problem(what="has a value, and other values below it", hint="keep the value, or those below it")


def _text(value: object) -> str | Problem:  # noqa: PLR0911 - a table of types
    """Return what dlt reads the value from; where it is asked for a `str`, that is what TOML would give it."""
    match value:
        case str() | bool() | Decimal():
            return str(value)
        case float():
            return float.__repr__(value)
        case int():
            with contextlib.suppress(ValueError):  # Python's limit of 4300 digits, which holds in dlt too
                return str(int(value))
            return Problem(what="is an integer with too many digits", hint="if it is text, put it in quotes")
        case bytes():
            return _binary(value)
        case date() | time():
            return _offset_problem(value) or value.isoformat()
        case list():
            what = f"is a list with {_inexact(value) or 'text that is no Unicode'}, which dlt can't restore"
            return _json(value) or Problem(what=what, hint="write it as text, in quotes")
    what = f"is a value of type {show(type(value).__name__)}, which no variable can hold"
    return Problem(what=what, hint="write it as text, in quotes")


def _binary(value: bytes) -> str:
    """Return base64; hex where dlt would take the base64 for hex, and of nothing, as an empty text is absent."""
    text = base64.b64encode(value).decode()
    return f"0x{value.hex()}" if not text or text.startswith("0x") else text


def _offset_problem(value: date | time) -> Problem | None:
    if isinstance(value, time) and value.tzinfo is not None:
        return Problem(what="is a time of day with an offset, which dlt drops", hint="write it without the offset")
    offset = value.utcoffset() if isinstance(value, datetime) else None
    if offset is not None and offset.total_seconds() % 60:
        return Problem(what="has an offset with seconds, which dlt can't read", hint="write it in UTC")
    return None


def _text_problem(text: str) -> Problem | None:
    size = _size(text)
    if size is None:
        return Problem(what="holds half of a surrogate pair, which is no text", hint="write it as UTF-8 text")
    if "\0" in text:
        return Problem(what="holds a NUL, which no variable can", hint="if it is no text, give it as base64")
    if size > LARGEST:
        what = f"is larger than {LARGEST // 1024} KiB, the most that a variable may hold"
        return Problem(what=what, hint="put it into a file or a store that the source reads")
    return None


def _size(text: str) -> int | None:
    """Return how many bytes a text has in UTF-8; None if it is no Unicode."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return None


def _json(value: dict[str, Any] | list[Any]) -> str | None:
    """Return JSON from which dlt restores an equal value; None if there is none."""
    if _inexact(value):
        return None
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # half of a surrogate pair
        return None


def _inexact(value: object) -> str | None:
    """Return what it is, in a list or a mapping, that does not come back from JSON; None if all does."""
    level = [value]
    for _ in range(_DEEPEST + 1):
        if not level:
            return None
        below: list[Any] = []
        for item in level:
            if isinstance(item, list):
                below += item
            elif isinstance(item, dict) and all(isinstance(key, str) for key in item):
                below += item.values()
            elif not _is_exact(item):
                return _KINDS.get(type(item)) or f"a value of type {show(type(item).__name__)}"
        level = below
    return "too many levels"


def _is_exact(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str) or (isinstance(value, int) and _SMALLEST <= value <= _GREATEST)


def _clashes(found: Iterable[Variable]) -> dict[str, list[Path]]:
    """Return the paths of those variables that have one name."""
    paths: dict[str, list[Path]] = defaultdict(list)
    for variable in found:
        paths[variable.name].append(variable.path)
    return {name: held for name, held in paths.items() if len(held) > 1}


def _repeats(paths: list[Path], clashes: Mapping[str, list[Path]]) -> bool:
    """Return whether these clash only because the mappings around them do, which is said already."""
    around = [path[:-1] for path in paths]
    return clashes.get(variable_name(around[0])) == around


def _clash(name: str, paths: list[Path], places: _Places) -> Problem:
    named = [f"`{_dotted(path)}`{f' at {at}' if (at := places.at(path)) else ''}" for path in paths[:_LISTED]]
    named += [f"{len(paths) - _LISTED} more"] * (len(paths) > _LISTED)
    what = f"{', '.join(named[:-1])} and {named[-1]} are one variable for dlt: {show(name)}"
    return Problem(what=what, hint="keep one of them, or rename one", at=places.at(paths[-1]))


def _dotted(path: Path) -> str:
    return show(".".join(map(str, path)))
