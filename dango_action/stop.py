"""Being asked to stop: the first signal is heard in order, the second one interrupts at once.

GitHub's runner cancels a step by SIGINT, after 7.5 s by SIGTERM, and after 2.5 s more by SIGKILL. What a run has
to do after the first signal ends before the second one, or is given up.
"""

from __future__ import annotations

import os
import select
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

GIVEN_UP_AFTER = 5.0
"""Seconds after the first signal at which whatever still goes on is interrupted; 2 s are left to write it down."""


@dataclass(slots=True)
class Stop:
    """Whether to stop: `descriptor` is readable then; `insisted` is true once what goes on was interrupted."""

    descriptor: int
    insisted: bool = False

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Turn what a library has made of the interruption back into a KeyboardInterrupt.

        DuckDB ends a query then, and raises a RuntimeError in its place.
        """
        try:
            yield
        except RuntimeError as error:
            if self.insisted:
                raise KeyboardInterrupt from error
            raise


@contextmanager
def stop_signals() -> Iterator[Stop]:
    """Turn the first SIGINT or SIGTERM into a readable descriptor; a second one, or too long a wait, interrupts.

    Raises:
        KeyboardInterrupt: inside of the context, wherever it is then.

    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    stop = Stop(reader)

    def interrupt(*_: object) -> None:
        stop.insisted = True
        raise KeyboardInterrupt

    def hear(*_: object) -> None:
        for sign in previous:
            signal.signal(sign, interrupt)
        signal.setitimer(signal.ITIMER_REAL, GIVEN_UP_AFTER)

    woken = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)  # Python writes each signal's number to it
    previous = {sign: signal.signal(sign, hear) for sign in (signal.SIGINT, signal.SIGTERM)}
    alarm = signal.signal(signal.SIGALRM, interrupt)
    try:
        yield stop
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.set_wakeup_fd(woken)
        for sign, handler in (*previous.items(), (signal.SIGALRM, alarm)):
            signal.signal(sign, handler)
        os.close(reader)
        os.close(writer)


def readable(descriptor: int) -> bool:
    """Tell whether something has been written that was not read yet."""
    return bool(select.select([descriptor], [], [], 0)[0])
