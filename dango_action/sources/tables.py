"""From what a user writes of files to tables, each with its files and how they are read."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from dango_action.config.files import Format, Table
from dango_action.config.words import did_you_mean
from dango_action.errors import ConfigError, Problem
from dango_action.sources.stores.globs import folder_of, is_pattern
from dango_action.sources.stores.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dango_action.config.files import Filesystem
    from dango_action.sources.stores.found import Found, Store

_ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
}
_OPTIONS = set(Table.model_fields) - {"path"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTable:
    """A table, and the place of its files; `format` is that of all of them, if the definition says so."""

    name: str
    url: str
    options: Table
    format: Format | None

    def files(self, store: Store) -> list[Found]:
        """Return the table's files in the order in which they are read.

        Raises:
            ConfigError: a path without `*` is no file's.

        """
        found: dict[str, Found] = {}
        for pattern in self.options.path:
            fitting = {one.name: one for one in store.find(pattern)}
            if not fitting and not is_pattern(pattern):
                raise ConfigError.because(f"there is no file {store.url}{pattern}", _instead(store, pattern))
            found |= fitting
        return sorted(found.values(), key=lambda one: (one.modified, one.name))

    def format_of(self, name: str) -> Format:
        """Return the format of a file.

        Raises:
            ConfigError: nothing tells it.

        """
        known = self.options.format or self.format or _ending(name)
        if known is None:
            hint = f"set `format` to one of {', '.join(get_args(Format))}, or leave the file out of `path`"
            raise ConfigError.because(f"the name of {name} does not tell its format", hint)
        return known


def tables_of(
    block: Filesystem, values: Mapping[str, Any], source: str, normal: Callable[[str], str]
) -> list[FileTable]:
    """Return the tables that the parameters of a source name; `normal` makes dlt's name of a table's.

    Raises:
        ConfigError: they name none, the same twice, or a file that is not to be read.
        DangoError: a folder has to be listed for them, and can't be.

    """
    url, pattern = _split(str(values.get("bucket_url") or ""))
    options = {key: values[key] for key in _OPTIONS if values.get(key) is not None}
    path = values.get("path") or pattern
    if given := values.get("tables"):
        root = posixpath.join(url, path) if path and block.table_per_file else url
        named = {name: _options(f"tables.{name}", options, entry) for name, entry in given.items()}
        return _distinct(
            [FileTable(name=n, url=root, options=o, format=block.format) for n, o in named.items()], normal
        )
    if not path:
        hint = 'write `path: "orders/*.csv"`, or `tables: {orders: "orders/*.csv"}` for several'
        raise ConfigError.because("nothing says which files to read", hint)
    if block.table_per_file:
        return _distinct(list(_by_stem(url, path, options, values)), normal)
    whole = _options("path", options, path)
    single = len(whole.path) == 1 and not is_pattern(whole.path[0])
    name = values.get("table") or (_stem(whole.path[0]) if single else source)
    return _distinct([FileTable(name=name, url=url, options=whole, format=block.format)], normal)


def _split(url: str) -> tuple[str, str]:
    """Return the part of a URL that is a folder, and the pattern behind it."""
    scheme, separator, path = url.rpartition("://")
    if not is_pattern(path):
        return url, ""
    folder = folder_of(path)
    return f"{scheme}{separator}{folder.rstrip('/')}", path.removeprefix(folder)


def _options(where: str, options: Mapping[str, Any], entry: object) -> Table:
    entry = entry if isinstance(entry, dict) else {"path": entry}
    try:
        return Table.model_validate({**options, **entry})
    except ValidationError as error:
        raise ConfigError(*(_problem(where, one, entry) for one in error.errors())) from error


def _problem(where: str, error: Any, entry: Mapping[str, Any]) -> Problem:  # noqa: ANN401 - pydantic's own type
    key = str(error["loc"][0]) if error["loc"] else ""
    at = f"{where}.{key}" if where != "path" and key in entry else key
    if error["type"] == "extra_forbidden":
        return Problem(what=f"unknown key `{at}`", hint=did_you_mean(key, sorted(Table.model_fields)))
    return Problem(what=f"`{at}`: {error['msg']}", hint="`dango sources show` tells what may stand there")


def _by_stem(url: str, path: str, options: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[FileTable]:
    """Give a table for each file of a folder whose name tells a format."""
    root, pattern = (url, path) if is_pattern(path) else (posixpath.join(url, path), "*")
    with open_store(root, values) as store:
        names = sorted(one.name for one in store.find(pattern) if _ending(one.name))
    for name in names:
        yield FileTable(
            name=_stem(name), url=root, options=_options("path", options, {"path": [name]}), format=None
        )


def _distinct(tables: list[FileTable], normal: Callable[[str], str]) -> list[FileTable]:
    """Return the tables under dlt's names, which are all different."""
    found: dict[str, FileTable] = {}
    for table in tables:
        name = normal(table.name)
        if name.startswith("_dlt"):
            raise ConfigError.because(
                f"`{table.name}` is no name for a table: dlt has tables like it", "rename it"
            )
        if other := found.get(name):
            what = f"{_said(other)} and {_said(table)} would both be the table `{name}`"
            raise ConfigError.because(what, "name the tables: `tables: {orders: orders.csv, …}`")
        found[name] = FileTable(name=name, url=table.url, options=table.options, format=table.format)
    return list(found.values())


def _said(table: FileTable) -> str:
    return ", ".join(table.options.path)


def _ending(name: str) -> Format | None:
    return _ENDINGS.get(posixpath.splitext(name.lower().removesuffix(".gz"))[1])


def _stem(name: str) -> str:
    base = posixpath.basename(name)
    return posixpath.splitext(base[:-3] if base.lower().endswith(".gz") else base)[0]


def _instead(store: Store, path: str) -> str:
    if any(True for _ in store.find(f"{path.rstrip('/')}/*")):
        return f"it is a folder: write `{path.rstrip('/')}/*.csv` for the files in it"
    near = [one.name for one in store.find(f"{path.rpartition('/')[0]}/*".lstrip("/"))]
    return did_you_mean(path, sorted(near)) if near else "there is no file near it either; is the path right?"
