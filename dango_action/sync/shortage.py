"""A full disk and memory that has run out: told by the numbers of errors, by types and by measuring."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import duckdb

from dango_action import machine
from dango_action.errors import Problem, SourceError, chain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_NEARLY_NOTHING = 16 * 1024 * 1024  # bytes; DuckDB writes blocks of 256 KiB, some at once


def shortage(errors: Iterable[BaseException], folder: Path) -> Problem | None:
    """Return what the machine was short of, if that is what these errors are; `folder` is what was written to."""
    for error in errors:
        if isinstance(error, MemoryError | duckdb.OutOfMemoryException):
            return _no_memory()
        if isinstance(error, OSError) and error.errno in machine.FULL:
            return _no_room(folder)
        if isinstance(error, OSError) and error.errno == errno.EFBIG:
            what = "a file has reached the size that this process may write"
            return Problem(what=what, hint="see `ulimit -f`; load less at once")
    return None


def refuse_full_disk(error: BaseException, folder: Path) -> None:
    """Say that the disk is full, if DuckDB failed and hardly anything is free; call it before DuckDB tidies up.

    Raises:
        SourceError: that is it.

    """
    failed = any(isinstance(cause, duckdb.IOException) for cause in chain(error))
    if failed and machine.free(folder) < _NEARLY_NOTHING:
        raise SourceError(_no_room(folder)) from error


def _no_room(folder: Path) -> Problem:
    return Problem(
        what=f"the disk is full: {machine.free(folder):,} bytes are free at {folder}",
        hint="nothing of this source was loaded; make room, or load less at once, and run it again",
    )


def _no_memory() -> Problem:
    limit = machine.data_limit()
    bound = f" within its limit of {limit:,} bytes" if limit is not None else ""
    return Problem(
        what=f"memory ran out: this source's process found no more{bound}",
        hint="does the source collect its rows before it yields? let it yield page by page; the log has more",
    )
