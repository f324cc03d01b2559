"""Looking for known values in a DuckDB file: by SQL, as DuckDB compresses texts, which a look at bytes misses.

What dlt writes about a load must hold none. What a source has loaded into its tables is the user's to decide on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dango_action.credentials.forms import WHOLE, Known, encode, forms, fragments
from dango_action.credentials.redaction import Redactor
from dango_action.credentials.scanner import Scanner
from dango_action.warehouse.contents import quoted, reading

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from pathlib import Path

    import duckdb

_DLT = "_dlt_"  # what its own tables begin with
_BATCH = 512  # rows of dlt's tables at once
_LONGEST_FORM = 256  # bytes: what begins like a form that is longer holds it
_LARGEST_EXPRESSION = 16 * 1024  # characters; RE2, which DuckDB uses, refuses one that is too large
_TEXTS = re.compile(r"VARCHAR|JSON|BLOB|ENUM|VARIANT")
# Qualified, and with the name as a value: a macro in the file could stand in for any function without a schema.
_COLUMNS = """
    select schema_name, table_name, column_name, data_type from system.main.duckdb_columns()
    where not internal and database_name = ? order by schema_name, table_name, column_index
"""
# Names, comments, defaults and checks of everything, each beside the schema that it is in.
_METADATA = """
    select schema_name, concat_ws(chr(10), schema_name, comment) from system.main.duckdb_schemas()
    where not internal and database_name = $1
    union all
    select schema_name, concat_ws(chr(10), table_name, comment, sql) from system.main.duckdb_tables()
    where not internal and database_name = $1
    union all
    select schema_name, concat_ws(chr(10), column_name, comment) from system.main.duckdb_columns()
    where not internal and database_name = $1
    union all
    select schema_name, concat_ws(chr(10), type_name, comment, labels::varchar) from system.main.duckdb_types()
    where not internal and database_name = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A column, or the names of a schema, hold a value; or, if `path` is empty, could not be searched whole.

    It is `fatal` where dlt or we have written it, and not in the data that a source has loaded.
    """

    where: str
    path: str
    fatal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Needle:
    """One secret as parts of expressions: what is found anywhere, and what only as a whole value."""

    path: str
    anywhere: tuple[bytes, ...] = field(repr=False)
    whole: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def of(cls, known: Known) -> _Needle:
        parts = list(fragments(known))
        long = {form[:_LONGEST_FORM] for part in parts if len(part) >= WHOLE for form in forms(part)}
        short = {encode(part) for part in parts if len(part) < WHOLE}
        return cls(path=known.path, anywhere=tuple(sorted(long)), whole=tuple(sorted(short)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A column, the SQL of its text, and of what kind that is: plain, JSON, or the text of bytes."""

    name: str
    sql: str = field(init=False)
    kind: str = field(init=False)
    type: str

    def __post_init__(self) -> None:
        column = quoted(self.name)
        is_enum = self.type.startswith("ENUM") and not self.type.endswith("]")
        kind, sql = "json", f"system.main.to_json({column})::varchar"
        if is_enum or self.type in {"VARCHAR", "JSON", "BLOB"}:
            kind = {"JSON": "json", "BLOB": "blob"}.get(self.type, "plain")
            sql = f"{column}::varchar"
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "sql", sql)


def search(file: Path, known: Iterable[Known], datasets: Container[str] | None = None) -> list[Hit]:
    """Return where a warehouse holds values that are no settings, each place once for each value.

    dlt's own tables are searched in every dataset, those of sources in these `datasets`, or in all. Of them texts,
    JSON, bytes and what is nested are searched, not numbers or names of theirs.

    Raises:
        StateError: DuckDB can't read the file.

    """
    secrets = [one for one in known if not one.setting]
    if not secrets:
        return []
    hide = Redactor.of(secrets).text  # a name can hold a value, too
    with reading(file) as (connection, name):
        found = list(_in_metadata(connection, name, Scanner.of(secrets)))
        found += _in_tables(connection, name, secrets, datasets)
    return list(dict.fromkeys(Hit(where=hide(hit.where), path=hit.path, fatal=hit.fatal) for hit in found))


def _in_metadata(connection: duckdb.DuckDBPyConnection, name: str, scanner: Scanner) -> Iterator[Hit]:
    for schema, text in connection.execute(_METADATA, [name]).fetchall():
        for hit in scanner.scan(text.encode(), f"{schema} (names and comments)"):
            yield Hit(where=hit.file, path=hit.path, fatal=True)


