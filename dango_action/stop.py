"""Being asked to stop: the first signal is heard in order, the second one interrupts at once.

GitHub's runner cancels a step by SIGINT, after 7.5 s by SIGTERM, and after 2.5 s more by SIGKILL. What a run has
to do after the first signal ends before the second one, or is given up.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_T = TypeVar("_T")

GIVEN_UP_AFTER = 5.0
"""Seconds after the first signal at which whatever still goes on is interrupted; 2 s are left to write it down."""


@contextmanager
def stop_signals() -> Iterator[int]:
    """Turn the first SIGINT or SIGTERM into a readable descriptor; a second one, or too long a wait, interrupts.

    Raises:
        KeyboardInterrupt: inside of the context, wherever it is then.

    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def hear(*_: object) -> None:
        for sign in previous:
            signal.signal(sign, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, GIVEN_UP_AFTER)

    woken = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)  # Python writes each signal's number to it
    previous = {sign: signal.signal(sign, hear) for sign in (signal.SIGINT, signal.SIGTERM)}
    alarm = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        yield reader
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.set_wakeup_fd(woken)
        for sign, handler in (*previous.items(), (signal.SIGALRM, alarm)):
            signal.signal(sign, handler)
        os.close(reader)
        os.close(writer)


@contextmanager
def interrupts() -> Iterator[None]:
    """Let an interruption be a KeyboardInterrupt: in the middle of a query DuckDB raises a RuntimeError for it."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise


def interruptible(call: Callable[[], _T]) -> _T:
    """Make a call that holds back signals until it returns, in a thread, so that a signal ends the wait for it."""
    outcome: list[_T] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(call())
        except BaseException as error:  # noqa: BLE001 - it is raised where the call was made
            failure.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


def readable(descriptor: int) -> bool:
    """Tell whether something has been written that was not read yet."""
    return bool(select.select([descriptor], [], [], 0)[0])
