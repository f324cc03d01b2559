"""A whole run: configuration and inputs in, a `RunResult` out, and its files written whatever happens."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import orjson

from dango_action import __version__
from dango_action.credentials.conflicts import conflicts
from dango_action.credentials.explain import strangers
from dango_action.errors import DangoError, ExitCode, Problem, StoppedError, UsageError
from dango_action.execution import Execution, Place
from dango_action.jobs import Observer, Phase
from dango_action.known import secrets_of, unhidden
from dango_action.report.activity import ActivityLog
from dango_action.report.summary import summary
from dango_action.results import RunResult, SourceResult, StateResult
from dango_action.stop import interrupts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from dango_action.credentials.forms import Known
    from dango_action.credentials.held import Credentials
    from dango_action.errors import Position
    from dango_action.inputs import Inputs
    from dango_action.plan import Plan
    from dango_action.window import Window

FOLDER = Path(".dango")
KEPT_RUNS = 50
_MOST_STRANGERS = 5


class Screen(Observer, Protocol):
    """Where a run is shown while it goes on and when it has ended."""

    def ended(self, result: RunResult) -> None:
        """Show how the run has ended."""


class Keeper(Protocol):
    """Where the warehouse is kept between runs, on machines that are thrown away."""

    notices: list[Problem]
    """What is worth knowing of it."""

    def restore(self, run: str) -> None:
        """Put the newest generation in place."""

    def keep(self, run: str, changed: Collection[str], known: Sequence[Known]) -> StateResult:
        """Put what is new in these datasets up for later runs, unless it holds one of the `known` secrets."""


def sync(
    plan: Plan, inputs: Inputs, credentials: Credentials, screen: Screen, keeper: Keeper | None = None
) -> RunResult:
    """Sync what is planned; whatever fails is in the result, and in the files of the run's folder."""
    record = _Record.begin(plan.project, screen)
    results = [_broken(name, problems) for name, problems in plan.broken.items()]
    for result in results:
        record.observer.finished(result)
    execution = Execution(
        plan=plan, inputs=inputs, credentials=credentials, place=record.place, observer=record.observer
    )
    state: StateResult | None = None
    with ExitStack() as signals:
        failure = execution.run(keeper, signals) if plan.sources else None
        results += execution.results
        # what was published in between is kept, even if the rest could not be published
        keeps = failure is None or any(result.changed for result in results)
        if keeper and keeps and not isinstance(failure, StoppedError):
            state, failed = _kept(record.run, keeper, execution)
            failure = failure or failed
    placed = [_placed(result, plan.positions.get(result.name)) for result in results]
    notices = (*plan.notices, *_left_out(plan, results), *(keeper.notices if keeper else ()))
    double = [problem for source in plan.sources for problem in conflicts(source, credentials)]
    warnings = (
        *double,
        *unhidden(plan, credentials, results),
        *_kept_rows(plan, results, inputs.window),
        *_doubts(plan, results),
        *_unreached(credentials, results),
    )
    return record.end(_Outcome(inputs, str(plan.target), placed, failure, notices, warnings, state))


def _kept(run: str, keeper: Keeper, execution: Execution) -> tuple[StateResult | None, DangoError | None]:
    """Let the warehouse be kept, and return what came of it; a signal leaves it little time."""
    results = execution.results
    if execution.stopped is None:
        return None, None
    known = secrets_of(execution.plan, execution.credentials, results)
    changed = [result.dataset for result in results if result.changed]
    try:
        with interrupts():
            return keeper.keep(run, changed, known), None
    except DangoError as error:
        return None, error
    except KeyboardInterrupt:
        what = "the warehouse is not kept: the run was stopped, and there was no time left for it"
        hint = "nothing is lost: the next run goes on from the generation before, and fetches the same rows again"
        return None, StoppedError.because(what, hint)


def _left_out(plan: Plan, results: Sequence[SourceResult]) -> Iterator[Problem]:
    """Give a notice for each resource that a backfill has left as it is."""
    for result in results:
        for resource, why in result.left_out:
            what = f"the backfill leaves `{resource}` of source `{result.name}` as it is: {why}"
            hint = "a sync loads what is new in it, and a full refresh all of it"
            yield Problem(what=what, hint=hint, at=plan.positions.get(result.name))


def _unreached(credentials: Credentials, results: Sequence[SourceResult]) -> Iterator[Problem]:
    """Give a warning for what is written for no source, where one lacks something: a name may be wrong."""
    if any(result.exit_code is ExitCode.CREDENTIALS for result in results):
        for label in islice(strangers(credentials), _MOST_STRANGERS):
            yield Problem(what=f"reaches no source: {label}", hint="`dango config explain` lists all of these")


def _kept_rows(plan: Plan, results: Sequence[SourceResult], window: Window | None) -> Iterator[Problem]:
    """Give a warning for each table in which a load without rows would have replaced some."""
    for result in results:
        for table in result.kept:
            kind = "a backfill" if window else "a `replace` load"
            what = f"`{result.dataset}.{table}` keeps its rows: {kind} has brought none for it"
            hint = f"if it is to be empty then, set `on_empty_replace: allow` for source `{result.name}`"
            hint = "if there are none any more, delete those of the window by hand" if window else hint
            yield Problem(what=what, hint=hint, at=plan.positions.get(result.name))


