"""`dango config`: validate the configuration, print its JSON Schema."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click
import orjson

from dango_action.config.parse import read
from dango_action.errors import ExitCode
from dango_action.inputs import on_runner
from dango_action.results import problem_document

if TYPE_CHECKING:
    from pathlib import Path

    from dango_action.config.parse import Parsed


@click.group()
def config() -> None:
    """Look at the configuration."""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
@click.pass_obj
def validate(project: Path, /, *, as_json: bool) -> int:
    """Report everything that is wrong with .dango/sources.yml, with its place."""
    parsed = read(project)
    if as_json:
        click.echo(orjson.dumps(_document(parsed), option=orjson.OPT_INDENT_2))
    else:
        _print(parsed)
    return ExitCode.CONFIGURATION if parsed.problems else ExitCode.OK


@config.command()
def schema() -> None:
    """Print the JSON Schema of sources.yml, for editors and other tools."""
    from dango_action.config.json_schema import json_schema  # noqa: PLC0415 - `validate` needs none of it

    click.echo(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2))


def _document(parsed: Parsed) -> dict[str, object]:
    return {
        "valid": not parsed.problems,
        "sources": [source.name for source in parsed.config.sources] if parsed.config else [],
        "broken": sorted(parsed.broken),
        "problems": [problem_document(problem) for problem in parsed.problems],
    }


def _print(parsed: Parsed) -> None:
    for problem in parsed.problems:
        click.echo(str(problem))
    if parsed.problems and on_runner(os.environ):
        from dango_action.github.commands import Runner  # noqa: PLC0415 - it is for the runner alone

        for problem in parsed.problems:
            Runner(sys.stdout).error("dango config validate", problem)
    if parsed.problems or parsed.config is None:
        click.echo(f".dango/sources.yml: {len(parsed.problems)} to mend")
        return
    sources = parsed.config.sources
    disabled = sum(not source.enabled for source in parsed.config.effective_sources())
    click.echo(f".dango/sources.yml is valid: {len(sources)} sources, {disabled} of them disabled")
