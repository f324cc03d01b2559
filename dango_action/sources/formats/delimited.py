"""CSV by DuckDB's parser: text as it stands there, checked to the last quote.

Every column is text unless the configuration says otherwise. What a value looks like is no type: 01234 is a postal
code, and the next file may have N/A in a column that held numbers. An empty value is null, and
a quoted one is empty text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from dango_action.sources.formats.dialect import Dialect
from dango_action.sources.formats.text import decoded, has_mixed_lines, with_even_lines, without_top
from dango_action.sources.formats.types import UnfitError, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from dango_action.config.files import DataType, Table
    from dango_action.errors import DangoError
    from dango_action.sources.formats.data_file import DataFile

_ROWS = 10_000
_LONGEST = 16 * 1024 * 1024  # bytes of a row
_ERRORS = (duckdb.Error, pa.ArrowException, OSError)  # in a stream, Arrow passes on what DuckDB says
_READ = """
    from read_csv({path}, columns = {{{columns}}}, header = {header}, delim = {delimiter}, quote = {quote},
        escape = {quote}, auto_detect = false, strict_mode = true, allow_quoted_nulls = false,
        compression = 'none', max_line_size = {longest}, buffer_size = {buffer}, store_rejects = {rejects})
"""
_FIRST_BROKEN = """
    select line_byte_position, error_type::text from reject_errors order by line_byte_position nulls last limit 1
"""
_DROP = "drop table reject_errors; drop table reject_scans"
_BROKEN = {
    "MISSING COLUMNS": ("it has fewer values than there are columns", "an empty value needs its delimiter too"),
    "TOO MANY COLUMNS": ("it has more values than there are columns", "quote a value that holds the delimiter"),
    "UNQUOTED VALUE": (
        "a quote is not closed, or something follows it",
        "double a quote inside of a quoted value",
    ),
    "INVALID ENCODING": ("it is not UTF-8", "set `encoding`, for example to latin-1 or cp1252"),
    "LINE SIZE OVER MAXIMUM": ("it is longer than 16 MiB", "is a quote not closed?"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """A file as DuckDB reads it: UTF-8, from its first row on, above which `gone` lines were left out."""

    file: DataFile
    gone: int
    dialect: Dialect
    names: list[str]

    def line_of(self, row: int) -> int:
        """Return the line of a row of the data, counted from 0."""
        return self.gone + self.dialect.line_of(self.file, row)


class CsvReader:
    """Reads the CSV files of one table; `normal` makes dlt's name of a column's."""

    def __init__(self, scratch: Path, normal: Callable[[str], str]) -> None:
        """Open a database in memory that does the parsing; `scratch` is a folder for copies of files."""
        # most files are small, and more threads would take longer to start than one to read
        self._connection = duckdb.connect(config={"threads": 1})
        self._link = scratch / "data"  # a name without anything that DuckDB takes for a pattern
        self._normal = normal
        self._met: set[str] = set()

    def unmet(self, columns: Iterable[str]) -> tuple[str, list[str]] | None:
        """Return the first of these columns that no file has had, and what they had; None if all were there."""
        missing = [name for name in columns if self._normal(name) not in self._met]
        return (missing[0], sorted(self._met)) if missing and self._met else None

    def batches(self, file: DataFile, table: Table) -> Iterator[Any]:
        """Give a file's rows as Arrow batches, under dlt's names.

        Raises:
            SourceError: it is broken; where, and why.
            ConfigError: it can't be read as the configuration says.

        """
        cut, gone = without_top(decoded(file.unpacked(), table.encoding), table.skip_rows)
        dialect = Dialect.of(file, table)
        found = dialect.names(cut)
        if found is None:
            return
        text = _Text(file=cut, gone=gone, dialect=dialect, names=self._distinct(file, found))
        if has_mixed_lines(cut) and self._first_broken(text):
            text = _Text(file=with_even_lines(cut), gone=gone, dialect=dialect, names=text.names)
        kinds = {self._normal(name): kind for name, kind in table.columns.items()}
        self._met.update(text.names)
        row = 0
        for batch in self._stream(text):
            columns = [self._typed(text, column, kinds, row) for column in zip(text.names, batch, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, names=text.names)
            row += batch.num_rows

    def line_of(self, file: DataFile, table: Table, row: int) -> int:
        """Return the line of a row of a file that can be read, counted from 0."""
        cut, gone = without_top(decoded(file.unpacked(), table.encoding), table.skip_rows)
        return gone + Dialect.of(file, table).line_of(cut, row)

    def _distinct(self, file: DataFile, names: list[str]) -> list[str]:
        """Return dlt's names, which are all different."""
        first: dict[str, str] = {}
        for name in names:
            if (normal := self._normal(name)) in first:
                what = f"the columns `{first[normal]}` and `{name}` would both become `{normal}`"
                raise file.broken(1, what, "name the columns yourself: `header: [id, …]`, and `skip_rows: 1`")
            first[normal] = name
        return list(first)

    def _typed(self, text: _Text, column: tuple[str, Any], kinds: dict[str, DataType], row: int) -> Any:  # noqa: ANN401
        name, values = column
        kind = kinds.get(name, "text")
        try:
            return cast(values, kind)
        except UnfitError as error:
            what = f"the value of `{name}` is no {kind}"
            hint = "mend it; or let the column be text, and start over with --full-refresh"
            raise text.file.broken(text.line_of(row + error.row), what, hint) from error

    def _stream(self, text: _Text) -> Iterator[Any]:
        """Give the rows as they are parsed, in batches whose columns have no names yet."""
        try:
            yield from self._connection.execute(self._query(text, rejects=False)).to_arrow_reader(_ROWS)
        except _ERRORS as error:
            raise self._error(text, error) from error

    def _error(self, text: _Text, error: Exception) -> DangoError:
        """Return where a file is broken, and why, by what DuckDB's second look at it finds."""
        broken = self._first_broken(text)
        if broken is None or not broken[1]:
            return text.file.useless(f"can't be read as CSV: {type(error).__name__}", "the log has more")
        position, kind = broken
        line = text.gone + text.file.line_at(position or 0)
        return text.file.broken(line, *_BROKEN.get(kind, (f"DuckDB says {kind}", "the log has more")))

    def _first_broken(self, text: _Text) -> tuple[int | None, str] | None:
        """Return where the first broken row is, and DuckDB's word for it, if it has one; None if all is well."""
        found = None
        try:
            for _ in self._connection.execute(self._query(text, rejects=True)).to_arrow_reader(_ROWS):
                pass
            found = self._connection.execute(_FIRST_BROKEN).fetchone()
            self._connection.execute(_DROP)
        except _ERRORS:
            return (None, "")
        return (found[0], found[1]) if found else None

    def _query(self, text: _Text, *, rejects: bool) -> str:
        longest = min(_LONGEST, text.file.path.stat().st_size + 1)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(text.file.path.absolute())
        query = _READ.format(
            path=_quoted(str(self._link)),
            columns=", ".join(f"c{number}: 'varchar'" for number in range(len(text.names))),
            header=text.dialect.header is True,
            delimiter=_quoted(text.dialect.delimiter),
            quote=_quoted(text.dialect.quote),
            longest=longest,
            buffer=2 * longest,
            rejects=rejects,
        )
        # the parser takes an empty line for a row wherever a row has one value
        return f"{query} where c0 is not null" if len(text.names) == 1 else query


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
