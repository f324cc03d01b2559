"""JSON, a document in each line or one for the whole file: rows as dicts, since they nest."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dango_action.errors import DangoError
    from dango_action.sources.formats.data_file import DataFile

Lines: TypeAlias = tuple[list[dict[str, Any]], list[int]]
"""Rows, and for each the line at which it is; 1 where only the file as a whole is known."""

_ROWS = 1_000
_MARK = b"\xef\xbb\xbf"
_LONG = re.compile(rb"[0-9]{19}")  # such a number may not fit into 64 bits, and orjson would round it
_MOST = 2**63


class TooLongError(ValueError):
    """A whole number of more than 64 bits."""


def json_lines(file: DataFile) -> Iterator[Lines]:
    """Give the rows of a file with one JSON object in each line; empty lines hold none.

    Raises:
        SourceError: a line is no JSON, or no object.

    """
    file = file.unpacked()
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    with file.path.open("rb") as reader:
        for number, line in enumerate(reader, 1):
            text = line.removeprefix(_MARK) if number == 1 else line
            if not text.strip():
                continue
            rows.append(_row(file, number, text))
            lines.append(number)
            if len(rows) == _ROWS:
                yield rows, lines
                rows, lines = [], []
    if rows:
        yield rows, lines


def json_document(file: DataFile) -> Iterator[Lines]:
    """Give the rows of a file that is a list of objects, one object, or has an object in each line.

    Raises:
        SourceError: it is no JSON, or holds something else.

    """
    file = file.unpacked()
    text = file.path.read_bytes().removeprefix(_MARK)
    if not text.strip():
        return
    try:
        document = _parsed(text)
    except ValueError as error:
        if text.lstrip()[:1] == b"{" and b"\n" in text.strip():
            yield from json_lines(file)
            return
        raise _broken(file, getattr(error, "lineno", 1), error) from error
    rows = document if isinstance(document, list) else [document]
    odd = next((number for number, row in enumerate(rows, 1) if not isinstance(row, dict)), None)
    if odd is not None:
        raise file.useless(f"holds no object as its item {odd}", "each item has to be an object: {…}")
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS]
        yield part, [1] * len(part)


def _row(file: DataFile, number: int, text: bytes) -> dict[str, Any]:
    try:
        row = _parsed(text)
    except ValueError as error:
        raise _broken(file, number, error) from error
    if not isinstance(row, dict):
        raise file.broken(number, "it holds no JSON object", "each line has to be an object: {…}")
    return row


def _broken(file: DataFile, line: int, error: ValueError) -> DangoError:
    if isinstance(error, TooLongError):
        what = "it holds a whole number of more than 64 bits, which no column can hold"
        return file.broken(line, what, "write it as text: in quotes")
    column = getattr(error, "colno", 0)
    return file.broken(line, f"it is no JSON, from column {column} on", "mend it; is the file complete?")


def _parsed(text: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
    return json.loads(text, parse_int=_whole) if _LONG.search(text) else orjson.loads(text)


def _whole(digits: str) -> int:
    if not -_MOST <= (number := int(digits)) < _MOST:
        raise TooLongError
    return number
