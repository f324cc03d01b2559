"""The committed warehouse file never has a writer: a run loads into a copy, and replaces the file at the end.

DuckDB can replay part of a transaction from a torn write-ahead log and then lose the next commit, so a log
is never replayed here: the working copy is checkpointed after each source, and a log that a dead worker has
left is deleted. Whatever kills a run, the committed file is the one from before it or the one from after it.
"""

from __future__ import annotations

import fcntl
import glob
import json
import os
import shutil
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from dango_action import machine
from dango_action.errors import ConfigError, StateError, StoppedError
from dango_action.protocol import Load
from dango_action.warehouse.files import clone, sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from dango_action.errors import Problem
    from dango_action.protocol import Extracted, Task

Signature = tuple[int, int, int] | None
# three headers of 4 KiB, and the blocks that the committed one of them counts
_USED = "select 3 * 4096 + block_size * total_blocks from pragma_database_size()"
_LOGS = (".wal", ".wal.checkpoint", ".wal.recovery")  # DuckDB 1.5 has the others while it empties the first


@dataclass(slots=True, kw_only=True)
class Warehouse:
    """A DuckDB file under this process's lock; both paths are absolute.

    `folder` lies beside it and goes with the run: it holds the working copy and what workers put on disk.
    """

    path: Path
    folder: Path
    _seen: Signature
    _copied: bool = False
    delivers: bool = False
    held: Mapping[str, Sequence[Problem]] = field(default_factory=dict)  # one lock is for all sources

    @classmethod
    @contextmanager
    def locked(cls, path: Path, run: str) -> Iterator[Self]:
        """Lock the warehouse for one run, and clear what a killed run has left beside it.

        Raises:
            StateError: another run holds it, somebody writes to it, or it can't be trusted.
            ConfigError: there can be no file at this path.

        """
        path = _usable(path)
        with _lock(path.with_name(path.name + ".lock"), run):
            for leftover in path.parent.glob(f"{glob.escape(path.name)}.*.work"):
                # a worker of a run that was just killed may still write there; what stays, the next run removes
                shutil.rmtree(leftover, ignore_errors=True)
            _refuse_log(path)
            warehouse = cls(path=path, folder=path.with_name(f"{path.name}.{run}.work"), _seen=signature(path))
            if warehouse._seen:
                _inspect(path)
            try:
                warehouse.folder.mkdir(mode=0o700)
            except OSError as error:
                raise StateError.because(
                    f"{warehouse.folder} cannot be made: {_first_line(error)}", "nothing was changed"
                ) from error
            try:
                yield warehouse
            finally:
                shutil.rmtree(warehouse.folder, ignore_errors=True)  # what stays, the next run removes

    @property
    def committed(self) -> Path | None:
        """The file to read state from; None before the first load."""
        return self.path if self._seen else None

    @property
    def working(self) -> Path:
        """The working copy, whose name gives DuckDB the same catalog as the warehouse's."""
        return self.folder / self.path.name

    def copy(self, halted: Callable[[], bool] = bool) -> Path:
        """Return the working copy; the first call makes it, and gives up as soon as `halted` says so.

        Raises:
            StateError: there is no room for it.
            StoppedError: it was given up.

        """
        if not self._copied:
            import duckdb  # noqa: PLC0415 - as below

            try:
                clone(self.path, self.working, halted) if self._seen else _create(self.working)
            except (OSError, duckdb.Error, StoppedError) as error:
                _remove(self.working)
                if isinstance(error, StoppedError):
                    raise
                raise StateError.because(
                    f"cannot make a working copy of {self.path}: {_first_line(error)}",
                    f"it needs {self._seen[1] if self._seen else 0:,} bytes beside it, and "
                    f"{machine.free(self.folder):,} are free; nothing was changed",
                ) from error
            self._copied = True
        return self.working

    def state_of(self, dataset: str) -> Path | None:  # noqa: ARG002 - one file has the state of all
        """Return the file with dlt's state of a dataset; None before the first load."""
        return self.committed

    def turn(self, task: Task, dataset: str, extracted: Extracted, halted: Callable[[], bool] = bool) -> Load:  # noqa: ARG002 - it is the same for all
        """Return where a source's process is to load its own package.

        Raises:
            StateError: there is no room for the working copy.
            StoppedError: it was given up, as `halted` said so.

        """
        return Load(path=str(self.copy(halted)))

    def drop_log(self) -> None:
        """Delete the write-ahead log of the working copy, which only a dead worker leaves."""
        for leftover in self.folder.glob(f"{glob.escape(self.working.name)}.*"):
            _remove(leftover)

    def shrink(self) -> None:
        """Give back the room of a load that was rolled back: DuckDB leaves the blocks at the end of the file."""
        import duckdb  # noqa: PLC0415 - as below

        with suppress(OSError, duckdb.Error):
            with duckdb.connect(str(self.working), read_only=True) as connection:
                [(used,)] = connection.execute(_USED).fetchall()
            if used < self.working.stat().st_size:
                os.truncate(self.working, used)

    def holds(self, dataset: str, load_ids: Iterable[str]) -> bool:
        """Tell whether the working copy holds all these loads of a dataset, whatever its worker came to say."""
        import duckdb  # noqa: PLC0415 - as below

        try:
            with duckdb.connect(str(self.working), read_only=True) as connection:
                rows = connection.table(f'"{dataset}"."_dlt_loads"').select("load_id").fetchall()
        except duckdb.Error:  # no such dataset yet
            return False
        return {load_id for (load_id,) in rows} >= set(load_ids)

    def publish(self) -> None:
        """Replace the committed file by the working copy, durably; this is the moment of commit.

        Raises:
            StateError: somebody else has changed or opened the committed file since this run began.

        """
        _inspect(self.working)
        self._refuse_change()
        # while it is open here, no other program can open it as a writer, whose commits would be lost
        with _reading(self.path) if self._seen else nullcontext():
            self._refuse_change()
            _refuse_log(self.path)
            try:
                if self._seen:
                    shutil.copymode(self.path, self.working)
                sync(self.working)
                # from the moment that a file has its name, others may change it
                seen = signature(self.working)
                self.working.replace(self.path)
                sync(self.path.parent)
            except OSError as error:
                raise StateError.because(
                    f"{self.path} could not be replaced: {_first_line(error)}", "nothing was changed; run again"
                ) from error
        self._seen, self._copied = seen, False

    def _refuse_change(self) -> None:
        if signature(self.path) != self._seen:
            raise StateError.because(
                f"{self.path} was changed by something else while this run was loading",
                "nothing was replaced, so that change is kept; run again to load on top of it",
            )


