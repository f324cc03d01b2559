"""When loads become visible: at the end of a run, and in between if it is long."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dango_action.errors import DangoError

if TYPE_CHECKING:
    from dango_action.warehouse.generations import Warehouse

EVERY = 600.0
"""Seconds between two publications: each one costs a copy of the warehouse."""


@dataclass(slots=True, kw_only=True)
class Publishing:
    """Replaces the committed warehouse by the working copy; `pending` are the sources that nobody sees yet."""

    warehouse: Warehouse
    every: float = EVERY
    pending: set[str] = field(default_factory=set)
    _last: float = field(default_factory=time.monotonic)

    def between(self) -> None:
        """Publish, if the last time is long ago; if that fails, a later try decides."""
        if self.pending and time.monotonic() - self._last >= self.every:
            with suppress(DangoError):
                self.publish()
            self._last = time.monotonic()

    def publish(self) -> None:
        """Publish what is pending.

        Raises:
            StateError: the warehouse could not be replaced; it is as it was.

        """
        if self.pending:
            self.warehouse.publish()
            self.pending.clear()
