"""Where the module of a source lies, in the project or in an installed package. Nothing is imported."""

from __future__ import annotations

import importlib.metadata
import json
import site
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from dango_action.errors import ConfigError
from dango_action.sources.lookalikes import not_found, spec_of_top

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from importlib.machinery import ModuleSpec

    from dango_action.errors import Position

FOLDER = "custom_sources"


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A module and the place that it has to come from: `folder`, or an installed package if that is None.

    `file` is None for an installed module whose file can't be told without importing it.
    """

    dotted: str
    folder: Path | None
    file: Path | None

    @property
    def top(self) -> str:
        """The part of the name that Python looks for first."""
        return self.dotted.partition(".")[0]


def locate(project: Path, source_path: str | None, dotted: str, places: Mapping[str, Position]) -> Located:
    """Return where a module lies: in `source_path` and nowhere else, or in `custom_sources/` or a package.

    Raises:
        ConfigError: there is none, or it lies outside of where it may.

    """
    at = places.get("dlt_native.source_module")
    folder = _folder(project, source_path, places.get("dlt_native.source_path"))
    file = _in_folder(folder, dotted) if folder else None
    if folder and file:
        if not _real(file).is_relative_to(_real(folder)):
            what = f"`{dotted}` leads out of {_shown(folder, project)}/: {file.relative_to(folder)} is a link"
            raise ConfigError.because(what, "put the file itself there", at)
        return Located(dotted=dotted, folder=folder, file=file)
    if source_path is None and (installed := _installed(dotted, at)):
        return installed
    raise ConfigError(not_found(project, folder or project / FOLDER, dotted, at, only=source_path is not None))


def _folder(project: Path, source_path: str | None, at: Position | None) -> Path | None:
    """Return the folder to look in, which lies in the project; None if there is no `custom_sources/`.

    Raises:
        ConfigError: it does not exist, or leads out of the project.

    """
    folder = project / (source_path or FOLDER)
    if not _real(folder).is_relative_to(_real(project)):
        what = f"the folder {source_path or FOLDER} leads out of the project"
        raise ConfigError.because(what, "sources run from the project's own folders: put a copy there", at)
    if folder.is_dir():
        return folder
    if source_path is None:
        return None
    hint = "is it checked out? write its path from the project's folder, like vendor/verified-sources/sources"
    raise ConfigError.because(f"`source_path`: there is no folder {source_path}", hint, at)


def _in_folder(folder: Path, dotted: str) -> Path | None:
    """Return the file of a module below a folder, as Python would find it."""
    base = folder.joinpath(*dotted.split("."))
    for file in (base / "__init__.py", base.with_suffix(".py")):
        if file.is_file():
            return file
    return base if base.is_dir() and "." not in dotted else None  # a folder of modules, without code of its own


def _installed(dotted: str, at: Position | None) -> Located | None:
    """Return an installed module; None if there is none.

    Raises:
        ConfigError: it is Python's own, or lies outside of any installed package.

    """
    top = dotted.partition(".")[0]
    if top in sys.stdlib_module_names:
        what = f"`{dotted}` is a module of Python itself, which has no sources"
        raise ConfigError.because(what, f"for one of your own of that name create {FOLDER}/{top}.py", at)
    spec = spec_of_top(top)
    if spec is None:
        return None
    where = [Path(path) for path in spec.submodule_search_locations or [spec.origin or ""]]
    if not any(_belongs(path, top) for path in where):
        what = f"`{top}` is found at {where[0]}, which belongs to no installed package"
        raise ConfigError.because(what, f"put it into {FOLDER}/, or install it", at)
    return Located(dotted=dotted, folder=None, file=_file(spec, where, dotted.split(".")[1:]))


def _belongs(path: Path, top: str) -> bool:
    """Tell whether a path is a package manager's: in its folder, or a project that was installed in place."""
    real = _real(path)
    if any(real.is_relative_to(folder) for folder in _site()):
        return True
    return top in importlib.metadata.packages_distributions() or any(
        real.is_relative_to(folder) for folder in _in_place()
    )


def _site() -> set[Path]:
    paths = sysconfig.get_paths()
    return {_real(Path(path)) for path in (paths["purelib"], paths["platlib"], *site.getsitepackages())}


def _in_place() -> Iterator[Path]:
    """Give the folders of projects that were installed in place (PEP 610)."""
    for distribution in importlib.metadata.distributions():
        url = urlsplit(json.loads(distribution.read_text("direct_url.json") or "{}").get("url", ""))
        if url.scheme == "file":
            yield _real(Path(unquote(url.path)))


def _file(spec: ModuleSpec, where: Iterable[Path], below: list[str]) -> Path | None:
    if not below:
        return Path(spec.origin) if spec.origin else None
    return next((file for folder in where if (file := _in_folder(folder, ".".join(below)))), None)


def _real(path: Path) -> Path:
    """Return a path without links; one that leads to itself stays as it is."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()


def _shown(folder: Path, project: Path) -> str:
    return folder.relative_to(project).as_posix()
