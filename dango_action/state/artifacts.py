"""Finding the newest generation of a lineage among what the runs of its workflow have left.

Only runs that may be trusted are looked at, so whatever others upload, and however much, neither hides nor forges
a generation. The last run that has left anything says in a name which generation it went on from, and where that
is, so a few requests are enough.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import TYPE_CHECKING

from dango_action.errors import Problem, StateError
from dango_action.github.api import PER_PAGE
from dango_action.state.names import NOTHING, Lineage, Place, StateName, parse
from dango_action.state.trust import distrust_commit, distrust_run

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from dango_action.github.api import Artifact, GitHub, Repository, WorkflowRun

_STRANGERS = 10  # runs to ask about
_RUNS = (100, 300)  # of each event, to look at; one request each, but the first or second is enough if all is well


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A generation that is there."""

    generation: int
    artifact: Artifact
    run: WorkflowRun

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(generation=self.generation, run=self.run.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is to go on from.

    `newest` is None if nothing is there. `highest` is the highest generation that a trusted run speaks of; it may
    be gone. `silent` is a run that has succeeded and of which nothing is left, if no run has left anything.
    """

    newest: Kept | None
    highest: int
    silent: WorkflowRun | None


@dataclass(slots=True, kw_only=True)
class _Left:
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
        started = self.run.run_started_at
        return started if started and self.newest and started <= self.newest else self.run.created_at


@dataclass(slots=True, kw_only=True)
class Artifacts:
    """The artifacts of a lineage, in the runs of a workflow on the default branch."""

    github: GitHub
    repository: Repository
    lineage: Lineage
    events: Collection[str]  # that a trusted run may have been started by
    current: int | None = None  # the run that asks, if it is one
    attempt: int = 1
    notices: list[Problem] = field(default_factory=list)
    _left: dict[int, _Left] = field(default_factory=dict)

    def find(self) -> Found:
        """Return the newest generation that is there.

        Raises:
            StateError: two runs have written the same generation, it can't be told whether there is one, or GitHub
                doesn't answer.
            CredentialsError: GitHub refuses.

        """
        for most in _RUNS:
            runs, complete = self._runs(most)
            window = list(self._window(runs))
            if window or complete:
                break
        if self.attempt > 1 and self.current not in {run.id for run in runs}:
            what = f"this re-runs a run that is older than the newest {most} of its event"
            raise StateError.because(what, "start a new run of the workflow instead")
        if not window:
            if not complete:
                what = f"the newest {most} runs of {self.lineage.workflow} have left nothing of this warehouse"
                raise StateError.because(what, "there are older ones; to start over, set `state: new`, once")
            return Found(newest=None, highest=0, silent=self._silent(runs))
        places = {place for left in window for place in left.places} - {NOTHING}
        kept = [each for left in window for each in left.kept]
        kept += [each for place in places for each in self._at(place)]
        _refuse_twins(kept)
        highest = max((place.generation for place in (*places, *(each.place for each in kept))), default=0)
        newest = _highest(kept) or (self._older(runs) if highest else None)
        return Found(newest=newest, highest=highest, silent=None)

    def strangers(self) -> Iterator[Problem]:
        """Give a notice for each run that is not trusted, and has lately uploaded something under our name."""
        reasons: dict[int, str | None] = {}
        for artifact in islice(self.github.artifacts(), PER_PAGE):
            name = parse(artifact.name)
            called_so = isinstance(name, StateName) and name.of(self.lineage)
            if called_so and artifact.run_id not in reasons and len(reasons) < _STRANGERS:
                known = self._left.get(artifact.run_id)
                run = known.run if known else self.github.run(artifact.run_id)
                reasons[artifact.run_id] = self._distrust(run) if run else None
        for run_id, reason in reasons.items():
            if reason:
                what = f"what run {run_id} has uploaded under the name of a generation was left out: {reason}"
                yield Problem(what=what, hint="nothing of it was read")

    def _runs(self, most: int) -> tuple[list[WorkflowRun], bool]:
        """Return the newest runs of each event, the last changed first, and whether these are all there are."""
        file = self.lineage.workflow.rpartition("/")[2]
        found: list[WorkflowRun] = []
        complete = True
        for event in sorted(self.events):
            # a schedule runs on the default branch only: if that had another name once, we have to know
            branch = None if event == "schedule" else self.repository.default_branch
            listed = list(islice(self.github.runs(file, event, branch), most))
            complete = complete and len(listed) < most
            found += listed
        return sorted(found, key=lambda run: run.updated_at, reverse=True), complete

    def _window(self, runs: Iterable[WorkflowRun]) -> Iterator[_Left]:
        """Give what the last run that has left something has left, and every run that ran beside it."""
        begun: datetime | None = None
        for run in runs:
            if begun and run.updated_at < begun:
                return
            left = self._look(run)
            if left.newest:
                yield left
                begun = begun or left.begun

    def _look(self, run: WorkflowRun) -> _Left:
        """Return what a run has left; of one that is not trusted, nothing."""
        if run.id in self._left:
            return self._left[run.id]
        left = self._left[run.id] = _Left(run=run)
        if self._distrust(run):
            return left
        self._list(left)
        reason = distrust_commit(self.github, run, self.repository) if left.newest else None
        if reason:
            what = f"what run {run.id} has left was left out: {reason}"
            self.notices.append(Problem(what=what, hint="nothing of it was read"))
            left = self._left[run.id] = _Left(run=run, refused=True)
        return left

    def _list(self, left: _Left) -> None:
        """Read the names of what a run has left."""
        run = left.run
        for artifact in self.github.artifacts_of(run.id):
            name = parse(artifact.name)
            if name is None:
                continue
            if not name.of(self.lineage):
                left.others = True
                continue
            if isinstance(name, StateName):
                # an expired one says that it was there
                left.places.add(Place(generation=name.generation, run=run.id))
                if not artifact.expired:
                    left.kept.append(Kept(generation=name.generation, artifact=artifact, run=run))
            elif name.basis:
                left.places.add(name.basis)
            else:
                left.others = True
                continue
            left.newest = max(artifact.created_at, left.newest or artifact.created_at)

    def _at(self, place: Place) -> list[Kept]:
        """Return the generation at a place that a trusted run names; none if it is gone."""
        known = self._left.get(place.run)
        run = known.run if known else self.github.run(place.run)
        return [kept for kept in self._look(run).kept if kept.generation == place.generation] if run else []

    def _older(self, runs: Iterable[WorkflowRun]) -> Kept | None:
        """Return what the last changed run has that still has anything, if the newest generations are gone."""
        return next(filter(None, (_highest(self._look(run).kept) for run in runs)), None)

    def _silent(self, runs: Iterable[WorkflowRun]) -> WorkflowRun | None:
        """Return a run that should have left something, since it succeeded, and of which nothing is left.

        Runs that only looked or checked have left their report. A schedule on another branch ran on what was the
        default branch then.
        """
        for run in runs:
            renamed = run.event == "schedule" and run.head_branch != self.repository.default_branch
            left = self._look(run)
            nothing = renamed or (self._distrust(run) is None and not left.others)
            if left.refused or (run.conclusion == "success" and run.id != self.current and nothing):
                return run
        return None

    def _distrust(self, run: WorkflowRun) -> str | None:
        return distrust_run(run, self.repository, self.lineage.workflow, self.events)


def _highest(found: Iterable[Kept]) -> Kept | None:
    return max(found, key=lambda kept: kept.generation, default=None)


def _refuse_twins(found: Iterable[Kept]) -> None:
    """Refuse a generation that is there twice: two runs have gone on from the same one."""
    several = {each.artifact.id: each for each in found}.values()
    for generation, group in groupby(
        sorted(several, key=lambda each: -each.generation), lambda each: each.generation
    ):
        twins = sorted(group, key=lambda each: each.artifact.id)
        if len(twins) > 1:
            listed = ", ".join(f"run {kept.run.id} ({kept.artifact.name})" for kept in twins)
            what = f"generation {generation} was written twice, by runs that did not know of each other: {listed}"
            hint = (
                "delete the artifact of one of them on that run's page, and run again; `concurrency:` prevents it"
            )
            raise StateError(Problem(what=what, hint=hint))
