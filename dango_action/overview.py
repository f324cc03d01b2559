"""What there is of a project's data: the warehouse on this machine, and the generations that a workflow keeps."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dango_action.config.parse import read
from dango_action.config.words import show
from dango_action.errors import ConfigError, DangoError, ExitCode
from dango_action.plan import file_target
from dango_action.warehouse.contents import Dataset, datasets
from dango_action.whereabouts import whereabouts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dango_action.errors import Problem
    from dango_action.state.store import Kept
    from dango_action.whereabouts import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """A warehouse on this machine; `size` is in bytes."""

    path: str
    size: int
    datasets: dict[str, Dataset]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """What a workflow keeps, the newest first, and the store that it is in."""

    by: str
    where: str
    generations: tuple[Kept, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Both parts; None where there is nothing, or where `problems` say why it can't be seen."""

    local: Local | None
    workflow: Workflow | None
    problems: tuple[Problem, ...]
    exit_code: ExitCode

    def document(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        workflow = self.workflow
        kept = [_document(each) for each in workflow.generations] if workflow else []
        return {
            "local": asdict(self.local) if self.local else None,
            "workflow": {"by": workflow.by, "where": workflow.where, "generations": kept} if workflow else None,
        }

    def lines(self) -> Iterator[str]:
        """Give it for people."""
        if self.local:
            yield f"{self.local.path}: {_size(self.local.size)}"
            for name, dataset in self.local.datasets.items():
                yield from (f"  {name}.{table}  {rows:,}" for table, rows in dataset.rows.items())
                for resource, cursors in dataset.cursors.items():
                    for column, value in cursors.items():
                        yield f"  {name}: {resource} is at {column} {show(str(value))}"
        elif self.exit_code is ExitCode.OK:
            yield "there is no warehouse on this machine yet"
        if self.workflow:
            yield f"{self.workflow.by} keeps, in {self.workflow.where}:"
            yield from map(_line, self.workflow.generations)
            if not self.workflow.generations:
                yield "  nothing yet"


def overview(project: Path, wanted: Wanted, environ: Mapping[str, str]) -> Overview:
    """Look at both; where the workflow's can't be seen, that is no failure.

    Raises:
        ConfigError: sources.yml can't be read, or names no target that is a file.
        UsageError: the target that is asked for is none.

    """
    parsed = read(project)
    if parsed.config is None:
        raise ConfigError(*parsed.problems)
    path = project / file_target(parsed.config.target, wanted.target).location
    problems: list[Problem] = []
    code = ExitCode.OK
    local: Local | None = None
    workflow: Workflow | None = None
    try:
        if path.is_file():
            shown = str(path.relative_to(project)) if path.is_relative_to(project) else str(path)
            local = Local(path=shown, size=path.stat().st_size, datasets=datasets(path))
    except DangoError as error:
        problems += error.problems
        code = error.exit_code
    try:
        workflow = _workflow(project, wanted, environ)
    except DangoError as error:
        problems += error.problems
    return Overview(local=local, workflow=workflow, problems=tuple(problems), exit_code=code)


def _workflow(project: Path, wanted: Wanted, environ: Mapping[str, str]) -> Workflow:
    place = whereabouts(project, wanted, environ)
    found = place.store.find()
    generations = tuple(place.store.kept()) if found.newest else ()
    by = f"{place.lineage.workflow} of {place.name}"
    return Workflow(by=by, where=place.url or "artifacts", generations=generations)


def _document(kept: Kept) -> dict[str, Any]:
    fields = ("generation", "run_id", "event", "name", "size", "sealed")
    return {name: getattr(kept, name) for name in fields} | {"created_at": kept.created_at.isoformat()}


def _line(kept: Kept) -> str:
    event = f" ({kept.event})" if kept.event else ""
    sealed = {True: ", sealed", False: ", not sealed", None: ""}[kept.sealed]
    when = f"{kept.created_at:%Y-%m-%d %H:%M} UTC"
    about = f"{_size(kept.size)}{sealed}  {kept.name}"
    return f"  generation {kept.generation}  {when}  run {kept.run_id}{event}  {about}"


def _size(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB"
