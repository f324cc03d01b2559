"""What a kind of database has to be able to do, for its tables to be synced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import pyarrow as pa
import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dango_action.sources.sql.address import Address
    from dango_action.sources.sql.choice import Relation

WIDEST = 38
"""Digits of the widest decimal, in DuckDB as in Arrow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A column: its type for dlt, its type in Arrow, and the SQL for its value as text."""

    type: sa.types.TypeEngine[Any]
    arrow: pa.DataType
    text: sa.ColumnElement[Any]
    nullable: bool = False
    """Whether there may be nulls that the column itself has none of."""


class Server(Protocol):
    """A kind of database."""

    drivers: ClassVar[tuple[type[Exception], ...]]
    """The errors of its driver."""

    @property
    def address(self) -> Address:
        """Where it is."""
        ...

    def connect(self) -> sa.Connection:
        """Return a connection in a transaction that only reads, and sees one moment of everything.

        Raises:
            CredentialsError: the server refuses the login.
            SourceError: there is no such host or database.
            ConnectionError: it can't be reached now.

        """
        ...

    def relations(self, connection: sa.Connection, schema: str | None) -> list[Relation]:
        """Return what has rows.

        Raises:
            ConfigError: there is no such schema.

        """
        ...

    def shape(self, column: sa.Column[Any]) -> Shape:
        """Return how a column is read."""
        ...

    def bound(self, value: Any) -> Any:  # noqa: ANN401 - of any cursor
        """Return a cursor's value as a literal of a query can have it."""
        ...

    def lines(self, connection: sa.Connection, query: sa.Select[Any], texts: Sequence[Any]) -> Iterator[bytes]:
        """Give the rows of a query as lines of CSV, with these expressions as the columns."""
        ...

    def told(self, error: Exception, of: str) -> Exception:
        """Return what to raise for an error of the driver while `of` is read."""
        ...


def decimal(precision: int, scale: int, text: sa.ColumnElement[Any]) -> Shape:
    """Return the shape of an exact number; one that is wider than any decimal stays text."""
    if precision > WIDEST:
        return plain(sa.cast(text, sa.Text))
    return Shape(
        type=sa.Numeric(precision, scale, asdecimal=True), arrow=pa.decimal128(precision, scale), text=text
    )


def plain(text: sa.ColumnElement[Any]) -> Shape:
    """Return the shape of text."""
    return Shape(type=sa.Text(), arrow=pa.string(), text=text)


def whole(text: sa.ColumnElement[Any]) -> Shape:
    """Return the shape of a whole number of 64 bits."""
    return Shape(type=sa.BigInteger(), arrow=pa.int64(), text=text)


def binary(hexadecimal: sa.ColumnElement[Any]) -> Shape:
    """Return the shape of bytes."""
    return Shape(type=sa.LargeBinary(), arrow=pa.binary(), text=hexadecimal)


def moment(text: sa.ColumnElement[Any], *, zoned: bool) -> Shape:
    """Return the shape of a time of a day; one in a zone is written in UTC."""
    arrow = pa.timestamp("us", "UTC") if zoned else pa.timestamp("us")
    return Shape(type=sa.DateTime(timezone=zoned), arrow=arrow, text=text)
