"""Put files into folders: whole or not at all, and never over another one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from dango_action.config.words import show
from dango_action.errors import Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dango_action.scaffold.plan import NewFile

Outcome: TypeAlias = Literal["created", "kept", "extended"]


def write(files: Iterable[NewFile], within: Path) -> dict[Path, Outcome]:
    """Write the files, and return for each what has become of it.

    Raises:
        UsageError: one of them can't be written, or would end up outside of the folder `within`. What can be found
            out in advance is, for all files, before the first one is written.

    """
    files = tuple(files)
    problems = tuple(problem for file in files for problem in _obstacles(file, within))
    if problems:
        raise UsageError(*dict.fromkeys(problems))
    return {file.path: _place(file, within) for file in files}


def _obstacles(file: NewFile, within: Path) -> Iterator[Problem]:
    path = file.path
    if os.path.lexists(path) and not path.is_file():
        yield Problem(what=f"{shown(path, within)} is in the way: it is not a file", hint="move it away")
        return
    if _is_kept(file):
        return
    folder = next(parent for parent in path.parents if os.path.lexists(parent))
    if not folder.is_dir():
        yield Problem(what=f"{shown(folder, within)} is in the way: it is not a folder", hint="move it away")
    elif not path.resolve().is_relative_to(within.resolve()):
        yield Problem(
            what=f"{shown(path, within)} leads out of {show(within.name)}",
            hint="replace the link on the way to it by a folder",
        )
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield Problem(
            what=f"{shown(folder, within)} can't be written to", hint="look at its owner and its permissions"
        )


def _is_kept(file: NewFile) -> bool:
    return file.path.exists() and not (file.extends and file.path.read_bytes() != file.content)


def _place(file: NewFile, within: Path) -> Outcome:
    try:
        if _is_kept(file):
            return "kept"
        file.path.parent.mkdir(parents=True, exist_ok=True)
        return _extend(file) if file.path.exists() else _create(file)
    except OSError as error:
        raise UsageError.because(
            f"{shown(file.path, within)} can't be written: {error.strerror}",
            "mend that, then run `dango init` again: what is there already stays as it is",
        ) from error


def _create(file: NewFile) -> Outcome:
    draft = _draft(file.path)
    try:
        draft.write_bytes(file.content)
        _name(draft, file.path)
    except FileExistsError:
        return "kept"
    finally:
        draft.unlink(missing_ok=True)
    return "created"


def _name(draft: Path, path: Path) -> None:
    """Give a finished file its name, unless there is one of that name; a rename would replace it."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # this file system has no links: take the name first
        path.touch(exist_ok=False)
        draft.replace(path)


def _extend(file: NewFile) -> Outcome:
    path = file.path.resolve()  # a link stays one
    draft = _draft(path)
    try:
        draft.write_bytes(file.content)
        shutil.copymode(path, draft)
        draft.replace(path)
        return "extended"
    finally:
        draft.unlink(missing_ok=True)


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def shown(path: Path, within: Path) -> str:
    """Return the path from this folder as messages have it: in full, but with nothing unprintable."""
    return "/".join(show(part) for part in Path(os.path.relpath(path, within)).parts) or "."
