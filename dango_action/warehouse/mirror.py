"""dlt's own tables of a dataset, copied from a lake into a small DuckDB file.

A source's process runs user code, so it gets no credentials of the target. It restores its state from this file,
as it does from a committed warehouse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dango_action.warehouse.contents import quoted
from dango_action.warehouse.lease import TABLES

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

_COPY = "state_copy"
_LISTED = """
    select table_name from duckdb_tables()
    where database_name = current_database() and schema_name = ? and not list_contains(?, table_name)
"""
# a run restores the newest state whose load is complete
_STATE = """
    from {state} where _dlt_load_id in (select load_id from {loads} where status = 0)
    qualify row_number() over (partition by pipeline_name order by version desc) = 1
"""


def tables_of(connection: duckdb.DuckDBPyConnection, dataset: str) -> list[str]:
    """Return the tables of a dataset but those of its lease."""
    return [name for (name,) in connection.execute(_LISTED, [dataset, list(TABLES)]).fetchall()]


def copy_state(connection: duckdb.DuckDBPyConnection, dataset: str, path: Path) -> None:
    """Make a file at `path` with dlt's own tables; another one is empty there if it is, or has a row for all."""
    connection.execute(f"attach '{str(path).replace(chr(39), chr(39) * 2)}' as {_COPY}")
    try:
        connection.begin()
        names = tables_of(connection, dataset)
        if names:
            connection.execute(f"create schema {quoted(_COPY, dataset)}")
        for name in names:
            content = _content(dataset, name, names)
            connection.execute(f"create table {quoted(_COPY, dataset, name)} as {content}")
        connection.commit()
    finally:
        connection.execute(f"detach {_COPY}")


def _content(dataset: str, name: str, names: list[str]) -> str:
    if name == "_dlt_pipeline_state" and "_dlt_loads" in names:
        return _STATE.format(state=quoted(dataset, name), loads=quoted(dataset, "_dlt_loads"))
    if name.startswith("_dlt_"):
        return f"from {quoted(dataset, name)}"
    return f"select 1 as stands_for_all from {quoted(dataset, name)} limit 1"  # noqa: S608 - it is quoted