def _doubts(plan: Plan, results: Sequence[SourceResult]) -> Iterator[Problem]:
    for result in results:
        for doubt in result.doubts:
            yield doubt if doubt.at else replace(doubt, at=plan.positions.get(result.name))


def refuse(inputs: Inputs, error: DangoError, screen: Screen) -> RunResult:
    """Report a run that could not begin in the same way as one that could."""
    keep = not isinstance(error, UsageError)  # a slip of the finger is no run
    return _Record.begin(inputs.project, screen, keep=keep).end(_Outcome(inputs, inputs.target or "", (), error))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a run came to, before it is written down."""

    inputs: Inputs
    target: str
    sources: Sequence[SourceResult]
    failure: DangoError | None
    notices: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    state: StateResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """What a run leaves: its folder, the activity log, the screen. A full disk does not keep it from ending."""

    run: str
    folder: Path | None  # None: nothing can be written, or there is no project
    started: datetime
    begun: float  # by time.monotonic()
    observer: _All

    @classmethod
    def begin(cls, project: Path, screen: Screen, *, keep: bool = True) -> _Record:
        """Make the run's folder and open its log, where there is a project and `keep`."""
        started = datetime.now(UTC)
        folder = _run_folder(project, started) if keep and (project / FOLDER).is_dir() else None
        run = folder.name if folder else name(started)
        activity = [ActivityLog(project / FOLDER / "activity.log", run)] if folder else []
        observer = _All(*activity, screen)
        return cls(run=run, folder=folder, started=started, begun=time.monotonic(), observer=observer)

    @property
    def place(self) -> Place:
        """What the sources of this run need to know of it."""
        return Place(run=self.run, folder=self.folder, begun=self.begun)

    def end(self, outcome: _Outcome) -> RunResult:
        """Write the result down, show it, and return it."""
        failure = outcome.failure
        result = RunResult(
            run=self.run,
            dango_version=__version__,
            window=str(outcome.inputs.window) if outcome.inputs.window else None,
            mode="load" if outcome.inputs.limit is None else "look",
            target=outcome.target,
            started_at=self.started,
            finished_at=datetime.now(UTC),
            sources=tuple(outcome.sources),
            problems=failure.problems if failure else (),
            notices=outcome.notices,
            warnings=outcome.warnings,
            exit_codes=(failure.exit_code,) if failure else (),
            state=outcome.state,
        )
        if self.folder:
            document = orjson.dumps(result.document(), option=orjson.OPT_INDENT_2)
            with suppress(OSError):  # the screen has it, too
                (self.folder / "result.json").write_bytes(document)
                (self.folder / "summary.md").write_text(summary(result), encoding="utf-8")
        self.observer.ended(result)
        return result


class _All:
    """Passes what happens on to the activity log and to the screen."""

    def __init__(self, *screens: Screen) -> None:
        self._screens = screens

    def phase(self, source: str, phase: Phase, attempt: int) -> None:
        """Pass on that a source has come to a phase."""
        for screen in self._screens:
            screen.phase(source, phase, attempt)

    def progress(self, source: str, rows: int) -> None:
        """Pass on the rows extracted so far."""
        for screen in self._screens:
            screen.progress(source, rows)

    def finished(self, result: SourceResult) -> None:
        """Pass on how a source has ended."""
        for screen in self._screens:
            screen.finished(result)

    def ended(self, result: RunResult) -> None:
        """Pass on how the run has ended."""
        for screen in self._screens:
            screen.ended(result)


def _broken(name: str, problems: tuple[Problem, ...]) -> SourceResult:
    return SourceResult(
        name=name,
        dataset=f"raw_{name}",
        status="failed",
        exit_code=ExitCode.CONFIGURATION,
        problems=problems,
        attempts=0,
    )


def _placed(result: SourceResult, entry: Position | None) -> SourceResult:
    """Give the problems of a source's configuration their place in the file, where they have none."""
    if result.exit_code not in {ExitCode.CONFIGURATION, ExitCode.CREDENTIALS}:
        return result
    return replace(result, problems=tuple(p if p.at else replace(p, at=entry) for p in result.problems))


def name(started: datetime) -> str:
    """Return the name of a run; the names sort by time."""
    return started.strftime("%Y%m%dT%H%M%S.%fZ")


def _run_folder(project: Path, started: datetime) -> Path | None:
    """Make the run's folder, which it shares with no other; None if nothing can be written there."""
    runs = project / FOLDER / "runs"
    folder = runs / name(started)
    try:
        runs.mkdir(exist_ok=True)
        for old in sorted(runs.glob("2*Z"))[: 1 - KEPT_RUNS]:
            shutil.rmtree(old, ignore_errors=True)
        folder.mkdir()
    except OSError:
        # taken by another run in the same microsecond, which is over when we ask again
        return _run_folder(project, datetime.now(UTC)) if folder.is_dir() else None
    return folder
