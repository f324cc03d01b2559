"""Importing the module of a source, so that it shadows nothing and nothing shadows it."""

from __future__ import annotations

import importlib
import sys
import types
from typing import TYPE_CHECKING

from dango_action.errors import ConfigError
from dango_action.sources.lookalikes import not_found, spec_of_top
from dango_action.sources.modules import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from dango_action.errors import Position
    from dango_action.sources.modules import Located

_OTHER = "other_sources"  # the package of a folder whose own name can't be used


def load(located: Located, project: Path, at: Position | None) -> types.ModuleType:
    """Import a module that was located.

    A file of the project may be called like a standard or an installed module: it is then imported below the
    name of its folder, so that it shadows nothing, and the file itself can import its namesake. Modules of
    `custom_sources/` can be imported by all sources, also as `custom_sources.<name>`.

    Raises:
        ConfigError: the package of that name has no such module.

    """
    dotted, name = located.dotted, located.dotted
    if located.folder:
        taken = _is_taken(located.top)
        package = _offer(located.folder)
        name = f"{package}.{dotted}" if taken else dotted
    if located.folder != project / FOLDER:
        _offer(project / FOLDER)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if located.file is None and (dotted == missing or dotted.startswith(f"{missing}.")):
            folder = located.folder or project / FOLDER
            raise ConfigError(not_found(project, folder, dotted, at, only=False)) from error
        raise


def _is_taken(top: str) -> bool:
    found = spec_of_top(top) is not None
    return found or top in sys.stdlib_module_names or top in sys.modules


def _offer(folder: Path) -> str:
    """Let the modules of a folder be imported, after all others, and as a package; return the package's name."""
    name = folder.name if folder.name.isidentifier() else _OTHER
    if name != FOLDER and _is_taken(name):
        name = _OTHER
    if folder.is_dir():
        sys.path.append(str(folder))
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules.setdefault(name, package)
    return name
