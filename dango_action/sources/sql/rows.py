"""From the lines of a server, as CSV, to Arrow tables: each value as the server writes it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import csv

from dango_action.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_BYTES = 16 * 1024 * 1024
"""How much is held before it is handed on, be it fewer rows than asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A column, and what its text stands for."""

    name: str
    type: pa.DataType
    nullable: bool = True
    otherwise: str = ""
    """What to do about a value that does not fit, if it is not to keep the column as text."""


def tables(lines: Iterable[bytes], fields: Sequence[Field], rows: int, of: str) -> Iterator[pa.Table]:
    """Give the lines of a table as Arrow tables of so many rows at most; without any, one that is empty.

    An unquoted empty value is null, and a quoted one is empty text.

    Raises:
        SourceError: a value does not fit the type of its column; `of` is the table, for people.

    """
    held, size, empty = list[bytes](), 0, True
    for line in lines:
        held.append(line)
        size += len(line)
        if len(held) >= rows or size >= _BYTES:
            yield _table(held, fields, of)
            held, size, empty = [], 0, False
    if held or empty:
        yield _table(held, fields, of)


def _table(lines: list[bytes], fields: Sequence[Field], of: str) -> pa.Table:
    schema = pa.schema([pa.field(field.name, field.type, field.nullable) for field in fields])
    if not lines:
        return schema.empty_table()
    texts = _texts(lines, len(fields), of)
    columns = [_typed(texts.column(index), field, of) for index, field in enumerate(fields)]
    return pa.Table.from_arrays(columns, schema=schema)


def _texts(lines: list[bytes], width: int, of: str) -> pa.Table:
    data = b"".join((b"\n", *lines))  # without a line before it, a value that begins with U+FEFF would lose that
    names = [str(index) for index in range(width)]  # a table's own may be there twice, or be empty
    try:
        return csv.read_csv(
            io.BytesIO(data),
            read_options=csv.ReadOptions(
                column_names=names, skip_rows=1, block_size=len(data) + 1, use_threads=False
            ),
            parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        hint = "name the columns that have other bytes in `as_text`, or leave the table out by `exclude`"
        raise SourceError.because(f"`{of}` has text that is not UTF-8", hint) from error


def _typed(texts: pa.ChunkedArray, field: Field, of: str) -> pa.ChunkedArray:
    try:
        if pa.types.is_binary(field.type):
            return _each(texts, bytes.fromhex, field.type)
        if pa.types.is_time(field.type):
            return _each(texts, time.fromisoformat, field.type)
        if pa.types.is_timestamp(field.type):  # what has a zone is written in UTC
            return texts.cast(pa.timestamp("us")).cast(field.type)
        return texts if pa.types.is_string(field.type) else texts.cast(field.type)
    except (pa.ArrowInvalid, ValueError) as error:
        kind = "number" if pa.types.is_decimal(field.type) or pa.types.is_integer(field.type) else "time"
        what = f"`{of}.{field.name}` has a {kind} that the warehouse has no room for"
        hint = f"keep the column as text: `as_text: [{of}.{field.name}]`, and --full-refresh once it was loaded"
        raise SourceError.because(what, field.otherwise or hint) from error


def _each(texts: pa.ChunkedArray, made: Any, kind: pa.DataType) -> pa.ChunkedArray:  # noqa: ANN401 - of a text
    values = [None if text is None else made(text) for text in texts.to_pylist()]
    return pa.chunked_array([pa.array(values, kind)])
