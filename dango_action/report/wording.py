"""The sentences of console, log and summary, so that all of them say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dango_action.results import RunResult, SourceResult, TableResult

_MOST_TABLES = 6
_MOST_NAMES = 5


def outcome(source: SourceResult) -> str:
    """Return why a source failed, or what it has loaded, in one line without its name."""
    if source.cause:
        return source.cause
    if source.preview:  # a look
        return f"looked at {counted(source.rows, 'row')} ({tables(source)}); nothing was loaded"
    rows = counted(source.rows, "row") if source.changed else "up to date, 0 new rows"
    return f"{rows} ({tables(source)})" if source.tables else rows


def tables(source: SourceResult) -> str:
    """Return the rows of each table, the largest first."""
    ordered = sorted(source.tables, key=lambda table: (-table.rows, table.name))
    shown = [_table(table) for table in ordered[:_MOST_TABLES]]
    hidden = len(ordered) - len(shown)
    return ", ".join([*shown, f"and {hidden} more"] if hidden else shown)


def _table(table: TableResult) -> str:
    discarded = f", {table.discarded:,} discarded by the schema contract" if table.discarded else ""
    return f"{table.name} {table.rows:,}{discarded}"


def headline(result: RunResult) -> str:
    """Return how a whole run fared in one line."""
    ok = sum(source.status == "ok" for source in result.sources)
    took = f"in {result.seconds:.1f} s"
    if not result.sources:
        return f"Nothing was synced {took}" if result.problems else "Nothing to do: no enabled source is selected"
    of = f"{ok} of {counted(len(result.sources), 'source')}"
    lead = _unwell(result)
    if result.mode == "look":
        window = f" from {result.window}" if result.window else ""
        return f"{lead}Looked at {counted(result.rows, 'row')} of {of}{window} {took}; nothing was loaded"
    window = f" (backfill of {result.window})" if result.window else ""
    return f"{lead}Loaded {counted(result.rows, 'row')} from {of} into {result.target} {took}{window}"


def _unwell(result: RunResult) -> str:
    """Return which sources failed or were stopped, before anything else is said."""
    names = [source.name for source in result.sources if source.status != "ok"]
    if not names:
        return ""
    hidden = len(names) - _MOST_NAMES
    shown = ", ".join([*names[:_MOST_NAMES], f"and {hidden} more"] if hidden > 0 else names)
    return f"{shown} {'failed' if result.status == 'failed' else 'stopped'}. "


def counted(number: int, noun: str) -> str:
    """Return `1 row`, `2 rows`, `1,000 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
