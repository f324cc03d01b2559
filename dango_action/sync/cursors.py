"""The incremental cursor of a dlt resource: where it is declared, what its values are like, and a window in them.

With an `end_value` dlt keeps no state (dlt 1.31), so a cursor that is bounded here never moves the stored one.
"""

from __future__ import annotations

import inspect
import re
import typing
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pendulum
from dlt.common.jsonpath import compile_path, find_values
from dlt.extract.incremental import Incremental, IncrementalResourceWrapper
from dlt.extract.items_transform import BaseItemTransform, ItemTransform

from dango_action.errors import Problem, SourceError

if TYPE_CHECKING:
    from dlt.extract import DltResource

    from dango_action.protocol import Comparison
    from dango_action.window import Bound, Window

ANEW = "--full-refresh loads it anew; or leave it out by `resources:` of the source"
Number = int | float | Decimal
_TEXT = re.compile(
    r"\d{4}-\d\d-\d\d(?P<time>(?P<gap>[T ])\d\d:\d\d(?P<seconds>:\d\d(?:\.(?P<fraction>\d{1,9}))?)?"
    r"(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_MARGIN = timedelta(minutes=1)
"""Texts of one moment differ (`Z`, `+00:00`, `.000Z`), and so does their order: this much more is asked for."""
_OFFSETS = timedelta(hours=26)
"""From `-12:00` to `+14:00`: so far apart are texts of one moment. Offsets change with the season at least."""


def cursor_of(resource: DltResource) -> Incremental[Any] | None:
    """Return a copy of the cursor that dlt will bind, be it declared in the signature, handed over or a hint.

    Settings may change where it begins; a window takes the place of that anyway.
    """
    step = resource.incremental
    if not isinstance(step, IncrementalResourceWrapper):
        return step.copy() if step else None
    held = step.incremental
    if held and step._from_hints:  # noqa: SLF001 - hints rank before what is handed over, and nothing public says so
        return held.copy()
    function: Any = resource._pipe.gen  # noqa: SLF001 - there is no public way to it
    signature = inspect.signature(inspect.unwrap(function))
    parameter = IncrementalResourceWrapper.get_incremental_arg(signature)
    explicit = (resource.explicit_args if resource.args_bound else None) or {}  # a renamed copy has none
    given = explicit.get(parameter.name, held) if parameter else held
    default = parameter.default if parameter and isinstance(parameter.default, Incremental) else None
    found = default.copy() if default else None
    if isinstance(given, Incremental):
        found = found.merge(given) if found else given.copy()
    elif found and given is not None:
        found.initial_value = given
    if found is None or found.is_partial():
        return None
    if parameter and not hasattr(found, "__orig_class__"):
        _remember_type(found, parameter.annotation)
    return found


def _remember_type(cursor: Incremental[Any], annotation: Any) -> None:  # noqa: ANN401 - any annotation
    """Keep the type that an annotation like `incremental[int]` names where dlt looks for it."""
    for hint in (annotation, *typing.get_args(annotation)):
        if typing.get_origin(hint) is Incremental:
            cursor.__orig_class__ = hint


def position(value: object) -> datetime | Number | None:
    """Return the moment, in UTC, or the number that a cursor's value stands for; None if it is neither."""
    match _moment(value) if isinstance(value, str) else value:
        case datetime() as moment:
            return _utc(moment)
        case date() as day:
            return datetime.combine(day, time(), UTC)
        case (int() | float() | Decimal()) as number if not isinstance(number, bool):
            return number
    return None


def _moment(text: str) -> datetime | None:
    with suppress(ValueError, OverflowError):  # there is no such day, or no such day in UTC
        return _utc(datetime.fromisoformat(text)) if _TEXT.fullmatch(text) else None
    return None


def _utc(moment: datetime) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A window in a cursor's own values. `exact` is a step that takes away what a text range holds too much."""

    since: datetime | Number
    until: datetime | Number
    initial: Any
    end: Any
    exact: Between | None = None

    @property
    def kind(self) -> Comparison:
        """The type by which DuckDB compares the window's bounds."""
        match self.since, self.until:
            case datetime(), _:
                return "timestamptz"
            case int(), int():
                return "bigint"
            case (float(), _) | (_, float()):
                return "double"
        return "decimal(38, 18)"

    def bound(self, resource: DltResource, cursor: Incremental[Any]) -> None:
        """Let a resource load this range, whatever is stored of its cursor, and store nothing of it."""
        cursor.initial_value, cursor.end_value = self.initial, self.end
        cursor.range_start, cursor.range_end = "closed", "open"
        cursor.allow_external_schedulers = False
        if cursor.on_cursor_value_missing == "include":  # a row without a value lies in no window
            cursor.on_cursor_value_missing = "exclude"
        resource.apply_hints(incremental=cursor)  # a hint is kept where dlt copies the resource; a step is not
        if self.exact:
            resource.add_step(self.exact)


def range_of(cursor: Incremental[Any], stored: object, window: Window, *, clipped: bool) -> Range | Problem:
    """Return the window in the form of the cursor's values, or why there is no such thing.

    `stored` is the cursor's value so far. A window that is `clipped` ends there: the next sync loads the rest.
    """
    path, reached = cursor.cursor_path, position(stored)
    if cursor.last_value_func is not max:
        return Problem(what=f"its cursor `{path}` does not go up: `last_value_func` is not `max`", hint=ANEW)
    like = _like(cursor.initial_value if stored is None else stored, cursor.get_incremental_value_type())
    if like is None:
        hint = "sync it first, or give `dlt.sources.incremental` an `initial_value` like the values themselves"
        return Problem(
            what=f"the values of its cursor `{path}` are not known, or no times and no numbers", hint=hint
        )
    if isinstance(like, Number) != window.numeric:
        kind, others = ("number", "whole numbers") if isinstance(like, Number) else ("time", "dates or times")
        what = f"its cursor `{path}` is a {kind}, and the window has none"
        return Problem(what=what, hint=f"give `since` and `until` as {others}")
    if reached is None and (clipped or window.until is None):
        hint = "sync it first: the next sync would load the window's rows once more"
        return Problem(what=f"nothing is stored of its cursor `{path}`", hint=hint)
    until = _until(window.until, reached, clipped=clipped)
    if window.since >= until:
        hint = "sync it: that loads what comes after the stored cursor"
        return Problem(what=f"the window begins after all that its cursor `{path}` has passed", hint=hint)
    return _range(cursor, like, window.since, until)


def _until(asked: Bound | None, reached: Any, *, clipped: bool) -> Any:  # noqa: ANN401 - times, or numbers
    """Return where a window ends; without an end it holds the row at the stored cursor, unless it is clipped."""
    if asked is None:
        return reached if clipped else reached + 1
    return min(asked, reached) if clipped else asked


def _like(example: object, declared: object) -> object | None:
    """Return a value that is like those of the cursor; None if nobody knows."""
    if example is not None:
        return example if position(example) is not None else None
    if not isinstance(declared, type):
        return None
    if issubclass(declared, datetime):
        return pendulum.now("UTC") if issubclass(declared, pendulum.DateTime) else datetime.now(UTC)
    if issubclass(declared, date):
        return datetime.now(UTC).date()
    return declared(0) if issubclass(declared, Number) and declared is not bool else None


def _range(cursor: Incremental[Any], like: object, since: datetime | Number, until: datetime | Number) -> Range:
    plain = Range(since=since, until=until, initial=since, end=until)
    match like, since, until:
        case datetime(), datetime(), datetime():
            initial, end = (m if like.tzinfo else m.replace(tzinfo=None) for m in (since, until))
            # what the source's code reads has the type that it has given, and that dlt restores
            kind = type(cursor.initial_value) if isinstance(cursor.initial_value, datetime) else type(like)
            if issubclass(kind, pendulum.DateTime):
                initial, end = (pendulum.instance(m, tz=m.tzinfo) for m in (initial, end))
            return replace(plain, initial=initial, end=end)
        case date(), datetime(), datetime():
            return replace(plain, initial=_first_day(since), end=_first_day(until))
        case str(), datetime(), datetime():
            first, last = _text_bounds(like, since, until)
            exact = Between(cursor.cursor_path, since, until)
            return replace(plain, initial=first, end=last, exact=exact)
        case float() | Decimal(), _, _:
            return replace(plain, initial=type(like)(since), end=type(like)(until))  # type: ignore[arg-type]
    return plain


def _first_day(moment: datetime) -> date:
    """Return the first day that begins at this moment or later."""
    day = moment.date()
    return day if moment.time() == time() else day + timedelta(days=1)


def _text_bounds(like: str, since: datetime, until: datetime) -> tuple[str, str]:
    """Return bounds that look like a text, with a margin; a date has none, since it is the begin of a text."""
    form = _TEXT.fullmatch(like)
    if form is None or form["time"] is None:
        return since.date().isoformat(), _first_day(until).isoformat()
    margin = _MARGIN if form["zone"] in (None, "Z") else _OFFSETS
    return _written(since - margin, form), _written(until + margin, form)


def _written(moment: datetime, form: re.Match[str]) -> str:
    """Return a moment as a text of this form."""
    zone = form["zone"] or ""
    if zone not in ("", "Z"):
        moment = moment.astimezone(datetime.fromisoformat(form.string).tzinfo)
    digits = len(form["fraction"] or "")
    fraction = f".{moment.microsecond:06}000"[: digits + 1] if digits else ""
    seconds = f":{moment:%S}{fraction}" if form["seconds"] else ""
    return f"{moment.date().isoformat()}{form['gap']}{moment:%H:%M}{seconds}{zone}"


class Between(ItemTransform[Any, dict[str, Any]]):
    """A step that lets through the rows whose text lies in a window, whatever form it has."""

    placement_affinity = 1.1  # behind the cursor, and before a look's limit

    def __init__(self, path: str, since: datetime, until: datetime) -> None:
        BaseItemTransform.__init__(self)  # the class between wants a function to apply to each row
        self._path, self._since, self._until = compile_path(path), since, until

    def __call__(self, item: Any, meta: Any = None) -> Any:  # noqa: ANN401, ARG002 - dlt's signature
        """Return what of the item lies in the window, or None."""
        if isinstance(item, list):
            return list(filter(self._has, item)) or None
        return item if self._has(item) else None

    def _has(self, row: Any) -> bool:  # noqa: ANN401 - whatever the resource yields
        if hasattr(row, "shape"):
            what = "a cursor of texts in Arrow tables or data frames can't be held against a window"
            raise SourceError.because(what, "make the column a timestamp, or yield dicts")
        found = find_values(self._path, row)
        at = position(found[0]) if found else None
        return isinstance(at, datetime) and self._since <= at < self._until
