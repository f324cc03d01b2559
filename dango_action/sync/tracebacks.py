"""The places of an exception: the frames that it has passed, and the line of the user's own code among them."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from dlt.extract.exceptions import DltSourceException

from dango_action.errors import ConfigError, Position
from dango_action.sources.idioms import definitions
from dango_action.sources.modules import locate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from dango_action.protocol import Task

_PACKAGE = Path(__file__).parent.parent


def place_of(cause: BaseException, task: Task) -> Position | None:
    """Return the innermost line of the user's own code in the traceback."""
    if isinstance(cause, SyntaxError) and cause.filename and Path(cause.filename).is_relative_to(task.project):
        return Position(file=shown(Path(cause.filename), task), line=cause.lineno or 1, column=cause.offset or 1)
    for frame in reversed(traceback.extract_tb(cause.__traceback__)):
        file = Path(frame.filename)
        foreign = file.is_relative_to(_PACKAGE) or "site-packages" in file.parts
        if file.is_relative_to(task.project) and not foreign:
            return Position(file=shown(file, task), line=frame.lineno or 1, column=(frame.colno or 0) + 1)
    return None


def foreign_line(cause: BaseException) -> str | None:
    """Return the innermost line of an installed package's code other than dlt's, like `in shop/client.py:12`."""
    for frame in reversed(traceback.extract_tb(cause.__traceback__)):
        parts = Path(frame.filename).parts
        if "site-packages" in parts:
            below = parts[len(parts) - parts[::-1].index("site-packages") :]
            if below[0] != "dlt":
                return f"in {'/'.join(below)}:{frame.lineno}"
    return None


def definition_of(cause: BaseException, task: Task) -> Position | None:
    """Return where what an exception of dlt's names is defined: a resource, or the source's function."""
    file = module_file(task)
    if file is None:
        return None
    names = [getattr(cause, "resource_name", None), getattr(cause, "pipe_name", None)]
    if isinstance(cause, DltSourceException):
        names.append(task.function)
    found = definitions(file.read_text(encoding="utf-8", errors="replace"), shown(file, task))
    return next((found[name] for name in names if name in found), None)


def module_file(task: Task) -> Path | None:
    """Return the file of a source's module, if it lies in the project."""
    try:
        file = locate(Path(task.project), task.source_path, task.module, {}).file
    except ConfigError:
        return None
    return file if file and file.is_file() and file.is_relative_to(task.project) else None


def frames(cause: BaseException) -> Iterator[FrameType]:
    """Give the frames of a traceback, the innermost last."""
    return (frame for frame, _ in traceback.walk_tb(cause.__traceback__))


def shown(file: Path, task: Task) -> str:
    """Return a file's path from the project's folder."""
    return file.relative_to(task.project).as_posix()
