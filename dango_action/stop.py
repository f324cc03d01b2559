"""Being asked to stop: the first signal is heard in order, the second one interrupts at once.

GitHub's runner cancels a step by SIGINT, after 7.5 s by SIGTERM, and after 2.5 s more by SIGKILL. What a run has
to do after the first signal ends before the second one, or is given up.
"""

from __future__ import annotations

import os
import select
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

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

    def insist(*_: object) -> None:
        for sign in previous:
            signal.signal(sign, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, GIVEN_UP_AFTER)

    woken = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)  # Python writes each signal's number to it
    previous = {sign: signal.signal(sign, insist) for sign in (signal.SIGINT, signal.SIGTERM)}
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


def readable(descriptor: int) -> bool:
    """Tell whether something has been written that was not read yet."""
    return bool(select.select([descriptor], [], [], 0)[0])
