"""A backfill: a source loads a window, and its stored cursors stay where they are.

Each cursor is bounded at both ends, which dlt keeps no state of, and what the source's own code has written into
its state meanwhile stays out of the load.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dango_action.errors import ConfigError, Problem, SourceError
from dango_action.protocol import Clearing
from dango_action.sync.cursors import ANEW, Range, cursor_of, range_of
from dango_action.sync.fillable import Part, parts, refusal, unfillable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import dlt
    from dlt.common.schema import Schema
    from dlt.extract import DltResource, DltSource
    from dlt.extract.incremental import Incremental

    from dango_action.window import Window

_STATE = "_dlt_pipeline_state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a load is to clear once it has brought its rows, and the tables that keep theirs, for want of any."""

    clears: list[Clearing] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounded:
    """A cursor, the place in dlt's state that it is kept at, what is kept there, and the window in its values."""

    place: tuple[str, ...]
    cursor: Incremental[Any]
    stored: Any
    span: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """A source that loads a window, and why some of its selected resources stay as they are.

    `appends` has the range of each resource whose rows replace those of the window.
    """

    source: DltSource
    left_out: dict[str, str]
    appends: list[tuple[Part, Range]]
    cursors: list[_Bounded]

    def settle(self, pipeline: dlt.Pipeline, rows: Mapping[str, int]) -> Settled:
        """Return what goes with the load, and take dlt's state out of what is normalized.

        Raises:
            ConfigError: a table can't be cleared; all of them are named.
            SourceError: a cursor has moved, so it was not bounded.

        """
        moved = [
            cursor.place[2] for cursor in self.cursors if _last_value(pipeline, cursor.place) != cursor.stored
        ]
        if moved:
            what = f"resource `{moved[0]}` has loaded more than the window: it makes its cursor anew while it runs"
            raise SourceError.because(what, "nothing was changed; --full-refresh loads all of it anew")
        for load_id in pipeline.list_normalized_load_packages():
            for job in pipeline.get_load_package_info(load_id).jobs["new_jobs"]:
                if job.job_file_info.table_name == _STATE:
                    Path(job.file_path).unlink()
        schema, settled = pipeline.schemas[self.source.schema.name], Settled()
        problems: list[Problem] = []
        for part, span in self.appends:
            if part.table not in schema.tables:  # nothing has ever come
                continue
            if not rows.get(part.table):
                settled.kept.append(part.table)
                continue
            problems += _unclear(schema, part)
            settled.clears.append(_clearing(schema, part, span))
        if problems:
            raise ConfigError(*problems)
        return settled


def bounded(source: DltSource, window: Window, pipeline: dlt.Pipeline, *, look: bool) -> Backfill:
    """Let a source load a window. A look loads nothing into the target, so it needs no more than cursors.

    Raises:
        ConfigError: it can't be, or nothing of it; all reasons are named.

    """
    if not look and source.schema.name not in pipeline.schemas:
        hint = "sync it first: a backfill loads again what a sync has passed"
        raise ConfigError.because("this source was never synced, so there is nothing to fill", hint)
    selected = list(parts(source))
    appending = set() if look else {part.resource.name for part in selected if part.way == "append"}
    found = dict(_ranges(source, window, pipeline, appending))
    reasons = {part.resource.name: _idle(part, found) for part in selected}
    left_out = {name: problem for name, problem in reasons.items() if problem}
    chosen = [part for part in selected if part.resource.name not in left_out]
    problems = [] if look else [problem for part in chosen for problem in unfillable(part, source)]
    if not chosen:
        problems = [refusal(name, problem.what, problem.hint) for name, problem in left_out.items()]
    if problems:
        raise ConfigError(*problems)
    source = source.with_resources(*(part.resource.name for part in chosen))
    ranges = {key: one for key, one in found.items() if isinstance(one, _Bounded)}
    running = [(resource, ranges[key]) for key, resource in _extracted(source) if key in ranges]
    for resource, one in running:
        one.span.bound(resource, one.cursor)
    return Backfill(
        source=source,
        left_out={name: problem.what for name, problem in left_out.items()},
        appends=[(part, ranges[part.key].span) for part in chosen if part.resource.name in appending],
        cursors=[one for _, one in running],
    )


def _ranges(
    source: DltSource, window: Window, pipeline: dlt.Pipeline, appending: Collection[str]
) -> Iterator[tuple[str, _Bounded | Problem]]:
    """Give the cursors of all resources that run, with the window in their values, or why there is none."""
    for key, resource in _extracted(source):
        if cursor := cursor_of(resource):
            place = (source.schema.name, "resources", resource.name, "incremental", cursor.cursor_path)
            stored = _last_value(pipeline, place)
            span = range_of(cursor, stored, window, clipped=resource.name in appending)
            if isinstance(span, Range):
                yield key, _Bounded(place=place, cursor=cursor, stored=stored, span=span)
            else:
                yield key, span


def _last_value(pipeline: dlt.Pipeline, place: tuple[str, ...]) -> Any:  # noqa: ANN401 - any value of a cursor
    """Return what dlt has in its state as the last value of a cursor; None if there is none."""
    kept: Any = pipeline.state.get("sources", {})
    for key in place:
        kept = kept.get(key, {})
    return kept.get("last_value")


def _idle(part: Part, found: Mapping[str, _Bounded | Problem]) -> Problem | None:
    """Return why a window leaves a resource as it is, if it does."""
    if part.cursor is None and (not part.fed or part.way == "replace"):
        return Problem(what="no incremental cursor bounds it", hint=ANEW)
    ranges = (found.get(key) for key in part.lineage)
    return next((wrong for wrong in ranges if isinstance(wrong, Problem)), None)


def _extracted(source: DltSource) -> Iterator[tuple[str, DltResource]]:
    """Give the resources that run, each once and with its key: the selected ones, and those that feed them."""
    for key, pipe in {pipe.instance_id: pipe for pipe in source.resources.extracted_pipes}.items():
        yield key, source.resources.with_pipe(pipe)


def _unclear(schema: Schema, part: Part) -> Iterator[Problem]:
    """Give why the rows of a window can't be told in a table."""
    columns = schema.get_table_columns(part.table)
    if part.column not in columns:
        yield refusal(
            part.resource.name,
            f"its cursor is no column of the table `{part.table}`: there is no `{part.column}`",
            f"a map or a rename may have taken it away; {ANEW}",
        )
    if "_dlt_load_id" not in columns:
        yield refusal(
            part.resource.name,
            f"the rows of `{part.table}` don't say which load has brought them, as Arrow tables don't",
            "set `add_dlt_load_id = true` in `[normalize.parquet_normalizer]` of .dlt/config.toml",
        )
    others = [
        table["name"]
        for table in schema.data_tables()
        if table.get("resource") == part.resource.name and table["name"] != part.table and not table.get("parent")
    ]
    if others:
        yield refusal(
            part.resource.name,
            f"it writes to further tables: {', '.join(f'`{name}`' for name in others)}",
            ANEW,
        )


def _clearing(schema: Schema, part: Part, span: Range) -> Clearing:
    return Clearing(
        table=part.table,
        column=part.column,
        kind=span.kind,
        since=str(span.since),
        until=str(span.until),
        nested=dict(_nested(schema, part.table)),
    )


def _nested(schema: Schema, table: str) -> Iterator[tuple[str, str]]:
    """Give the nested tables of a table that exist, each with its parent and after it."""
    for child in schema.data_tables():
        if child.get("parent") == table and (name := child["name"]):
            yield name, table
            yield from _nested(schema, name)
