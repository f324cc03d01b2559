"""What the parent and a worker say to each other: one JSON document a line, and never a pickle.

The parent sends a `Task`, and later `Load`. The worker answers with the other messages, in this order:
`Extracting`, any number of `Progress`, `Extracted`, then `Loaded`; or `Failed` at any point.
A worker runs user code, so its messages are validated like any other input.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal, TypeVar

from annotated_types import Interval

from dango_action.errors import Problem  # noqa: TC001 - the parent validates messages by these annotations

# A line above this is not a message of ours; it bounds what a worker can make the parent remember.
MAX_LINE = 8 * 1024 * 1024

Count = Annotated[int, Interval(ge=0, lt=2**63)]
Sent = TypeVar("Sent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one worker needs to know. Paths are absolute."""

    name: str
    project: str
    module: str
    function: str | None
    kwargs: dict[str, Any]
    resources: list[str] | None
    schema_contract: Any
    environ: dict[str, str]
    scratch: str  # a folder of its own, which the parent deletes
    committed: str | None  # the warehouse to read dlt's state from; None on the first run and for a look
    full_refresh: bool
    limit: int | None  # rows of each resource to look at, instead of a load


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The worker's turn has come: load into this file, which has no other writer."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracting:
    """User code starts now, and so does the time that it may take."""

    event: Literal["extracting"] = "extracting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """So many rows have been extracted so far."""

    rows: Count
    event: Literal["progress"] = "progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The first rows of a table, as text."""

    table: str
    columns: list[str]
    rows: list[list[str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """Extraction and normalization are done. `load_ids` are the packages to load; without one nothing is new.

    `rows` is by table; `discarded` has, for some, the rows that a schema contract did not let through.
    """

    rows: dict[str, Count]
    load_ids: list[str]
    discarded: dict[str, Count] = field(default_factory=dict)
    preview: list[Preview] = field(default_factory=list)
    event: Literal["extracted"] = "extracted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The load is committed in the working copy."""

    event: Literal["loaded"] = "loaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The source failed; the first problem is the cause. A transient failure is worth another try."""

    problems: list[Problem]
    exit_code: Annotated[int, Interval(ge=3, le=6)]  # the kinds of failure that a worker may report
    transient: bool
    event: Literal["failed"] = "failed"


Message = Extracting | Progress | Extracted | Loaded | Failed


def encode(message: object) -> bytes:
    """Return a dataclass of this module as one line."""
    return json.dumps(asdict(message)).encode() + b"\n"  # type: ignore[call-overload]


def decode(kind: type[Sent], line: bytes) -> Sent:
    """Return what the parent has sent; the parent is trusted."""
    return kind(**json.loads(line))
