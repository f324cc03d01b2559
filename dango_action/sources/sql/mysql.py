"""MySQL and MariaDB: their catalog and their types; the server writes each row as one line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pymysql
import sqlalchemy as sa
from pymysql.constants import ER
from pymysql.cursors import SSCursor
from sqlalchemy.dialects import mysql

from dango_action.errors import CredentialsError, SourceError
from dango_action.sources.sql.choice import Relation
from dango_action.sources.sql.mysql_login import PASSING, Login, code_of
from dango_action.sources.sql.server import Shape, binary, decimal, moment, plain, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dango_action.sources.sql.address import Address

_RELATIONS = sa.text("""
    select table_name, table_type from information_schema.tables
    where table_schema = database() and table_type in ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
""")
_FORBIDDEN = {ER.TABLEACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR}
_WIDEST_BIT = 64
_SPATIAL = (
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
    "geomcollection",
)
_DIALECT = mysql.dialect(paramstyle="named")


class Spatial(sa.types.UserDefinedType[Any]):
    """A type of geometry, which SQLAlchemy does not know."""

    def __init__(self, *_: object, **__: object) -> None:
        """Take no notice of what is declared of it."""


@dataclass(frozen=True, slots=True)
class MySql:
    """A MySQL or MariaDB server."""

    address: Address
    drivers: ClassVar[tuple[type[Exception], ...]] = (pymysql.Error, sa.exc.DBAPIError)

    def connect(self) -> sa.Connection:
        """Return a connection in a transaction that only reads, and sees one moment of everything."""
        engine = sa.create_engine(
            "mysql+pymysql://", creator=Login(self.address).open, poolclass=sa.NullPool, hide_parameters=True
        )
        dialect: Any = engine.dialect
        dialect.ischema_names = {**dialect.ischema_names, **dict.fromkeys(_SPATIAL, Spatial)}
        connection = engine.connect()
        connection.exec_driver_sql("set time_zone = '+00:00'")
        connection.exec_driver_sql("set session transaction isolation level repeatable read")
        connection.exec_driver_sql("start transaction with consistent snapshot, read only")
        return connection

    def relations(self, connection: sa.Connection, schema: str | None) -> list[Relation]:  # noqa: ARG002 - it has none
        """Return what has rows."""
        found = connection.execute(_RELATIONS).all()
        return [Relation(name=name, kind="view" if kind == "VIEW" else "table") for name, kind in found]

    def shape(self, column: sa.Column[Any]) -> Shape:
        """Return how a column is read."""
        return _shape(column.type, column)

    def bound(self, value: Any) -> Any:  # noqa: ANN401 - of any cursor
        """Return a cursor's value as a literal has it: MariaDB knows no offsets, and the session is in UTC."""
        if isinstance(value, datetime) and value.tzinfo:
            return value.astimezone(UTC).replace(tzinfo=None)
        return value

    def lines(self, connection: sa.Connection, query: sa.Select[Any], texts: Sequence[Any]) -> Iterator[bytes]:
        """Give the rows of a query as lines of CSV, with these expressions as the columns.

        Raises:
            SourceError: a row is longer than the server sends one.

        """
        parts: list[Any] = []
        for text in texts:
            quoted = sa.func.concat('"', sa.func.replace(_written(text), '"', '""'), '"')
            parts += [",", sa.func.ifnull(quoted, "")]
        line = sa.func.concat(*parts[1:], "\n")
        compiled = query.with_only_columns(line).compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})
        driver: Any = connection.connection.driver_connection
        with driver.cursor(SSCursor) as cursor:
            cursor.execute(str(compiled))
            for (row,) in cursor:
                if row is None:  # what is too long becomes null
                    hint = "raise `max_allowed_packet` of the server, or leave the table out by `exclude`"
                    raise SourceError.because("a row is longer than `max_allowed_packet` of the server", hint)
                yield row.encode()

    def told(self, error: Exception, of: str) -> Exception:
        """Return what to raise for an error of the driver while `of` is read."""
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        code, said = code_of(cause), str(cause.args[-1] if cause and cause.args else "")
        what = f"{self.address.shown} refuses to read `{of}`: {said}"
        if code in _FORBIDDEN:
            hint = f"`GRANT SELECT` on it to `{self.address.username}`, or leave it out by `exclude`"
            return CredentialsError.because(what, hint)
        if code in PASSING or isinstance(cause, pymysql.InterfaceError):
            lost = ConnectionError(f"{self.address.shown} ended the connection while `{of}` was read: {said}")
            lost.__cause__ = error
            return lost
        return SourceError.because(f"{what} (error {code})", "the log has more")


def _written(text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(text, mysql.CHAR(charset="utf8mb4"))


def _shape(kind: sa.types.TypeEngine[Any], column: sa.Column[Any]) -> Shape:
    """Return how a value of a type is read; what DuckDB has nothing for is text, as the server writes it."""
    for kinds, made in _SHAPES:
        if isinstance(kind, kinds):
            return made(kind, column)
    return plain(column)


def _bits(kind: mysql.BIT, column: sa.ColumnElement[Any]) -> Shape:
    number = column.op("+")(sa.literal_column("0"))
    return decimal(20, 0, number) if (kind.length or 1) >= _WIDEST_BIT else whole(number)


def _whole(kind: object, column: sa.ColumnElement[Any]) -> Shape:
    is_wider = isinstance(kind, mysql.BIGINT) and kind.unsigned
    return decimal(20, 0, column) if is_wider else whole(column)


def _double(_: object, column: sa.ColumnElement[Any]) -> Shape:
    """Return how a float is read: as a FLOAT the server would write its first six digits only."""
    return Shape(type=sa.Double(), arrow=pa.float64(), text=column.op("+")(sa.literal_column("0e0")))


def _moment(kind: object, column: sa.ColumnElement[Any]) -> Shape:
    """Return how a time is read: TIMESTAMP is a moment, DATETIME what a clock on some wall says."""
    return replace(moment(_possible(column), zoned=isinstance(kind, sa.TIMESTAMP)), nullable=True)


def _date(_: object, column: sa.ColumnElement[Any]) -> Shape:
    return Shape(type=sa.Date(), arrow=pa.date32(), text=_possible(column), nullable=True)


def _json(_: object, column: sa.ColumnElement[Any]) -> Shape:
    return Shape(type=sa.JSON(), arrow=pa.string(), text=column)


def _possible(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return a date or time, and null for the zero date, which is none."""
    return sa.case((column.op("<>")(sa.literal_column("0")), _written(column)))


# Each type with how it is read; the first that fits counts.
_SHAPES: tuple[tuple[type[Any] | tuple[type[Any], ...], Callable[[Any, Any], Shape]], ...] = (
    (mysql.BIT, _bits),
    ((sa.Integer, mysql.YEAR), _whole),
    (sa.Float, _double),
    (sa.Numeric, lambda kind, column: decimal(kind.precision or 10, kind.scale or 0, column)),
    (sa.DateTime, _moment),
    (sa.Date, _date),
    (Spatial, lambda _, column: plain(sa.func.st_astext(column))),
    (mysql.JSON, _json),
    ((sa.LargeBinary, sa.BINARY, sa.VARBINARY), lambda _, column: binary(sa.func.hex(column))),
)
