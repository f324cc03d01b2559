"""`dango secrets check`: whether every value opens, and every source has what it can't start without."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from dango_action.cli import secrets_project as vault
from dango_action.cli.answer import Answering, answer
from dango_action.cli.told import Told, log_lines, problem_lines
from dango_action.config.words import show
from dango_action.credentials import document
from dango_action.credentials.edit import clashes
from dango_action.credentials.sealed import open_entries
from dango_action.environment import surroundings
from dango_action.errors import CredentialsError, DangoError, ExitCode, Problem, foremost
from dango_action.inputs import Inputs
from dango_action.report.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dango_action.credentials.explain import SourceExplained


@dataclass(slots=True)
class _Found:
    """What is wrong, each thing once, and the codes with which a sync would end."""

    problems: dict[Problem, None] = field(default_factory=dict)
    codes: list[ExitCode] = field(default_factory=list)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Go on behind what fails: everything is to be reported at once."""
        try:
            yield
        except DangoError as error:
            self.problems |= dict.fromkeys(error.problems)
            self.codes.append(error.exit_code)


@click.command(cls=Answering)
@click.pass_obj
def check(project: Path, /, *, as_json: bool) -> int:
    """Open every sealed value, and look whether each enabled source finds its secrets. No value is shown.

    It needs the private key, and imports the sources' modules to see which parameters they have. The exit code is
    that of a sync with the same problems.
    """
    vault.sound_project(project)
    found, opened = _Found(), 0
    with found.kept():
        opened, problems = _open_all(project)
        if problems:
            raise CredentialsError(*problems)
    told = _ask(project, found)
    answers = told.answers if told else ()
    logs = told.logs if told else {}
    code = foremost(found.codes)
    if as_json:
        names = [one.source.name for one in answers]
        answer({"opened": opened, "sources": names, "logs": logs}, found.problems, code)
        return code
    for line in (*problem_lines(found.problems), *log_lines(logs)):
        click.echo(line)
    counts = f"{counted(len(answers), 'source')} looked at, {counted(len(found.problems), 'problem')}"
    click.echo(f"{counted(opened, 'sealed value')} opened, {counts}")
    return code


def _open_all(project: Path) -> tuple[int, list[Problem]]:
    """Return how many values of the project's document open, and why others do not, or would reach no source."""
    found = document.read(project)
    if found is None:
        return 0, []
    opened, problems = open_entries(found.entries, vault.ring(found, os.environ), found.entries)
    return len(opened), [*found.problems, *problems, *clashes(found.entries, opened)]


def _ask(project: Path, found: _Found) -> Told | None:
    """Ask every enabled source, and note what is wrong; None if it is not known which there are."""
    from dango_action.credentials.gather import gather, gather_names  # noqa: PLC0415 - only this command needs it
    from dango_action.plan import make_plan  # noqa: PLC0415 - as above

    told, given = None, surroundings(os.environ)
    with found.kept():
        plan = make_plan(Inputs(project=project))
        if not found.problems:  # else it would say the same of a part of the values
            with found.kept():
                gather(project, plan.config, plan.sources, given)
        told = Told.of(plan, gather_names(project, plan.config, given))
        lacking = [problem for one in told.answers for problem in _lacking(one.source)]
        found.problems |= dict.fromkeys([*told.problems, *lacking])
        found.codes += [told.exit_code, *([ExitCode.CREDENTIALS] if lacking else [])]
    return told


def _lacking(source: SourceExplained) -> Iterator[Problem]:
    for parameter in source.missing:
        path = f"sources.{source.name}.{parameter.name}"
        what = f"`{show(parameter.name)}` is missing for source `{source.name}`"
        secret = f"`dango secrets set {path}`" if parameter.secret else "set it in .dlt/config.toml"
        yield Problem(
            what=what, hint=f"{secret}; `dango config explain {source.name}` says where it is looked for"
        )
