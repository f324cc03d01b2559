"""Who runs when: extraction side by side, loads one at a time, time limits, retries, and a clean stop."""

from __future__ import annotations

import os
import random
import resource
import shutil
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dango_action.errors import DangoError, ExitCode, StoppedError
from dango_action.jobs import Run
from dango_action.machine import oom_kills
from dango_action.outcomes import died, failure, late, not_started, stopped, success, too_long
from dango_action.pool import Ended, Pool, Worker
from dango_action.protocol import Extracted, Extracting, Failed, Load, Loaded, Message, Progress
from dango_action.results import SourceResult
from dango_action.retries import BUDGET, LONGEST, pause
from dango_action.stop import readable
from dango_action.worker import DUMP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dango_action.jobs import Job, Observer, Phase
    from dango_action.protocol import Deliver
    from dango_action.publishing import Publishing
    from dango_action.targets import Target

_LEAST_JOBS = 4
_OWN_DESCRIPTORS = 32
_DESCRIPTORS_OF_A_SOURCE = 8  # twice what a worker needs: as many as extract may wait for their load
GRACE = 0.3
"""Seconds that a worker has to end by itself: after its failure, or after it was asked where it is."""
_SHORTEST_START = 60.0
"""Seconds that a worker's start may take at least, however short its source's time limit is."""
_LAST_LOAD = {ExitCode.INTERRUPTED: 2.0, ExitCode.DEADLINE: 60.0}
"""Seconds that the load in hand has when the run stops; a signal leaves little, and a deadline has been chosen."""


@dataclass(slots=True, kw_only=True)
class Schedule:
    """Runs jobs in a pool. Call `run` once; `results` has what has ended, at any moment."""

    pool: Pool
    observer: Observer
    width: int  # how many sources extract at once
    target: Target | None  # None: the run only looks
    stopped: int  # a descriptor that becomes readable when the run has to stop
    publishing: Publishing | None = None
    ends: float | None = None  # the moment of time.monotonic() at which it stops by itself
    shortest_start: float = _SHORTEST_START
    draws: random.Random = field(default_factory=random.Random)
    results: dict[str, SourceResult] = field(default_factory=dict)
    _waiting: deque[Run] = field(default_factory=deque)
    _live: list[Run] = field(default_factory=list)
    _stopping: ExitCode | None = None  # why it stops

    def run(self, jobs: Sequence[Job]) -> list[SourceResult]:
        """Run every job to its end and return the results in the order of the jobs."""
        self._waiting.extend(Run(job=job, begun=time.monotonic()) for job in jobs)
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
        if self.target is None or any(run.phase == "loading" for run in self._live):
            return
        for run in list(self._live):
            # where another process loads, this one has to end first
            if run.wants_turn and run.extracted and self.target.delivers == (run.worker is None):
                try:
                    order = self.target.turn(run.job.task, run.job.dataset, run.extracted, self._halted)
                except StoppedError:
                    return  # which is heard next
                except DangoError as error:
                    run.failed = Failed(problems=list(error.problems), exit_code=error.exit_code, transient=False)
                    self._kill(run)
                    continue
                self._enter(run, "loading", run.job.timeout)
                self._load(run, order)
                return

    def _halted(self) -> bool:
        return self._over or readable(self.stopped)

    def _load(self, run: Run, order: Load | Deliver) -> None:
        if isinstance(order, Load):
            if run.worker:
                self.pool.send(run.worker, order)
            return
        run.deliveries += 1
        try:
            run.oom_kills = oom_kills()
            run.worker = self.pool.start(order, run.job.log, run.deliveries)
        except OSError as error:
            self._live.remove(run)
            run.failed = not_started(error)
            self._finish(run)

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

    def _end(self, run: Run, status: int | None) -> None:
        if run.phase == "loading":
            self._settle(run)
        elif run.loaded:
            run.loaded = False  # it says so without having had its turn
        if self._is_delivered(run, status):
            return
        self._live.remove(run)
        shutil.rmtree(run.job.task.scratch, ignore_errors=True)
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

    def _settle(self, run: Run) -> None:
        """Find out what has become of a load: its process may be killed, or fail, right after its commit."""
        if self.target is None or run.extracted is None:
            return
        self.target.drop_log()  # the file itself is as the last checkpoint left it
        try:
            run.loaded = run.loaded or self.target.holds(run.job.dataset, run.extracted.load_ids)
        except DangoError as error:
            run.failed = Failed(problems=list(error.problems), exit_code=error.exit_code, transient=True)
        if run.loaded:
            run.failed = None
        else:
            self.target.shrink()

    def _is_delivered(self, run: Run, status: int | None) -> bool:
        """Let a source wait for a process that loads what it, or the last such process, has left behind."""
        if self._stopping or not (self.target and self.target.delivers and run.can_be_delivered):
            return False
        if run.phase == "ready" and status != 0:
            return False
        if run.deliveries:
            run.not_before = time.monotonic() + 0.5 + self.draws.random() * min(LONGEST, 2.0**run.deliveries)
        run.worker = run.failed = None
        self._enter(run, "ready", None)
        return True

    def _tries_again(self, run: Run) -> bool:
        """Put a source whose failure may pass at the end of the queue, if there are tries and time left."""
        failed = run.failed
        if failed is None or not failed.transient or run.attempt > run.job.retries:
            return False
        if run.deliveries:  # its rows may be there, for all we know, and would be extracted once more
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
            Run(
                job=run.job,
                begun=run.begun,
                attempt=run.attempt + 1,
                not_before=now + seconds,
                paused=run.paused + seconds,
            )
        )
        self.observer.phase(run.job.task.name, "waiting", run.attempt + 1)
        return True

    def _finish(self, run: Run) -> None:
        result = SourceResult(
            name=run.job.task.name,
            dataset=run.job.dataset,
            attempts=run.attempt,
            seconds=time.monotonic() - run.begun,
            log=run.job.shown_log if run.worker or run.extracted else None,
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
        for run in list(self._live):
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

    def _kill(self, run: Run) -> None:
        run.killed, run.deadline = True, None
        if run.worker:
            self.pool.kill(run.worker)
        else:  # it waits for a process that loads
            self._end(run, None)

    def _enter(self, run: Run, phase: Phase, limit: float | None) -> None:
        """Go on to a phase, which may take `limit` seconds."""
        run.phase, run.limit = phase, limit or 0.0
        run.deadline = time.monotonic() + limit if limit is not None else None
        self.observer.phase(run.job.task.name, phase, run.attempt)

    def _patience(self) -> float | None:
        """Return how long nothing has to be done unless something happens."""
        times = [run.deadline for run in self._live if run.deadline is not None]
        if self._has_room:
            times += [run.not_before for run in self._waiting]
        if not any(run.phase == "loading" for run in self._live):
            times += [run.not_before for run in self._live if run.phase == "ready" and not run.worker]
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
