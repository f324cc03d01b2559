"""What a run of a workflow has left among its artifacts."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from dango_action.errors import Problem, StateError
from dango_action.state.store import Kept, Silent

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from dango_action.github.api import Artifact, WorkflowRun
    from dango_action.state.names import Place


@dataclass(slots=True, kw_only=True)
class Left:
    """What a run has left: generations, the places that its reports name, and anything of another lineage."""

    run: WorkflowRun
    kept: list[Kept] = field(default_factory=list)
    places: set[Place] = field(default_factory=set)
    newest: datetime | None = None
    others: bool = False
    refused: bool = False  # it has left something, and is not believed

    @property
    def begun(self) -> datetime:
        """When the attempt that has left the newest of it began: it has seen all that was there before."""
        # one that began in the same second may have come after what an attempt before it has left
        started = self.run.run_started_at
        return started if started and self.newest and started < self.newest else self.run.created_at


def kept_of(generation: int, artifact: Artifact, run: WorkflowRun) -> Kept:
    """Return an artifact as the generation that its name speaks of."""
    return Kept(
        generation=generation,
        run_id=artifact.run_id,
        name=artifact.name,
        size=artifact.size_in_bytes,
        created_at=artifact.created_at,
        expires_at=artifact.expires_at,
        handle=artifact,
        event=run.event,
    )


def silent_of(run: WorkflowRun | None) -> Silent | None:
    """Return a run as one that should have left something."""
    return Silent(run_id=run.id, branch=run.head_branch) if run else None


def highest(found: Iterable[Kept]) -> Kept | None:
    """Return the one with the highest generation; None if there are none."""
    return max(found, key=lambda kept: kept.generation, default=None)


def refuse_twins(found: Iterable[Kept]) -> None:
    """See that no generation is there twice: two runs would have gone on from the same one.

    Raises:
        StateError: one is.

    """
    several = {each.handle.id: each for each in found}.values()
    for generation, group in groupby(
        sorted(several, key=lambda each: -each.generation), lambda each: each.generation
    ):
        twins = sorted(group, key=lambda each: each.handle.id)
        if len(twins) > 1:
            listed = ", ".join(f"run {kept.run_id} ({kept.name})" for kept in twins)
            what = f"generation {generation} was written twice, by runs that did not know of each other: {listed}"
            hint = (
                "delete the artifact of one of them on that run's page, and run again; `concurrency:` prevents it"
            )
            raise StateError(Problem(what=what, hint=hint))
