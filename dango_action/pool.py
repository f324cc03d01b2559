"""The parent's workers: started through the fork server, heard until they end, their output kept in a log."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, TypeAdapter, ValidationError

from dango_action import protocol
from dango_action.credentials.redaction import Redactor
from dango_action.credentials.strength import is_word
from dango_action.errors import ExitCode, Problem
from dango_action.forkserver import ForkServer, end_orphans, kill_worker
from dango_action.protocol import Extracted, Failed, Message, Preview, Tended, Work

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from dango_action.credentials.redaction import RedactedStream

MAX_LOG = 16 * 1024 * 1024
"""A source's log stops growing here: what a source prints in a loop must not fill the disk."""
WIDEST = 200
"""Characters of a value that a look shows."""
_CHUNK = 65536
_READS = 16  # of one worker in a turn: a flood of messages must not keep the others waiting, or their time limits
_CUT = b"\n[the log ends here: it has reached its limit]\n"
_MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="event")])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A worker's process is gone. `status` is its exit status, or the negative number of a signal."""

    status: int | None


@dataclass(slots=True, kw_only=True, eq=False)
class Worker:
    """A process of one source, or one aside: `wait` keeps what it says for `hear`."""

    name: str
    connection: socket.socket
    output: int
    log: BinaryIO
    hidden: RedactedStream | None = None
    pid: int | None = None
    doomed: bool = False
    aside: bool = False
    received: bytes = b""
    logged: int = 0

    def write(self, output: bytes) -> None:
        """Append to the log; a full disk costs the rest of the log, and not the run."""
        with contextlib.suppress(OSError):
            self.log.write(output)

    def take(self, output: bytes) -> None:
        """Append what the process has printed, up to the log's limit."""
        if self.logged < MAX_LOG:
            self._append(self.hidden.feed(output) if self.hidden else output)

    def flush(self) -> None:
        """Append what was waited with, as it could have been the beginning of a secret."""
        if self.hidden and self.logged < MAX_LOG:
            self._append(self.hidden.end())

    def _append(self, output: bytes) -> None:
        room = MAX_LOG - self.logged
        self.write(output[:room] + (_CUT if len(output) > room else b""))
        self.logged += len(output)


Event = tuple[Worker, Message | Ended]


