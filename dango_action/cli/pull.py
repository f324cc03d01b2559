"""`dango pull`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dango_action.cli.answer import Answering, answer
from dango_action.errors import ExitCode


@click.command(cls=Answering)
@click.option("--repository", metavar="OWNER/NAME", help="On GitHub. [default: that of the remote `origin`]")
@click.option("--workflow", metavar="FILE", help="Its file's name. [default: the one that syncs this project]")
@click.option("--target", metavar="TARGET", help="As the workflow sets it. [default: that of sources.yml]")
@click.option("--shard", type=click.IntRange(min=1), default=1, metavar="N", help="As the workflow sets it.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to put it. [default: .dango/pulled.duckdb]",
)
@click.option("--force", is_flag=True, help="Replace a file that is no pulled warehouse.")
@click.pass_obj
def pull(  # noqa: PLR0913 - one for each option
    project: Path,
    /,
    *,
    repository: str | None,
    workflow: str | None,
    target: str | None,
    shard: int,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Fetch the newest warehouse that this repository's workflow has kept, and say what is in it.

    The token is GH_TOKEN, GITHUB_TOKEN, or that of the GitHub CLI.
    """
    from dango_action import pull as pulling  # noqa: PLC0415 - `--help` needs none of it

    wish = pulling.Wish(
        repository=repository, workflow=workflow, target=target, shard=shard, output=output, force=force
    )
    pulled = pulling.pull(project, wish, os.environ)
    if as_json:
        document = {"path": str(pulled.path), "fetched": pulled.fetched, **pulled.manifest.model_dump(mode="json")}
        answer(document, (), ExitCode.OK)
        return ExitCode.OK
    for line in pulling.lines(pulled):
        click.echo(line)
    return ExitCode.OK
