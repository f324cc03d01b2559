"""From which rows on each table is read: its cursor, and what the new rows do to the old ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from dlt.extract.incremental import Incremental

from dango_action.config.words import did_you_mean
from dango_action.errors import ConfigError, Problem
from dango_action.sources.sql.choice import by_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ORDERED = (sa.Integer, sa.Numeric, sa.Double, sa.Date, sa.DateTime)


@dataclass(frozen=True, slots=True, kw_only=True)
class Increment:
    """The column that says which rows are new, and how far before its last value they are read again."""

    column: str
    lag: float | None

    def cursor(self) -> Incremental[Any]:
        """Return it as dlt has it.

        Rows at the last value are always read again, and merged: one that has changed since may still have it.
        Rows without a value are read each time.
        """
        return Incremental(self.column, primary_key=(), on_cursor_value_missing="include", lag=self.lag or None)


def increments(tables: Sequence[sa.Table], values: Mapping[str, Any], of: str) -> dict[str, Increment]:
    """Return the cursor of each table that has one: by `incremental`, else by `cursor` if it has a primary key.

    Raises:
        ConfigError: a pattern fits no table, or a column is not there, or can't be a cursor; all are named.

    """
    asked: Mapping[str, Any] = values.get("incremental") or {}
    by_name = {table.name: table for table in tables}
    found = dict[str, Increment]()
    problems = list[Problem]()
    for name, word in by_pattern(asked, sorted(by_name), "incremental", of):
        column, lag = _word(word, name)
        if flaws := list(_flaws(by_name[name], column)):
            problems += flaws
        else:
            found[name] = Increment(column=column, lag=_lag(by_name[name], column, lag, values))
    if common := values.get("cursor"):
        for name, table in by_name.items():
            # without a key, old forms of rows would stay unasked for
            fits = bool(table.primary_key.columns) and not list(_flaws(table, common))
            if name not in found and fits:
                found[name] = Increment(column=common, lag=_lag(table, common, None, values))
        if not any(one.column == common for one in found.values()):
            hint = "name a column that they have, or that of each table in `incremental`"
            what = f"no table with a primary key has a column `{common}` to be its `cursor`"
            problems.append(Problem(what=what, hint=hint))
    if problems:
        raise ConfigError(*problems)
    return found


def _word(word: object, table: str) -> tuple[str, float | None]:
    match word:
        case str():
            return word, None
        case {"cursor": str() as column, **rest}:
            lag = rest.pop("lag", None)
            if not rest and (lag is None or (isinstance(lag, int | float) and not isinstance(lag, bool))):
                return column, lag
    hint = f"write `{table}: updated_at`, or `{table}: {{cursor: updated_at, lag: 60}}`"
    raise ConfigError.because(f"`incremental` of `{table}` must be the name of a column", hint)


def _flaws(table: sa.Table, column: str) -> Iterator[Problem]:
    if column not in table.columns:
        what = f"`incremental`: the table `{table.name}` has no column `{column}`"
        yield Problem(what=what, hint=did_you_mean(column, list(table.columns.keys())))
    elif not isinstance(table.columns[column].type, _ORDERED):
        what = f"`{table.name}.{column}` can't be a cursor: it is no number and no time"
        yield Problem(what=what, hint="the order of texts differs between databases; take another column")
    elif not column.isidentifier():
        what = f"`{table.name}.{column}` can't be a cursor: dlt would take its name for a path"
        yield Problem(what=what, hint="a view may give it another name")


def _lag(table: sa.Table, column: str, own: float | None, values: Mapping[str, Any]) -> float | None:
    """Return how far to go back: by itself only in times, since the steps of numbers have no common measure."""
    if own is not None:
        return own
    return values.get("lag") if isinstance(table.columns[column].type, sa.DateTime) else None
