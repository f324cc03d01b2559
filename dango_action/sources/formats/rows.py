"""The rows of a table's files, each with the name of its file, and with a number if keys have to be told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dango_action.config.words import did_you_mean
from dango_action.errors import ConfigError
from dango_action.sources.formats.columnar import parquet_batches
from dango_action.sources.formats.delimited import CsvReader
from dango_action.sources.formats.lines import json_document, json_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dango_action.config.files import Format, Table
    from dango_action.sources.formats.data_file import DataFile

FILE, ROW, EMPTY = "_file", "_row", "_file_is_empty"
"""Columns that are added: a row's file, its number within the load, and the mark of a file that lost its rows."""
NESTED = frozenset({"json", "jsonl"})
"""Formats whose rows are dicts; those of the others are Arrow tables."""


class RowReader:
    """Reads the files of one table; `normal` makes dlt's name of a column's."""

    def __init__(self, options: Table, scratch: Path, normal: Callable[[str], str]) -> None:
        """Begin with the first file of a load; `scratch` is a folder for copies of files."""
        self._options = options
        self._normal = normal
        self._csv = CsvReader(scratch, normal)
        self._keys = {normal(key): key for key in options.primary_key or ()}
        self._numbered = 0

    def rows(self, file: DataFile, kind: Format, name: str) -> Iterator[Any]:
        """Give a file's rows, as Arrow tables or lists of dicts; `name` goes into the column for the file.

        Raises:
            SourceError: the file is broken, or a row has no key.
            ConfigError: the file can't be read as the configuration says.

        """
        if kind in NESTED:
            for rows, lines in json_lines(file) if kind == "jsonl" else json_document(file):
                self._refuse_keyless(file, rows, lines)
                yield [self._added(row, name) for row in rows]
            return
        row = 0
        for batch in self._csv.batches(file, self._options) if kind == "csv" else parquet_batches(file):
            table = self._named(pa.Table.from_batches([batch]), file)
            self._refuse_null(table, file, kind, row)
            yield self._stamped(table, name)
            row += len(table)

    def refuse_unmet(self) -> None:
        """Refuse types for columns that no file has had.

        Raises:
            ConfigError: there is one.

        """
        if unmet := self._csv.unmet(self._options.columns):
            name, names = unmet
            raise ConfigError.because(f"`columns` names `{name}`, which no file has", did_you_mean(name, names))

    def emptied(self, kind: Format, name: str) -> Any:  # noqa: ANN401 - as above
        """Return a row that makes dlt delete those of a file, and that is itself not loaded."""
        row = [{FILE: name, EMPTY: True}]
        return row if kind in NESTED else pa.Table.from_pylist(row)

    def _named(self, table: Any, file: DataFile) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return a table under dlt's names, if it has the columns of the key and none of ours."""
        names: list[str] = [self._normal(name) for name in table.column_names]
        for missing in (key for normal, key in self._keys.items() if normal not in names):
            what = f"{file.name} has no column `{missing}`, which `primary_key` names"
            raise ConfigError.because(what, did_you_mean(missing, table.column_names))
        twice = next((name for name in names if names.count(name) > 1 or name in (FILE, ROW, EMPTY)), None)
        if twice:
            raise file.useless(f"has a column `{twice}` besides another one of this name", "rename it in the file")
        return table.rename_columns(names)

    def _refuse_null(self, table: Any, file: DataFile, kind: Format, row: int) -> None:  # noqa: ANN401 - as above
        for normal, key in self._keys.items():
            if table[normal].null_count:
                row += table[normal].is_null().to_pylist().index(True)
                hint = "a row without a key can't be told from others: mend it, or choose another key"
                if kind == "csv":
                    line = self._csv.line_of(file, self._options, row)
                    raise file.broken(line, f"it has no `{key}`, which `primary_key` names", hint)
                raise file.useless(f"has no `{key}` in row {row + 1}, which `primary_key` names", hint)

    def _refuse_keyless(self, file: DataFile, rows: list[dict[str, Any]], lines: list[int]) -> None:
        for normal, key in self._keys.items():
            for row, line in zip(rows, lines, strict=True):
                if row.get(key) is None and not any(
                    self._normal(name) == normal for name, value in row.items() if value is not None
                ):
                    hint = "a row without a key can't be told from others: mend it, or choose another key"
                    raise file.broken(line, f"it has no `{key}`, which `primary_key` names", hint)

    def _stamped(self, table: Any, name: str) -> Any:  # noqa: ANN401 - as above
        table = table.append_column(FILE, pa.array([name] * len(table), pa.string()))
        return table.append_column(ROW, pa.array(self._numbers(len(table)), pa.int64())) if self._keys else table

    def _added(self, row: dict[str, Any], name: str) -> dict[str, Any]:
        return {**row, FILE: name} | ({ROW: self._numbers(1)[0]} if self._keys else {})

    def _numbers(self, count: int) -> range:
        first, self._numbered = self._numbered, self._numbered + count
        return range(first, self._numbered)
