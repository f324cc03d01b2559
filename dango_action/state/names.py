"""The names of artifacts: they say what is inside, so that a listing is enough to find the newest generation.

A name can be used once in a run, whatever the attempt and the job; hence all the parts.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal, cast

Kind = Literal["state", "run"]

_LONGEST_LABEL = 24
_FORM = re.compile(
    r"dango-(state|run)-([a-z0-9-]+-[0-9a-f]{8})-g(x|0|[1-9]\d{0,9})-a([1-9]\d{0,5})-s([1-9]\d{0,9})(?:-(\w+\.\w+))?",
    re.ASCII,
)


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
class Name:
    """The name of an artifact.

    A `state` holds this generation. A `run`, with logs and report, has gone on from it, and carries the name of
    its run folder too; 0 means from nothing, None that it had nothing to do with state, or did not get that far.
    """

    kind: Kind
    key: str
    generation: int | None
    attempt: int
    shard: int
    run: str | None = None

    def __str__(self) -> str:
        generation = "x" if self.generation is None else self.generation
        name = f"dango-{self.kind}-{self.key}-g{generation}-a{self.attempt}-s{self.shard}"
        return f"{name}-{self.run}" if self.run else name

    @classmethod
    def parse(cls, text: str) -> Name | None:
        """Return what a name says; None if it is not one of these."""
        match = _FORM.fullmatch(text)
        if not match:
            return None
        kind, key, generation, attempt, shard, run = match.groups()
        return cls(
            kind=cast("Kind", kind),
            key=key,
            generation=None if generation == "x" else int(generation),
            attempt=int(attempt),
            shard=int(shard),
            run=run,
        )

    def of(self, lineage: Lineage) -> bool:
        """Tell whether it belongs to this lineage."""
        return (self.key, self.shard) == (lineage.key, lineage.shard)
