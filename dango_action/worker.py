"""The process of one source: it sees its own settings only, and its end is no one else's.

It extracts and normalizes beside the other workers, says that it is ready, and loads when its turn comes.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import socket
import sys
import threading
import traceback
import warnings
from dataclasses import replace
from pathlib import Path

from dango_action import machine, protocol
from dango_action.credentials.record import Record
from dango_action.errors import ExitCode, Problem
from dango_action.protocol import Explained, Extracting, Failed, Load, Loaded, Progress, Task

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
        self._end_forks()
        line = self._reader.readline()
        if not line:
            os._exit(0)
        return protocol.decode(kind, line)

    def _end_forks(self) -> None:
        """End a fork that the source has made and that has come back here: it speaks for nobody."""
        if os.getpid() != self._process:
            os._exit(1)


def run(connection: socket.socket) -> int:
    """Do the task that arrives on `connection`; return the exit status of this process."""
    machine.give_way()
    parent = Parent(connection)
    task = parent.receive(Task)
    faulthandler.register(DUMP, file=sys.stderr, all_threads=True)
    warnings.simplefilter("default")  # they go to the source's log
    record = Record(explains=task.explain)
    try:
        _work(task, parent, record)
    except BaseException as error:  # noqa: BLE001 - user code may raise anything, SystemExit among it
        parent.send(replace(_failure(error, task), asked=record.asked()))
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
    return 0


def _failure(error: BaseException, task: Task) -> Failed:
    """Print the traceback and return the cause; an exception that can't even be looked at has one too."""
    machine.make_room()
    try:
        from dango_action.sync.failures import explain  # noqa: PLC0415 - it imports dlt

        traceback.print_exception(error)
        return explain(error, task)
    except Exception:  # noqa: BLE001 - its own code runs when it is printed
        problem = Problem(what=type(error).__name__, hint="it failed again when it was asked for its message")
        return Failed(problems=[problem], exit_code=ExitCode.SOURCE_FAILED, transient=False)


def _work(task: Task, parent: Parent, record: Record) -> None:
    from dango_action.sources import native  # noqa: PLC0415 - it imports dlt, which no user of this module needs
    from dango_action.sources.arguments import with_variables  # noqa: PLC0415 - as below
    from dango_action.sync.pipeline import SourcePipeline  # noqa: PLC0415
    from dango_action.sync.providers import use_settings  # noqa: PLC0415

    os.environ.update(task.settings.variables)  # they were never in the block that /proc shows
    os.chdir(task.project)
    use_settings(task, record)
    if task.explain:
        from dango_action.sync.parameters import parameters  # noqa: PLC0415 - a sync needs none of it

        made = native.find(native.load_module(Path(task.project), task.module), task.function)
        parent.send(Explained(parameters=list(parameters(task, made, record))))
        return
    with SourcePipeline(task, lambda rows: parent.send(Progress(rows=rows))) as pipeline:
        pipeline.restore()
        parent.send(Extracting())
        module = native.load_module(Path(task.project), task.module)
        made = native.find(module, task.function)
        kwargs = with_variables(made, task, record)
        source = native.select(native.build(task.name, made, kwargs), task.resources)
        extracted = pipeline.extract(source)
        parent.send(replace(extracted, asked=record.asked()))
        if extracted.load_ids:
            pipeline.load(Path(parent.receive(Load).path))
            parent.send(Loaded())


def main() -> int:
    """Run a worker in an interpreter of its own: `python -P -m dango_action.worker DESCRIPTOR`."""
    return run(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    sys.exit(main())
