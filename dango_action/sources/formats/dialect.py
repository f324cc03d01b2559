"""How a CSV file separates and quotes its values, what its columns are called, and where its rows are."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dango_action.config.files import Table
    from dango_action.sources.formats.data_file import DataFile

_OTHERS = (";", "\t", "|", ",")
_LONGEST = 16 * 1024 * 1024  # characters of a value


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What a table's options and a file's name say. `chosen`: the delimiter is the user's."""

    delimiter: str
    quote: str
    header: bool | tuple[str, ...]
    chosen: bool

    @classmethod
    def of(cls, file: DataFile, table: Table) -> Dialect:
        """Return the dialect of a file."""
        tabs = file.name.removesuffix(".gz").endswith(".tsv")
        return cls(
            delimiter=table.delimiter or ("\t" if tabs else ","),
            quote=table.quote,
            header=table.header,
            chosen=table.delimiter is not None,
        )

    def names(self, file: DataFile) -> list[str] | None:
        """Return the names of the columns of a file that begins with its first row; None if it holds nothing.

        Raises:
            SourceError: its first row can't be read, or looks as if another delimiter separates it.

        """
        try:
            first = next((row for row, _ in self._rows(file)), None)
            "".join(first or []).encode()
        except csv.Error as error:
            raise file.broken(1, f"the first row can't be read: {error}", "is `quote` right?") from error
        except UnicodeEncodeError as error:
            raise file.broken(1, "it is not UTF-8", "set `encoding`, for example to latin-1 or cp1252") from error
        if first is None:
            return None
        if isinstance(self.header, tuple):
            return list(self.header)
        if len(first) == 1 and not self.chosen and (other := next((d for d in _OTHERS if d in first[0]), None)):
            what = f"its first row has one column, with {other!r} in its name"
            raise file.broken(1, what, f"set `delimiter` to {other!r}; or to {self.delimiter!r} if this is right")
        named = first if self.header else [""] * len(first)
        return [name.strip() or f"column_{number}" for number, name in enumerate(named, 1)]

    def line_of(self, file: DataFile, row: int) -> int:
        """Return the line at which a row of the data, counted from 0, begins."""
        row += self.header is True
        begin = 1
        for number, (_, end) in enumerate(self._rows(file)):
            if number == row:
                break
            begin = end + 1
        return begin

    def _rows(self, file: DataFile) -> Iterator[tuple[list[str], int]]:
        """Give the rows that hold something, and the line at which each ends."""
        csv.field_size_limit(_LONGEST)
        with file.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as reader:
            rows = csv.reader(reader, delimiter=self.delimiter, quotechar=self.quote, strict=True)
            yield from ((row, rows.line_num) for row in rows if row)
