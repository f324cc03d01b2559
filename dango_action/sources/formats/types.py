"""From text to the type that a column is to have, without losing anything on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from dango_action.config.files import DataType

_MOMENT = pa.timestamp("us", tz="UTC")
_TYPES: dict[DataType, Any] = {
    "bigint": pa.int64(),
    "double": pa.float64(),
    "decimal": pa.decimal128(38, 9),
    "bool": pa.bool_(),
    "timestamp": _MOMENT,
    "date": pa.date32(),
}


class UnfitError(Exception):
    """A value that does not fit; `row` counts from 0 within its batch."""

    def __init__(self, row: int) -> None:
        super().__init__()
        self.row = row


def cast(values: Any, kind: DataType) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return an array of text as one of another type; a time without a zone is UTC.

    Raises:
        UnfitError: a value does not fit.

    """
    if kind == "text":
        return values
    try:
        return values.cast(_TYPES[kind])
    except pa.ArrowInvalid:
        # one does not fit, or times with a zone and without one are mixed: what follows is slow, and tells
        return pa.array(
            [_single(value, _TYPES[kind], row) for row, value in enumerate(values.to_pylist())], _TYPES[kind]
        )


def _single(value: str | None, kind: Any, row: int) -> Any:  # noqa: ANN401 - as above
    scalar = pa.scalar(value, pa.string())
    try:
        return scalar.cast(kind).as_py()
    except pa.ArrowInvalid as error:
        if kind == _MOMENT:
            try:
                return scalar.cast(pa.timestamp("us")).cast(_MOMENT).as_py()
            except pa.ArrowInvalid:
                pass
        raise UnfitError(row) from error
