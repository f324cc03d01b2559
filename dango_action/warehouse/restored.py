"""dlt's DuckDB destination as a run restores from it: the newest state and schema have the highest version.

dlt takes those that were stored last by the clock of the machine that stored them. After one run on a machine
whose clock was ahead, it would go on from that run's state again and again, and append the same rows each time.
The versions count up with each change, whatever the clock says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlt.common.destination.client import StateInfo
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.impl.duckdb.factory import duckdb as duckdb_destination

if TYPE_CHECKING:
    from dlt.common.destination.client import StorageSchemaInfo


class _Client(DuckDbClient):
    """dlt's client with its queries of `dlt.destinations.job_client_impl` (dlt 1.31), in another order."""

    def get_stored_state(self, pipeline_name: str) -> StateInfo | None:  # type: ignore[override]  # as dlt does
        """Return the newest state whose load is complete; None if there is none."""
        states = self.sql_client.make_qualified_table_name(self.schema.state_table_name)
        loads = self.sql_client.make_qualified_table_name(self.schema.loads_table_name)
        load_id, state_load_id, name, status, version = self._norm_and_escape_columns(
            "load_id", "_dlt_load_id", "pipeline_name", "status", "version"
        )
        query = (
            f"SELECT {self.state_table_columns} FROM {states} AS s"  # noqa: S608 - dlt has quoted all of them
            f" JOIN {loads} AS l ON l.{load_id} = s.{state_load_id}"
            f" WHERE {name} = %s AND l.{status} = 0 ORDER BY {version} DESC LIMIT 1"
        )
        with self.sql_client.execute_query(query, pipeline_name) as cursor:
            row = cursor.fetchone()
        if not row:
            return None
        number, engine, pipeline, state, created, _ = row
        return StateInfo(number, engine, pipeline, state, created)

    def get_stored_schema(  # type: ignore[override]  # as dlt does
        self, schema_name: str | None = None
    ) -> StorageSchemaInfo | None:
        """Return the newest version of a schema, or of any; None if there is none."""
        versions = self.sql_client.make_qualified_table_name(self.schema.version_table_name)
        name, version = self._norm_and_escape_columns("schema_name", "version")
        query = f"SELECT {self.version_table_schema_columns} FROM {versions}"  # noqa: S608 - as above
        if schema_name:
            return self._row_to_schema_info(f"{query} WHERE {name} = %s ORDER BY {version} DESC", schema_name)
        return self._row_to_schema_info(f"{query} ORDER BY {version} DESC")


class RestoredDuckDb(duckdb_destination):
    """The destination that a pipeline restores from; to dlt, it is its own one."""

    @property
    def destination_type(self) -> str:
        """What dlt compares with the state that it restores."""
        return "dlt.destinations.duckdb"

    @property
    def client_class(self) -> type[DuckDbClient]:
        """The client that dlt reads states and schemas with."""
        return _Client