def _in_tables(
    connection: duckdb.DuckDBPyConnection, name: str, secrets: list[Known], datasets: Container[str] | None
) -> Iterator[Hit]:
    tables: dict[tuple[str, str], list[_Column]] = {}
    for schema, table, column, kind in connection.execute(_COLUMNS, [name]).fetchall():
        asked = datasets is None or schema in datasets or table.startswith(_DLT)
        if asked and _TEXTS.search(kind):
            tables.setdefault((schema, table), []).append(_Column(name=column, type=kind))
    scanner, needles = Scanner.of(secrets), [_Needle.of(one) for one in secrets]
    for (schema, table), columns in tables.items():
        place = quoted(name, schema, table)
        own = table.startswith(_DLT)
        found = (
            _scanned(connection, place, columns, scanner) if own else _matched(connection, place, columns, needles)
        )
        for column, path in found:
            yield Hit(where=f"{schema}.{table}.{column}", path=path, fatal=own)


def _scanned(
    connection: duckdb.DuckDBPyConnection, place: str, columns: list[_Column], scanner: Scanner
) -> Iterator[tuple[str, str]]:
    """Give the columns of a table of dlt's that hold a value, packed as it may be, and the value's path."""
    for column in columns:
        sql = column.sql if column.kind != "blob" else quoted(column.name)
        rows = connection.cursor().execute(f"select {sql} from {place} where {sql} is not null")  # noqa: S608 - quoted
        while batch := rows.fetchmany(_BATCH):
            texts = (value if isinstance(value, bytes) else encode(value) for (value,) in batch)
            for hit in scanner.scan(b"\0".join(texts), column.name):
                yield column.name, hit.path


def _matched(
    connection: duckdb.DuckDBPyConnection, place: str, columns: list[_Column], needles: list[_Needle]
) -> Iterator[tuple[str, str]]:
    """Give the columns that hold a value, and its path: first all values at once, then one by one where any is."""
    for batch in _batches(needles):
        hit = [columns[at] for (at, _) in _hits(connection, place, [(column, batch) for column in columns])]
        pairs = [(column, [needle]) for column in hit for needle in batch]
        for at, _ in _hits(connection, place, pairs):
            column, [needle] = pairs[at]
            yield column.name, needle.path


def _hits(
    connection: duckdb.DuckDBPyConnection, place: str, pairs: list[tuple[_Column, list[_Needle]]]
) -> Iterator[tuple[int, bool]]:
    """Give the number of each pair of a column and values that it holds one of."""
    if not pairs:
        return
    tests = ", ".join(
        f"coalesce(bool_or(system.main.regexp_matches({column.sql}, ?)), false)" for column, _ in pairs
    )
    values = [_expression(needles, column.kind) for column, needles in pairs]
    row = connection.execute(f"select {tests} from {place}", values).fetchone() or ()  # noqa: S608 - quoted
    yield from ((at, True) for at, is_there in enumerate(row) if is_there)


def _batches(needles: list[_Needle]) -> Iterator[list[_Needle]]:
    batch: list[_Needle] = []
    size = 0
    for needle in needles:
        own = sum(map(len, (*needle.anywhere, *needle.whole)))
        if batch and size + own > _LARGEST_EXPRESSION:
            yield batch
            batch, size = [], 0
        batch.append(needle)
        size += own
    if batch:
        yield batch


def _expression(needles: list[_Needle], kind: str) -> str:
    """Return the expression, in RE2's dialect, for the text of a column of this kind."""
    write = _blob_text if kind == "blob" else _text
    anywhere = [re.escape(write(form)) for needle in needles for form in needle.anywhere]
    whole = [re.escape(write(form)) for needle in needles for form in needle.whole]
    if whole:
        ends = ('(?:\\A|")', '(?:"|\\z)') if kind == "json" else ("\\A", "\\z")
        anywhere.append(f"{ends[0]}(?:{'|'.join(whole)}){ends[1]}")
    return "|".join(anywhere) or "\\z\\A."  # a value of nothing to hide is nowhere


def _text(data: bytes) -> str:
    return data.decode(errors="ignore")


def _blob_text(data: bytes) -> str:
    """Return what DuckDB makes of bytes when it casts them to a text."""
    return "".join(chr(b) if 32 <= b <= 126 and b not in b"\\'\"" else f"\\x{b:02X}" for b in data)  # noqa: PLR2004
