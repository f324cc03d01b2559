"""A whole run: configuration and inputs in, a `RunResult` out, and its files written whatever happens."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import orjson

from dango_action import __version__
from dango_action.credentials.environ import base_environment, source_environment, with_dotenv
from dango_action.errors import ConfigError, DangoError, ExitCode
from dango_action.inputs import processors
from dango_action.pool import Pool
from dango_action.protocol import Task
from dango_action.report.activity import ActivityLog
from dango_action.report.summary import summary
from dango_action.results import RunResult, SourceResult
from dango_action.schedule import Job, Observer, Phase, Schedule, stop_signals
from dango_action.warehouse.generations import Warehouse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dango_action.config.model import Source
    from dango_action.errors import Problem
    from dango_action.inputs import Inputs
    from dango_action.plan import Plan

FOLDER = Path(".dango")
_LEAST_JOBS = 4  # extraction mostly waits for somebody's API


class Screen(Observer, Protocol):
    """Where a run is shown while it goes on and when it has ended."""

    def ended(self, result: RunResult) -> None:
        """Show how the run has ended."""


def sync(plan: Plan, inputs: Inputs, environ: Mapping[str, str], screen: Screen) -> RunResult:
    """Sync what is planned; whatever fails is in the result, and in the files of the run's folder.

    Raises:
        ConfigError: the run's folder can't be made.

    """
    started = datetime.now(UTC)
    folder = _run_folder(plan.project, started)
    activity = ActivityLog(plan.project / FOLDER / "activity.log", folder.name)
    observer = _Both(activity, screen)
    results = [_broken(name, problems) for name, problems in plan.broken.items()]
    for result in results:
        observer.finished(result)
    failure: DangoError | None = None
    try:
        if plan.sources:
            variables = with_dotenv(plan.project, environ)
            results += _execute(plan, inputs, variables, folder, observer)
    except _NotPublishedError as error:
        results += error.results
        failure = error.reason
    except DangoError as error:
        failure = error
    run = RunResult(
        run=folder.name,
        dango_version=__version__,
        mode="load" if inputs.limit is None else "look",
        target=str(plan.target),
        started_at=started,
        finished_at=datetime.now(UTC),
        sources=tuple(results),
        problems=failure.problems if failure else (),
        notices=plan.notices,
        exit_codes=(failure.exit_code,) if failure else (),
    )
    (folder / "result.json").write_bytes(orjson.dumps(run.document(), option=orjson.OPT_INDENT_2))
    (folder / "summary.md").write_text(summary(run), encoding="utf-8")
    observer.ended(run)
    return run


class _NotPublishedError(Exception):
    """Sources were loaded, but the warehouse could not be replaced, so nothing was."""

    def __init__(self, results: list[SourceResult], reason: DangoError) -> None:
        super().__init__(str(reason))
        self.results = [
            _unpublished(result, reason) if result.exit_code is ExitCode.OK else result for result in results
        ]
        self.reason = reason


class _Both:
    """Passes what happens on to the activity log and to the screen."""

    def __init__(self, *screens: Screen) -> None:
        self._screens = screens

    def phase(self, source: str, phase: Phase, attempt: int) -> None:
        for screen in self._screens:
            screen.phase(source, phase, attempt)

    def progress(self, source: str, rows: int) -> None:
        for screen in self._screens:
            screen.progress(source, rows)

    def finished(self, result: SourceResult) -> None:
        for screen in self._screens:
            screen.finished(result)

    def ended(self, result: RunResult) -> None:
        for screen in self._screens:
            screen.ended(result)


def _execute(
    plan: Plan, inputs: Inputs, environ: Mapping[str, str], folder: Path, observer: Observer
) -> list[SourceResult]:
    """Run the planned sources and publish what they have loaded."""
    with ExitStack() as stack:
        stopped = stack.enter_context(stop_signals())
        pool = stack.enter_context(Pool.open(base_environment(environ)))  # imports dlt while the rest is prepared
        if inputs.limit is None:
            warehouse = stack.enter_context(Warehouse.locked(plan.project / plan.target.location, folder.name))
            scratch = warehouse.folder
        else:
            warehouse = None
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dango-")))
        schedule = Schedule(
            pool=pool,
            observer=observer,
            width=inputs.jobs or max(_LEAST_JOBS, 2 * processors()),
            warehouse=warehouse,
            stopped=stopped,
        )
        committed = warehouse.committed if warehouse else None
        results = schedule.run(
            [_job(source, plan, inputs, environ, _Paths(folder, scratch, committed)) for source in plan.sources]
        )
        if warehouse:
            try:
                warehouse.publish()
            except DangoError as error:
                raise _NotPublishedError(results, error) from error
        return results


@dataclass(frozen=True, slots=True)
class _Paths:
    run: Path
    scratch: Path
    committed: Path | None


def _job(source: Source, plan: Plan, inputs: Inputs, environ: Mapping[str, str], paths: _Paths) -> Job:
    native = source.dlt_native
    log = paths.run / f"{source.name}.log"
    task = Task(
        name=source.name,
        project=str(plan.project),
        module=native.source_module,
        function=native.source_function,
        kwargs=dict(native.function_kwargs),
        resources=list(source.resources) if source.resources is not None else None,
        schema_contract=source.schema_contract,
        environ=source_environment(source.name, source.env, environ),
        scratch=str(paths.scratch / source.name),
        committed=str(paths.committed) if paths.committed else None,
        full_refresh=inputs.full_refresh,
        limit=inputs.limit,
    )
    return Job(
        task=task,
        dataset=f"raw_{source.name}",
        timeout=source.timeout_minutes * 60,
        retries=source.retries,
        log=log,
        shown_log=log.relative_to(plan.project).as_posix(),
    )


def _broken(name: str, problems: tuple[Problem, ...]) -> SourceResult:
    return SourceResult(
        name=name,
        dataset=f"raw_{name}",
        status="failed",
        exit_code=ExitCode.CONFIGURATION,
        problems=problems,
        attempts=0,
    )


def _unpublished(result: SourceResult, reason: DangoError) -> SourceResult:
    return replace(
        result, status="failed", exit_code=reason.exit_code, problems=reason.problems, tables=(), changed=False
    )


def _run_folder(project: Path, started: datetime) -> Path:
    """Make the run's folder; the names sort by time, and no two runs share one."""
    name = started.strftime("%Y%m%dT%H%M%S.%fZ")
    folder = project / FOLDER / "runs" / name
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        return _run_folder(project, datetime.now(UTC))
    except OSError as error:
        raise ConfigError.because(
            f"{FOLDER}/runs cannot be written to: {error.strerror}",
            "make the project's folder writable, or free some space",
        ) from error
    return folder
