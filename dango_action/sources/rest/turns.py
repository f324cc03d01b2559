"""When a request may be sent, of so many in so many seconds."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dango_action.config.rest_api import RateLimit


class Turns:
    """The turns of all requests to an API: as many as it takes may come at once, the next one later."""

    def __init__(self, limit: RateLimit | None) -> None:
        self._seconds = limit.seconds if limit else 0.0
        self._begun: deque[float] = deque(maxlen=limit.requests if limit else 1)
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Sleep until the next turn."""
        now = time.monotonic()
        time.sleep(self.take(now) - now)

    def take(self, now: float) -> float:
        """Take the next turn, and return when it is: now, or later."""
        with self._lock:
            full = len(self._begun) == self._begun.maxlen
            begin = max(now, self._begun[0] + self._seconds) if full else now
            self._begun.append(begin)
            return begin
