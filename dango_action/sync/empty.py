"""A `replace` load without a single row: more often a failure of the server than the wish to empty a table.

dlt puts a job without rows into the load package for each such table, which makes it truncate the table and its
nested tables, by whatever strategy. Without that job it leaves them alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from dango_action.errors import Problem, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import dlt
    from dlt.common.schema import Schema
    from dlt.extract import DltSource

Standing = dict[str, list[str]]
"""The tables of each resource that hold rows, nested ones left out."""


def standing(pipeline: dlt.Pipeline, source: DltSource, committed: str | None) -> Standing:
    """Return the tables of the selected resources that a load may empty, before anything is extracted."""
    found: Standing = {}
    if committed and source.schema.name in pipeline.schemas:
        for table in pipeline.schemas[source.schema.name].data_tables(seen_data_only=True):
            name, resource = table["name"] or "", table.get("resource") or ""
            if resource in source.selected_resources and _has_rows(committed, pipeline.dataset_name, name):
                found.setdefault(resource, []).append(name)
    return found


def keep(pipeline: dlt.Pipeline, standing: Standing, rows: Mapping[str, int]) -> list[str]:
    """Take the jobs that would empty tables out of what is normalized; return the tables."""
    kept: set[str] = set()
    for load_id in pipeline.list_normalized_load_packages():
        package = pipeline.get_load_package_info(load_id)
        replaced = set(_replaced(pipeline.schemas[package.schema_name], _empty(standing, rows)))
        for job in package.jobs["new_jobs"]:
            if job.job_file_info.table_name in replaced:
                Path(job.file_path).unlink()
                kept.add(job.job_file_info.table_name)
    return sorted(kept)


def refuse(source: DltSource, standing: Standing, rows: Mapping[str, int]) -> None:
    """Refuse a full refresh that would leave a table of a `replace` resource without rows.

    Raises:
        SourceError: it would; all tables are named.

    """
    hint = "nothing was changed; if the table is to be empty, set `on_empty_replace: allow` for this source"
    problems = [
        Problem(what=f"`{table}` would be empty: the full refresh has brought no row for it", hint=hint)
        for resource, tables in _empty(standing, rows)
        if _disposition(source.selected_resources[resource].write_disposition) == "replace"
        for table in tables
    ]
    if problems:
        raise SourceError(*problems)


def _empty(standing: Standing, rows: Mapping[str, int]) -> Iterator[tuple[str, list[str]]]:
    """Give the resources that have brought no row at all; one with several tables may empty some of them."""
    return ((resource, tables) for resource, tables in standing.items() if not any(map(rows.get, tables)))


def _replaced(schema: Schema, empty: Iterable[tuple[str, list[str]]]) -> Iterator[str]:
    for _, tables in empty:
        for name in tables:
            if schema.tables[name].get("write_disposition") == "replace":
                yield name


def _disposition(hint: object) -> object:
    return hint.get("disposition") if isinstance(hint, dict) else hint


def _has_rows(committed: str, dataset: str, table: str) -> bool:
    """Tell whether a table holds rows; where only dlt's own tables are at hand, any table that dlt knows may."""
    with duckdb.connect(committed, read_only=True) as connection:
        try:
            return bool(connection.table(f'"{dataset}"."{table}"').limit(1).fetchone())
        except duckdb.CatalogException:
            return True
