"""What the parent and a worker say to each other: one JSON document a line, and never a pickle.

The parent sends a `Task`, and later `Load`. The worker answers with the other messages, in this order:
`Extracting`, any number of `Progress`, `Extracted`, then `Loaded`; or `Failed` at any point.
A worker runs user code, so its messages are validated like any other input.

For a target that has credentials there are two more kinds of processes, which run no code of the user's. One is
sent `Tend` and answers `Tended`; after that it answers each `Order`, by `Found` or `Released`. The other is sent
`Deliver` when a source's turn has come, and answers `Loaded`, or `Failed`; the source's own worker has ended then.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal, TypeVar

from annotated_types import Interval

from dango_action.config.target import Kind  # noqa: TC001 - as below
from dango_action.errors import Position, Problem
from dango_action.explained import Described, Explained

# A line above this is not a message of ours; it bounds what a worker can make the parent remember.
MAX_LINE = 8 * 1024 * 1024

Count = Annotated[int, Interval(ge=0, lt=2**63)]
Sent = TypeVar("Sent")
Remedy = Literal["sealed", "workflow", "toml"]
"""How a project keeps its secrets, and so how a missing one is added."""
Comparison = Literal["timestamptz", "bigint", "double", "decimal(38, 18)"]
"""The type by which DuckDB compares the values of a cursor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """What another source lends by `credentials_from`, under the borrower's own names."""

    source: str = ""
    variables: dict[str, str] = field(default_factory=dict, repr=False)
    objects: list[str] = field(default_factory=list)
    files: str = field(default="", repr=False)  # TOML


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that a source may see of variables and settings files, and how people find it again.

    `places` says where a variable comes from. `objects` are variables with JSON that was a table when it was
    sealed. `named` are parameters whose variable the configuration names, `x_env: NAME`. `lenders` are other
    sources of the project that have Google credentials. `remedy` says how this project keeps its secrets.
    """

    precedence: Literal["guide", "dlt"] = "guide"
    variables: dict[str, str] = field(default_factory=dict, repr=False)
    places: dict[str, str] = field(default_factory=dict)
    objects: list[str] = field(default_factory=list)
    named: dict[str, str] = field(default_factory=dict)
    secrets: str = field(default="", repr=False)  # TOML
    config: str = field(default="", repr=False)  # TOML
    lent: Lent = field(default_factory=Lent)
    lenders: list[str] = field(default_factory=list)
    remedy: Remedy = "toml"

    @classmethod
    def decoded(cls, values: dict[str, Any]) -> Settings:
        """Return what `asdict` has taken apart."""
        return cls(**{**values, "lent": Lent(**values["lent"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing:
    """The rows of a table that a backfill replaces: those at or after `since` and before `until`, by a column.

    `nested` has its nested tables, and for each its parent, which comes before it.
    """

    table: str
    column: str
    kind: Comparison
    since: str
    until: str
    nested: dict[str, str]


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
    settings: Settings
    scratch: str  # a folder of its own, which the parent deletes
    committed: str | None  # the warehouse to read dlt's state from; None on the first run and for a look
    full_refresh: bool
    limit: int | None  # rows of each resource to look at, instead of a load
    window: tuple[str, str | None] | None = None  # load what lies in it, as `window_of` reads it
    allow_empty: bool = False  # let a `replace` load without rows empty its tables
    explain: bool = False  # say where the parameters come from, and do nothing else
    describe: bool = False  # after that, build the source and say which resources it has
    target: Kind = "duckdb"  # any other one is loaded into by another process
    type: str = "dlt_native"  # of any other, `module` is empty, and a definition says what it is
    definition: str | None = None  # JSON, if sources.yml itself has it
    source_path: str | None = None  # the folder of the module, from the project's, if not the usual one
    arguments_at: str = "dlt_native.function_kwargs"  # where `kwargs` stand below the source in sources.yml
    places: dict[str, Position] = field(default_factory=dict)  # of each key of this source in sources.yml
    role: Literal["source"] = "source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A target that is more than a file, and dlt's settings for it, its credentials among them."""

    kind: Kind
    name: str
    project: str
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Tend:
    """Take the leases of these datasets, copy dlt's state of each into `folder`, and renew them until the end."""

    place: Place
    holder: str
    datasets: list[str]
    folder: str
    name: str = "target"
    role: Literal["tend"] = "tend"

    def state_of(self, dataset: str) -> str:
        """Return the path of a copy; DuckDB names a database like its file, and that may be no schema's name."""
        return f"{self.folder}/state_of_{dataset}.duckdb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """Load what a source's process has left in its folder `scratch`, under the lease with this token."""

    name: str
    place: Place
    dataset: str
    holder: str
    token: int
    scratch: str
    load_ids: list[str]
    drops: bool  # everything that the dataset has
    clears: list[Clearing] = field(default_factory=list)
    role: Literal["deliver"] = "deliver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Say whether the target holds these loads of a dataset, or let go of all leases and end."""

    action: Literal["find", "release"]
    dataset: str = ""
    load_ids: list[str] = field(default_factory=list)


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
class Asked:
    """The names of values, like `SOURCES__SHOP__REGION`, that a source has asked for."""

    secret: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """Extraction and normalization are done. `load_ids` are the packages to load; without one nothing is new.

    `rows` is by table; `discarded` has, for some, the rows that a schema contract did not let through. `kept` are
    tables whose rows stay, because the load that replaces them has brought none; `doubts` are warnings. `drops`:
    what the dataset has can't be read, and goes with this load, a full refresh. `left_out` has resources that a
    backfill leaves as they are, and why, and `clears` what it replaces.
    """

    rows: dict[str, Count]
    load_ids: list[str]
    discarded: dict[str, Count] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    doubts: list[Problem] = field(default_factory=list)
    preview: list[Preview] = field(default_factory=list)
    asked: Asked = field(default_factory=Asked)
    drops: bool = False
    left_out: dict[str, str] = field(default_factory=dict)
    clears: list[Clearing] = field(default_factory=list)
    event: Literal["extracted"] = "extracted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The load is committed in the working copy."""

    event: Literal["loaded"] = "loaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tended:
    """The leases are taken, and dlt's state is copied. `held` has the datasets that another run loads into."""

    tokens: dict[str, Count]
    held: dict[str, list[Problem]]
    event: Literal["tended"] = "tended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Whether the target holds the loads that were asked for; None if it could not be asked."""

    found: bool | None
    event: Literal["found"] = "found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The leases are let go of."""

    event: Literal["released"] = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The source failed; the first problem is the cause. A transient failure is worth another try.

    `retry_after` has the seconds that a server has asked to wait.
    """

    problems: list[Problem]
    exit_code: Annotated[int, Interval(ge=3, le=6)]  # the kinds of failure that a worker may report
    transient: bool
    retry_after: Annotated[float, Interval(ge=0, le=1e9)] | None = None
    asked: Asked = field(default_factory=Asked)
    event: Literal["failed"] = "failed"


Message = Extracting | Progress | Explained | Described | Extracted | Loaded | Tended | Found | Released | Failed
Work = Task | Tend | Deliver
_WORK: dict[str, type[Work]] = {"source": Task, "tend": Tend, "deliver": Deliver}


def encode(message: object) -> bytes:
    """Return a dataclass of this module as one line."""
    return json.dumps(asdict(message)).encode() + b"\n"  # type: ignore[call-overload]


def decode(kind: type[Sent], line: bytes) -> Sent:
    """Return what the parent has sent; the parent is trusted."""
    return kind(**json.loads(line))


def decode_work(line: bytes) -> Work:
    """Return what a process is to do, by its role."""
    values = json.loads(line)
    if "settings" in values:
        values["settings"] = Settings.decoded(values["settings"])
    if "place" in values:
        place = values["place"]
        values["place"] = Place(**{**place, "settings": Settings.decoded(place["settings"])})
    if "places" in values:
        values["places"] = {key: Position(**place) for key, place in values["places"].items()}
    if "clears" in values:
        values["clears"] = [Clearing(**clearing) for clearing in values["clears"]]
    return _WORK[values["role"]](**values)
