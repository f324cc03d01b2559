"""What sources are loaded into, as the parent sees it: a file of its own, or a lake that others load into, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from dango_action.errors import Problem
    from dango_action.protocol import Deliver, Extracted, Load, Task


class Target(Protocol):
    """`Warehouse` is one, `Remote` is the other."""

    @property
    def delivers(self) -> bool:
        """Whether a source's own process has ended when its load begins, in another one."""

    @property
    def held(self) -> Mapping[str, Sequence[Problem]]:
        """Why another run's hold on a dataset keeps this one out."""

    def state_of(self, dataset: str) -> Path | None:
        """Return the file with dlt's state of a dataset; None if there is none yet."""

    def turn(
        self, task: Task, dataset: str, extracted: Extracted, halted: Callable[[], bool] = bool
    ) -> Load | Deliver:
        """Prepare a source's load, and return what its process is to be told, or a process of its own.

        Raises a DangoError; a StoppedError if that took time, and `halted` said that there is none.
        """

    def drop_log(self) -> None:
        """Clear what the end of a process that loads has left."""

    def shrink(self) -> None:
        """Give back the room of a load that was rolled back."""

    def holds(self, dataset: str, load_ids: Sequence[str]) -> bool:
        """Tell whether these loads are there; raises a DangoError if nobody can know."""
