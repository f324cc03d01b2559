"""Who runs when: extraction side by side, loads one at a time, time limits, retries, and a clean stop."""

from __future__ import annotations

import os
import random
import resource
import shutil
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from dango_action.errors import DangoError, ExitCode, StoppedError
from dango_action.machine import oom_kills
from dango_action.outcomes import died, failure, late, not_started, stopped, success, too_long
from dango_action.pool import Ended, Pool, Worker
from dango_action.protocol import Extracted, Extracting, Failed, Load, Loaded, Message, Progress, Task
from dango_action.results import SourceResult
from dango_action.retries import BUDGET, pause
from dango_action.stop import readable
from dango_action.worker import DUMP

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dango_action.publishing import Publishing
    from dango_action.warehouse.generations import Warehouse

_LEAST_JOBS = 4
_OWN_DESCRIPTORS = 32
_DESCRIPTORS_OF_A_SOURCE = 8  # twice what a worker needs: as many as extract may wait for their load
GRACE = 0.3
"""Seconds that a worker has to end by itself: after its failure, or after it was asked where it is."""
_SHORTEST_START = 60.0
"""Seconds that a worker's start may take at least, however short its source's time limit is."""
_LAST_LOAD = {ExitCode.INTERRUPTED: 2.0, ExitCode.DEADLINE: 60.0}
"""Seconds that the load in hand has when the run stops; a signal leaves little, and a deadline has been chosen."""

Phase = Literal["waiting", "starting", "extracting", "ready", "loading"]


class Observer(Protocol):
    """Whoever wants to show a run while it goes on."""

    def phase(self, source: str, phase: Phase, attempt: int) -> None:
        """Say that a source has come to a phase."""

    def progress(self, source: str, rows: int) -> None:
        """Say that a source has extracted so many rows."""

    def finished(self, result: SourceResult) -> None:
        """Say how a source has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A source to run. `timeout` is in seconds, for start-up, for extraction, and again for the load."""

    task: Task
    dataset: str
    timeout: float
    retries: int
    log: Path
    shown_log: str


@dataclass(slots=True, kw_only=True, eq=False)
class _Run:
    """A job under way; what the events say of it is kept until its process has ended."""

    job: Job
    begun: float
    attempt: int = 1
    not_before: float = 0.0
    paused: float = 0.0  # seconds between its attempts so far
    phase: Phase = "waiting"
    worker: Worker | None = None
    oom_kills: int = 0  # of the kernel, when the worker was started
    limit: float = 0.0  # seconds of its phase
    deadline: float | None = None
    killed: bool = False
    extracted: Extracted | None = None
    loaded: bool = False
    failed: Failed | None = None

    @property
    def wants_turn(self) -> bool:
        """Whether it waits for its load. What has failed or is being killed must not load any more."""
        return (
            self.phase == "ready"
            and bool(self.extracted and self.extracted.load_ids)
            and not self.failed
            and not self.killed
        )


