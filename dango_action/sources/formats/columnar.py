"""Parquet, with the types that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dango_action.sources.formats.data_file import DataFile

_ROWS = 10_000


def parquet_batches(file: DataFile) -> Iterator[Any]:
    """Give a file's rows as Arrow batches, in types that dlt has.

    Raises:
        SourceError: it is no Parquet file, or a broken one.

    """
    try:
        with parquet.ParquetFile(file.unpacked().path) as opened:
            for batch in opened.iter_batches(batch_size=_ROWS):
                yield pa.RecordBatch.from_arrays(list(map(_plain, batch)), names=batch.schema.names)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        hint = "is it complete? write it again, and run again"
        raise file.useless(f"is no Parquet file, or broken: {type(error).__name__}", hint) from error


def _plain(column: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    if pa.types.is_dictionary(column.type):
        return column.dictionary_decode()
    if pa.types.is_uint64(column.type):  # dlt would have the column as a signed one, which half of the values fit
        return column.cast(pa.decimal128(20, 0))
    if pa.types.is_integer(column.type):  # the next file may have a wider type, and the column would not
        return column.cast(pa.int64())
    return column.cast(pa.float64()) if pa.types.is_floating(column.type) else column
