"""The files of the project: those below its folder, and none that a link or a dot hides.

What a sources.yml names may come with a pull request, and is read on a machine that has more than the project:
keys of the user's, what /proc tells of processes, the token that a checkout leaves in .git.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dango_action.errors import ConfigError, SourceError
from dango_action.sources.stores.found import Fetched, Found
from dango_action.sources.stores.globs import compiled, folder_of, is_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

_HINT = "write a path from the project's root, without `..`; copy or mount into the project what lies elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFiles:
    """The project's folder, or one below it, as a store. A file's version is its content alone."""

    project: Path
    folder: str = ""

    @property
    def url(self) -> str:
        """The folder from the project's root."""
        return f"{self.folder}/" if self.folder else ""

    def find(self, pattern: str) -> Iterator[Found]:
        """Give the files that fit a pattern.

        Raises:
            ConfigError: the pattern, or a file that fits, leads out of the project or to something hidden.

        """
        root = self._root(pattern)
        pattern = str(PurePosixPath(pattern))
        names = _walk(root, pattern) if is_pattern(pattern) and not (root / pattern).is_file() else [pattern]
        for name in names:
            if os.path.lexists(root / name) and not (root / name).is_dir():
                self._resolved(root / name, name)
                yield Found(name=name, version=None)

    @contextmanager
    def fetch(self, found: Found, scratch: Path) -> Iterator[Fetched]:  # noqa: ARG002 - it is here already
        """Give the file itself.

        Raises:
            SourceError: it was written to at the same time.

        """
        path = self._resolved(self._root(found.name) / found.name, found.name)
        before = _state(path)
        yield Fetched(path=path, version=None)
        if not path.exists() or _state(path) != before:
            what = f"{self.url}{found.name} was written to or deleted while it was read"
            raise SourceError.because(what, "nothing was loaded; run again once the file is complete")

    def _root(self, pattern: str) -> Path:
        whole = PurePosixPath(self.folder) / pattern
        if whole.is_absolute() or ".." in whole.parts or not PurePosixPath(pattern).parts:
            raise ConfigError.because(f"`{whole}` is no file of the project", _HINT)
        _refuse_hidden(whole, str(whole))
        root = self.project.resolve() / self.folder
        if not root.resolve().is_relative_to(self.project.resolve()):
            raise ConfigError.because(f"`{self.folder}` is a link that leads out of the project", _HINT)
        return root

    def _resolved(self, path: Path, name: str) -> Path:
        target, project = path.resolve(), self.project.resolve()
        if not target.is_relative_to(project):
            raise ConfigError.because(f"`{self.url}{name}` is a link that leads out of the project", _HINT)
        _refuse_hidden(target.relative_to(project), f"{self.url}{name}")
        return target


def _refuse_hidden(path: PurePosixPath | Path, name: str) -> None:
    hidden = next((part for part in path.parts if part.startswith(".")), None)
    if hidden:
        what = f"`{name}` is below `{hidden}`, and what is hidden is never read as data"
        raise ConfigError.because(what, "move the file into a folder without a dot")


def _state(path: Path) -> tuple[int, ...]:
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise SourceError.because(f"{path.name} is no regular file", "only files can be read, no pipes or devices")
    return about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns


def _walk(root: Path, pattern: str) -> Iterator[str]:
    fits = compiled(pattern)
    start = root / folder_of(pattern)
    deep = "**" in pattern
    depth = pattern.count("/") - folder_of(pattern).count("/")
    for here, folders, files in os.walk(start):
        below = Path(here).relative_to(start)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and (deep or len(below.parts) < depth))
        for name in files:
            path = (Path(here) / name).relative_to(root).as_posix()
            if fits.match(path):
                yield path
