"""dlt's DuckDB destination with the whole load of a source in one transaction.

dlt commits job by job: a load that fails half-way leaves its first tables behind. Here every statement of a
load runs on one connection inside one transaction, and the first error in it poisons the transaction, since
dlt would retry the failed job on top of the rows that it had already written.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self

import duckdb
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.impl.duckdb.factory import duckdb as duckdb_destination
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.destinations.sql_client import raise_database_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from dlt.common.destination import DestinationCapabilitiesContext
    from dlt.common.destination.dataset import DBApiCursor
    from dlt.common.schema import Schema
    from dlt.destinations.impl.duckdb.configuration import DuckDbClientConfiguration


class PoisonedError(Exception):
    """Something failed inside the transaction, so it can only be rolled back; the cause is its `__cause__`."""


class Transaction:
    """One connection to a DuckDB file with one open transaction; `commit` or it never happened."""

    def __init__(self, path: Path) -> None:
        """Open `path` and begin; the file is made if it is not there."""
        self.lock = threading.RLock()
        self.cause: BaseException | None = None  # what has poisoned it
        self.connection = duckdb.connect(str(path))
        # no checkpoint inside COMMIT: it is a step of its own, after which the log is empty
        self.connection.execute("set checkpoint_threshold = '1TB'")
        self.connection.execute("set TimeZone = 'UTC'")
        self.connection.begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()  # rolls back what was not committed

    def poison(self, cause: BaseException) -> None:
        """Make a commit impossible; the first cause is kept."""
        self.cause = self.cause or cause

    def check(self) -> None:
        """Raise PoisonedError if something has failed."""
        if self.cause:
            raise PoisonedError("an earlier statement of this load failed") from self.cause

    def commit(self) -> None:
        """Commit, and move everything from the log into the file.

        Raises:
            PoisonedError: something in it has failed.
            duckdb.Error: DuckDB refuses; nothing was written.

        """
        self.check()
        self.connection.commit()
        self.connection.execute("checkpoint")

    def has_schema(self, name: str) -> bool:
        """Tell whether there is a schema of this name, inside the transaction."""
        return bool(self.connection.execute("from duckdb_schemas() where schema_name = ?", [name]).fetchone())


class _SqlClient(DuckDbSqlClient):
    """Runs every statement on the transaction's connection, and leaves commit and rollback to it."""

    transaction: ClassVar[Transaction]

    def open_connection(self) -> duckdb.DuckDBPyConnection:
        """Take the transaction's connection, in the dataset's schema if it is there yet."""
        with self.transaction.lock:
            self._conn = self.transaction.connection
            if self.transaction.has_schema(self.dataset_name):  # else the load is about to make it
                self._conn.execute("set session search_path = ?", [self.fully_qualified_dataset_name()])
        return self._conn

    def close_connection(self) -> None:
        """Let go of the connection, which is the transaction's to close."""
        self._conn = None  # type: ignore[assignment]  # as dlt does

    @contextmanager
    def begin_transaction(self) -> Iterator[Any]:
        """Go on inside the one transaction; what fails in here poisons it."""
        try:
            yield self
        except BaseException as error:
            self.transaction.poison(error)
            raise

    def commit_transaction(self) -> None:
        """Do nothing: the load is committed as a whole."""

    def rollback_transaction(self) -> None:
        """Poison the transaction: a part of it can't be rolled back."""
        self.transaction.poison(RuntimeError("dlt asked for a rollback"))

    @contextmanager
    @raise_database_error
    def execute_query(self, query: Any, *args: Any, **kwargs: Any) -> Iterator[DBApiCursor]:  # noqa: ANN401
        """Run a statement; only one thread at a time, and none once the transaction is poisoned."""
        self.transaction.check()
        parameters = args or kwargs or None
        if parameters:
            query = query.replace("%s", "?")
        with self.transaction.lock:
            yield self.cursor_impl(self.transaction.connection.execute(query, parameters))  # type: ignore[arg-type]


class _Client(DuckDbClient):
    """dlt's client over that SQL client."""

    transaction: ClassVar[Transaction]
    transactional: ClassVar[type[_SqlClient]]

    def __init__(
        self, schema: Schema, config: DuckDbClientConfiguration, capabilities: DestinationCapabilitiesContext
    ) -> None:
        super().__init__(schema, config, capabilities)
        names = (self.sql_client.dataset_name, self.sql_client.staging_dataset_name)
        self.sql_client = self.transactional(*names, config.credentials, capabilities)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # a job that raised, even outside of SQL, may have written rows already: its retry must not be committed
        if error is not None:
            self.transaction.poison(error)
        super().__exit__(kind, error, trace)  # type: ignore[arg-type]


class TransactionalDuckDb(duckdb_destination):
    """A destination whose loads all run inside `transaction`."""

    def __init__(self, path: Path, transaction: Transaction) -> None:
        """Keep dlt's own name for the destination, which is part of the state that it stores."""
        super().__init__(DuckDbCredentials(str(path)), destination_name="duckdb")
        bound = {"transaction": transaction}
        sql_client = type("TransactionSqlClient", (_SqlClient,), bound)
        self._client = type("TransactionClient", (_Client,), {**bound, "transactional": sql_client})

    @property
    def destination_type(self) -> str:
        """What dlt compares with the state that it restores: to it, this is its own destination."""
        return "dlt.destinations.duckdb"

    @property
    def client_class(self) -> type[DuckDbClient]:
        """The client that dlt opens for each step of a load."""
        return self._client
