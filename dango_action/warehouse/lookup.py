"""Whether a dataset holds a load, whatever became of the answer to its COMMIT."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from dango_action.warehouse.contents import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable


def holds(connection: duckdb.DuckDBPyConnection, dataset: str, load_ids: Iterable[str]) -> bool:
    """Tell whether all these loads are there; dlt writes the row of a load last, in its transaction.

    Raises:
        duckdb.Error: it can't be told.

    """
    try:
        rows = connection.table(quoted(dataset, "_dlt_loads")).filter("status = 0").select("load_id").fetchall()
    except duckdb.CatalogException:  # no such table: nothing was loaded yet
        return False
    return {load_id for (load_id,) in rows} >= set(load_ids)
