"""A source on its way through a run: what it is to do, and how far it has come."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from dango_action.pool import Worker
    from dango_action.protocol import Extracted, Failed, Task
    from dango_action.results import SourceResult

DELIVERIES = 6
"""Loads of one package into a lake, at most: others commit to it, too, and a second try never doubles a row."""
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
class Run:
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
    deliveries: int = 0  # loads that were begun in a process of their own
    failed: Failed | None = None

    @property
    def wants_turn(self) -> bool:
        """Whether it waits for its load. What has failed or is being killed must not load any more."""
        return (
            self.phase == "ready"
            and bool(self.extracted and self.extracted.load_ids)
            and not self.failed
            and not self.killed
            and self.not_before <= time.monotonic()
        )

    @property
    def can_be_delivered(self) -> bool:
        """Whether another process may load what the one that has ended has left, or has not loaded."""
        if self.killed or self.loaded or not (self.extracted and self.extracted.load_ids):
            return False
        if self.phase == "ready":
            return self.failed is None
        passes = self.failed is None or self.failed.transient
        return self.phase == "loading" and passes and self.deliveries < DELIVERIES
