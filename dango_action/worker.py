"""The process of one source: it sees its own settings only, and its end is no one else's.

It extracts and normalizes beside the other workers, says that it is ready, and loads when its turn comes.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import select
import signal
import socket
import sys
import threading
import traceback
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dango_action import machine, protocol
from dango_action.credentials.record import Record
from dango_action.errors import ExitCode, Problem
from dango_action.explained import Explained
from dango_action.protocol import Deliver, Extracting, Failed, Load, Loaded, Progress, Task, Tend

if TYPE_CHECKING:
    from dango_action.protocol import Work

DUMP = signal.SIGUSR1
"""Makes a worker print where each of its threads is; the parent sends it before it ends one for being late."""


class Parent:
    """The line to the parent process; user threads may report progress at the same time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = connection.makefile("rb")
        self._lock = threading.Lock()
        self._process = os.getpid()

    def send(self, message: protocol.Message) -> None:
        """Send one message."""
        self._end_forks()
        with self._lock:
            self._connection.sendall(protocol.encode(message))

    def receive(self, kind: type[protocol.Sent]) -> protocol.Sent:
        """Wait for the next message; the process ends here if the parent has."""
        return protocol.decode(kind, self._line())

    def work(self) -> Work:
        """Wait for what is to be done here, the first message."""
        return protocol.decode_work(self._line())

    def calls(self, seconds: float) -> bool:
        """Wait until there is a message, or the parent has ended; return False if the time is over first."""
        return bool(select.select([self._connection], [], [], max(0.0, seconds))[0])

    def _line(self) -> bytes:
        self._end_forks()
        line = self._reader.readline()
        if not line:
            os._exit(0)
        return line

    def _end_forks(self) -> None:
        """End a fork that the source has made and that has come back here: it speaks for nobody."""
        if os.getpid() != self._process:
            os._exit(1)


def run(connection: socket.socket) -> int:
    """Do the task that arrives on `connection`; return the exit status of this process."""
    machine.give_way()
    parent = Parent(connection)
    task = parent.work()
    faulthandler.register(DUMP, file=sys.stderr, all_threads=True)
    warnings.simplefilter("default")  # they go to the source's log
    record = Record(explains=isinstance(task, Task) and task.explain)
    try:
        _do(task, parent, record)
    except BaseException as error:  # noqa: BLE001 - user code may raise anything, SystemExit among it
        parent.send(replace(_failure(error, task), asked=record.asked()))
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
    return 0


def _do(task: Work, parent: Parent, record: Record) -> None:
    match task:
        case Task():
            _work(task, parent, record)
        case Tend():
            from dango_action.sync.tending import tend  # noqa: PLC0415 - it imports dlt, and is for lakes alone

            tend(task, parent)
        case Deliver():
            from dango_action.sync.delivery import deliver  # noqa: PLC0415 - as above

            deliver(task)
            parent.send(Loaded())


def _failure(error: BaseException, task: Work) -> Failed:
    """Print the traceback and return the cause; an exception that can't even be looked at has one too."""
    machine.make_room()
    try:
        from dango_action.sync.failures import explain  # noqa: PLC0415 - it imports dlt

        traceback.print_exception(error)
        if not isinstance(task, Task):
            from dango_action.sync.place import explain_place  # noqa: PLC0415 - as above

            return explain_place(error, task.place)
        return explain(error, task)
    except Exception:  # noqa: BLE001 - its own code runs when it is printed
        problem = Problem(what=type(error).__name__, hint="it failed again when it was asked for its message")
        return Failed(problems=[problem], exit_code=ExitCode.SOURCE_FAILED, transient=False)


def _work(task: Task, parent: Parent, record: Record) -> None:
    from dango_action.sources import native  # noqa: PLC0415 - it imports dlt, which no user of this module needs
    from dango_action.sources.arguments import arguments  # noqa: PLC0415 - as below
    from dango_action.sync.feeding import chosen  # noqa: PLC0415
    from dango_action.sync.pipeline import SourcePipeline  # noqa: PLC0415
    from dango_action.sync.providers import use_settings  # noqa: PLC0415

    os.environ.update(task.settings.variables)  # they were never in the block that /proc shows
    os.chdir(task.project)
    use_settings(task, record)
    if task.explain:
        from dango_action.sync.parameters import parameters, parameters_of_data  # noqa: PLC0415 - a sync needs none of it

        made = _function_of(task)
        asked = parameters if task.type == "dlt_native" else parameters_of_data
        parent.send(Explained(parameters=list(asked(task, made, record))))
        if task.describe:
            from dango_action.sync.description import describe  # noqa: PLC0415 - as above

            parent.send(describe(task, made, record))
        return
    with SourcePipeline(task, lambda rows: parent.send(Progress(rows=rows))) as pipeline:
        pipeline.restore()
        parent.send(Extracting())
        made = _function_of(task)
        source = chosen(native.build(task.name, made, arguments(made, task, record)), task)
        extracted = pipeline.extract(source)
        parent.send(replace(extracted, asked=record.asked()))
        if extracted.load_ids and task.target == "duckdb":
            pipeline.load(Path(parent.receive(Load).path))
            parent.send(Loaded())


def _function_of(task: Task) -> Any:  # noqa: ANN401 - user code
    """Return the source function: the user's Python, or what a definition makes."""
    from dango_action.sources import declarative, native  # noqa: PLC0415 - as above

    return native.function_of(task) if task.type == "dlt_native" else declarative.function_of(task)


def main() -> int:
    """Run a worker in an interpreter of its own: `python -P -m dango_action.worker DESCRIPTOR`."""
    return run(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    sys.exit(main())
