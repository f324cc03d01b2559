"""A lake as the parent sees it: it never opens one, it has a process that does, and starts one for each load."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from dango_action.errors import (
    ConfigError,
    CredentialsError,
    SourceError,
    StateError,
    StoppedError,
)
from dango_action.pool import Ended
from dango_action.protocol import Deliver, Failed, Found, Order, Place, Tend, Tended
from dango_action.stop import readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dango_action.credentials.held import Credentials
    from dango_action.errors import Problem
    from dango_action.plan import Plan
    from dango_action.pool import Pool, Worker
    from dango_action.protocol import Extracted, Task

OPENING = 600.0
"""Seconds until the leases must be taken and the state copied, of all datasets together."""
ANSWER = 20.0
"""Seconds to wait for an answer of the target's process."""
_LOOK = 0.2
_KINDS = (ConfigError, CredentialsError, SourceError, StateError)


def tend_of(plan: Plan, credentials: Credentials, run: str, scratch: Path) -> Tend:
    """Return what the process that opens a target with credentials is to do."""
    folder = scratch / "state"
    folder.mkdir(mode=0o700)
    settings = credentials.settings_of_target()
    return Tend(
        place=Place(
            kind=plan.target.kind, name=plan.target.location, project=str(plan.project), settings=settings
        ),
        holder=f"run {run}",
        datasets=[f"raw_{source.name}" for source in plan.sources],
        folder=str(folder),
    )


@dataclass(slots=True, kw_only=True)
class Remote:
    """A target with credentials. `held` has, by dataset, why another run's lease keeps this one out."""

    pool: Pool
    tend: Tend
    worker: Worker
    tokens: dict[str, int] = field(default_factory=dict)
    held: dict[str, list[Problem]] = field(default_factory=dict)
    silent: bool = False
    delivers: bool = True

    @classmethod
    @contextmanager
    def opened(cls, pool: Pool, tend: Tend, log: Path, stopped: int) -> Iterator[Self]:
        """Take the leases and copy the state; let go of them in the end.

        Raises:
            DangoError: the target can't be opened, or its credentials are missing.
            StoppedError: `stopped` became readable first.

        """
        worker = pool.start(tend, log, aside=True)
        remote = cls(pool=pool, tend=tend, worker=worker)
        try:
            remote._hear_of_leases(stopped)
            yield remote
        finally:
            pool.send(worker, Order(action="release"))
            pool.hear(worker, ANSWER)

    def _hear_of_leases(self, stopped: int) -> None:
        until = time.monotonic() + OPENING
        while time.monotonic() < until:
            if readable(stopped):
                raise StoppedError.because(
                    "stopped while the target was opened", "nothing was changed; run it again"
                )
            match self.pool.hear(self.worker, _LOOK):
                case Tended() as tended:
                    self.tokens, self.held = dict(tended.tokens), dict(tended.held)
                    return
                case Failed() as failed:
                    raise next(k for k in _KINDS if k.exit_code == failed.exit_code)(*failed.problems)
                case Ended():
                    break
        raise StateError.because(
            f"target {self.tend.place.kind}:{self.tend.place.name} gave no answer",
            "the log `target.log` of this run has what its process printed; nothing was changed",
        )

    def state_of(self, dataset: str) -> Path | None:
        """Return the file with dlt's state of a dataset."""
        return Path(self.tend.state_of(dataset))

    def turn(self, task: Task, dataset: str, extracted: Extracted, halted: Callable[[], bool] = bool) -> Deliver:  # noqa: ARG002 - it takes no time
        """Return what a process of its own is to load."""
        return Deliver(
            name=task.name,
            place=self.tend.place,
            dataset=dataset,
            holder=self.tend.holder,
            token=self.tokens[dataset],
            scratch=task.scratch,
            load_ids=list(extracted.load_ids),
            drops=extracted.drops and task.full_refresh,
            clears=list(extracted.clears) if task.window else [],
        )

    def drop_log(self) -> None:
        """Do nothing: a process that is gone has left no transaction."""

    def shrink(self) -> None:
        """Do nothing: the room of a load that was rolled back is the lake's."""

    def holds(self, dataset: str, load_ids: Sequence[str]) -> bool:
        """Tell whether the target holds these loads, by a connection of its own.

        Raises:
            StateError: it could not be asked.

        """
        if not self.silent:
            self.pool.send(self.worker, Order(action="find", dataset=dataset, load_ids=list(load_ids)))
            answer = self.pool.hear(self.worker, ANSWER)
            if isinstance(answer, Found) and answer.found is not None:
                return answer.found
            self.silent = not isinstance(answer, Found)  # what it says later would be taken for another answer
        raise StateError.because(
            "it is not known whether the load was committed: the target could not be asked",
            "run again: the next run goes on from what the target holds, so no row is lost or doubled",
        )
