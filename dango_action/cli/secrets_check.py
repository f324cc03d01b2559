"""`dango secrets check`: whether every value opens, and every source has what it can't start without."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
import orjson

from dango_action.cli import secrets_project as vault
from dango_action.config.words import show
from dango_action.credentials import document
from dango_action.credentials.sealed import open_entries
from dango_action.errors import ExitCode, Problem
from dango_action.inputs import Inputs, surroundings
from dango_action.report.wording import counted
from dango_action.results import problem_document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dango_action.credentials.explain import SourceExplained


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
@click.pass_obj
def check(project: Path, /, *, as_json: bool) -> int:
    """Open every sealed value, and look whether each enabled source finds its secrets. No value is shown.

    It needs the private key, and imports the sources' modules to see which parameters they have.
    """
    from dango_action.credentials.gather import gather_names  # noqa: PLC0415 - the other commands need none of it
    from dango_action.explain import explain  # noqa: PLC0415 - as above
    from dango_action.plan import make_plan  # noqa: PLC0415 - as above

    opened, problems = _open_all(project)
    plan = make_plan(Inputs(project=project))
    explained = explain(project, plan.sources, gather_names(project, plan.config, surroundings(os.environ)))
    problems += [problem for source in explained for problem in _lacking(source)]
    if as_json:
        document = {
            "opened": opened,
            "sources": [source.name for source in explained],
            "problems": [problem_document(problem) for problem in problems],
        }
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    else:
        for problem in problems:
            click.echo(problem)
        sources = f"{counted(len(explained), 'source')} looked at"
        click.echo(f"{counted(opened, 'sealed value')} opened, {sources}, {counted(len(problems), 'problem')}")
    return ExitCode.CREDENTIALS if problems else ExitCode.OK


def _open_all(project: Path) -> tuple[int, list[Problem]]:
    """Return how many values of the project's document open, and why others do not."""
    vault.sound_project(project)
    found = document.read(project)
    if found is None:
        return 0, []
    opened, problems = open_entries(found.entries, vault.ring(found, os.environ), found.entries)
    return len(opened), [*found.problems, *problems]


def _lacking(source: SourceExplained) -> Iterator[Problem]:
    yield from source.problems
    for parameter in source.missing:
        path = f"sources.{source.name}.{parameter.name}"
        what = f"`{show(parameter.name)}` is missing for source `{source.name}`"
        secret = f"`dango secrets set {path}`" if parameter.secret else "set it in .dlt/config.toml"
        yield Problem(
            what=what, hint=f"{secret}; `dango config explain {source.name}` says where it is looked for"
        )
