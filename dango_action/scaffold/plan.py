"""From the facts to the files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from dango_action.config.model import NativeSource
from dango_action.config.parse import SOURCES_FILE
from dango_action.errors import Problem
from dango_action.scaffold.entries import Entry, entries, sources_yml
from dango_action.scaffold.facts import SOURCES_FOLDER, WORKFLOWS, command_for, unlisted
from dango_action.scaffold.ignored import extended
from dango_action.scaffold.other_workflows import serves
from dango_action.scaffold.triggers import ALL, minute_for
from dango_action.scaffold.workflow import Workflow
from dango_action.sources.factories import factories

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dango_action.config.parse import Parsed
    from dango_action.scaffold.facts import Facts
    from dango_action.sources.factories import Factory

_HEADER = """\
Syncs the sources of {sources}; written by `dango init`, and yours to change.
A pull request is checked, everything else loads."""
_TAG = re.compile(r"[A-Za-z0-9_.-]+")  # without blanks, commas and magic: one word of `--source`


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file to write. If there is one, it is kept, unless this is `extends`: then the content has it in full."""

    path: Path
    content: bytes
    extends: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaffold:
    """What will be written, in this order; the file name of the workflow; the secrets that its sources need."""

    files: tuple[NewFile, ...]
    workflow: str
    secrets: tuple[str, ...] = ()
    notices: tuple[Problem, ...] = ()


def scaffold(facts: Facts) -> Scaffold:
    """Return the files of a project. The workflow is last: it is of no use without the others."""
    example = facts.parsed is None and not facts.found
    numbered = (f"example_{number}" for number in count(2))
    module = next(word for word in chain(["example"], numbered) if word not in facts.modules)
    code = Path(__file__).with_name("example.py").read_bytes()
    listed = _listed(facts.parsed, facts.found or factories(code, module))
    workflow = _workflow_name(facts)
    folder = facts.top / WORKFLOWS
    choices = _choices(facts.parsed) if facts.parsed else [entry.name for entry in listed]
    ignore = facts.project / ".gitignore"
    files = [
        NewFile(path=facts.project / SOURCES_FOLDER / f"{module}.py", content=code),
        NewFile(path=_sources_file(facts), content=sources_yml(listed).encode()),
        NewFile(path=ignore, content=extended(facts.gitignore), extends=True),
        NewFile(path=folder / workflow, content=_workflow(facts, workflow, choices, listed).text.encode()),
    ]
    return Scaffold(
        files=tuple(files if example else files[1:]),
        workflow=workflow,
        secrets=tuple(variable for entry in listed for variable in entry.variables),
        notices=(*facts.notices, *_notices(facts, workflow)),
    )


def _listed(parsed: Parsed | None, found: Sequence[Factory]) -> tuple[Entry, ...]:
    """Return the sources of sources.yml whose code is in the project, or those that a new one will have."""
    if parsed is None:
        return entries(found)
    return tuple(
        Entry(name=source.name, factory=factory)
        for source in (parsed.config.sources if parsed.config else ())
        if isinstance(source, NativeSource)
        for factory in found
        if factory.module == source.dlt_native.source_module
        and source.dlt_native.source_function in (None, factory.function)
    )


def _sources_file(facts: Facts) -> Path:
    """Return where sources.yml is, or will be. One called `.yaml` is not read, but it is somebody's work."""
    path = facts.project / SOURCES_FILE
    other = path.with_suffix(".yaml")
    return other if other.exists() and not path.exists() else path


def _choices(parsed: Parsed) -> list[str]:
    """Return what can be picked: the enabled sources that are sound, and their tags."""
    sources = [s for s in parsed.config.effective_sources() if s.enabled] if parsed.config else []
    tags = sorted({tag for source in sources for tag in source.tags if _TAG.fullmatch(tag)})
    return [source.name for source in sources if source.name != ALL] + [f"tag:{tag}" for tag in tags]


def _workflow_name(facts: Facts) -> str:
    """Return the file that syncs this project: one that does already, or a name that no other project has."""
    for name, synced in facts.workflows.items():
        if serves(synced, facts.folder):
            return name
    if not facts.workflows.get("dango.yml"):
        return "dango.yml"
    slug = re.sub("[^A-Za-z0-9]+", "-", facts.folder or facts.project.name).strip("-").lower()
    return f"dango-{slug or minute_for(facts.folder)}.yml"


def _workflow(facts: Facts, file: str, choices: Iterable[str], listed: Iterable[Entry]) -> Workflow:
    name = facts.repository.name if facts.repository else facts.project.name
    return Workflow(
        name=Path(file).stem,
        file=f"{WORKFLOWS}/{file}",
        header=_HEADER.format(sources=f"{facts.folder}/{SOURCES_FILE}".lstrip("/")),
        minute=minute_for(f"{name}/{facts.folder}"),
        choices=tuple(choices),
        checks=True,
        folder=facts.folder,
        secrets=tuple(variable for entry in listed for variable in entry.variables),
    )


def _notices(facts: Facts, workflow: str) -> Iterator[Problem]:
    for module in unlisted(facts.found, facts.parsed) if facts.parsed and facts.parsed.config else ():
        what = f"{SOURCES_FOLDER}/ has the dlt source `{module}`, which no entry of {SOURCES_FILE} names"
        yield Problem(what=what, hint=f"to list it: {command_for(module)}")
    synced = facts.workflows.get(workflow)
    if synced is not None and not serves(synced, facts.folder):
        yield Problem(
            what=f"{WORKFLOWS}/{workflow} does not use the Action for this project",
            hint="rename it and run `dango init` again, or add the step to it",
        )
