"""One connection for all tables, so that they are of one moment; they are read one after the other.

dlt asks its resources in turns, and a connection can only give the rows of one query at a time. A table that is
not next has nothing to say yet, which dlt takes for what it is: it asks the others.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import dlt
from dlt.sources.sql_database import BaseTableLoader

from dango_action.errors import SourceError
from dango_action.sources.sql.rows import Field, tables
from dango_action.sources.sql.standing import standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    import sqlalchemy as sa

    from dango_action.sources.sql.server import Server

KEY = "dango"
"""Where SQLAlchemy keeps what belongs to a schema, a table or a column."""


class Snapshot:
    """A connection, and whose turn it is; the last table closes it, and so ends what the server keeps for it."""

    def __init__(self, server: Server, connection: sa.Connection) -> None:
        self.server = server
        self.connection = connection
        self._reading: object = None
        self._open = 0

    def join(self) -> None:
        """Count a table in; after the last one the next is of a later moment, as when dlt only looks at each."""
        if self.connection.closed:
            self.connection = self.server.connect()
        self._open += 1

    def begins(self, table: object) -> bool:
        """Return whether it is this table's turn."""
        if self._reading is None:
            self._reading = table
        return self._reading is table

    def leave(self, table: object) -> None:
        """Let the next one read; the last one closes the connection."""
        self._open -= 1
        if self._reading is table:
            self._reading = None
        if not self._open:
            with contextlib.suppress(*self.server.drivers):  # it may have broken, which is told already
                self.connection.close()


class TableReader(BaseTableLoader):
    """Reads a table by its server's own way to write rows; dlt makes the query, with the cursor's bounds."""

    def load_rows(self, backend_kwargs: dict[str, Any] | None = None) -> Iterator[pa.Table | None]:  # noqa: ARG002
        """Give the rows as Arrow tables, one at least; None while another table is read."""
        snapshot: Snapshot = self.table.metadata.info[KEY]
        snapshot.join()
        try:
            while not snapshot.begins(self):
                yield None
            yield from self._read(snapshot)
        finally:
            snapshot.leave(self)

    def _read(self, snapshot: Snapshot) -> Iterator[pa.Table]:
        of = self.table.name
        columns = self.table.columns
        fields = [Field(name=it.name, type=it.info[KEY].arrow, nullable=bool(it.nullable)) for it in columns]
        fields = standing(fields, self.columns, dlt.current.source_schema(), of)
        server = snapshot.server
        self.last_value, self.end_value = server.bound(self.last_value), server.bound(self.end_value)
        try:
            lines = server.lines(snapshot.connection, self._make_query(), [it.info[KEY].text for it in columns])
            for table in tables(lines, fields, self.chunk_size, of):
                self._refuse_unmarked(table)
                yield dlt.mark.with_hints(table, dlt.mark.make_hints(columns=self.columns))
        except server.drivers as error:
            raise server.told(error, of) from error

    def _refuse_unmarked(self, table: pa.Table) -> None:
        """Refuse rows that can't be told from those of an earlier load: they have no key, and no cursor either."""
        if self.incremental is None or self.table.info.get(KEY) != "keyless":
            return
        column = self.cursor_column.name
        if table.column(column).null_count:
            what = f"`{self.table.name}` has no primary key, and rows without `{column}`, which would come twice"
            hint = "give it a primary key, or take it out of `incremental`: it is then loaded as a whole"
            raise SourceError.because(what, hint)
