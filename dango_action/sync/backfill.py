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
from dango_action.sync.fillable import Part, parts, refusal, unfillable, way_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import dlt
    from dlt.common.schema import Schema
    from dlt.extract import DltResource, DltSource
    from dlt.extract.incremental import Incremental

    from dango_action.window import Window

_STATE = "_dlt_pipeline_state"
_LOOSEN = "nothing was changed; loosen `schema_contract` for a backfill"
Stored = dict[tuple[str, str], Any]
"""The last value of each cursor, by resource and path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a load is to clear once it has brought its rows, and the tables that keep theirs, for want of any."""

    clears: list[Clearing] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounded:
    """A cursor, and the window in its values."""

    cursor: Incremental[Any]
    span: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """A source that loads a window, and why some of its selected resources stay as they are.

    `appends` has the range of each resource whose rows replace those of the window, and `stored` the last value of
    each cursor, by resource and path.
    """

    source: DltSource
    left_out: dict[str, str]
    chosen: list[Part]
    appends: dict[str, Range]
    stored: Stored

    def settle(self, pipeline: dlt.Pipeline, rows: Mapping[str, int], discarded: Mapping[str, int]) -> Settled:
        """Return what goes with the load, and take dlt's state out of what is normalized.

        `rows` are those of each table, and `discarded` those that a schema contract did not let through.

        Raises:
            ConfigError: a table can't be cleared; all of them are named.
            SourceError: a cursor has moved, so it was not bounded.

        """
        now = _stored(pipeline, self.source.schema.name)
        moved = [place for place, value in now.items() if value != self.stored.get(place)]
        if moved:
            resource, path = moved[0]
            what = f"the cursor `{path}` of `{resource}` has moved: it is made while rows are loaded"
            raise SourceError.because(what, "nothing was changed; --full-refresh loads all of it anew")
        for load_id in pipeline.list_normalized_load_packages():
            for job in pipeline.get_load_package_info(load_id).jobs["new_jobs"]:
                if job.job_file_info.table_name == _STATE:
                    Path(job.file_path).unlink()
        schema, settled = pipeline.schemas[self.source.schema.name], Settled()
        problems: list[Problem] = []
        for part in self.chosen:
            span = self.appends.get(part.resource.name)
            problems += _elsewhere(schema, part, rows)
            if span is None or part.table not in schema.tables:  # it merges, or nothing has ever come
                continue
            if rows.get(part.table) or discarded.get(part.table):
                problems += _unclear(schema, part, discarded.get(part.table, 0))
                settled.clears.append(_clearing(schema, part, span))
            else:
                settled.kept.append(part.table)
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
    for key, resource in _extracted(source):
        if one := ranges.get(key):
            one.span.bound(resource, one.cursor)
    return Backfill(
        source=source,
        left_out={name: problem.what for name, problem in left_out.items()},
        chosen=chosen,
        appends={p.resource.name: ranges[p.key].span for p in chosen if p.resource.name in appending},
        stored=_stored(pipeline, source.schema.name),
    )


def _ranges(
    source: DltSource, window: Window, pipeline: dlt.Pipeline, appending: Collection[str]
) -> Iterator[tuple[str, _Bounded | Problem]]:
    """Give the cursors of all resources that run, with the window in their values, or why there is none."""
    for key, resource in _extracted(source):
        if cursor := cursor_of(resource):
            stored = _stored(pipeline, source.schema.name).get((resource.name, cursor.cursor_path))
            span = range_of(cursor, stored, window, clipped=resource.name in appending)
            yield key, _Bounded(cursor=cursor, span=span) if isinstance(span, Range) else span


def _stored(pipeline: dlt.Pipeline, schema: str) -> Stored:
    """Return the cursors in dlt's state."""
    resources: Any = pipeline.state.get("sources", {}).get(schema, {}).get("resources", {})
    return {
        (name, path): cursor.get("last_value")
        for name, kept in resources.items()
        for path, cursor in kept.get("incremental", {}).items()
    }


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


def _unclear(schema: Schema, part: Part, discarded: int) -> Iterator[Problem]:
    """Give why the rows of a window can't be told in a table, or would get lost."""
    if discarded:
        what = f"the schema contract discards {discarded:,} rows of `{part.table}` that may be there by now"
        yield refusal(part.resource.name, what, _LOOSEN)
    for child, _ in _nested(schema, part.table):  # how many of these are discarded, dlt does not say
        contract = schema.resolve_contract_settings_for_table(child)
        if "discard_row" in (contract["columns"], contract["data_type"]):
            what = f"the schema contract may discard rows of `{child}` that are there by now"
            yield refusal(part.resource.name, what, _LOOSEN)
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


def _elsewhere(schema: Schema, part: Part, rows: Mapping[str, int]) -> Iterator[Problem]:
    """Give the further tables that a resource has brought rows for, and that don't merge them."""
    for table in schema.data_tables():
        name = str(table["name"])
        if table.get("resource") != part.resource.name or table.get("parent") or name == part.table:
            continue
        if rows.get(name) and way_of(table) != "merge":
            yield refusal(part.resource.name, f"it writes to a further table, `{name}`", ANEW)


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
