"""`dango config`: validate the configuration, print its JSON Schema."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click
import orjson

from dango_action.config.parse import read
from dango_action.credentials.files import settings_problems
from dango_action.errors import ConfigError, ExitCode
from dango_action.inputs import on_runner
from dango_action.plan import not_in_force, usable_target
from dango_action.report.wording import counted
from dango_action.results import problem_document

if TYPE_CHECKING:
    from pathlib import Path

    from dango_action.config.parse import Parsed
    from dango_action.errors import Problem


@click.group()
def config() -> None:
    """Look at the configuration."""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
@click.pass_obj
def validate(project: Path, /, *, as_json: bool) -> int:
    """Report everything that is wrong with .dango/sources.yml, .env and dlt's TOML files, with its place."""
    parsed = read(project)
    problems, notices = [*parsed.problems, *settings_problems(project)], []
    if parsed.config:
        notices = list(not_in_force(parsed.config.effective_sources(), parsed))
        try:
            usable_target(parsed.config.target)
        except ConfigError as error:
            problems += error.problems
    if as_json:
        click.echo(orjson.dumps(_document(parsed, problems, notices), option=orjson.OPT_INDENT_2))
    else:
        _print(parsed, problems, notices)
    return ExitCode.CONFIGURATION if problems else ExitCode.OK


@config.command()
def schema() -> None:
    """Print the JSON Schema of sources.yml, for editors and other tools."""
    from dango_action.config.json_schema import json_schema  # noqa: PLC0415 - `validate` needs none of it

    click.echo(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2))


def _document(parsed: Parsed, problems: list[Problem], notices: list[Problem]) -> dict[str, object]:
    return {
        "valid": not problems,
        "sources": [source.name for source in parsed.config.sources] if parsed.config else [],
        "broken": sorted(parsed.broken),
        "problems": [problem_document(problem) for problem in problems],
        "notices": [problem_document(notice) for notice in notices],
    }


def _print(parsed: Parsed, problems: list[Problem], notices: list[Problem]) -> None:
    for notice in notices:
        click.echo(f"notice: {notice}")
    for problem in problems:
        click.echo(str(problem))
    if problems and on_runner(os.environ):
        from dango_action.github.commands import Runner  # noqa: PLC0415 - it is for the runner alone

        for problem in problems:
            Runner(sys.stdout).error("dango config validate", problem)
    if problems or parsed.config is None:
        click.echo(f"{counted(len(problems), 'problem')} to mend")
        return
    sources = parsed.config.effective_sources()
    disabled = sum(not source.enabled for source in sources)
    click.echo(f".dango/sources.yml is valid: {counted(len(sources), 'source')}, {disabled} disabled")
