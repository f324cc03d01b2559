"""The planned sources of one run, from the first process to the warehouse that everybody sees."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dango_action.credentials.allow_list import base_environment
from dango_action.credentials.redaction import Redactor
from dango_action.errors import DangoError, ExitCode, Problem, StoppedError
from dango_action.forkserver import OF_APIS, hide_from_workers
from dango_action.jobs import Job, Observer
from dango_action.outcomes import kept_out
from dango_action.pool import Pool
from dango_action.publishing import Publishing
from dango_action.remote import Remote, tend_of
from dango_action.results import SourceResult
from dango_action.schedule import Schedule, width
from dango_action.stop import interrupts, stop_signals
from dango_action.tasks import asks_an_api, task_of
from dango_action.warehouse.generations import Warehouse

if TYPE_CHECKING:
    from dango_action.config.model import Source
    from dango_action.credentials.held import Credentials
    from dango_action.inputs import Inputs
    from dango_action.plan import Plan
    from dango_action.targets import Target


class Restorer(Protocol):
    """Whoever puts the warehouse in place on a machine that is thrown away."""

    def restore(self, run: str) -> None:
        """Put the newest generation in place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The name of a run, the folder for its logs, if there is one, and when it began by time.monotonic()."""

    run: str
    folder: Path | None
    begun: float


@dataclass(slots=True, kw_only=True)
class Execution:
    """Runs the sources of a plan. Its `results` are true at any moment, so no signal can lose them."""

    plan: Plan
    inputs: Inputs
    credentials: Credentials
    place: Place
    observer: Observer
    stopped: int | None = None  # a descriptor that is readable once the run has to stop; None: nothing was begun
    _schedule: Schedule | None = None
    _failure: DangoError | None = None

    def run(self, restorer: Restorer | None, signals: ExitStack) -> DangoError | None:
        """Run the sources and publish what they have loaded; return what has failed of the run as a whole.

        As soon as sources may run, and until `signals` is closed, the first signal is a stop in order.
        """
        try:
            with ExitStack() as stack:
                self._execute(restorer, signals, stack)
        except DangoError as error:
            self._failure = error
        except KeyboardInterrupt:
            what = "sources were loaded" if self._schedule else "the warehouse was fetched"
            self._failure = StoppedError.because(f"stopped while {what}", "run it again")
        return self._failure

    @property
    def results(self) -> list[SourceResult]:
        """How the sources have fared, in their order; none if nothing was begun.

        What is not published is not loaded, and a source without an end was interrupted.
        """
        schedule = self._schedule
        if schedule is None:
            return []
        hidden = schedule.publishing.pending if schedule.publishing else set()
        results = [schedule.results.get(source.name) or _interrupted(source.name) for source in self.plan.sources]
        return [self._unpublished(result) if result.name in hidden else result for result in results]

    def _execute(self, restorer: Restorer | None, signals: ExitStack, stack: ExitStack) -> None:
        hidden = Redactor.of(self.credentials.known(self.plan.sources))
        # imports dlt while the rest is prepared
        more = OF_APIS if any(asks_an_api(source) for source in self.plan.sources) else ()
        environ = base_environment(self.credentials.job)
        pool = stack.enter_context(Pool.open(environ, redactor=hidden, more=more))
        hide_from_workers()
        if restorer:
            restorer.restore(self.place.run)  # a signal interrupts it
        stopped = self.stopped = signals.enter_context(stop_signals())
        target: Target | None = None
        warehouse = None
        if self.inputs.limit is None and self.plan.target.kind == "duckdb":
            path = self.plan.project / self.plan.target.location
            target = warehouse = stack.enter_context(Warehouse.locked(path, self.place.run))
            scratch = warehouse.folder
        else:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dango-")))
            if self.inputs.limit is None:
                asked = tend_of(self.plan, self.credentials, self.place.run, scratch)
                log = (self.place.folder or scratch) / "target.log"
                target = stack.enter_context(Remote.opened(pool, asked, log, stopped))
        minutes = self.inputs.deadline_minutes
        self._schedule = Schedule(
            pool=pool,
            observer=self.observer,
            width=width(self.inputs.jobs),
            target=target,
            stopped=stopped,
            publishing=Publishing(warehouse=warehouse) if warehouse else None,
            ends=self.place.begun + minutes * 60 if minutes is not None else None,
        )
        for dataset, problems in (target.held if target else {}).items():
            result = kept_out(dataset, problems)
            self._schedule.results[result.name] = result
            self.observer.finished(result)
        free = [source for source in self.plan.sources if source.name not in self._schedule.results]
        self._schedule.run([self._job(source, scratch, target) for source in free])
        if self._schedule.publishing:
            with interrupts():
                self._schedule.publishing.publish()

    def _job(self, source: Source, scratch: Path, target: Target | None) -> Job:
        project = self.plan.project
        log = (self.place.folder or scratch) / f"{source.name}.log"
        committed = target.state_of(f"raw_{source.name}") if target else None
        task = replace(
            task_of(source, project, self.credentials.settings_of(source), scratch / source.name),
            resources=list(source.resources) if source.resources is not None else None,
            schema_contract=source.schema_contract,
            places=dict(self.plan.places.get(source.name, {})),
            committed=str(committed) if committed else None,
            full_refresh=self.inputs.full_refresh,
            limit=self.inputs.limit,
            window=self.inputs.window.texts() if self.inputs.window else None,
            target=self.plan.target.kind,
            allow_empty=source.on_empty_replace == "allow",
        )
        return Job(
            task=task,
            dataset=f"raw_{source.name}",
            timeout=source.timeout_minutes * 60,
            retries=source.retries,
            log=log,
            shown_log=log.relative_to(project).as_posix() if log.is_relative_to(project) else str(log),
        )

    def _unpublished(self, result: SourceResult) -> SourceResult:
        reason = self._failure or StoppedError.because("it was not published yet", "run it again")
        return replace(
            result,
            status="interrupted" if reason.exit_code is ExitCode.INTERRUPTED else "failed",
            exit_code=reason.exit_code,
            problems=reason.problems,
            tables=(),
            kept=(),
            changed=False,
        )


def _interrupted(name: str) -> SourceResult:
    what = "the run was interrupted before this source was done"
    return SourceResult(
        name=name,
        dataset=f"raw_{name}",
        status="interrupted",
        exit_code=ExitCode.INTERRUPTED,
        problems=(Problem(what=what, hint="run it again; nothing was half loaded"),),
        attempts=0,
    )
