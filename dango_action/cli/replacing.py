"""Files of a project that a command changes: one command at a time, and whole or not at all."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from dango_action.machine import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def alone_in(folder: Path, command: str) -> Iterator[None]:
    """Hold the lock of a folder in which `command` changes files; wait for whoever has it.

    Raises:
        OSError: this is no folder, or it can't be locked.

    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            click.echo(f"waiting for another `{command}` to end", err=True)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def replace(file: Path, content: bytes) -> None:
    """Put new content in the place of a file in one step; its mode stays, and a link stays one.

    Raises:
        OSError: it can't be written; then the old content is there.

    """
    file = file.resolve()
    draft = file.with_name(f".{file.name}.tmp")  # one name is enough under the lock, and a killed run's goes away
    draft.unlink(missing_ok=True)
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with open(descriptor, "wb") as stream:  # noqa: PTH123 - it is a descriptor
            stream.write(content)
            stream.flush()
            if file.exists():
                os.fchmod(stream.fileno(), file.stat().st_mode & 0o7777)
            os.fsync(stream.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(file.parent)
