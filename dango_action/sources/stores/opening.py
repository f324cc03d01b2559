"""From `bucket_url` to a store."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from dango_action.errors import ConfigError
from dango_action.sources.stores.objects import SCHEMES, open_objects
from dango_action.sources.stores.project import ProjectFiles
from dango_action.sources.stores.sftp import open_sftp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dango_action.sources.stores.found import Store


@contextmanager
def open_store(url: str, values: Mapping[str, Any]) -> Iterator[Store]:
    """Give the store at a URL, or for an empty one the project; it is closed in the end.

    Raises:
        ConfigError: there is no such kind of store.
        DangoError: it can't be opened; each kind says why.

    """
    scheme, separator, path = url.partition("://")
    if not separator or scheme == "file":
        folder = unquote(path) if separator else url
        yield ProjectFiles(project=Path.cwd(), folder=folder.removeprefix("./").rstrip("/"))
    elif scheme in SCHEMES:
        yield open_objects(url, values)
    elif scheme == "sftp":
        with open_sftp(url, values) as store:
            yield store
    else:
        what = f"there are no files at {scheme}://"
        raise ConfigError.because(what, "use s3://, gs://, az:// or sftp://, or a path in the project")