@dataclass(slots=True)
class Pool:
    """Runs tasks, each in a process of its own. Leaving the context ends every process that is left."""

    server: ForkServer
    alive: bool = True  # false once the server has been killed: nothing can be started any more
    redactor: Redactor | None = None  # of what the workers print
    names: Redactor = field(init=False)  # of the names of tables, which may be words that are settings, too
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _unborn: deque[Worker] = field(default_factory=deque)
    _workers: dict[int, Worker] = field(default_factory=dict)
    _aside: deque[Event] = field(default_factory=deque)
    _later: deque[Event] = field(default_factory=deque)

    @classmethod
    def open(cls, environ: Mapping[str, str], redactor: Redactor | None = None, more: Iterable[str] = ()) -> Self:
        """Start the server with `environ` alone, and `more` modules; logs lose what `redactor` knows."""
        return cls(ForkServer(environ, more), redactor=redactor)

    def __post_init__(self) -> None:
        values = self.redactor.values if self.redactor else ()
        self.names = Redactor.of(value for value in values if not is_word(value))

    def __enter__(self) -> Self:
        self._selector.register(self.server, selectors.EVENT_READ)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()
        for worker in (*self._workers.values(), *self._unborn):
            self._drain(worker)
            self._forget(worker)
        self._selector.close()

    def watch(self, descriptor: int) -> None:
        """Let `wait` return as soon as this descriptor is readable."""
        self._selector.register(descriptor, selectors.EVENT_READ)

    def start(self, task: Work, log: Path, attempt: int = 1, *, aside: bool = False) -> Worker:
        """Start a process for `task`; its output is appended to `log`, below a line for each further attempt."""
        mine, theirs = socket.socketpair()
        output, their_output = os.pipe()
        os.set_blocking(output, False)
        hidden = self.redactor.stream() if self.redactor else None
        worker = Worker(
            name=task.name, connection=mine, output=output, log=_opened(log), hidden=hidden, aside=aside
        )
        if attempt > 1:
            worker.write(f"[attempt {attempt}]\n".encode())
        with theirs:
            self.server.fork(theirs, their_output)
        os.close(their_output)
        self._unborn.append(worker)
        self.send(worker, task)
        mine.setblocking(False)
        self._selector.register(mine, selectors.EVENT_READ, worker)
        self._selector.register(output, selectors.EVENT_READ, worker)
        return worker

    def send(self, worker: Worker, message: object) -> None:
        """Send a message; a worker that is already gone is reported by `wait`."""
        if worker.connection.fileno() == -1:
            return
        worker.connection.setblocking(True)
        try:
            worker.connection.sendall(protocol.encode(message))
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            worker.connection.setblocking(False)

    def signal(self, worker: Worker, sign: signal.Signals) -> None:
        """Send a signal to the worker alone."""
        if worker.pid is not None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended, and the news is on the way
                os.kill(worker.pid, sign)

    def kill(self, worker: Worker) -> None:
        """Kill a worker and what it has started, now or as soon as it is born."""
        if worker.pid is None:
            worker.doomed = True
        else:
            kill_worker(worker.pid)

    def wait(self, seconds: float | None) -> Iterator[Event]:
        """Give what happens next, in order for each worker; nothing if the time is over first."""
        while self._later:
            seconds = 0
            yield self._later.popleft()
        for event in self._select(seconds):
            if event[0].aside:
                self._aside.append(event)
            else:
                yield event

    def hear(self, worker: Worker, seconds: float) -> Message | Ended | None:
        """Wait for the next word of a worker aside; None if the time is over first. The others' words can wait."""
        until = time.monotonic() + seconds
        while True:
            for event in self._aside:
                if event[0] is worker:
                    self._aside.remove(event)
                    return event[1]
            left = until - time.monotonic()
            if left <= 0 or not self.alive:
                return None
            for event in self._select(left):
                (self._aside if event[0].aside else self._later).append(event)

    def _select(self, seconds: float | None) -> Iterator[Event]:
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self.server:
                yield from self._hear_server()
            elif isinstance(key.data, Worker) and key.data.connection.fileno() != -1:
                if key.fd == key.data.output:
                    self._copy_output(key.data)
                else:
                    yield from self._hear_worker(key.data)

    def _hear_server(self) -> Iterator[Event]:
        told = self.server.receive()
        if told is None:  # it was killed, and its workers with it
            self.alive = False
            end_orphans(self._workers)
            lost = [*self._workers.values(), *self._unborn]
            self._selector.unregister(self.server)
            self._workers.clear()
            self._unborn.clear()
            for worker in lost:
                yield from self._end(worker, None)
            return
        for message in told:
            if "started" in message:
                worker = self._unborn.popleft()
                worker.pid = message["started"]
                self._workers[worker.pid] = worker
                if worker.doomed:
                    kill_worker(worker.pid)
            else:
                yield from self._end(self._workers.pop(message["ended"]), message["status"])

    def _end(self, worker: Worker, status: int | None) -> Iterator[Event]:
        yield from self._drain(worker)
        self._forget(worker)
        yield worker, Ended(status=status)

    def _drain(self, worker: Worker) -> list[Event]:
        """Take what a worker that is gone has left in its pipes; what it has started may hold them open."""
        for _ in range(MAX_LOG // _CHUNK):
            if not self._copy_output(worker):
                break
        return list(self._hear_worker(worker))

    def _forget(self, worker: Worker) -> None:
        for descriptor in (worker.connection, worker.output):
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)
        worker.flush()
        worker.connection.close()
        worker.log.close()
        os.close(worker.output)

    def _copy_output(self, worker: Worker) -> bool:
        """Append some output to the log; return whether there may be more."""
        try:
            data = os.read(worker.output, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._silence(worker.output)
            return False
        worker.take(data)
        return True

    def _hear_worker(self, worker: Worker) -> Iterator[Event]:
        for _ in range(_READS):
            try:
                data = worker.connection.recv(1 << 20)
            except (BlockingIOError, ConnectionResetError):
                return
            if not data:
                self._silence(worker.connection)
                return
            *lines, worker.received = (worker.received + data).split(b"\n")
            for line in lines:
                yield worker, self._hidden(_message(line))
            if len(worker.received) > protocol.MAX_LINE:
                worker.received = b""
                yield worker, _unreadable()

    def _hidden(self, message: Message) -> Message:
        """Return a message without secrets in what people will read; what only we read stays as it is."""
        if self.redactor is None:
            return message
        text = self.redactor.text
        match message:
            case Failed():
                return replace(message, problems=[_without(problem, text) for problem in message.problems])
            case Tended():
                held = {name: [_without(p, text) for p in problems] for name, problems in message.held.items()}
                return replace(message, held=held)
            case Extracted():
                return replace(
                    message,
                    rows=_renamed(message.rows, self.names.text),
                    discarded=_renamed(message.discarded, self.names.text),
                    kept=[self.names.text(table) for table in message.kept],
                    left_out={self.names.text(name): text(why) for name, why in message.left_out.items()},
                    preview=[_without_values(preview, text) for preview in message.preview],
                )
        return message

    def _silence(self, descriptor: socket.socket | int) -> None:
        """Stop listening at an end of file, which would be readable for ever."""
        if descriptor in self._selector.get_map():
            self._selector.unregister(descriptor)


def _without(problem: Problem, hide: Callable[[str], str]) -> Problem:
    at = replace(problem.at, file=hide(problem.at.file)) if problem.at else None
    return Problem(what=hide(problem.what), hint=hide(problem.hint), at=at)


def _without_values(preview: Preview, hide: Callable[[str], str]) -> Preview:
    return Preview(
        table=hide(preview.table),
        columns=[hide(column) for column in preview.columns],
        rows=[[cell if cell is None else hide(cell)[:WIDEST] for cell in row] for row in preview.rows],
    )


def _renamed(counts: Mapping[str, int], hide: Callable[[str], str]) -> dict[str, int]:
    """Return counts by table; tables that get the same name stay apart."""
    found: dict[str, int] = {}
    for table, count in counts.items():
        name, number = hide(table), 1
        while name in found:
            number += 1
            name = f"{hide(table)} ({number})"
        found[name] = count
    return found


def _opened(log: Path) -> BinaryIO:
    """Open a log; if its folder has gone, the output goes nowhere, and the run goes on."""
    try:
        return log.open("ab", buffering=0)
    except OSError:
        return open(os.devnull, "ab", buffering=0)  # noqa: PTH123 - it is closed with its worker


def _message(line: bytes) -> Message:
    try:
        return _MESSAGE.validate_json(line)
    except ValidationError:
        return _unreadable()


def _unreadable() -> Failed:
    problem = Problem(
        what="the process of this source sent something that is no message of ours",
        hint="does its code write to open file descriptors? the log has what it printed",
    )
    return Failed(problems=[problem], exit_code=ExitCode.SOURCE_FAILED, transient=False)
