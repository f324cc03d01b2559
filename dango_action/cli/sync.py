"""`dango sync`."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

from dango_action.cli.answer import Answering, answer
from dango_action.config.words import show
from dango_action.environment import on_runner, surroundings, workspace
from dango_action.errors import DangoError, ExitCode, UsageError
from dango_action.inputs import Inputs, words
from dango_action.report.console import screen
from dango_action.report.wording import counted
from dango_action.window import window_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dango_action.plan import Plan
    from dango_action.run import Screen


@click.command(cls=Answering)
@click.argument("strays", nargs=-1, metavar="")
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="NAME",
    help="A name, a glob, or tag:x; repeats. [default: all enabled]",
)
@click.option("--exclude", multiple=True, metavar="NAME", help="Leave these out; as --source.")
@click.option("--target", metavar="TARGET", help="Instead of `target:` of sources.yml, like duckdb:other.duckdb.")
@click.option(
    "--full-refresh", is_flag=True, help="Drop the tables and cursors of these sources and load them anew."
)
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Look at N rows of each resource; load nothing."
)
@click.option(
    "--since", metavar="WHEN", help="Load again what lies at or after a date, a time, an age like 7d, or a number."
)
@click.option("--until", metavar="WHEN", help="End that window before this. [default: now]")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="How many sources extract at once.")
@click.option(
    "--deadline-minutes",
    type=click.FloatRange(min=0, min_open=True, max=1_000_000),
    metavar="N",
    help="Stop cleanly after N minutes; run again to go on (exit code 75).",
)
@click.option("--dry-run", is_flag=True, help="Print what would be synced, and do nothing.")
@click.option("--strict", is_flag=True, help="Sync nothing if any source of the file is broken.")
@click.pass_obj
def sync(project: Path, /, *, strays: tuple[str, ...], dry_run: bool, as_json: bool, **options: object) -> int:
    """Sync the sources of .dango/sources.yml into the warehouse."""
    if strays:
        meant = shlex.join(word for stray in strays for word in ("--source", stray))
        raise UsageError.because(
            f"`dango sync` takes no argument like `{show(strays[0])}`", f"did you mean {meant}?"
        )
    for option, name in (("--source", "sources"), ("--exclude", "exclude")):
        options[name] = _words(option, options[name])  # type: ignore[arg-type]
    window, problems = window_of(options.pop("since"), options.pop("until"))  # type: ignore[arg-type]
    inputs = Inputs(project=project, window=window, **options)  # type: ignore[arg-type]
    if contradiction := inputs.contradiction():
        problems.append(contradiction)
    if problems:
        raise UsageError(*problems)
    from dango_action.plan import make_plan  # noqa: PLC0415 - `--help` needs none of it

    try:
        plan = make_plan(inputs)
        if dry_run:
            return _print_plan(plan, as_json=as_json)
        from dango_action.credentials.gather import gather  # noqa: PLC0415 - `--dry-run` needs none of it

        credentials = gather(
            plan.project,
            plan.config,
            plan.sources,
            surroundings(os.environ),
            None if inputs.limit else plan.target,
        )
    except DangoError as error:
        from dango_action import run  # noqa: PLC0415 - as below

        with _screen(project, sys.stderr) as shown:
            result = run.refuse(inputs, error, shown)
    else:
        from dango_action import run  # noqa: PLC0415 - `--dry-run` needs none of it

        with _screen(project, sys.stderr if as_json else sys.stdout) as shown:
            result = run.sync(plan, inputs, credentials, shown)
    if as_json:
        answer(result.document(previews=True), result.problems, result.exit_code)
    return result.exit_code


def _words(option: str, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of an option; an empty one is no way to say `all`, it is a variable that was not set."""
    if any(not words([value]) for value in values):
        raise click.UsageError(f"{option} is empty: leave it out, or give it a name")
    return words(values)


@contextmanager
def _screen(project: Path, stream: TextIO) -> Iterator[Screen]:
    if on_runner(os.environ):
        from dango_action.cli.runner import RunnerScreen  # noqa: PLC0415 - it is for the runner alone
        from dango_action.github.commands import Runner, folder_in  # noqa: PLC0415 - as above

        yield RunnerScreen(project, Runner(stream, folder_in(workspace(os.environ), project)), stream)
        return
    with screen(stream) as shown:
        yield shown


def plan_lines(plan: Plan) -> Iterator[str]:
    """Give what a run would do, for people."""
    for source in plan.sources:
        yield f"{source.name}: {source.type} into raw_{source.name}"
    for name, problems in plan.broken.items():
        yield f"{name}: can't be used: {problems[0]}"
    yield f"{counted(len(plan.sources), 'source')} would be synced into {plan.target}; nothing was done"


def _print_plan(plan: Plan, *, as_json: bool) -> ExitCode:
    code = ExitCode.CONFIGURATION if plan.broken else ExitCode.OK
    if as_json:
        answer(plan.document(), (problem for problems in plan.broken.values() for problem in problems), code)
        return code
    for line in plan_lines(plan):
        click.echo(line)
    return code
