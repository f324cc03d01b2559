"""A DuckLake or a MotherDuck database, opened by the settings that dlt has for it."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from dango_action.errors import ConfigError, StateError
from dango_action.warehouse.contents import quoted
from dango_action.warehouse.extensions import load_extensions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlt.common.configuration.specs.connection_string_credentials import ConnectionStringCredentials
    from dlt.destinations.impl.duckdb.configuration import DuckDbBaseCredentials
    from dlt.destinations.impl.ducklake.configuration import DuckLakeClientConfiguration

    from dango_action.config.target import Kind

# Where a lake's catalog may be: what dlt calls it, what DuckDB does, and its extension.
_CATALOGS = {
    "sqlite": ("sqlite", "sqlite_scanner"),
    "postgres": ("postgres", "postgres_scanner"),
    "postgresql": ("postgres", "postgres_scanner"),
}
_BUSY = 5000  # milliseconds that SQLite waits for another writer
_WAIT = 120.0  # seconds to wait for another writer of the same SQLite catalog
_LOOK = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Lake:
    """A target with its settings. `credentials` are dlt's own, resolved; `attach` opens it once `load` is done.

    `environ` has what the drivers read from the environment, so that no error can quote it from a statement.
    `lock` is a file that every writer holds, where the catalog itself has no place for two of them.
    """

    kind: Kind
    name: str
    credentials: DuckDbBaseCredentials
    extensions: tuple[str, ...]
    attach: str
    environ: dict[str, str]
    lock: Path | None = None
    secrets: tuple[str, ...] = ()  # statements with secrets in them, for the storage

    def __repr__(self) -> str:
        return f"Lake({self.kind}:{self.name})"

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection whose current database is the lake; it is detached in the end.

        Raises:
            StateError: it can't be opened, or an extension is missing.

        """
        os.environ.update(self.environ)  # of this process alone, in which no code of the user's runs
        connection = duckdb.connect(config={"custom_user_agent": "dango"})
        try:
            self._attach(connection)
            yield connection
        finally:
            with suppress(duckdb.Error):
                connection.rollback()
            with suppress(duckdb.Error):  # else the catalog can be left in a bad state
                connection.execute(f"use memory; detach {quoted(self.name)}")
            connection.close()

    def _attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        load_extensions(connection, self.extensions)
        try:
            for statement in self.secrets:
                connection.execute(statement)
            connection.execute(self.attach)
            connection.execute(f"use {quoted(self.name)}")
        except duckdb.Error as error:
            raise StateError.because(
                f"target {self.kind}:{self.name} can't be opened: {first_line(error)}",
                f"look at `[destination.{self.kind}.credentials]` and the network; nothing was changed",
            ) from error

    @contextmanager
    def writing(self, seconds: float = _WAIT) -> Iterator[None]:
        """Be the only writer, where the catalog has room for no more; else do nothing.

        A commit to a SQLite file fails whenever somebody else has committed since the transaction began.

        Raises:
            StateError: somebody else is writing, and goes on for longer than `seconds`.

        """
        if self.lock is None:
            yield
            return
        descriptor = os.open(self.lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        try:
            _wait_for(descriptor, self.lock, seconds)
            yield
        finally:
            os.close(descriptor)


def _wait_for(descriptor: int, path: Path, seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise StateError.because(
                    f"another run has been writing to the lake for more than {seconds:g} s",
                    f"wait for it to end; the lock is {path}, and a catalog in PostgreSQL needs none",
                ) from None
            time.sleep(_LOOK)
        else:
            return


def ducklake(name: str) -> Lake:
    """Return the lake of this name as dlt's settings describe it.

    Raises:
        ConfigFieldMissingException: dlt misses one.
        ConfigError: the catalog is of a kind that can't be loaded into safely.

    """
    from dlt.destinations.impl.ducklake.configuration import DuckLakeClientConfiguration  # noqa: PLC0415 - it may be MotherDuck
    from dlt.destinations.impl.ducklake.factory import ducklake as factory  # noqa: PLC0415

    settings = factory(destination_name="ducklake").configuration(
        DuckLakeClientConfiguration()._bind_dataset_name("dango")  # noqa: SLF001 - as dlt's own pipeline does
    )
    credentials = settings.credentials
    credentials.ducklake_name = name
    driver = credentials.catalog.drivername
    if driver not in _CATALOGS:
        raise ConfigError.because(
            f"a DuckLake catalog of kind `{driver}` has no room for two processes, or was not tried",
            "use sqlite or postgres in `[destination.ducklake.credentials]` of .dlt/secrets.toml",
        )
    scheme, extension = _CATALOGS[driver]
    local = credentials.storage.is_local_filesystem
    file = Path(str(credentials.catalog.database)) if scheme == "sqlite" else None
    for folder in (file.parent if file else None, Path(credentials.storage_url) if local else None):
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
    return Lake(
        kind="ducklake",
        name=name,
        credentials=credentials,
        extensions=(extension, "ducklake", *(() if local else ("httpfs",))),
        attach=_attach_ducklake(settings, scheme),
        environ={"PGPASSWORD": str(credentials.catalog.password)} if credentials.catalog.password else {},
        lock=file.with_name(f"{file.name}.lock") if file else None,
        secrets=() if local else tuple(_storage_secrets(credentials.storage)),
    )


def _attach_ducklake(settings: DuckLakeClientConfiguration, scheme: str) -> str:
    """Return the statement, with dlt's options, but quoted, and without the password."""
    credentials = settings.credentials
    options = [f"data_path {_text(credentials.storage_url)}"]
    if scheme == "sqlite":
        location = credentials.catalog.database
        options += ["meta_type 'sqlite'", "meta_journal_mode 'WAL'", f"meta_busy_timeout {_BUSY}"]
    else:
        location = f"postgres:{_without_password(credentials.catalog)}"
        options += [f"metadata_schema {_text(credentials.metadata_schema or credentials.ducklake_name)}"]
    options += ["override_data_path true"] if settings.override_data_path else []
    options += ["automatic_migration true"] if settings.automatic_migration else []
    name = quoted(credentials.ducklake_name)
    return f"attach {_text(f'ducklake:{location}')} as {name} ({', '.join(options)})"


def _without_password(catalog: ConnectionStringCredentials) -> str:
    url = catalog.to_url().set(drivername="postgresql", password=None)
    return str(url.render_as_string(hide_password=False))


def _storage_secrets(storage: Any) -> list[str]:  # noqa: ANN401 - dlt's configuration of a bucket
    """Return the statements that give DuckDB the credentials of a bucket, as dlt makes them.

    Raises:
        ConfigError: DuckDB has no such statement for this kind of storage.

    """
    from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient  # noqa: PLC0415 - a local lake needs none

    build = DuckDbSqlClient._build_secret_statements  # noqa: SLF001 - the only place that knows them all
    statements = build(storage.bucket_url, storage.credentials, "dango_storage", "", False)
    if not statements:
        raise ConfigError.because(
            f"DuckDB can't be given credentials for storage of kind `{storage.protocol}`",
            "use a bucket with S3's protocol, or Azure's, in `[destination.ducklake.credentials]`",
        )
    return list(statements)


def motherduck(name: str) -> Lake:
    """Return the database of this name at MotherDuck as dlt's settings describe it.

    Raises:
        ConfigFieldMissingException: there is no token.

    """
    from dlt.destinations.impl.motherduck.configuration import MotherDuckClientConfiguration  # noqa: PLC0415 - as above
    from dlt.destinations.impl.motherduck.factory import motherduck as factory  # noqa: PLC0415

    settings = factory(destination_name="motherduck").configuration(
        MotherDuckClientConfiguration()._bind_dataset_name("dango")  # noqa: SLF001 - as dlt's own pipeline does
    )
    settings.credentials.database = name
    token = settings.credentials.password
    return Lake(
        kind="motherduck",
        name=name,
        credentials=settings.credentials,
        extensions=("motherduck",),
        attach=f"attach {_text(f'md:{name}')}",
        environ={"motherduck_token": str(token)} if token else {},  # else it is there already
    )


def first_line(error: Exception) -> str:
    """Return the first line of what DuckDB says; later ones quote the statement."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