def install(new: Path, path: Path, *, run: str, seen: Signature) -> None:
    """Put a warehouse that was fetched from elsewhere in the place of the file at `path`, under its lock.

    `seen` is the signature of that file when it was decided to replace it.

    Raises:
        StateError: the file was changed since, or is being written to; another run holds it; or a write-ahead log
            lies beside it, which DuckDB would apply to any file there.
        ConfigError: there can be no file at this path.

    """
    path = _usable(path)
    with _lock(path.with_name(path.name + ".lock"), run):
        _refuse_log(path)
        if signature(path) != seen:
            raise StateError.because(f"{path} was changed meanwhile", "nothing was replaced; run again")
        if seen:
            _inspect(path)
        sync(new)
        new.replace(path)
        sync(path.parent)


def _usable(path: Path) -> Path:
    try:
        path = path.resolve()
        # a folder, a device, a pipe, a link that leads to itself: nothing to replace
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise ConfigError.because(
                f"target {path} is no file", "name a file, like duckdb:.dango/warehouse.duckdb"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself, before Python 3.13
        raise ConfigError.because(
            f"target {path} cannot be: {_first_line(error)}", "choose another `target:`"
        ) from error
    return path


@contextmanager
def _lock(path: Path, run: str) -> Iterator[None]:
    """Hold an advisory lock for this process; the kernel lets go of it however the process ends."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ConfigError.because(
            f"target folder {path.parent} cannot be written to: {error.strerror}", "choose another `target:`"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateError.because(
                f"another run is loading into this warehouse ({_holder(descriptor)})",
                f"wait for it to end; the lock is {path} and goes away with that process",
            ) from None
        with suppress(OSError):  # on a full disk the lock holds all the same, only its note is missing
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps({"run": run, "pid": os.getpid()}).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    try:
        held = json.loads(os.pread(descriptor, 1000, 0))
        return f"run {held['run']}, process {held['pid']}"
    except (ValueError, KeyError, TypeError):
        return "its process is not known"


def _refuse_log(path: Path) -> None:
    for suffix in _LOGS:
        log = path.with_name(path.name + suffix)
        if log.exists():
            raise StateError.because(
                f"{log} lies beside the warehouse: another program writes to it, or was killed while it did",
                f"close that program; if none is running, open {path.name} once with DuckDB, look at it, "
                "and close it; DuckDB has no use for a log that is there after that, so move it away",
            )


def _inspect(path: Path) -> None:
    with _reading(path):
        pass


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Keep the file open as a reader, which fails if it is no database or somebody writes to it."""
    import duckdb  # noqa: PLC0415 - 0.1 s that `--help` and a run with nothing to do need not spend

    try:
        connection = duckdb.connect(str(path), read_only=True, config={"enable_external_access": "false"})
    except duckdb.Error as error:
        raise StateError.because(
            f"DuckDB cannot open {path}: {_first_line(error)}",
            "close the program that writes to it; if it is no warehouse, move it away; nothing was changed",
        ) from error
    with connection:
        yield


def _first_line(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.strip().partition("\n")[0] or type(error).__name__


def signature(path: Path) -> Signature:
    """Return what changes when a file does; None where there is no data."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return (status.st_ino, status.st_size, status.st_mtime_ns) if status.st_size else None


def _create(path: Path) -> None:
    """Make an empty database, so that a worker that is killed in the first load leaves a sound file."""
    import duckdb  # noqa: PLC0415 - as above

    duckdb.connect(str(path)).close()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
