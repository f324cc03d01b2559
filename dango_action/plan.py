"""From the configuration and what was asked for to what will be done."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dango_action.config.model import Target
from dango_action.config.parse import read
from dango_action.errors import ConfigError, Problem, UsageError
from dango_action.results import problem_document
from dango_action.selection import Candidate, select

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from dango_action.config.model import Config, Source
    from dango_action.config.parse import Parsed
    from dango_action.errors import Position
    from dango_action.inputs import Inputs

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
NOT_IN_FORCE = ("checks",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run will do. `broken` are selected sources whose configuration can't be used.

    `config` has every sound source, selected or not, with the defaults applied.
    """

    project: Path
    target: Target
    config: Config
    sources: tuple[Source, ...]
    broken: Mapping[str, tuple[Problem, ...]]
    notices: tuple[Problem, ...] = ()
    positions: Mapping[str, Position] = field(default_factory=dict)  # where each source's name stands
    places: Mapping[str, Mapping[str, Position]] = field(default_factory=dict)  # the same for each of their keys

    def document(self) -> dict[str, Any]:
        """Return the plan as `sync --dry-run --json` prints it."""
        return {
            "target": str(self.target),
            "sources": [
                {"name": source.name, "type": source.type, "dataset": f"raw_{source.name}"}
                for source in self.sources
            ],
            "broken": {name: [problem_document(p) for p in problems] for name, problems in self.broken.items()},
        }


def make_plan(inputs: Inputs) -> Plan:
    """Read the configuration and select from it.

    Raises:
        ConfigError: the file as a whole can't be used, or with `strict`, any part of it.
        UsageError: what was asked for does not exist.

    """
    parsed = read(inputs.project)
    if parsed.config is None or (inputs.strict and parsed.problems):
        raise ConfigError(*parsed.problems)
    target = usable_target(parsed.config.target, inputs.target)
    names = select(_candidates(parsed), inputs.sources, inputs.exclude)
    config = parsed.config.model_copy(update={"sources": parsed.config.effective_sources()})
    sources = {source.name: source for source in config.sources if source.name in names}
    return Plan(
        project=inputs.project,
        target=target,
        config=config,
        sources=tuple(sources.values()),
        broken={name: parsed.broken[name] for name in names if name in parsed.broken},
        notices=tuple(not_in_force(sources.values(), parsed)),
        positions=parsed.positions,
        places=parsed.places(sources),
    )


def usable_target(configured: Target, asked: str | None = None) -> Target:
    """Return the target that is asked for, or else the configured one.

    Raises:
        UsageError: what is asked for is no target.
        ConfigError: it has a name that it can't have.

    """
    try:
        target = Target.parse(asked) if asked else configured
    except ConfigError as error:
        raise UsageError(*error.problems) from None  # it was on the command line, not in the file
    if target.kind != "duckdb" and not _NAME.fullmatch(target.location):
        raise ConfigError.because(
            f"the name of a {target.kind} target has letters, digits and `_`, and begins with no digit",
            f"write a name, like {target.kind}:my_lake; its credentials stand in `[destination.{target.kind}]`",
        )
    return target


def file_target(configured: Target, asked: str | None = None) -> Target:
    """Return the target that is asked for, or else the configured one, if it is a file.

    Raises:
        UsageError: what is asked for is no target.
        ConfigError: it is no file.

    """
    target = usable_target(configured, asked)
    if target.kind != "duckdb":
        raise ConfigError.because(
            f"target {target} is no file that a workflow keeps: it keeps its own state, for everybody to attach",
            "docs/targets.md has the statements; for a DuckDB file: --target duckdb:PATH",
        )
    return target


def not_in_force(sources: Iterable[Source], parsed: Parsed) -> Iterator[Problem]:
    """Give a notice for each key that the configuration understands and that a sync does not heed yet."""
    for source in sources:
        for key in (key for key in NOT_IN_FORCE if key in source.model_fields_set):
            yield Problem(
                what=f"`{key}` of source `{source.name}` is not in force in this version",
                hint="the source is synced as if the key were not there",
                at=parsed.positions.get(source.name),
            )


def _candidates(parsed: Parsed) -> list[Candidate]:
    """Return every source of the file, sound or broken."""
    sound = parsed.config.effective_sources() if parsed.config else ()
    return [
        *(Candidate(name=source.name, enabled=source.enabled, tags=tuple(source.tags)) for source in sound),
        *(Candidate(name=name, enabled=name not in parsed.disabled, tags=()) for name in parsed.broken),
    ]
