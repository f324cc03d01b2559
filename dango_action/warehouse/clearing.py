"""The rows that a backfill replaces: what a table has in a window, but for what this load has brought.

It comes after dlt's load, in the same transaction: DuckDB fails at COMMIT if a table is altered after rows of it
were deleted, and only then is it known what has arrived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dango_action.errors import SourceError
from dango_action.warehouse.contents import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from dango_action.protocol import Clearing

_NEW = "coalesce(list_contains($loads, _dlt_load_id), false)"


def clear(
    connection: duckdb.DuckDBPyConnection, dataset: str, load_ids: Sequence[str], clearing: Clearing
) -> None:
    """Delete the rows of a window and their nested rows, except those of the loads `load_ids`.

    A row at the very begin stays if the load has brought none there: many servers give only what comes after.

    Raises:
        SourceError: what the load has brought does not lie in the window, by the table's column.

    """
    table = quoted(dataset, clearing.table)
    value = f"try_cast({quoted(clearing.column)} as {clearing.kind})"
    since, until = (f"cast(${name} as {clearing.kind})" for name in ("since", "until"))
    values: dict[str, Any] = {"loads": list(load_ids), "since": clearing.since, "until": clearing.until}
    inside = f"({value} >= {since} and {value} < {until})"
    arrived = (
        f"select count(*) filter ({inside} is not true), count(*) filter ({value} = {since})"  # noqa: S608 - it is quoted
        f" from {table} where {_NEW}"
    )
    [(outside, at_begin)] = connection.execute(arrived, values).fetchall()
    if outside:
        raise SourceError.because(
            f"{outside:,} rows for `{clearing.table}` don't lie in the window, by its column `{clearing.column}`",
            "nothing was changed; does the column hold something else? --full-refresh loads it anew",
        )
    doomed = f"not {_NEW} and {inside}" if at_begin else f"not {_NEW} and {inside} and {value} > {since}"
    conditions = {clearing.table: doomed}
    for child, parent in clearing.nested.items():
        rows = f"select _dlt_id from {quoted(dataset, parent)} where {conditions[parent]}"  # noqa: S608 - as above
        conditions[child] = f"_dlt_parent_id in ({rows})"
    for name in reversed(conditions):  # a nested row is found by its parent, which has to be there still
        connection.execute(f"delete from {quoted(dataset, name)} where {conditions[name]}", values)  # noqa: S608 - as above
