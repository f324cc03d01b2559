"""What a run came to: the one value that log, report, outputs and exit code are made of."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime  # noqa: TC003 - annotations are evaluated
from typing import Any, Literal

from dango_action.errors import ExitCode, Problem, foremost

SCHEMA_VERSION = 1
"""Of `result.json`; it grows when a field changes its meaning or goes, not when one is added."""

Status = Literal["ok", "failed", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableResult:
    """A table and the rows that this run loaded into it; not the rows that it holds."""

    name: str
    rows: int
    discarded: int = 0  # rows that a schema contract did not let through; the cursor has passed them


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePreview:
    """The first rows of a table, as text, when a run only looks."""

    table: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceResult:
    """How one source fared. The first problem is the cause; `log` is a path below the project."""

    name: str
    dataset: str
    status: Status
    exit_code: ExitCode = ExitCode.OK
    problems: tuple[Problem, ...] = ()
    tables: tuple[TableResult, ...] = ()
    changed: bool = False  # whether anything was loaded: a replaced table may change by becoming empty
    kept: tuple[str, ...] = ()  # tables whose rows stay, because the load that replaces them has brought none
    doubts: tuple[Problem, ...] = ()  # it has worked, and is perhaps not what was meant
    left_out: tuple[tuple[str, str], ...] = ()  # resources that a backfill leaves as they are, and why
    attempts: int = 1
    seconds: float = 0.0
    log: str | None = None
    preview: tuple[TablePreview, ...] = ()
    asked_secret: tuple[str, ...] = ()  # names of values, like `SOURCES__SHOP__API_KEY`, that it has asked for
    asked_plain: tuple[str, ...] = ()  # the same, as settings

    @property
    def cause(self) -> str | None:
        """Why it failed, with the place, in one line."""
        if not self.problems:
            return None
        first = self.problems[0]
        return " ".join(f"{first.at}: {first.what}".split() if first.at else first.what.split())

    @property
    def rows(self) -> int:
        """Rows loaded into all tables, nested ones included."""
        return sum(table.rows for table in self.tables)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateResult:
    """What became of the warehouse between runs of a workflow.

    `restored` and `kept` are generations: the one that this run went on from, and the one that it put up as
    `artifact`, or at the URL `where`, with `size` bytes, `sealed` or not. None: there is no such one, as when
    nothing was new. `generations` are known to be kept with it, of `total` bytes as they are stored. `read_only`
    is a run that keeps nothing, because it is not one of the default branch.
    """

    restored: int | None = None
    kept: int | None = None
    artifact: str | None = None
    size: int | None = None
    sealed: bool = False
    where: str | None = None
    generations: int | None = None
    total: int | None = None
    read_only: bool = False

    @property
    def generation(self) -> int | None:
        """The newest generation after this run."""
        return self.kept or self.restored


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a whole run fared. Times are UTC; `seconds` are wall-clock."""

    run: str
    mode: Literal["load", "look"]
    target: str
    started_at: datetime
    finished_at: datetime
    sources: tuple[SourceResult, ...]
    problems: tuple[Problem, ...] = ()
    notices: tuple[Problem, ...] = ()  # worth knowing, and no failure
    warnings: tuple[Problem, ...] = ()  # no failure, and perhaps not what was meant
    exit_codes: tuple[ExitCode, ...] = ()
    state: StateResult | None = None  # None: this run keeps nothing for a later one, except the file itself
    window: str | None = None  # what a backfill was asked to load, in words
    dango_version: str = ""
    schema_version: int = field(default=SCHEMA_VERSION)

    @property
    def exit_code(self) -> ExitCode:
        """The one code for the process: the foremost of the sources' and the run's own."""
        return foremost((*self.exit_codes, *(source.exit_code for source in self.sources)))

    @property
    def status(self) -> Status:
        """The run's state in a word."""
        if self.exit_code in {ExitCode.INTERRUPTED, ExitCode.DEADLINE}:
            return "interrupted"
        return "ok" if self.exit_code is ExitCode.OK else "failed"

    @property
    def needs_resume(self) -> bool:
        """Whether the deadline has left sources undone, so that another run should go on."""
        return any(source.exit_code is ExitCode.DEADLINE for source in self.sources)

    @property
    def rows(self) -> int:
        """Rows loaded by all sources."""
        return sum(source.rows for source in self.sources)

    @property
    def seconds(self) -> float:
        """How long the run took."""
        return max(0.0, (self.finished_at - self.started_at).total_seconds())  # a clock may be set back

    def document(self, *, previews: bool = False) -> dict[str, Any]:
        """Return the document of `docs/result.schema.json`.

        Rows that were looked at are the user's data, so they are in it only when asked for: the document
        on disk becomes an artifact, the one on standard output does not.
        """
        return {
            "schema_version": self.schema_version,
            "dango_version": self.dango_version,
            "run": self.run,
            "mode": self.mode,
            "status": self.status,
            "exit_code": int(self.exit_code),
            "needs_resume": self.needs_resume,
            "target": self.target,
            "started_at": self.started_at.isoformat(),
            "finished_at": self.finished_at.isoformat(),
            "seconds": round(self.seconds, 3),
            "window": self.window,
            "rows_loaded": self.rows if self.mode == "load" else 0,
            "sources": [_source_document(source, previews=previews) for source in self.sources],
            "problems": [problem_document(problem) for problem in self.problems],
            "notices": [problem_document(notice) for notice in self.notices],
            "warnings": [problem_document(warning) for warning in self.warnings],
            "state": asdict(self.state) if self.state else None,
        }


def _source_document(source: SourceResult, *, previews: bool) -> dict[str, Any]:
    document = {
        "name": source.name,
        "dataset": source.dataset,
        "status": source.status,
        "exit_code": int(source.exit_code),
        "cause": source.cause,
        "problems": [problem_document(problem) for problem in source.problems],
        "rows": source.rows,
        "tables": [asdict(table) for table in source.tables],
        "changed": source.changed,
        "kept": list(source.kept),
        "left_out": [resource for resource, _ in source.left_out],
        "attempts": source.attempts,
        "seconds": round(source.seconds, 3),
        "log": source.log,
    }
    if previews and source.preview:
        document["preview"] = [asdict(preview) for preview in source.preview]
    return document


def problem_document(problem: Problem) -> dict[str, Any]:
    """Return a problem as every `--json` output has it: `at` is null or file, line and column."""
    return {
        "what": problem.what,
        "hint": problem.hint,
        "at": asdict(problem.at) if problem.at else None,
    }