@dataclass(slots=True, kw_only=True)
class Schedule:
    """Runs jobs in a pool. Call `run` once; `results` has what has ended, at any moment."""

    pool: Pool
    observer: Observer
    width: int  # how many sources extract at once
    warehouse: Warehouse | None  # None: the run only looks
    stopped: int  # a descriptor that becomes readable when the run has to stop
    publishing: Publishing | None = None
    ends: float | None = None  # the moment of time.monotonic() at which it stops by itself
    shortest_start: float = _SHORTEST_START
    draws: random.Random = field(default_factory=random.Random)
    results: dict[str, SourceResult] = field(default_factory=dict)
    _waiting: deque[_Run] = field(default_factory=deque)
    _live: list[_Run] = field(default_factory=list)
    _stopping: ExitCode | None = None  # why it stops

    def run(self, jobs: Sequence[Job]) -> list[SourceResult]:
        """Run every job to its end and return the results in the order of the jobs."""
        self._waiting.extend(_Run(job=job, begun=time.monotonic()) for job in jobs)
        self.pool.watch(self.stopped)
        while self._goes_on():
            self._start_more()
            self._give_turn()
            for worker, event in self.pool.wait(self._patience()):
                self._take(worker, event)
            self._expire()
        return [self.results[job.task.name] for job in jobs]

    def _goes_on(self) -> bool:
        """Hear whether the run has to stop, or can't go on, and tell whether anything is left to do."""
        if readable(self.stopped):
            os.read(self.stopped, 4096)
            self._stop(ExitCode.INTERRUPTED)
        elif self._stopping is None and self._over:
            self._stop(ExitCode.DEADLINE)
        if not self.pool.alive:
            self._give_up_waiting()
        return bool(self._waiting or self._live)

    @property
    def _over(self) -> bool:
        return self.ends is not None and time.monotonic() >= self.ends

    def _start_more(self) -> None:
        """Start what there is room for; those that wait for their load cost memory, so they count a little."""
        for run in list(self._waiting):
            if not self._has_room:
                return
            if run.not_before > time.monotonic():
                continue
            self._waiting.remove(run)
            try:
                _fresh_folder(run.job.task.scratch)
                run.oom_kills = oom_kills()
                run.worker = self.pool.start(run.job.task, run.job.log, run.attempt)
            except OSError as error:  # no space, no descriptors
                run.failed = not_started(error)
                self._finish(run)
                continue
            self._live.append(run)
            self._enter(run, "starting", max(run.job.timeout, self.shortest_start))

    @property
    def _has_room(self) -> bool:
        extracting = sum(run.phase in ("starting", "extracting") for run in self._live)
        return extracting < self.width and len(self._live) < 2 * self.width

    def _give_turn(self) -> None:
        """Let the next source load, if none does."""
        if self.warehouse is None or any(run.phase == "loading" for run in self._live):
            return
        for run in self._live:
            if run.wants_turn and run.worker:
                try:
                    path = self.warehouse.copy(lambda: self._over or readable(self.stopped))
                except StoppedError:
                    return  # which is heard next
                except DangoError as error:
                    run.failed = Failed(problems=list(error.problems), exit_code=error.exit_code, transient=False)
                    self._kill(run)
                    continue
                self._enter(run, "loading", run.job.timeout)
                self.pool.send(run.worker, Load(path=str(path)))
                return

    def _take(self, worker: Worker, event: Message | Ended) -> None:
        run = next(run for run in self._live if run.worker is worker)
        match event:
            case Extracting() if run.phase == "starting":
                self._enter(run, "extracting", run.job.timeout)
            case Progress():
                self.observer.progress(worker.name, event.rows)
            case Extracted() if run.phase == "extracting" and not run.failed:
                run.extracted = event
                self._enter(run, "ready", None)
            case Loaded():
                run.loaded = True
            case Failed():
                run.failed = run.failed or event
                run.deadline = time.monotonic() + GRACE  # it ends by itself, or is made to
            case Ended():
                self._end(run, event.status)
            case _:
                pass  # a message out of its order is ignored: the process's end decides

    def _end(self, run: _Run, status: int | None) -> None:
        self._live.remove(run)
        shutil.rmtree(run.job.task.scratch, ignore_errors=True)
        if run.phase == "loading" and self.warehouse and run.extracted:
            self.warehouse.drop_log()  # the file itself is as the last checkpoint left it
            # the copy tells what has happened: a worker may be killed, or fail, right after its commit
            if run.loaded or self.warehouse.holds(run.job.dataset, run.extracted.load_ids):
                run.loaded, run.failed = True, None
            else:
                self.warehouse.shrink()
        elif run.loaded:
            run.loaded = False  # it says so without having had its turn
        nothing_to_load = run.extracted is not None and not run.extracted.load_ids
        if not run.failed and not run.loaded and not nothing_to_load:
            kills = oom_kills() - run.oom_kills
            run.failed = stopped(self._stopping, run.phase) if self._stopping else died(status, oom_kills=kills)
        if not self._tries_again(run):
            self._finish(run)
            if run.loaded and self.publishing:
                self.publishing.pending.add(run.job.task.name)
                if not self._stopping:
                    self.publishing.between()

    def _tries_again(self, run: _Run) -> bool:
        """Put a source whose failure may pass at the end of the queue, if there are tries and time left."""
        failed = run.failed
        if failed is None or not failed.transient or run.attempt > run.job.retries:
            return False
        if self._stopping:
            run.failed = stopped(self._stopping, "waiting")
            return False
        now = time.monotonic()
        left = min(BUDGET - run.paused, self.ends - now if self.ends is not None else BUDGET)
        seconds = pause(run.attempt, draw=self.draws.random(), asked=failed.retry_after, left=left)
        if seconds is None:
            run.failed = too_long(failed, left)
            return False
        self._waiting.append(
            _Run(
                job=run.job,
                begun=run.begun,
                attempt=run.attempt + 1,
                not_before=now + seconds,
                paused=run.paused + seconds,
            )
        )
        self.observer.phase(run.job.task.name, "waiting", run.attempt + 1)
        return True

    def _finish(self, run: _Run) -> None:
        result = SourceResult(
            name=run.job.task.name,
            dataset=run.job.dataset,
            attempts=run.attempt,
            seconds=time.monotonic() - run.begun,
            log=run.job.shown_log if run.worker else None,
            **(failure(run.failed) if run.failed else success(run.extracted, loaded=run.loaded)),
        )
        self.results[result.name] = result
        self.observer.finished(result)

    def _expire(self) -> None:
        """End the workers that are over their time, and let each say first where it was."""
        now = time.monotonic()
        for run in self._live:
            if run.deadline is None or now < run.deadline or not run.worker:
                continue
            if run.failed is None and not self._stopping:
                run.failed = late(run.phase, run.limit)
                self.pool.signal(run.worker, DUMP)
                run.deadline = now + GRACE
            else:
                self._kill(run)

    def _stop(self, why: ExitCode) -> None:
        """End everything but a load that may end in time; what is loaded stays loaded."""
        self._stopping = why
        last = time.monotonic() + _LAST_LOAD[why]
        for run in self._live:
            if run.phase == "loading" and run.deadline and not run.failed:
                run.deadline = min(run.deadline, last)
            else:
                self._kill(run)
        self._give_up_waiting()

    def _give_up_waiting(self) -> None:
        while self._waiting:
            run = self._waiting.popleft()
            phase = "unborn" if run.attempt == 1 else "waiting"
            run.failed = stopped(self._stopping, phase) if self._stopping else died(None)
            self._finish(run)

    def _kill(self, run: _Run) -> None:
        run.killed, run.deadline = True, None
        if run.worker:
            self.pool.kill(run.worker)

    def _enter(self, run: _Run, phase: Phase, limit: float | None) -> None:
        """Go on to a phase, which may take `limit` seconds."""
        run.phase, run.limit = phase, limit or 0.0
        run.deadline = time.monotonic() + limit if limit is not None else None
        self.observer.phase(run.job.task.name, phase, run.attempt)

    def _patience(self) -> float | None:
        """Return how long nothing has to be done unless something happens."""
        times = [run.deadline for run in self._live if run.deadline is not None]
        if self._has_room:
            times += [run.not_before for run in self._waiting]
        if self.ends is not None and self._stopping is None:
            times.append(self.ends)
        return max(0.0, min(times) - time.monotonic()) if times else None


def width(asked: int | None) -> int:
    """Return how many sources extract at once: they mostly wait for somebody's API, and each needs descriptors."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = max(1, (descriptors - _OWN_DESCRIPTORS) // _DESCRIPTORS_OF_A_SOURCE)
    return min(asked or max(_LEAST_JOBS, 2 * processors), most)


def _fresh_folder(path: str) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path, mode=0o700)  # noqa: PTH103 - it is a string because it goes into a message
