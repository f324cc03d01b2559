"""`dango state`: what is kept, and dropping what a source has loaded."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from dango_action.cli.answer import Answering, answer
from dango_action.cli.told import tell
from dango_action.cli.wanted import wanted, wanted_options
from dango_action.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from pathlib import Path


@click.group()
def state() -> None:
    """Look at what is kept, here and by the workflow; drop what a source has loaded."""


@state.command(cls=Answering)
@wanted_options
@click.pass_obj
def show(project: Path, /, *, as_json: bool, **given: Any) -> int:  # noqa: ANN401 - what `wanted_options` adds
    """Show the warehouse on this machine, and the generations that the workflow keeps.

    Tables with their rows, cursors, sizes. If the workflow's can't be seen, it says why, and shows the rest.
    """
    from dango_action.overview import overview  # noqa: PLC0415 - `--help` needs none of it

    return tell(overview(project, wanted(given), os.environ), as_json=as_json)


@state.command(cls=Answering)
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option("--target", metavar="TARGET", help="[default: that of sources.yml]")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def reset(project: Path, /, *, sources: tuple[str, ...], target: str | None, yes: bool, as_json: bool) -> int:
    """Drop the tables and cursors of sources from the warehouse on this machine; their next sync begins anew.

    What the workflow keeps stays as it is; the command for that is printed.
    """
    from dango_action import reset as resetting  # noqa: PLC0415 - `--help` needs none of it

    planned = resetting.plan_reset(project, sources, target)
    command = resetting.command_for_workflow(project, planned.sources)
    if planned.datasets and not yes:
        _confirm(planned.path.name, {name: sum(held.rows.values()) for name, held in planned.datasets.items()})
    if planned.datasets:
        resetting.reset(planned)
    if as_json:
        answer({"dropped": sorted(planned.datasets), "workflow": command}, (), ExitCode.OK)
        return ExitCode.OK
    dropped = ", ".join(sorted(planned.datasets))
    click.echo(f"dropped {dropped} from {planned.path.name}" if dropped else "there was nothing to drop")
    click.echo(f"what the workflow keeps is as it was; to load it anew: {command}")
    return ExitCode.OK


def _confirm(file: str, rows: dict[str, int]) -> None:
    if not sys.stdin.isatty():
        raise UsageError.because("nobody can be asked whether to drop it", "add --yes")
    listed = ", ".join(f"{name} ({count:,} rows)" for name, count in sorted(rows.items()))
    click.confirm(f"Drop {listed} from {file}?", abort=True, err=True)
