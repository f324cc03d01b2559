"""What this machine has left, measured: room on a disk, memory, and processes that were killed for want of it."""

from __future__ import annotations

import errno
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""The numbers of errors that mean that a disk, or the part of it that a user may fill, is full."""
_SHARE = 0.9  # of the memory, for the data of one worker
_HEADROOM = 32 * 1024 * 1024  # bytes for what has to be said when the rest is used up
_LIKELIER = 300  # of 1000, on top of how likely the kernel is to choose the parent when memory runs out
_ROOT = Path("/")


def free(folder: Path) -> int:
    """Return the bytes that this user may still write below a folder."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def oom_kills(root: Path = _ROOT) -> int:
    """Return how many processes the kernel has killed for want of memory: in this control group, if there is one.

    0 where the kernel counts none, like macOS.
    """
    for folder in _control_groups(root):
        for name in ("memory.events", "memory.oom_control"):  # version 2, version 1
            if (count := _counter(folder / name, "oom_kill")) is not None:
                return count
    return _counter(root / "proc/vmstat", "oom_kill") or 0


def memory(root: Path = _ROOT) -> int | None:
    """Return the bytes of memory that the machine has, or less if a control group allows less."""
    kibibytes = _counter(root / "proc/meminfo", "MemTotal:")
    limits = [kibibytes * 1024] if kibibytes is not None else []
    for folder in _control_groups(root):
        for name in ("memory.max", "memory.limit_in_bytes"):
            with suppress(OSError, ValueError):  # `max` is no number: no limit
                limits.append(int((folder / name).read_text()))
    return min(limits, default=None)


def give_way() -> None:
    """Let memory that runs out be the end of this process: by a `MemoryError`, or as the first that is killed.

    Linux only. A limit on data that is lower already is respected, but for a little that `make_room` gives back.
    """
    if sys.platform != "linux":
        return
    own = Path("/proc/self/oom_score_adj")
    with suppress(OSError, ValueError):
        own.write_text(str(min(1000, int(own.read_text()) + _LIKELIER)))
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [limit - _HEADROOM for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    if total := memory():
        limits.append(int(total * _SHARE))
    lowest = min(limits, default=0)
    if lowest > 0:
        resource.setrlimit(resource.RLIMIT_DATA, (lowest, hard))


def make_room() -> None:
    """Give this process a little more memory, to say what has happened."""
    if sys.platform == "linux":
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if soft != resource.RLIM_INFINITY:
            more = soft + _HEADROOM
            resource.setrlimit(
                resource.RLIMIT_DATA, (more if hard == resource.RLIM_INFINITY else min(more, hard), hard)
            )


def data_limit() -> int | None:
    """Return the bytes of data that this process may have; None if there is no limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return None if soft == resource.RLIM_INFINITY else soft


def _control_groups(root: Path) -> Iterator[Path]:
    """Give the folders of the control groups that bound this process's memory, the innermost first."""
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers in ("", "memory"):
                mount = root / "sys/fs/cgroup" / controllers
                inner = mount / path.strip("/")
                yield from (folder for folder in (inner, *inner.parents) if folder.is_relative_to(mount))


def _counter(file: Path, name: str) -> int | None:
    """Return a number out of a file with lines like `name 12`."""
    with suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            words = line.split()
            if words and words[0] == name:
                return int(words[1])
    return None


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
