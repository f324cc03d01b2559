"""A process that has dlt imported and forks one worker for each request.

Importing dlt takes 0.5 to 1.5 s, a fork a few milliseconds. The server is started with a clean environment
and its messages are JSON, never pickles: a worker runs user code, and nothing that it sends may run here.
Where forking after the import is not safe (macOS), the same server starts a fresh interpreter instead.

Parent to server: one byte that carries two descriptors, the worker's socket and its output.
Server to parent: JSON lines, `{"started": pid}` in the order of the requests and `{"ended": pid, "status": n}`.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PRELOAD = (
    "duckdb",
    "dlt",
    "dlt.destinations",
    "dlt.destinations.impl.duckdb.factory",
    "dlt.destinations.impl.duckdb.duck",
    "dlt.pipeline",
    "dlt.common.libs.pyarrow",
    "dlt.common.libs.sql_alchemy_compat",
    "dlt.sources.helpers.requests",
    "dlt._workspace._plugins",  # dlt imports it when it reads its settings
    "pendulum.locales.en.locale",
    "dlt.normalize",
    "dlt.load",
    "dango_action.worker",
    "dango_action.sources.arguments",
    "dango_action.sources.fitting",
    "dango_action.sources.native",
    "dango_action.sync.failures",
    "dango_action.sync.pipeline",
    "dango_action.sync.providers",
)
OF_APIS = ("dango_action.sources.declarative", "dango_action.sources.rest.build")
"""What workers of APIs need beyond that; it takes a moment that others need not wait."""
FORKS = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_LINE = 65536
_ARROWS_MEMORY = "JE_ARROW_MALLOC_CONF"  # jemalloc's, of pyarrow
_DYING = 5.0  # seconds; it takes that long only if the disk hangs


def hide_from_workers() -> None:
    """Keep processes of the same user from reading this one's environment in /proc (Linux; prctl(2)).

    A fork gives the flag up again with its next program, so nothing else changes. It does not stop root.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0)


class ForkServer:
    """The parent's side: starts the server, asks for workers, hears how they end."""

    def __init__(self, environ: Mapping[str, str], more: Iterable[str] = (), *, fork: bool = FORKS) -> None:
        """Start the server with `environ` and nothing else; it is usable at once, while it still imports.

        `more` are modules to import beyond those that all workers need.
        """
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(theirs.fileno()), "fork" if fork else "spawn", *more],
                env=dict(environ),
                cwd="/",  # dlt imports a module named like the working folder, if there is one
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C reaches the parent alone, which ends the workers in order
            )
        self._received = b""

    def fileno(self) -> int:
        """Return the descriptor that is readable when `receive` has something."""
        return self._control.fileno()

    def fork(self, connection: socket.socket, output: int) -> None:
        """Ask for a worker that talks on `connection` and prints to `output`; the caller closes its copies."""
        with contextlib.suppress(BrokenPipeError):  # it died: `receive` says so
            socket.send_fds(self._control, [b"w"], [connection.fileno(), output])

    def receive(self) -> list[dict[str, int]] | None:
        """Return what has happened since the last call; None if the server itself has died."""
        try:
            data = self._control.recv(_LINE)
        except ConnectionResetError:
            data = b""
        if not data:
            return None
        *lines, self._received = (self._received + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """End the server and every worker that is left."""
        self._control.close()
        self._process.wait()


def kill_worker(worker: int) -> None:
    """Kill a worker that the server has not reaped yet, and the processes that it has started."""
    _kill_group(worker)
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL)  # it may have left its own group


def end_orphans(workers: Iterable[int]) -> None:
    """Kill workers whose server was killed, and wait until each is gone: one may be loading.

    The kernel does so too, but a moment after we have heard of the server's end, and not if a source forbids it.
    """
    for worker in workers:
        with contextlib.suppress(ProcessLookupError):
            gone = os.pidfd_open(worker) if hasattr(os, "pidfd_open") else None
            kill_worker(worker)
            if gone is not None:
                select.select([gone], [], [], _DYING)
                os.close(gone)


def _kill_group(worker: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker, signal.SIGKILL)


def _preload(more: Iterable[str]) -> None:
    """Import what workers need, and leave no thread: a fork has none of them, but what they held stays held."""
    os.environ.update({_ARROWS_MEMORY: "background_thread:false"})
    for module in (*PRELOAD, *more):
        with contextlib.suppress(ImportError):  # a worker that needs it will say so
            importlib.import_module(module)
    os.environ.pop(_ARROWS_MEMORY)
    if "duckdb" in sys.modules:
        sys.modules["duckdb"].default_connection().close()  # made by the import; who asks for it gets a new one


def main() -> NoReturn:
    """Run the server: `python -P -m dango_action.forkserver DESCRIPTOR fork|spawn [MODULE ...]`."""
    control, forks = socket.socket(fileno=int(sys.argv[1])), sys.argv[2] == "fork"
    control.set_inheritable(False)
    if forks:
        _preload(sys.argv[3:])
        gc.freeze()  # keeps the imported modules out of the workers' collections, so their pages stay shared
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    workers: dict[int, subprocess.Popen[bytes] | None] = {}
    while True:
        ready, _, _ = select.select([control.fileno(), woken], [], [])
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, _LINE)
            _reap(workers, control)
        if control.fileno() in ready:
            asked, descriptors, _, _ = socket.recv_fds(control, 1, 2)
            if not asked:  # the parent has ended, however it did
                for worker in workers:
                    kill_worker(worker)
                sys.exit()
            worker, process = _start(forks, descriptors, (control.fileno(), woken, wake))
            workers[worker] = process
            _tell(control, {"started": worker})


def _start(
    forks: bool,  # noqa: FBT001 - the server's one setting
    descriptors: list[int],
    private: tuple[int, ...],
) -> tuple[int, subprocess.Popen[bytes] | None]:
    """Start one worker and return its pid, which is also its process group."""
    connection, output = descriptors
    process, server = None, os.getpid()
    if forks:
        worker = os.fork()
        if worker == 0:
            _become_worker(server, connection, output, private)
        # done here and there: whoever comes first, the group exists before anybody is told of it
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(worker, worker)
    else:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "dango_action.worker", str(connection)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[connection],
            start_new_session=True,
        )
        worker = process.pid
    for descriptor in descriptors:
        os.close(descriptor)
    return worker, process


def _become_worker(server: int, connection: int, output: int, private: tuple[int, ...]) -> NoReturn:
    """Turn a fresh fork into a worker, which never returns into the server's loop."""
    status = 1
    try:
        os.setpgid(0, 0)
        _die_with(server)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.set_inheritable(connection, False)
        os.dup2(output, 1)
        os.dup2(output, 2)
        for descriptor in (output, *private):
            os.close(descriptor)

        from dango_action import worker  # noqa: PLC0415 - loaded before the fork; the server needs none of it

        status = worker.run(socket.socket(fileno=connection))
    finally:
        os._exit(status)


def _die_with(server: int) -> None:
    """Ask the kernel to kill this worker should the server be killed (Linux; prctl(2))."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:  # it died before we asked
        os._exit(1)


def _reap(workers: dict[int, subprocess.Popen[bytes] | None], control: socket.socket) -> None:
    for worker in sorted(workers):
        ended, status = os.waitpid(worker, os.WNOHANG)
        if not ended:
            continue
        _kill_group(worker)  # what it started and left behind
        status = os.waitstatus_to_exitcode(status)
        if process := workers.pop(worker):
            process.returncode = status  # so that it does not wait for a process that is gone
        _tell(control, {"ended": worker, "status": status})


def _tell(control: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # the parent is gone; the next read says so
        control.sendall(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
