"""What `dango init` finds out, so that it need not ask."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dango_action.config.parse import SOURCES_FILE, Parsed, read
from dango_action.errors import Position, Problem, UsageError
from dango_action.scaffold import repository
from dango_action.scaffold.other_workflows import kept, projects
from dango_action.scaffold.scalars import writable
from dango_action.sources.factories import Factory, factories

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from dango_action.scaffold.repository import Repository

SOURCES_FOLDER = "custom_sources"
WORKFLOWS = ".github/workflows"

_MODULE = re.compile("[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A project's folder as it is.

    `parsed` is its sources.yml, None if it has none. `modules` are all names in `custom_sources/`, `found` the dlt
    sources there. `workflows` are the files in `.github/workflows`, each with the folders of the projects that it
    syncs. `notices` is what is odd about all this.
    """

    project: Path
    repository: Repository | None
    parsed: Parsed | None
    modules: frozenset[str]
    found: tuple[Factory, ...]
    workflows: Mapping[str, frozenset[str]]
    gitignore: bytes
    notices: tuple[Problem, ...]

    @property
    def top(self) -> Path:
        """The folder that holds `.github`."""
        return self.repository.top if self.repository else self.project

    @property
    def folder(self) -> str:
        """The project's path from there, "" if it is the same folder."""
        return self.repository.folder if self.repository else ""


def look(project: Path) -> Facts:
    """Look at a project's folder. Nothing of it is imported or run.

    Raises:
        UsageError: no workflow can name the folder.

    """
    found = repository.find(project)
    if found and not writable(found.folder):
        raise UsageError.because(
            f"a workflow can't name the folder {found.folder!a}",
            "rename it, without `${{` and invisible characters",
        )
    exists = any((project / SOURCES_FILE).with_suffix(suffix).exists() for suffix in (".yml", ".yaml"))
    parsed = read(project) if exists else None
    sources, notices = found_in(project)
    return Facts(
        project=project,
        repository=found,
        parsed=parsed,
        modules=frozenset(path.stem for path in (project / SOURCES_FOLDER).glob("*")),
        found=sources,
        workflows=workflows(found.top if found else project),
        gitignore=_bytes(project / ".gitignore"),
        notices=(*(parsed.problems if parsed else ()), *notices),
    )


def found_in(project: Path, folder: str = SOURCES_FOLDER) -> tuple[tuple[Factory, ...], tuple[Problem, ...]]:
    """Return the dlt sources in a folder of a project, and what can't be read there. Nothing is imported."""
    found: list[Factory] = []
    notices: list[Problem] = []
    for path, module in _modules(project / folder):
        file = path.relative_to(project).as_posix()
        at = Position(file=file, line=1, column=1)
        try:
            made = factories(path.read_bytes(), module)
        except SyntaxError as error:
            at = Position(file=file, line=error.lineno or 1, column=error.offset or 1)
            notices.append(Problem(what="this is no Python", hint=str(error.msg), at=at))
        except (OSError, ValueError) as error:
            notices.append(Problem(what="the file can't be read", hint=str(error), at=at))
        else:
            if made and not _MODULE.fullmatch(module):
                hint = "use letters a to z, digits and `_` only, then list it in .dango/sources.yml"
                notices.append(Problem(what="Python can't import a file of this name", hint=hint, at=at))
            else:
                found += made
    return tuple(found), tuple(notices)


def unlisted(found: Iterable[Factory], parsed: Parsed) -> tuple[str, ...]:
    """Return the modules of these dlt sources of `custom_sources/` that no source of sources.yml names."""
    blocks = (getattr(source, source.type) for source in (parsed.config.sources if parsed.config else ()))
    named = {getattr(block, "source_module", "").partition(".")[0] for block in blocks}
    named |= set(parsed.broken)  # what these name can't be told; most are called like their module
    return tuple(dict.fromkeys(factory.module for factory in found if factory.module not in named))


def command_for(module: str) -> str:
    """Return the command that lists a module of `custom_sources/`."""
    return f"dango sources add dlt_native {module}"


def _modules(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.glob("*.py")):
        if path.is_file() and path.stem != "__init__":
            yield path, path.stem
    for path in sorted(folder.glob("*/__init__.py")):
        if path.is_file():
            yield path, path.parent.name


def workflows(top: Path) -> dict[str, frozenset[str]]:
    """Return the workflows of a repository by the names of their files, each with the projects that it syncs."""
    files = sorted(path for path in (top / WORKFLOWS).glob("*") if path.suffix in (".yml", ".yaml"))
    return {path.name: projects(_bytes(path)) for path in files}


def kept_at(top: Path, file: str, folder: str) -> str:
    """Return the input `state` with which a workflow syncs a project, "" if it has none in plain."""
    return kept(_bytes(top / WORKFLOWS / file), folder)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() else b""
    except OSError:  # whoever writes it will say so
        return b""
