"""What packages have brought into dango's environment, and what they may not bring.

uv replaces a file of another package without a word. So the environment is compared with itself: a file of ours
may not change, and no package may add to one of ours.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from dango_action.errors import Position, Problem
from dango_action.requirements.asked import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Snapshot = dict[str, tuple[int, int, int]]
"""Of each file, by its path: inode, bytes, and nanoseconds of its last change."""
# Python runs these by itself whenever it starts, also in the process that holds the private key.
_AT_START = frozenset({"sitecustomize", "usercustomize"})
# Many packages bring their tests by mistake, one of dango's among them; nothing imports these.
_NOBODYS = "tests"
_LISTED = 5


def snapshot() -> Snapshot:
    """Return all files of this environment, its commands and settings among them."""
    found = {}
    for folder, _, names in os.walk(sys.prefix):
        for name in names:
            path = f"{folder}{os.sep}{name}"
            status = os.lstat(path)
            found[path] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return found


def trespasses(before: Snapshot, after: Snapshot) -> Iterator[Problem]:
    """Give a problem for each package that has replaced or joined files of dango's environment."""
    packages = {os.path.dirname(path) for path in before if os.path.basename(path) == "__init__.py"}  # noqa: PTH119, PTH120 - ten thousand paths
    touched = {path for path, status in before.items() if after.get(path) != status}
    new = after.keys() - before.keys()
    touched |= {path for path in new if not packages.isdisjoint(_parents(path))}
    folders = _folders()
    touched |= {path for path in new if _is_at_start(Path(path), folders)}
    nobodys = tuple(f"{folder}{os.sep}{_NOBODYS}{os.sep}" for folder in folders)
    owners = _owners(before) if touched else {}
    by_owner: dict[str, list[str]] = {}
    for path in sorted(path for path in touched if not path.startswith(nobodys)):
        by_owner.setdefault(owners.get(path, "a package"), []).append(path)
    for owner, paths in by_owner.items():
        yield _problem(owner, paths)


def take_away_start_files(before: Snapshot, after: Snapshot) -> list[str]:
    """Delete new `.pth` files, which Python reads and runs whenever it starts; return the names of their packages.

    Raises:
        OSError: one can't be deleted.

    """
    folders = _folders()
    new = [path for path in map(Path, after.keys() - before.keys()) if path.suffix == ".pth"]
    new = [path for path in new if path.parent in folders]
    owners = _owners(before) if new else {}
    for path in new:
        path.unlink()
    return sorted({owners.get(str(path), "a package") for path in new})


def _folders() -> frozenset[Path]:
    """Return where packages of this environment lie."""
    return frozenset(Path(sysconfig.get_path(name)) for name in ("purelib", "platlib"))


def _parents(path: str) -> Iterator[str]:
    while (parent := os.path.dirname(path)) != path:  # noqa: PTH120 - ten thousand paths
        yield parent
        path = parent


def _is_at_start(path: Path, folders: frozenset[Path]) -> bool:
    if path.parent in folders:
        return path.name.partition(".")[0] in _AT_START
    return path.parent.parent in folders and path.parent.name in _AT_START


def _owners(before: Snapshot) -> Mapping[str, str]:
    """Return which of the new packages says that it has brought a file."""
    owners: dict[str, str] = {}
    for one in metadata.distributions():
        paths = [os.path.normpath(str(one.locate_file(file))) for file in one.files or ()]
        if not before.keys() >= set(paths):
            owners |= dict.fromkeys(paths, f"`{one.name}`")
    return owners


def _problem(owner: str, paths: list[str]) -> Problem:
    root = sysconfig.get_path("purelib")
    names = [path.removeprefix(f"{root}{os.sep}").removeprefix(f"{sys.prefix}{os.sep}") for path in paths]
    listed = ", ".join(f"`{name}`" for name in names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
    return Problem(
        what=f"{owner} brings files that belong to dango's own packages, or run whenever Python starts: {listed}",
        hint="leave it out: nothing runs in this environment any more; the next job has a new one",
        at=Position(file=FILE, line=1, column=1),
    )
