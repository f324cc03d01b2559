"""`dango init`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dango_action.cli.answer import Answering, print_document
from dango_action.config.words import show
from dango_action.credentials.document import SECRETS_FILE
from dango_action.credentials.files import CONFIG_TOML
from dango_action.errors import ExitCode, Problem, UsageError
from dango_action.requirements.asked import FILE as REQUIREMENTS_FILE
from dango_action.scaffold.facts import SOURCES_FOLDER, look
from dango_action.scaffold.plan import scaffold
from dango_action.scaffold.repository import ignored
from dango_action.scaffold.write import shown, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dango_action.scaffold.facts import Facts
    from dango_action.scaffold.plan import Scaffold
    from dango_action.scaffold.write import Outcome

# What a run on GitHub needs beside what `init` writes, if the project has it
_COMMITTED = (REQUIREMENTS_FILE, SECRETS_FILE, CONFIG_TOML, SOURCES_FOLDER)
_SAID: Mapping[Outcome, str] = {
    "created": "created   {}",
    "extended": "extended  {}",
    "kept": "kept      {} (exists already)",
}


@click.command(cls=Answering)
@click.pass_obj
def init(project: Path, /, *, as_json: bool) -> int:
    """Write what a project needs: sources.yml, an example source, a workflow, lines of .gitignore.

    No file is overwritten, so it can be run again.
    """
    try:
        facts = look(project)
        planned = scaffold(facts)
        outcomes = write(planned.files, facts.top)
    except OSError as error:
        what = f"{show(str(error.filename))} can't be looked at: {error.strerror}"
        raise UsageError.because(what, "look at its owner and its permissions") from error
    named = {_relative(path, project): outcome for path, outcome in outcomes.items()}
    if as_json:
        document: dict[str, object] = {
            kind: [name for name, outcome in named.items() if outcome == kind] for kind in _SAID
        }
        print_document(document)
    for name, outcome in named.items():
        click.echo(_SAID[outcome].format(shown(project / name, project)), err=as_json)
    for notice in [*planned.notices, *_ignored(facts, outcomes)]:
        click.echo(f"notice: {notice}", err=as_json)
    for line in _next(facts, planned, named):
        click.echo(line, err=as_json)
    return ExitCode.OK


def _relative(path: Path, project: Path) -> str:
    return Path(os.path.relpath(path, project)).as_posix()


def _ignored(facts: Facts, files: Iterable[Path]) -> Iterator[Problem]:
    for path in ignored(facts.project, files) if facts.repository else ():
        yield Problem(
            what=f"git ignores {shown(path, facts.project)}, so it would never reach the workflow",
            hint="find the line with `git check-ignore -v`, and remove it",
        )


def _next(facts: Facts, planned: Scaffold, files: Iterable[str]) -> Iterator[str]:
    """Give the commands from here to the first run on GitHub, and what to know before it."""
    there = [name for name in _COMMITTED if (facts.project / name).exists()]
    names = [name for name in files if not name.startswith(f"{SOURCES_FOLDER}/")] + there
    repository = facts.repository
    create = f"gh repo create --private --source {shlex.quote(_relative(facts.top, facts.project))} --push"
    push = "git push" if repository and repository.remote else create
    commit = f"git add {shlex.join(names)} && git commit -m 'Sync with dango' && {push}"
    here = facts.project == Path.cwd().resolve()
    yield "\nNext:" if here else f"\nNext, in {show(str(facts.project))}:"
    if planned.secrets:
        yield f"  put the secrets into .dlt/secrets.toml or .env: {', '.join(planned.secrets)}"
    yield "  dango config validate && dango sync"
    yield f"  {commit}" if repository else f"  git init && {commit}"
    yield from (f"  gh secret set {name}" for name in planned.secrets)
    yield f"  gh workflow run {shlex.quote(planned.workflow)}"
    if repository and repository.branch != repository.default_branch:
        default = show(repository.default_branch)
        yield f"GitHub runs a schedule, and offers a run by hand, once the workflow is on the branch {default}."
    yield "The repository has to be private: what is kept of a public one, everybody could download. For a public"
    yield "one, see the comment in the workflow."
