"""Many small files in few large steps: dlt has much to do for each item, however few rows it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ROWS = 10_000
_HELD = 32  # parts at most


def gathered(parts: Iterable[Any]) -> Iterator[Any]:
    """Give the same rows in the same order; neighbouring parts of the same columns become one."""
    held: list[Any] = []
    for part in parts:
        if held and (not _fit(held[0], part) or sum(map(len, held)) + len(part) > _ROWS):
            yield _together(held)
            held = []
        held.append(part)
        if len(held) == _HELD:
            held = [_together(held)]
    if held:
        yield _together(held)


def _fit(one: Any, other: Any) -> bool:  # noqa: ANN401 - Arrow tables and lists of dicts
    if isinstance(one, list) or isinstance(other, list):
        return type(one) is type(other)
    return bool(one.schema.equals(other.schema))


def _together(parts: list[Any]) -> Any:  # noqa: ANN401 - as above
    if isinstance(parts[0], list):
        return [row for part in parts for row in part]
    # a copy without the room for thousands of rows that DuckDB leaves in each of its batches
    return pa.concat_tables(parts).combine_chunks()
