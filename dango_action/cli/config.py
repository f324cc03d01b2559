"""`dango config`: validate the configuration, print its JSON Schema."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click
import orjson

from dango_action.cli.answer import Answering, answer
from dango_action.cli.told import Told, log_lines, problem_lines
from dango_action.config.parse import read
from dango_action.credentials.document import read as read_sealed
from dango_action.credentials.edit import clashes
from dango_action.credentials.files import settings_problems
from dango_action.credentials.sealed import parse_token
from dango_action.environment import on_runner, surroundings, workspace
from dango_action.errors import ConfigError, ExitCode, Problem
from dango_action.inputs import Inputs
from dango_action.plan import make_plan, not_in_force, usable_target
from dango_action.report.wording import counted
from dango_action.requirements.asked import FILE
from dango_action.results import problem_document
from dango_action.sources.reading import look

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dango_action.config.model import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What there is to say about a project's configuration."""

    problems: tuple[Problem, ...]
    notices: tuple[Problem, ...]
    sources: tuple[Source, ...]  # the sound ones
    broken: frozenset[str]

    @property
    def exit_code(self) -> ExitCode:
        """The code that says whether it can be used."""
        return ExitCode.CONFIGURATION if self.problems else ExitCode.OK

    @property
    def headline(self) -> str:
        """The result in one line."""
        if self.problems:
            return f"{counted(len(self.problems), 'problem')} to mend"
        disabled = sum(not source.enabled for source in self.sources)
        return f".dango/sources.yml is valid: {counted(len(self.sources), 'source')}, {disabled} disabled"

    def lines(self) -> Iterator[str]:
        """Give it all, for people."""
        yield from (f"notice: {notice}" for notice in self.notices)
        yield from map(str, self.problems)
        yield self.headline

    def document(self) -> dict[str, object]:
        """Return it as `--json` prints it."""
        return {
            "valid": not self.problems,
            "sources": [source.name for source in self.sources],
            "broken": sorted(self.broken),
            "notices": [problem_document(notice) for notice in self.notices],
        }


def check(project: Path) -> Checked:
    """Look at everything that can be wrong before any source runs; it runs nothing."""
    parsed = read(project)
    problems, notices = [*parsed.problems, *settings_problems(project), *_sealed_problems(project)], []
    problems += _requirements_problems(project)
    sources = parsed.config.effective_sources() if parsed.config else ()
    if parsed.config:
        notices = list(not_in_force(sources, parsed))
        read_modules = look(project, sources, parsed.places(source.name for source in sources))
        problems += read_modules.problems
        notices += read_modules.notices
        try:
            usable_target(parsed.config.target)
        except ConfigError as error:
            problems += error.problems
    return Checked(
        problems=tuple(problems), notices=tuple(notices), sources=sources, broken=frozenset(parsed.broken)
    )


def _sealed_problems(project: Path) -> Iterator[Problem]:
    """Give what is wrong with the document of sealed secrets that shows without a key."""
    document = read_sealed(project)
    if document is None:
        return
    yield from document.problems
    for entry in document.entries:
        token = parse_token(entry.token)
        if isinstance(token, Problem):
            yield replace(token, at=entry.at)
    yield from clashes(document.entries)


def _requirements_problems(project: Path) -> list[Problem]:
    """Return what is wrong with .dango/requirements.txt, as far as its text alone tells."""
    from dango_action.requirements.read import read as read_requirements  # noqa: PLC0415 - few projects have one

    return read_requirements(project).problems if os.path.lexists(project / FILE) else []


@click.group()
def config() -> None:
    """Look at the configuration."""


@config.command(cls=Answering)
@click.pass_obj
def validate(project: Path, /, *, as_json: bool) -> int:
    """Report everything that is wrong with sources.yml, requirements.txt, .env and dlt's files, with its place."""
    checked = check(project)
    if as_json:
        answer(checked.document(), checked.problems, checked.exit_code)
        return checked.exit_code
    for line in checked.lines():
        click.echo(line)
    if checked.problems and on_runner(os.environ):
        from dango_action.github.commands import Runner, folder_in  # noqa: PLC0415 - it is for the runner alone

        runner = Runner(sys.stdout, folder_in(workspace(os.environ), project))
        for problem in checked.problems:
            runner.error("dango config validate", problem)
    return checked.exit_code


@config.command(cls=Answering)
@click.argument("source", required=False)
@click.pass_obj
def explain(project: Path, /, source: str | None, *, as_json: bool) -> int:
    """Say where each parameter of a source, or of all, gets its value: every place looked at, and no value.

    A source that can't be looked at has the exit code that its sync would have; a missing value is an answer.
    """
    from dango_action.credentials.explain import strangers  # noqa: PLC0415 - `validate` needs none of it
    from dango_action.credentials.gather import gather_names  # noqa: PLC0415 - as above

    inputs = Inputs(project=project, sources=(source,) if source else ())
    plan = make_plan(inputs)
    credentials = gather_names(project, plan.config, surroundings(os.environ))
    told = Told.of(plan, credentials)
    unseen = list(strangers(credentials, source))
    if as_json:
        sources = [one.source.document() for one in told.answers]
        document = {"sources": sources, "unseen": unseen, "logs": told.logs}
        answer(document, told.problems, told.exit_code)
        return told.exit_code
    from dango_action.cli.explained import show  # noqa: PLC0415 - it imports rich

    show([one.source for one in told.answers], unseen)
    for line in (*problem_lines(told.broken), *log_lines(told.logs)):
        click.echo(line)
    return told.exit_code


@config.command()
def schema() -> None:
    """Print the JSON Schema of sources.yml, for editors and other tools."""
    from dango_action.config.json_schema import json_schema  # noqa: PLC0415 - `validate` needs none of it

    click.echo(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2))
