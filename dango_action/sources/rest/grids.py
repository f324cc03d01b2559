"""Grids of cells, as spreadsheets have them: rows by the names of the first one, and one type for each column."""

from __future__ import annotations

import re
import unicodedata
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from dlt.common.normalizers.naming.snake_case import NamingConvention

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_NAMING = NamingConvention()
# what a cell shows whose formula fails; it is empty here, so that a column of numbers stays one
_FAILED = frozenset({"#ERROR!", "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"})


def records(grid: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Return the rows below the first one by its names. Rows may be of any length.

    Empty cells are null; rows without a value, and columns without a cell, are left out. Numbers are floats, as in
    spreadsheets: a column of integers would change its type with the first fraction.
    """
    header, *body = grid or [[]]
    columns = [_typed(column) for column in zip_longest(*body)]
    padded = [*header, *[""] * len(columns)][: len(columns)]
    names = _distinct(name_of(text, f"column_{number}") for number, text in enumerate(padded, 1))
    made = (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
    return [row for row in made if any(value is not None for value in row.values())]


def name_of(text: object, otherwise: str) -> str:
    """Return a name that dlt leaves as it is; a text without a Latin letter or digit has none."""
    plain = unicodedata.normalize("NFKD", str(text)).encode("ascii", "ignore").decode()
    words = "_".join(re.findall("[A-Za-z0-9]+", plain))
    return _NAMING.normalize_identifier(words) if words else otherwise


def _typed(column: Iterable[Any]) -> list[Any]:
    """Return the cells of a column in one type: texts, if they are not all numbers or all true and false."""
    cells = [None if cell == "" or cell in _FAILED else cell for cell in column]
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds <= {int, float}:
        return [None if cell is None else float(cell) for cell in cells]
    return cells if len(kinds) == 1 else [None if cell is None else _text(cell) for cell in cells]


def _text(cell: object) -> str:
    return str(cell).upper() if isinstance(cell, bool) else str(cell)


def _distinct(names: Iterable[str]) -> list[str]:
    """Return the names with a number behind those that come again."""
    found: dict[str, None] = {}
    for name in names:
        found[next(free for free in _numbered(name) if free not in found)] = None
    return list(found)


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1
