"""What a DuckDB file holds, read without running anything that it brings along."""

from __future__ import annotations

import base64
import json
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from dango_action.config.words import show
from dango_action.errors import StateError
from dango_action.stop import interrupts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LARGEST_STATE = 64 * 1024 * 1024
# Qualified, and with the name as a value: a macro in the file could stand in for any function without a schema.
_CODE = """
    select 'view ' || schema_name || '.' || view_name from system.main.duckdb_views()
    where not internal and database_name = ?
    union all
    select distinct 'macro ' || schema_name || '.' || function_name from system.main.duckdb_functions()
    where not internal and database_name = ?
    order by 1
"""
_NAME = "select database_name from system.main.duckdb_databases() where not internal"
_TABLES = """
    select schema_name, table_name from system.main.duckdb_tables()
    where not internal and database_name = ? order by all
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What a source has in the warehouse: rows by table; cursors by resource and column."""

    rows: dict[str, int]
    cursors: dict[str, dict[str, Any]]


def refuse_foreign_code(path: Path) -> None:
    """See that whoever opens the file runs no query but their own.

    A view or a macro could read files of the machine that looks at it, and what it reads can be decided by the
    machine. Nothing that dlt or dango makes is one, so any is refused.

    Raises:
        StateError: it has a view or a macro, or is no database that DuckDB can open.

    """
    with reading(path) as (connection, name):
        found = [text for (text,) in connection.execute(_CODE, [name, name]).fetchall()]
    if found:
        raise StateError.because(
            f"the warehouse holds what could read files where it is opened: {show(', '.join(found[:3]))}",
            "drop it; keep views and macros in a database of their own, which attaches this one",
        )


def datasets(path: Path) -> dict[str, Dataset]:
    """Return what each source has in the file, by its dataset, `raw_<source>`.

    Raises:
        StateError: DuckDB can't open it.

    """
    with reading(path) as (connection, name):
        listed = connection.execute(_TABLES, [name]).fetchall()
        tables: dict[str, list[str]] = {}
        for schema, table in listed:
            tables.setdefault(schema, []).append(table)
        return {
            schema: Dataset(rows=_rows(connection, schema, names), cursors=_cursors(connection, schema))
            for schema, names in tables.items()
            if schema.startswith("raw_") and not schema.endswith("_staging")  # dlt's own, between two steps
        }


@contextmanager
def reading(path: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """Give a connection that reaches nothing but the file, and the name of the file's database.

    Raises:
        StateError: DuckDB can't read it.

    """
    try:
        with duckdb.connect(str(path), read_only=True, config={"enable_external_access": "false"}) as connection:
            [(name,)] = connection.execute(_NAME).fetchall()
            try:
                with interrupts():
                    yield connection, name
            finally:
                connection.interrupt()  # a query that was left goes on, and closing would wait for it
    except duckdb.Error as error:
        # what else it says may quote what stands in the file
        said = str(error).partition("\n")[0] if isinstance(error, duckdb.IOException) else type(error).__name__
        what = f"DuckDB cannot open {path.name}: {said}"
        raise StateError.because(what, "nothing was changed") from error


def _rows(connection: duckdb.DuckDBPyConnection, schema: str, tables: list[str]) -> dict[str, int]:
    counted = {}
    for table in tables:
        if not table.startswith("_dlt_"):
            [(counted[table],)] = connection.table(quoted(schema, table)).aggregate("count(*)").fetchall()
    return counted


def _cursors(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, dict[str, Any]]:
    """Return the last values that dlt keeps, which it packs as JSON, zlib and base64 (dlt 1.31)."""
    found: dict[str, dict[str, Any]] = {}
    with suppress(duckdb.CatalogException, ValueError, KeyError, TypeError, AttributeError, zlib.error):
        states = connection.table(quoted(schema, "_dlt_pipeline_state")).order("version desc, created_at desc")
        [(packed,)] = states.select("state").limit(1).fetchall()
        state = json.loads(zlib.decompressobj().decompress(base64.b64decode(packed), _LARGEST_STATE))
        for source in state["sources"].values():
            for resource, kept in source.get("resources", {}).items():
                for column, cursor in kept.get("incremental", {}).items():
                    found.setdefault(resource, {})[column] = cursor.get("last_value")
    return found


def quoted(*identifiers: str) -> str:
    """Return a name with its parts quoted, as SQL takes it."""
    return ".".join('"' + identifier.replace('"', '""') + '"' for identifier in identifiers)
