"""Being asked to stop: the first signal is heard in order, the second one at once."""

from __future__ import annotations

import os
import select
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def stop_signals() -> Iterator[int]:
    """Turn the first SIGINT or SIGTERM into a readable descriptor; a second one interrupts at once."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def insist(*_: object) -> None:
        for sign in previous:
            signal.signal(sign, signal.default_int_handler)

    woken = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)  # Python writes each signal's number to it
    previous = {sign: signal.signal(sign, insist) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(woken)
        for sign, handler in previous.items():
            signal.signal(sign, handler)
        os.close(reader)
        os.close(writer)


def readable(descriptor: int) -> bool:
    """Tell whether something has been written that was not read yet."""
    return bool(select.select([descriptor], [], [], 0)[0])
