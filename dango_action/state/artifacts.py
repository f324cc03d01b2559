"""Finding the newest generation of a lineage among the artifacts of a repository."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from dango_action.errors import Problem, StateError
from dango_action.state.names import Lineage, Name
from dango_action.state.trust import distrust_run

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from dango_action.github.api import Artifact, GitHub, Repository, WorkflowRun

_MOST = 1000  # artifacts of the whole repository to look through, 10 requests
_RUNS = 100  # of the workflow to look through, one request
_KEPT = 3  # generations to try if the newest has gone
_ATTEMPTS = 3  # of a run, to guess a name by


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An artifact of the lineage in a trusted run."""

    name: Name
    generation: int
    artifact: Artifact
    run: WorkflowRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is there to go on from.

    `newest` is None if nothing is; `highest` is the highest generation that is known to have been, 0 if none.
    `refused` says of each artifact that bears the name, but not the trust, why it was left out.
    """

    newest: Kept | None
    highest: int
    refused: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifacts:
    """The artifacts of a lineage, in the runs of a repository's default branch."""

    github: GitHub
    repository: Repository
    lineage: Lineage
    events: Collection[str]  # that a trusted run may have been started by
    _runs: dict[int, WorkflowRun] = field(default_factory=dict)
    _refused: dict[int, Problem] = field(default_factory=dict)
    _stateless: set[int] = field(default_factory=set)  # runs that had nothing to do with state

    def find(self) -> Found:
        """Return the newest generation that may be trusted and is still there.

        Raises:
            StateError: two runs have written the same generation, or GitHub doesn't answer.
            CredentialsError: GitHub refuses.

        """
        latest = list(self._latest())
        highest = max((kept.generation for kept in latest), default=0)
        for generation in range(highest, max(0, highest - _KEPT), -1):
            twins = self._live(generation, latest)
            if len(twins) > 1:
                raise _forked(generation, twins)
            if twins:
                return Found(newest=twins[0], highest=highest, refused=tuple(self._refused.values()))
        return Found(newest=None, highest=highest, refused=tuple(self._refused.values()))

    def loser(self, current: int) -> WorkflowRun | None:
        """Return an earlier run that should have left something, since it succeeded; `current` is the asker's.

        Ask after `find`, which has seen the runs that only looked or checked: they leave nothing.
        """
        for run in self._recent():
            without = run.id == current or run.id in self._stateless or self._distrust(run)
            if run.conclusion == "success" and not without:
                return run
        return None

    def _latest(self) -> Iterator[Kept]:
        """Give what the last run of the lineage has left, and every run that ran beside it.

        Each name tells which generation its run has gone on from or written, so none older needs a look.
        """
        begun: datetime | None = None
        seen = 0
        for artifact in islice(self.github.artifacts(), _MOST):
            if begun and artifact.created_at < begun:
                return
            seen += 1
            kept = self._kept(artifact)
            if kept:
                yield kept
                begun = begun or _begun(kept)
        if begun is None and seen == _MOST:
            yield from self._latest_of_workflow()

    def _latest_of_workflow(self) -> Iterator[Kept]:
        """Give the same by a request for each run, in a repository whose other workflows upload a great deal."""
        begun: datetime | None = None
        for run in sorted(self._recent(), key=lambda run: run.updated_at, reverse=True):
            if begun and run.updated_at < begun:
                return
            for kept in filter(None, map(self._kept, self.github.artifacts_of(run.id))):
                yield kept
                begun = begun or _begun(kept)

    def _recent(self) -> Iterator[WorkflowRun]:
        """Give the newest runs of the workflow on the default branch."""
        file = self.lineage.workflow.rpartition("/")[2]
        return islice(self.github.runs(file, self.repository.default_branch), _RUNS)

    def _live(self, generation: int, latest: list[Kept]) -> list[Kept]:
        """Return the artifacts that hold a generation and have not expired; more than one is one too many."""
        found = {
            kept.artifact.id: kept
            for kept in latest
            if kept.name.kind == "state" and kept.generation == generation
        }
        name = Name(kind="state", key=self.lineage.key, generation=generation, attempt=1, shard=self.lineage.shard)
        for attempt in range(1, _ATTEMPTS + 1):
            if not found:
                same = self.github.artifacts(str(replace(name, attempt=attempt)))
                found = {kept.artifact.id: kept for artifact in same if (kept := self._kept(artifact))}
        return [kept for kept in found.values() if not kept.artifact.expired]

    def _kept(self, artifact: Artifact) -> Kept | None:
        """Return an artifact that bears the lineage's name, if its run is trusted."""
        name = Name.parse(artifact.name)
        if name is None:
            return None
        if name.generation is None:
            self._stateless.add(artifact.run_id)
            return None
        if not name.of(self.lineage):
            return None
        if artifact.run_id not in self._runs:
            self._runs[artifact.run_id] = self.github.run(artifact.run_id)
        run = self._runs[artifact.run_id]
        reason = self._distrust(run)
        if reason:
            what = f"artifact {artifact.name} of run {run.id} was left out: {reason}"
            self._refused[artifact.id] = Problem(what=what, hint="nothing of it was read")
            return None
        return Kept(name=name, generation=name.generation, artifact=artifact, run=run)

    def _distrust(self, run: WorkflowRun) -> str | None:
        return distrust_run(run, self.repository, self.lineage.workflow, self.events)


def _begun(kept: Kept) -> datetime:
    """Return when the attempt that has left an artifact began: it has seen all that was there before."""
    started = kept.run.run_started_at
    return started if started and started <= kept.artifact.created_at else kept.run.created_at


def _forked(generation: int, twins: list[Kept]) -> StateError:
    runs = ", ".join(f"run {kept.run.id} ({kept.artifact.name})" for kept in twins)
    what = f"generation {generation} was written twice, by runs that did not know of each other: {runs}"
    hint = "delete the artifact of one of them on that run's page, and run again; `concurrency:` prevents it"
    return StateError(Problem(what=what, hint=hint))
