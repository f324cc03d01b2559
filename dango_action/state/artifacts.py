"""Finding the newest generation of a lineage among what the runs of its workflow have left.

The listing of the repository's artifacts is read from its newest on, until the start of the run that has left the
newest one of the lineage: that run has seen all that was there before, and a name says which generation it went on
from, and where that is. Only runs that may be trusted count. Where other workflows upload so much that this finds
nothing, the workflow's own runs are looked at one by one.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from dango_action.errors import DangoError, Problem, StateError
from dango_action.github.api import PER_PAGE
from dango_action.state.leftovers import Left, highest, kept_of, refuse_twins, silent_of
from dango_action.state.names import NOTHING, Lineage, Place, StateName, parse
from dango_action.state.store import KEEP, Found, Kept, Put, overtaken
from dango_action.state.trust import distrust_commit, distrust_run

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from dango_action.github.api import Artifact, GitHub, Repository, WorkflowRun
    from dango_action.state.manifest import Manifest

_ARTIFACTS = 2000  # of the repository, to read through; 20 requests
_RUNS = 300  # of each event, to look at if that finds nothing
_STRANGERS = 10  # to name
_BACK = 3  # generations before those that `find` looks at; if there are more, later runs get there
_LONGEST_UPLOAD = timedelta(hours=1)  # between the date of an artifact and its place in the listing


@dataclass(slots=True, kw_only=True)
class Artifacts:
    """The artifacts of a lineage, in the runs of a workflow on the default branch."""

    github: GitHub
    repository: Repository
    lineage: Lineage
    events: Collection[str]  # that a trusted run may have been started by
    current: int | None = None  # the run that asks, if it is one
    notices: list[Problem] = field(default_factory=list)
    vouched: bool = True
    _left: dict[int, Left] = field(default_factory=dict)
    _runs_asked: dict[int, WorkflowRun | None] = field(default_factory=dict)
    _strangers: set[int] = field(default_factory=set)  # runs that are not trusted, and were named
    _found: Found | None = None
    _listed: datetime | None = None  # when the newest artifact of all was made that was there
    _elsewhere: WorkflowRun | None = None  # a run that has kept a generation on a branch of another name

    def find(self) -> Found:
        """Return the newest generation that is there.

        Raises:
            StateError: two runs have written the same generation, it can't be told whether there is one, or GitHub
                doesn't answer.
            CredentialsError: GitHub refuses.

        """
        self._found = self._find()
        return self._found

    def _find(self) -> Found:
        window, complete = self._read_through()
        if not window and not complete:
            window = self._look_one_by_one()
        if not window:
            return Found(newest=None, highest=0, silent=silent_of(self._elsewhere or self._silent()))
        places = {place for left in window for place in left.places} - {NOTHING}
        kept = [each for left in window for each in left.kept]
        kept += [each for place in places for each in self._at(place)]
        refuse_twins(kept)
        top = max((place.generation for place in (*places, *(each.place for each in kept))), default=0)
        newest = highest(kept) or (self._older() if top else None)
        return Found(newest=newest, highest=top, silent=None)

    @property
    def next(self) -> int:
        """The number of the next generation."""
        return self._found.newest.generation + 1 if self._found and self._found.newest else 1

    def kept(self) -> list[Kept]:
        """Return the generations that are there, the newest first: what `find` saw, and what those went on from.

        Raises:
            StateError: GitHub doesn't answer.
            CredentialsError: GitHub refuses.

        """
        for _ in range(_BACK):
            named = {place.run for left in self._left.values() for place in left.places} - {NOTHING.run}
            further = [found for run in sorted(named - self._left.keys()) if (found := self.github.run(run))]
            if not [kept for run in further for kept in self._look(run).kept]:
                break
        there = {each.handle.id: each for left in self._left.values() for each in left.kept}
        return sorted(there.values(), key=lambda each: (-each.generation, -each.run_id))

    def download(self, kept: Kept, file: Path) -> None:
        """Write the zip file of a generation to a new file.

        Raises:
            DangoError: it is not what GitHub says of it, or it does not arrive.

        """
        self.github.download(kept.handle, file)

    def put(self, folder: Path, manifest: Manifest) -> Put:
        """Return the name by which a step of `action.yml` uploads the folder, if no other run has been quicker.

        Raises:
            StateError: one has, or GitHub doesn't answer.
            CredentialsError: GitHub refuses.

        """
        if self._found:  # else it is a new start, whatever is there
            self._refuse_newer(manifest.generation)
        name = StateName(
            key=self.lineage.key,
            generation=manifest.generation,
            attempt=manifest.run_attempt,
            shard=self.lineage.shard,
        )
        older = self._clear(manifest.generation) if self._found else []
        sizes = [file.stat().st_size for file in folder.iterdir()] + [each.size for each in older]
        return Put(artifact=str(name), generations=1 + len(older), total=sum(sizes))

    def _clear(self, generation: int) -> list[Kept]:
        """Delete what need not be kept any more beside this generation, if the token may; return what is left.

        The generation itself goes up later. If that fails, there are as many fewer until the next run.
        """
        kept: list[Kept] = []
        with suppress(DangoError):  # another run can do it
            kept = self.kept()
            numbers = sorted({each.generation for each in kept}, reverse=True)[: KEEP - 1]
            for each in [each for each in kept if each.generation < min(generation, *numbers)]:
                if not self.github.delete(each.handle):
                    break
                kept.remove(each)
        return kept

    def _refuse_newer(self, generation: int) -> None:
        """Look again at the last moment: an upload is not exclusive."""
        since = self._listed and self._listed - _LONGEST_UPLOAD
        for artifact in islice(self.github.artifacts(), _ARTIFACTS):
            if since and artifact.created_at < since:
                return
            name = parse(artifact.name)
            if not isinstance(name, StateName) or not name.of(self.lineage) or name.generation < generation:
                continue
            run = self._asked(artifact, kept=False)
            if run:
                self._left.pop(run.id, None)
                for kept in self._look(run).kept:
                    if kept.generation >= generation:
                        raise overtaken(kept)

    def _read_through(self) -> tuple[list[Left], bool]:
        """Return what the newest artifacts of the lineage belong to, and whether there can be no others."""
        window: dict[int, Left] = {}
        begun: datetime | None = None
        count = 0
        for artifact in islice(self.github.artifacts(), _ARTIFACTS):
            count += 1
            self._listed = self._listed or artifact.created_at
            if begun and artifact.created_at < begun:
                return list(window.values()), True
            name = parse(artifact.name)
            if name is None or not name.of(self.lineage) or artifact.run_id in window:
                continue
            run = self._asked(artifact, kept=isinstance(name, StateName))
            left = self._look(run) if run else None
            if left and left.newest:
                window[artifact.run_id] = left
                begun = begun or left.begun
        return list(window.values()), count < _ARTIFACTS

    def _asked(self, artifact: Artifact, *, kept: bool) -> WorkflowRun | None:
        """Return the run of an artifact with the lineage's name; None, with a notice, if it is not trusted."""
        about = artifact.workflow_run
        if about.head_repository_id not in (None, self.repository.id):
            self._leave_out(about.id, "it ran for a fork", kept=kept)  # without a request: it may be one of many
            return None
        if about.id not in self._runs_asked:
            self._runs_asked[about.id] = self.github.run(about.id)
        run = self._runs_asked[about.id]
        reason = self._distrust(run) if run else "it is gone"
        if reason is None:
            return run
        if run and kept and self._only_the_branch(run):
            self._elsewhere = self._elsewhere or run
        self._leave_out(about.id, reason, kept=kept)
        return None

    def _leave_out(self, run: int, reason: str, *, kept: bool) -> None:
        """Say that what is called like a generation is none; a report may well come from elsewhere."""
        if kept and run not in self._strangers and len(self._strangers) < _STRANGERS:
            self._strangers.add(run)
            what = f"what run {run} has uploaded under the name of a generation was left out: {reason}"
            self.notices.append(Problem(what=what, hint="nothing of it was read"))

    def _only_the_branch(self, run: WorkflowRun) -> bool:
        """Tell whether nothing but its branch speaks against a run: the default branch may have been called so."""
        there = self.repository.model_copy(update={"default_branch": run.head_branch or ""})
        return distrust_run(run, there, self.lineage.workflow, self.events) is None

    def _look_one_by_one(self) -> list[Left]:
        runs, bound = self._runs(_RUNS)
        window = list(self._window(runs))
        if bound and (not window or min(left.begun for left in window) < bound):
            what = "the newest artifacts and runs hold nothing of this warehouse, and there are older ones"
            raise StateError.because(what, "if it is to start over, set `state: new`, once")
        return window

    def _runs(self, most: int) -> tuple[list[WorkflowRun], datetime | None]:
        """Return the newest runs of each event, the last changed first, and since when these are all there are."""
        file = self.lineage.workflow.rpartition("/")[2]
        found: list[WorkflowRun] = []
        bound: datetime | None = None
        for event in sorted(self.events):
            listed = list(islice(self.github.runs(file, event, self.repository.default_branch), most))
            if len(listed) == most:
                bound = max(bound or listed[-1].created_at, listed[-1].created_at)
            found += listed
        return sorted(found, key=lambda run: run.updated_at, reverse=True), bound

    def _window(self, runs: Iterable[WorkflowRun]) -> Iterator[Left]:
        """Give what the last run that has left something has left, and every run that ran beside it."""
        begun: datetime | None = None
        for run in runs:
            if begun and run.conclusion and run.updated_at < begun:
                continue  # one that still runs may have left something since
            left = self._look(run)
            if left.newest:
                yield left
                begun = begun or left.begun

    def _look(self, run: WorkflowRun) -> Left:
        """Return what a run has left; of one that is not trusted, nothing."""
        if run.id in self._left:
            return self._left[run.id]
        left = self._left[run.id] = Left(run=run)
        if self._distrust(run):
            return left
        self._list(left)
        reason = distrust_commit(self.github, run, self.repository) if left.newest else None
        if reason:
            what = f"what run {run.id} has left was left out: {reason}"
            self.notices.append(Problem(what=what, hint="nothing of it was read"))
            left = self._left[run.id] = Left(run=run, refused=True)
        return left

    def _list(self, left: Left) -> None:
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
                    left.kept.append(kept_of(name.generation, artifact, run))
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

    def _older(self) -> Kept | None:
        """Return what the last changed run has that still has anything, if the newest generations are gone."""
        runs, _ = self._runs(PER_PAGE)
        return next(filter(None, (highest(self._look(run).kept) for run in runs)), None)

    def _silent(self) -> WorkflowRun | None:
        """Return the last run that has succeeded, if nothing is left of it, or nothing that is believed.

        Runs that only looked or checked have left their report.
        """
        refused = next((left.run for left in self._left.values() if left.refused), None)
        file = self.lineage.workflow.rpartition("/")[2]
        for run in islice(self.github.runs(file), PER_PAGE) if refused is None else ():
            if run.conclusion == "success" and run.id != self.current and not self._distrust(run):
                left = self._look(run)
                return None if left.others or left.newest else run
        return refused

    def _distrust(self, run: WorkflowRun) -> str | None:
        return distrust_run(run, self.repository, self.lineage.workflow, self.events)
