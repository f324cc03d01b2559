"""DuckDB's extensions: from an installed wheel, which our lock has checked, or else signed from DuckDB itself."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from dango_action.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable


def load_extensions(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
    """Load extensions by DuckDB's names for them.

    Raises:
        StateError: there is no wheel for this version of DuckDB, and no download either.

    """
    for name in names:
        wheel = in_wheel(name)
        try:
            if wheel:
                connection.load_extension(str(wheel))
            else:
                connection.install_extension(name)  # DuckDB checks the signature when it loads it
                connection.load_extension(name)
        except duckdb.Error as error:
            raise StateError.because(
                f"DuckDB's extension `{name}` could not be loaded: {type(error).__name__}",
                f"install the wheel duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}, "
                "or let this machine reach extensions.duckdb.org",
            ) from error


def in_wheel(name: str) -> Path | None:
    """Return the file of an extension that is installed as a wheel for this version of DuckDB."""
    found = importlib.util.find_spec(f"duckdb_extension_{name}")
    for place in (found.submodule_search_locations if found else None) or ():
        file = Path(place) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if file.is_file():
            return file
    return None
