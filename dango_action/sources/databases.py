"""Tables of a database as dlt resources: dlt's `sql_database`, read by what each server is quickest at."""

from __future__ import annotations

import warnings
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dlt
import sqlalchemy as sa
from dlt.sources.sql_database import sql_table

from dango_action.config.words import did_you_mean
from dango_action.errors import ConfigError, Problem
from dango_action.sources.sql.address import address_of
from dango_action.sources.sql.choice import chosen
from dango_action.sources.sql.increments import increments
from dango_action.sources.sql.server import plain
from dango_action.sources.sql.snapshot import KEY, Snapshot, TableReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dlt.extract import DltResource

    from dango_action.config.definition import Definition
    from dango_action.sources.sql.address import Address
    from dango_action.sources.sql.increments import Increment
    from dango_action.sources.sql.server import Server


def resources(definition: Definition, values: Mapping[str, Any]) -> list[DltResource]:
    """Return a resource for each table that the parameters choose. The catalog is read now, rows are not.

    Raises:
        ConfigError: a table, column or schema is not there; all of a kind are named.
        CredentialsError: something of the login is missing, or the server refuses it.
        SourceError: there is no such host or database.
        ConnectionError: it can't be reached now.

    """
    if definition.sql_database is None:
        raise TypeError(definition.type)
    server = server_of(address_of(definition.sql_database.dialect, values))
    connection = server.connect()
    try:
        tables = _tables(server, connection, values)
        return [_resource(table, cursor, values) for table, cursor in tables]
    except server.drivers as error:
        raise server.told(error, "the catalog") from error


def server_of(address: Address) -> Server:
    """Return what speaks to the kind of database that an address has.

    Raises:
        ConfigError: the CA that it is to trust is no file.

    """
    if address.ssl_root_cert and not Path(address.ssl_root_cert).is_file():
        hint = "give the path of a file with its certificate, from the project's folder"
        raise ConfigError.because("`ssl_root_cert` is no file", hint)
    if address.dialect == "mysql":
        from dango_action.sources.sql.mysql import MySql  # noqa: PLC0415 - each brings its driver

        return MySql(address)
    from dango_action.sources.sql.postgres import Postgres  # noqa: PLC0415 - as above

    return Postgres(address)


def _tables(
    server: Server, connection: sa.Connection, values: Mapping[str, Any]
) -> list[tuple[sa.Table, Increment | None]]:
    schema = values.get("schema")
    of = f"`{schema or server.address.database}`"
    relations = server.relations(connection, schema)
    names = chosen(relations, values.get("tables") or (), values.get("exclude") or (), of)
    metadata = sa.MetaData(schema=schema, info={KEY: Snapshot(server, connection)})
    with warnings.catch_warnings(action="ignore", category=sa.exc.SAWarning):  # what it does not know is text
        metadata.reflect(connection, only=lambda name, _: name in names, views=True, resolve_fks=False)
        for name in set(names) - {table.name for table in metadata.tables.values()}:  # tables of other servers
            sa.Table(name, metadata, autoload_with=connection, resolve_fks=False)
    tables = sorted((one for one in metadata.tables.values() if one.columns), key=lambda one: one.name)
    as_text = values.get("as_text") or ()
    _refuse_unknown(tables, as_text, of)
    for table in tables:
        prepare(server, table, as_text)
    _refuse_alike((table.name for table in tables), of, "tables", "leave one out by `exclude`")
    for table in tables:
        _refuse_alike(
            table.columns.keys(), f"`{table.name}`", "columns", "leave the table out, or sync a view of it"
        )
    cursors = increments(tables, values, of)
    return [(table, cursors.get(table.name)) for table in tables]


def prepare(server: Server, table: sa.Table, as_text: Sequence[str]) -> None:
    """Give each column the type that it has here, and keep beside it how it is read."""
    for column in table.columns:
        shape = server.shape(column)
        if f"{table.name}.{column.name}" in as_text:
            shape = plain(sa.cast(column, sa.Text))
        column.info[KEY] = shape
    for column in table.columns:
        column.type = column.info[KEY].type
        column.nullable = column.nullable or column.info[KEY].nullable


def _refuse_unknown(tables: Sequence[sa.Table], as_text: Sequence[str], of: str) -> None:
    known = [f"{table.name}.{column}" for table in tables for column in table.columns.keys()]  # noqa: SIM118 - names
    problems = [
        Problem(what=f"`{name}` in `as_text` is no column of {of}", hint=did_you_mean(name, known))
        for name in as_text
        if name not in known
    ]
    if problems:
        raise ConfigError(*problems)


def _resource(table: sa.Table, increment: Increment | None, values: Mapping[str, Any]) -> DltResource:
    """Return the resource of a table: merged by its key from its cursor on, or else replaced as a whole."""
    keyless = not table.primary_key.columns
    table.info[KEY] = "keyless" if keyless else "keyed"
    return sql_table(
        credentials=table.metadata.info[KEY].connection.engine,
        table=table.name,
        schema=table.schema,
        metadata=table.metadata,
        incremental=increment.cursor() if increment else None,
        chunk_size=values["chunk_size"],
        backend="pyarrow",
        table_loader_class=TableReader,
        write_disposition="merge" if increment else "replace",
        # the rows that have a value of the cursor are replaced together
        merge_key=[increment.column] if increment and keyless else [],
    )


def _refuse_alike(names: Iterable[str], of: str, kind: str, hint: str) -> None:
    """Refuse names that are one and the same as dlt writes them: their rows would end up together."""
    naming = dlt.current.source_schema().naming
    written = defaultdict[str, list[str]](list)
    for name in names:
        written[naming.normalize_identifier(name)].append(name)
    alike = [same for same in written.values() if len(same) > 1]
    if alike:
        raise ConfigError(*_alike(alike, of, kind, hint))


def _alike(alike: Sequence[Sequence[str]], of: str, kind: str, hint: str) -> Iterator[Problem]:
    for same in alike:
        listed = " and ".join(f"`{name}`" for name in same)
        yield Problem(what=f"the {kind} {listed} of {of} have one name in the warehouse", hint=hint)
