"""The names of artifacts: they say what is inside, so that listing a run's artifacts is enough to go on from it.

A name can be used once in a run, whatever the attempt and the job; hence all the parts.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_LONGEST_LABEL = 24
_COMMON = r"([a-z0-9-]+-[0-9a-f]{8})-g(%s)-a([1-9]\d{0,5})-s([1-9]\d{0,8})"
_STATE = re.compile("dango-state-" + _COMMON % r"[1-9]\d{0,8}", re.ASCII)
_REPORT = re.compile("dango-run-" + _COMMON % r"x|0|[1-9]\d{0,8}r[1-9]\d{0,18}" + r"-(\w+\.\w+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """What generations follow each other in: a workflow, a project and its target, and the shard of a matrix.

    `workflow` and `project` are paths in the repository; the project's is "" at its top.
    """

    workflow: str
    project: str
    target: str
    shard: int = 1

    @property
    def key(self) -> str:
        """A word for people, and a hash that tells lineages apart."""
        label = self.target.rpartition("/")[2].rpartition(":")[2].lower().removesuffix(".duckdb")
        word = re.sub(r"[^a-z0-9]+", "-", label)[:_LONGEST_LABEL].strip("-")
        digest = hashlib.sha256(f"{self.workflow}\n{self.project}\n{self.target}".encode()).hexdigest()
        return f"{word or 'target'}-{digest[:8]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A generation, and the run whose artifact holds it. Generation 0 is the empty one before all, in no run."""

    generation: int
    run: int

    def __str__(self) -> str:
        return f"{self.generation}r{self.run}" if self.generation else "0"

    @classmethod
    def parse(cls, text: str) -> Place:
        """Return the place that `str` has written."""
        generation, _, run = text.partition("r")
        return cls(generation=int(generation), run=int(run or 0))


NOTHING = Place(generation=0, run=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateName:
    """The name of an artifact that holds a generation."""

    key: str
    generation: int
    attempt: int
    shard: int

    def __str__(self) -> str:
        return f"dango-state-{self.key}-g{self.generation}-a{self.attempt}-s{self.shard}"

    def of(self, lineage: Lineage) -> bool:
        """Tell whether it belongs to this lineage."""
        return (self.key, self.shard) == (lineage.key, lineage.shard)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportName:
    """The name of an artifact with logs and report.

    `basis` is what its run has gone on from; None if it had nothing to do with state, or did not get that far.
    `run` is the name of its run folder.
    """

    key: str
    basis: Place | None
    attempt: int
    shard: int
    run: str

    def __str__(self) -> str:
        basis = "x" if self.basis is None else self.basis
        return f"dango-run-{self.key}-g{basis}-a{self.attempt}-s{self.shard}-{self.run}"

    def of(self, lineage: Lineage) -> bool:
        """Tell whether it belongs to this lineage."""
        return (self.key, self.shard) == (lineage.key, lineage.shard)


def parse(text: str) -> StateName | ReportName | None:
    """Return what the name of an artifact says; None if it is not one of ours."""
    if match := _STATE.fullmatch(text):
        key, generation, attempt, shard = match.groups()
        return StateName(key=key, generation=int(generation), attempt=int(attempt), shard=int(shard))
    if match := _REPORT.fullmatch(text):
        key, basis, attempt, shard, run = match.groups()
        place = None if basis == "x" else Place.parse(basis)
        return ReportName(key=key, basis=place, attempt=int(attempt), shard=int(shard), run=run)
    return None
