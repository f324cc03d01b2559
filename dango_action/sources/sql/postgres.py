"""PostgreSQL: its catalog, its types, and `COPY`, which is its quickest way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import psycopg
import pyarrow as pa
import sqlalchemy as sa
from psycopg import errors
from sqlalchemy.dialects import postgresql

from dango_action.config.words import did_you_mean
from dango_action.errors import ConfigError, CredentialsError, SourceError
from dango_action.sources.sql.choice import Relation
from dango_action.sources.sql.postgres_login import Login
from dango_action.sources.sql.server import WIDEST, Shape, binary, decimal, moment, plain, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dango_action.sources.sql.address import Address

_KINDS = {"r": "table", "p": "table", "f": "table", "v": "view", "m": "view"}
_RELATIONS = sa.text("""
    select relname, relkind::text, relispartition
    from pg_catalog.pg_class join pg_catalog.pg_namespace spaces on spaces.oid = relnamespace
    where nspname = :schema and relkind in ('r', 'p', 'f', 'v', 'm')
""")
_SCHEMAS = sa.text("select nspname from pg_catalog.pg_namespace where nspname !~ '^pg_' order by nspname")
_ROUNDED = 18
"""Digits behind the point of a `numeric` that is declared without any."""
_LAST = {"date": "9999-12-31", "timestamp": "9999-12-31 23:59:59.999999"}
_FIRST = {"date": "0001-01-01", "timestamp": "0001-01-01 00:00:00"}
# Names of columns may have a `%`, which other styles of parameters double.
_DIALECT = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL server."""

    address: Address
    drivers: ClassVar[tuple[type[Exception], ...]] = (psycopg.Error, sa.exc.DBAPIError)

    def connect(self) -> sa.Connection:
        """Return a connection in a transaction that only reads, and sees one moment of everything."""
        engine = sa.create_engine(
            "postgresql+psycopg://", creator=Login(self.address).open, poolclass=sa.NullPool, hide_parameters=True
        )
        connection = engine.connect().execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        connection.exec_driver_sql("set local time zone 'UTC'")
        connection.exec_driver_sql("set local datestyle = 'ISO, YMD'")
        connection.exec_driver_sql("set local extra_float_digits = 1")
        return connection

    def relations(self, connection: sa.Connection, schema: str | None) -> list[Relation]:
        """Return what has rows."""
        found = connection.execute(_RELATIONS, {"schema": schema}).all()
        if not found:
            schemas = [name for (name,) in connection.execute(_SCHEMAS)]
            if schema not in schemas:
                hint = did_you_mean(str(schema), schemas)
                what = f"the database `{self.address.database}` has no schema `{schema}`"
                raise ConfigError.because(what, hint)
        return [
            Relation(name=name, kind="part" if is_part else _KINDS[kind])  # type: ignore[arg-type]
            for name, kind, is_part in found
        ]

    def shape(self, column: sa.Column[Any]) -> Shape:
        """Return how a column is read."""
        return _shape(column.type, column)

    def bound(self, value: Any) -> Any:  # noqa: ANN401 - of any cursor
        """Return a cursor's value as a literal can have it."""
        return value

    def lines(self, connection: sa.Connection, query: sa.Select[Any], texts: Sequence[Any]) -> Iterator[bytes]:
        """Give the rows of a query as lines of CSV, with these expressions as the columns."""
        compiled = query.with_only_columns(*texts).compile(
            dialect=_DIALECT, compile_kwargs={"literal_binds": True}
        )
        driver: Any = connection.connection.driver_connection
        statement = f"copy ({compiled}) to stdout (format csv)".encode()
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for line in copy:
                yield bytes(line)

    def told(self, error: Exception, of: str) -> Exception:
        """Return what to raise for an error of the driver while `of` is read."""
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        said = (getattr(getattr(cause, "diag", None), "message_primary", None) or "").partition("\n")[0]
        what = f"{self.address.shown} refuses to read `{of}`: {said}"
        if isinstance(cause, errors.InsufficientPrivilege):
            hint = f"`GRANT SELECT` on it to `{self.address.username}`, or leave it out by `exclude`"
            return CredentialsError.because(what, hint)
        state = getattr(cause, "sqlstate", None) or "08000"  # without one, the connection is gone
        # connections, resources, an operator's doing, and what ran into another transaction
        if state[:2] in {"08", "53", "57", "40"}:
            lost = ConnectionError(f"{self.address.shown} ended the connection while `{of}` was read: {said}")
            lost.__cause__ = error
            return lost
        return SourceError.because(f"{what} (SQLSTATE {state})", "the log has more")


