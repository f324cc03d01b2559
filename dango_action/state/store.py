"""What keeps generations between runs: artifacts of a workflow, or a bucket. Both are asked in the same words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from dango_action.errors import StateError
from dango_action.state.names import Place

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from dango_action.errors import DangoError, Problem
    from dango_action.state.manifest import Manifest


KEEP = 3
"""Generations; older ones are deleted where that is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A generation that is there, under the name by which people find it.

    `size` is in bytes, as it is stored. `handle` is what its store knows it by.
    """

    generation: int
    run_id: int
    name: str
    size: int
    created_at: datetime
    expires_at: datetime | None
    handle: Any
    event: str | None = None  # that has started the run
    sealed: bool | None = None  # None: that can't be told without fetching it

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(generation=self.generation, run=self.run_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """A run that should have left something, and the branch that it ran on."""

    run_id: int
    branch: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is to go on from.

    `newest` is None if nothing is there. `highest` is the highest generation that a trusted run speaks of; it may
    be gone. `silent` is set if nothing of the lineage is left at all, and something should be. `elsewhere` is a
    generation that is in another store than the one that was asked.
    """

    newest: Kept | None
    highest: int
    silent: Silent | None
    elsewhere: Kept | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A generation that was put up.

    `artifact` is the name that a later step of the job uploads it by; None: it is where it belongs already.
    `generations` is how many are kept with it, and `total` the bytes of all of them.
    """

    artifact: str | None
    generations: int
    total: int


def overtaken(by: Kept) -> DangoError:
    """Return the error of a run that has gone on from a generation which is not the newest one any more."""
    return StateError.because(
        f"generation {by.generation} was kept by run {by.run_id} while this run was loading",
        "nothing of this run is kept; run it again: it goes on from there; `concurrency:` keeps runs apart",
    )


class Store(Protocol):
    """Where the generations of one lineage are."""

    notices: list[Problem]
    """What is worth knowing of what was found."""
    vouched: bool
    """Whether what is not sealed is believed although there is a key: somebody else says who has written it."""

    @property
    def next(self) -> int:
        """The number of the next generation, once `find` has looked."""

    def find(self) -> Found:
        """Return the newest generation that is there.

        Raises:
            StateError: it can't be told which one that is, or the store doesn't answer.
            CredentialsError: the store refuses.

        """

    def kept(self) -> list[Kept]:
        """Return the generations that are there, the newest first; `find` comes before.

        Raises:
            DangoError: as `find`.

        """

    def download(self, kept: Kept, file: Path) -> None:
        """Write the zip file of a generation to a new file.

        Raises:
            DangoError: it is not what was put up, or it does not arrive.

        """

    def put(self, folder: Path, manifest: Manifest) -> Put:
        """Put what lies in a folder up as the generation of its manifest, the next one after what was found.

        Raises:
            StateError: another run has been quicker, or the store doesn't answer; nothing is put up then.
            CredentialsError: the store refuses.

        """
