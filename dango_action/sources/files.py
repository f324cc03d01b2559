"""Files as a source: each table is a resource that reads those of its files that are new or have changed.

What was loaded is kept in dlt's state, file by file: its version where the store has one, and a digest of its
content. Without a key the rows of a changed file replace those that it has brought before, by the column `_file`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dlt

from dango_action.errors import ConfigError
from dango_action.sources.formats.data_file import DataFile
from dango_action.sources.formats.gathered import gathered
from dango_action.sources.formats.rows import EMPTY, FILE, NESTED, ROW, RowReader
from dango_action.sources.stores.opening import open_store
from dango_action.sources.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlt.extract import DltResource

    from dango_action.config.definition import Definition
    from dango_action.config.files import Table
    from dango_action.sources.stores.found import Fetched, Found, Store
    from dango_action.sources.tables import FileTable

Known = dict[str, list[Any]]
"""What was loaded, by the file's name: its version or None, the digest of its content, and how many rows."""


def resources(definition: Definition, values: Mapping[str, Any]) -> list[DltResource]:
    """Return a resource for each table that the parameters' values name.

    Raises:
        ConfigError: they name no files, or what is none of the project's.
        DangoError: a store that has to be listed for the names can't be.

    """
    schema = dlt.current.source_schema()
    assert definition.filesystem is not None  # noqa: S101 - the engine of this definition
    tables = tables_of(definition.filesystem, values, schema.name, schema.naming.normalize_table_identifier)
    normal = schema.naming.normalize_identifier

    def load(table: FileTable) -> Iterator[Any]:
        known: Known = dlt.current.resource_state().setdefault("files", {})
        with (
            tempfile.TemporaryDirectory(dir=dlt.current.pipeline().working_dir) as scratch,
            open_store(table.url, values) as store,
        ):
            reader = RowReader(table.options, Path(scratch), normal)
            yield from gathered(_Loading(table, store, reader, known, Path(scratch)).rows())

    return [dlt.resource(load(table), name=table.name, **_hints(table.options)) for table in tables]


def _hints(options: Table) -> dict[str, Any]:
    hints: dict[str, Any] = {"write_disposition": options.write_disposition}
    if options.primary_key and options.write_disposition == "merge":
        # of two rows with the same key within one load, the one that was read last stays
        hints |= {"primary_key": list(options.primary_key), "columns": {ROW: {"dedup_sort": "desc"}}}
    elif options.write_disposition == "merge":
        hints |= {"merge_key": FILE, "columns": {EMPTY: {"hard_delete": True}}}
    return hints


class _Loading:
    """One load of a table's files; what it has read, it notes in `known`, which is kept if the load succeeds."""

    def __init__(self, table: FileTable, store: Store, reader: RowReader, known: Known, scratch: Path) -> None:
        self._table = table
        self._store = store
        self._reader = reader
        self._known = known
        self._scratch = scratch
        self._all = table.options.write_disposition == "replace"
        self._by_file = table.options.write_disposition == "merge" and not table.options.primary_key

    def rows(self) -> Iterator[Any]:
        """Give the rows of all files that are new or have changed; of a table that is replaced, of all."""
        files = self._table.files(self._store)
        self._refuse_mixed(files)
        for found in files:
            if self._is_known(found.name, found.version):
                continue
            try:
                with self._store.fetch(found, self._scratch) as fetched:
                    yield from self._read(found.name, fetched)
            except FileNotFoundError:  # between the list and the look at it
                print(f"{self._store.url}{found.name} has gone in the meantime, and is left out")  # noqa: T201
        self._reader.refuse_unmet()

    def _is_known(self, name: str, version: str | None) -> bool:
        if self._all or version is None or name not in self._known:
            return False
        return bool(self._known[name][0] == version)

    def _read(self, name: str, fetched: Fetched) -> Iterator[Any]:
        file = DataFile(name=f"{self._store.url}{name}", path=fetched.path, scratch=self._scratch)
        digest = file.digest()
        _, loaded, before = self._known.get(name, [None, None, 0])
        rows = before
        if self._all or digest != loaded:
            rows = 0
            kind = self._table.format_of(name)
            for part in self._reader.rows(file, kind, name):
                rows += len(part)
                yield part
            if before and not rows and self._by_file:
                yield self._reader.emptied(kind, name)
        self._known[name] = [fetched.version, digest, rows]

    def _refuse_mixed(self, files: list[Found]) -> None:
        """Refuse files some of which become dicts and some Arrow tables: only to dicts does dlt add its columns.

        Raises:
            ConfigError: there are both.

        """
        formats = {self._table.format_of(found.name) for found in files}
        if formats & NESTED and formats - NESTED:
            what = f"the files of the table `{self._table.name}` are {' and '.join(sorted(formats))}"
            raise ConfigError.because(what, "give each format a table of its own")
