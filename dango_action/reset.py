"""Dropping what a source has loaded into the warehouse on this machine, so that its next sync begins anew."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from dango_action.config.parse import read
from dango_action.config.words import did_you_mean, show
from dango_action.errors import ConfigError, Problem, StateError, UsageError
from dango_action.plan import file_target
from dango_action.scaffold.facts import workflows
from dango_action.scaffold.other_workflows import serves
from dango_action.scaffold.repository import find
from dango_action.warehouse.contents import datasets, quoted
from dango_action.warehouse.generations import Warehouse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dango_action.warehouse.contents import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """What would be dropped from the file `path`: datasets by name. `sources` are those that were named."""

    path: Path
    sources: tuple[str, ...]
    datasets: dict[str, Dataset]


def plan_reset(project: Path, sources: Sequence[str], target: str | None) -> Reset:
    """Return what these sources have in the warehouse on this machine.

    Raises:
        UsageError: there is no such source, neither in sources.yml nor in the warehouse.
        ConfigError: sources.yml can't be read, or names no target that is a file.
        StateError: the warehouse can't be read.

    """
    parsed = read(project)
    if parsed.config is None:
        raise ConfigError(*parsed.problems)
    path = (project / file_target(parsed.config.target, target).location).resolve()
    held = datasets(path) if path.is_file() else {}
    known = {*(source.name for source in parsed.config.sources), *parsed.broken}
    known |= {name.removeprefix("raw_") for name in held}
    unknown = [source for source in sources if source not in known]
    if unknown:
        names = sorted(known)
        hints = {source: did_you_mean(source, names) for source in unknown}
        raise UsageError(*(Problem(what=f"there is no source `{show(one)}`", hint=hints[one]) for one in unknown))
    wanted = {f"raw_{source}" for source in sources}
    return Reset(
        path=path,
        sources=tuple(dict.fromkeys(sources)),
        datasets={name: dataset for name, dataset in held.items() if name in wanted},
    )


def reset(planned: Reset) -> None:
    """Drop it, tables and cursors, in a copy that takes the place of the file at the end.

    Raises:
        StateError: somebody else uses the file, or it can't be written; it is as it was then.

    """
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
    with Warehouse.locked(planned.path, run) as warehouse:
        try:
            with duckdb.connect(str(warehouse.copy())) as connection:
                connection.begin()
                for name in planned.datasets:
                    for schema in (name, f"{name}_staging"):  # the second is dlt's, between two steps
                        connection.execute(f"drop schema if exists {quoted(schema)} cascade")
                connection.commit()
                connection.execute("checkpoint")
        except duckdb.Error as error:
            what = f"the datasets can't be dropped: {type(error).__name__}"
            raise StateError.because(what, "nothing was changed") from error
        warehouse.publish()


def command_for_workflow(project: Path, sources: Sequence[str]) -> str:
    """Return the command that does the same to what the workflow keeps."""
    git = find(project)
    top, folder = (git.top, git.folder) if git else (project, "")
    using = [file for file, synced in workflows(top).items() if serves(synced, folder)]
    file = using[0] if len(using) == 1 else "WORKFLOW.yml"
    return f"gh workflow run {file} -f sources={','.join(sources)} -f full-refresh=true"
