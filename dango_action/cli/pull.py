"""`dango pull`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from dango_action.cli.answer import Answering, answer
from dango_action.cli.wanted import wanted, wanted_options
from dango_action.errors import ExitCode


@click.command(cls=Answering)
@wanted_options
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to put it. [default: .dango/pulled.duckdb]",
)
@click.option("--force", is_flag=True, help="Replace a file that is no pulled warehouse.")
@click.pass_obj
def pull(
    project: Path,
    /,
    *,
    output: Path | None,
    force: bool,
    as_json: bool,
    **given: Any,  # noqa: ANN401 - what `wanted_options` adds
) -> int:
    """Fetch the newest warehouse that this repository's workflow has kept, and say what is in it.

    The token is GH_TOKEN, GITHUB_TOKEN, or that of the GitHub CLI; for a bucket there are its cloud's variables.
    """
    from dango_action import pull as pulling  # noqa: PLC0415 - `--help` needs none of it

    wish = pulling.Wish(wanted=wanted(given), output=output, force=force)
    pulled = pulling.pull(project, wish, os.environ)
    if as_json:
        document = {"path": str(pulled.path), "fetched": pulled.fetched, **pulled.manifest.model_dump(mode="json")}
        answer(document, (), ExitCode.OK)
        return ExitCode.OK
    for line in pulling.lines(pulled):
        click.echo(line)
    return ExitCode.OK
