"""dlt's DuckDB, DuckLake and MotherDuck destinations with the whole load of a source in one transaction.

dlt commits job by job: a load that fails half-way leaves its first tables behind. Here every statement of a
load runs on one connection inside one transaction, and the first error in it poisons the transaction, since
dlt would retry the failed job on top of the rows that it had already written.
"""

from __future__ import annotations

import importlib
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self

import duckdb
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.destinations.sql_client import raise_database_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from dlt.common.destination import AnyDestination, DestinationCapabilitiesContext
    from dlt.common.destination.dataset import DBApiCursor
    from dlt.common.schema import Schema
    from dlt.destinations.impl.duckdb.configuration import DuckDbBaseCredentials, DuckDbClientConfiguration

    from dango_action.config.target import Kind


_SCHEMA = "from duckdb_schemas() where database_name = current_database() and schema_name = ?"
# dlt's classes for each kind of target: the module of the client, the client, the SQL client
_CLIENTS = {
    "duckdb": ("duck", "DuckDbClient", "DuckDbSqlClient"),
    "ducklake": ("ducklake", "DuckLakeClient", "DuckLakeSqlClient"),
    "motherduck": ("motherduck", "MotherDuckClient", "MotherDuckSqlClient"),
}


class PoisonedError(Exception):
    """Something failed inside the transaction, so it can only be rolled back; the cause is its `__cause__`."""


class Transaction:
    """One connection with one open transaction; `commit` or it never happened."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Begin on `connection`, whose current database is the one to load into."""
        self.lock = threading.RLock()
        self.cause: BaseException | None = None  # what has poisoned it
        self.connection = connection
        self.connection.execute("set TimeZone = 'UTC'")
        self.connection.begin()

    def poison(self, cause: BaseException) -> None:
        """Make a commit impossible; the first cause is kept."""
        self.cause = self.cause or cause

    def check(self) -> None:
        """Raise PoisonedError if something has failed."""
        if self.cause:
            raise PoisonedError("an earlier statement of this load failed") from self.cause

    def commit(self) -> None:
        """Commit.

        Raises:
            PoisonedError: something in it has failed.
            duckdb.Error: DuckDB refuses, and nothing was written; or the answer of a server got lost on its way.

        """
        self.check()
        self.connection.commit()

    def has_schema(self, name: str) -> bool:
        """Tell whether there is a schema of this name, inside the transaction."""
        return bool(self.connection.execute(_SCHEMA, [name]).fetchone())


class FileTransaction(Transaction):
    """A transaction in a DuckDB file."""

    def __init__(self, path: Path) -> None:
        """Open `path` and begin; the file is made if it is not there."""
        connection = duckdb.connect(str(path))
        # no checkpoint inside COMMIT: it is a step of its own, after which the log is empty
        connection.execute("set checkpoint_threshold = '1TB'")
        super().__init__(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()  # rolls back what was not committed

    def commit(self) -> None:
        """Commit as any transaction, and move everything from the log into the file."""
        super().commit()
        self.connection.execute("checkpoint")


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


def file_destination(path: Path, transaction: Transaction) -> AnyDestination:
    """Return a destination for the DuckDB file that `transaction` has open."""
    return destination("duckdb", DuckDbCredentials(str(path)), transaction)


def destination(kind: Kind, credentials: DuckDbBaseCredentials, transaction: Transaction) -> AnyDestination:
    """Return dlt's destination of this kind, but with all loads inside `transaction`.

    It keeps dlt's own name and type, which are part of the state that it stores.
    """
    package = f"dlt.destinations.impl.{kind}"
    module, client, sql_client = _CLIENTS[kind]
    bound = {"transaction": transaction}
    made_sql_client = type(
        "TransactionSqlClient", (_SqlClient, _class(f"{package}.sql_client", sql_client)), bound
    )
    made_client = type(
        "TransactionClient",
        (_Client, _class(f"{package}.{module}", client)),
        {**bound, "transactional": made_sql_client},
    )
    members = {
        "client_class": property(lambda _: made_client),
        "destination_type": property(lambda _: f"dlt.destinations.{kind}"),
    }
    made = type("TransactionDestination", (_class(f"{package}.factory", kind),), members)
    return made(credentials, destination_name=kind)  # type: ignore[no-any-return]  # a subclass of dlt's


def _class(module: str, name: str) -> Any:  # noqa: ANN401 - a class of dlt's; only what is used is imported
    return getattr(importlib.import_module(module), name)
