"""Large files: copied and put on the disk so that neither keeps a run from stopping in time."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from dango_action import machine
from dango_action.errors import StoppedError
from dango_action.stop import interruptible

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

_CHUNK = 64 * 1024 * 1024
_FICLONE = 0x40049409  # ioctl_ficlone(2); Python has no name for it before 3.14


def clone(origin: Path, copy: Path, halted: Callable[[], bool]) -> None:
    """Copy a file inside the kernel, sharing its blocks where the file system can; `copy` must not be there.

    Raises:
        OSError: it can't be copied; without room for it, before anything is written.
        StoppedError: `halted` said so.

    """
    with origin.open("rb") as reader, copy.open("xb") as writer:
        if not halted() and _shared(reader.fileno(), writer.fileno()):
            return
        if origin.stat().st_size > machine.free(copy.parent):  # found out before it has filled everybody's disk
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        inside = hasattr(os, "copy_file_range")
        while not halted():
            try:
                if not (_copy_inside(reader, writer) if inside else _copy_outside(reader, writer)):
                    return
            except OSError as error:  # not on this file system
                if not inside or error.errno in machine.FULL:
                    raise
                inside = False
                reader.seek(0)
                writer.seek(0)
    raise StoppedError.because("stopped while the warehouse was copied", "run it again; nothing was changed")


def _shared(origin: int, copy: int) -> bool:
    """Let a copy share all blocks with its origin, which needs no room (Linux: Btrfs, XFS and their like)."""
    if sys.platform == "linux":
        with suppress(OSError):
            fcntl.ioctl(copy, _FICLONE, origin)
            return True
    return False


def _copy_inside(reader: BinaryIO, writer: BinaryIO) -> int:
    return os.copy_file_range(reader.fileno(), writer.fileno(), _CHUNK)


def _copy_outside(reader: BinaryIO, writer: BinaryIO) -> int:
    return writer.write(reader.read(_CHUNK))


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk; a signal can't interrupt the kernel in it, but the waiting."""

    def wait() -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    interruptible(wait)
