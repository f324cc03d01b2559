"""What `dango sources list` shows: the sources of a project, those that could be, and the types."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dango_action.config.model import TYPES
from dango_action.config.parse import SOURCES_FILE, read
from dango_action.config.registry import definition, kinds
from dango_action.config.words import show
from dango_action.errors import ExitCode
from dango_action.scaffold.addition import block_of
from dango_action.scaffold.facts import SOURCES_FOLDER, command_for, found_in, unlisted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dango_action.config.model import Source
    from dango_action.errors import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The sound sources with the defaults applied, the names of broken ones, and modules that no source has."""

    sources: tuple[Source, ...]
    broken: tuple[str, ...]
    unlisted: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def exit_code(self) -> ExitCode:
        """The code that says whether all sources can be used."""
        return ExitCode.CONFIGURATION if self.problems else ExitCode.OK

    def document(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "sources": [_document(source) for source in self.sources],
            "broken": list(self.broken),
            "unlisted": list(self.unlisted),
            "types": {kind: summary_of(kind) for kind in TYPES},
        }

    def lines(self) -> Iterator[str]:
        """Give it all, for people."""
        if not self.sources and not self.problems:
            yield f"{SOURCES_FILE} lists no source"
        rows = [_row(source) for source in self.sources] + [(show(name), "BROKEN", "") for name in self.broken]
        name, kind, code = (max((len(row[cell]) for row in rows), default=0) for cell in range(3))
        for row in rows:
            yield f"{row[0]:<{name}}  {row[1]:<{kind}}  {row[2]:<{code}}  {'  '.join(row[3:])}".rstrip()
        for module in self.unlisted:
            yield f"not listed yet: {SOURCES_FOLDER}/{module}: {command_for(module)}"
        yield "types to add (`dango sources show TYPE` has more):"
        yield from (f"  {kind}: {summary_of(kind)}" for kind in TYPES)


def overview(project: Path) -> Overview:
    """Look at a project. Nothing of it is imported; a project without sources.yml has no source and no problem."""
    parsed = read(project)
    file = project / SOURCES_FILE
    new = not file.exists() and not file.with_suffix(".yaml").exists()
    return Overview(
        sources=parsed.config.effective_sources() if parsed.config else (),
        broken=tuple(parsed.broken),
        unlisted=unlisted(found_in(project)[0], parsed) if new or parsed.config else (),
        problems=() if new else parsed.problems,
    )


def summary_of(kind: str) -> str:
    """Return what a type is for, in one line."""
    if kind in kinds():
        return definition(kind).description
    return (inspect.getdoc(block_of(kind)) or "").partition("\n")[0]


def code_of(source: Source) -> str | None:
    """Return the Python that a source names, as `module.function`; None for a type that has none."""
    block = getattr(source, source.type)
    module, function = (getattr(block, f"source_{part}", None) for part in ("module", "function"))
    return ".".join(filter(None, (module, function))) or None


def _document(source: Source) -> dict[str, Any]:
    return {
        "name": source.name,
        "type": source.type,
        "code": code_of(source),
        "enabled": source.enabled,
        "tags": list(source.tags),
        "dataset": f"raw_{source.name}",
        "description": source.description,
    }


def _row(source: Source) -> tuple[str, ...]:
    tags = f"tags: {', '.join(map(show, source.tags))}" if source.tags else ""
    rest = (f"-> raw_{source.name}", tags, "" if source.enabled else "disabled")
    return (source.name, source.type, code_of(source) or "", *filter(None, rest))