def _shape(kind: sa.types.TypeEngine[Any], column: sa.ColumnElement[Any]) -> Shape:
    """Return how a value of a type is read; what DuckDB has nothing for is text, as PostgreSQL writes it."""
    for kinds, made in _SHAPES:
        if isinstance(kind, kinds):
            return made(kind, column)
    return plain(sa.cast(column, sa.Text))


def _double(_: object, column: sa.ColumnElement[Any]) -> Shape:
    return Shape(type=sa.Double(), arrow=pa.float64(), text=sa.cast(column, sa.Double))


def _numeric(kind: sa.Numeric[Any], column: sa.ColumnElement[Any]) -> Shape:
    if kind.precision is None:
        return decimal(WIDEST, _ROUNDED, sa.func.round(column, _ROUNDED))
    scale = kind.scale or 0
    # numeric(2, -3) has five digits before the point, numeric(3, 5) five behind it
    return decimal(max(kind.precision - min(scale, 0), scale), max(scale, 0), column)


def _finite(column: sa.ColumnElement[Any], kind: str, *, zoned: bool) -> sa.ColumnElement[Any]:
    """Return a date or time as text, with the last and the first one that others know for the infinite ones."""
    written = sa.cast(sa.func.timezone("UTC", column) if zoned else column, sa.Text)
    return sa.case(
        (sa.func.isfinite(column), written),
        (column == sa.literal_column("'infinity'"), _LAST[kind]),
        (column == sa.literal_column("'-infinity'"), _FIRST[kind]),
    )


def _moment(kind: sa.DateTime, column: sa.ColumnElement[Any]) -> Shape:
    zoned = bool(kind.timezone)
    return moment(_finite(column, "timestamp", zoned=zoned), zoned=zoned)


def _date(_: object, column: sa.ColumnElement[Any]) -> Shape:
    return Shape(type=sa.Date(), arrow=pa.date32(), text=_finite(column, "date", zoned=False))


def _time(kind: sa.Time, column: sa.ColumnElement[Any]) -> Shape:
    if kind.timezone:
        return plain(sa.cast(column, sa.Text))
    return Shape(type=sa.Time(), arrow=pa.time64("us"), text=column)


def _json(kind: object, column: sa.ColumnElement[Any]) -> Shape:
    document = sa.func.to_json(column) if isinstance(kind, sa.ARRAY) else column
    return Shape(type=sa.JSON(), arrow=pa.string(), text=sa.cast(document, sa.Text))


# Each type with how it is read; the first that fits counts.
_SHAPES: tuple[tuple[type[Any] | tuple[type[Any], ...], Callable[[Any, Any], Shape]], ...] = (
    (postgresql.DOMAIN, lambda kind, column: _shape(kind.data_type, sa.cast(column, kind.data_type))),
    (sa.Boolean, lambda _, column: Shape(type=sa.Boolean(), arrow=pa.bool_(), text=sa.cast(column, sa.Integer))),
    (sa.Integer, lambda _, column: whole(column)),
    (sa.Float, _double),
    (sa.Numeric, _numeric),
    (sa.DateTime, _moment),
    (sa.Date, _date),
    (sa.Time, _time),
    ((sa.JSON, sa.ARRAY), _json),
    (sa.LargeBinary, lambda _, column: binary(sa.func.encode(column, "hex"))),
)
