"""The options that say whose warehouse is meant, for all commands that look at what a workflow keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONS = (
    click.option("--repository", metavar="OWNER/NAME", help="On GitHub. [default: that of the remote `origin`]"),
    click.option("--workflow", metavar="FILE", help="Its file's name. [default: the one that syncs this project]"),
    click.option("--target", metavar="TARGET", help="As the workflow sets it. [default: that of sources.yml]"),
    click.option(
        "--shard", type=click.IntRange(min=1), default=1, metavar="N", help="As the workflow sets it. [default: 1]"
    ),
    click.option(
        "--state", metavar="URL", help="As the workflow sets it: a bucket, or `artifact`. [default: in its file]"
    ),
)


def wanted_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options; the command gets what was given by the names of the fields of `Wanted`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def wanted(given: dict[str, Any]) -> Any:  # noqa: ANN401 - `--help` does not import what it is made of
    """Return whose warehouse the options name."""
    from dango_action.whereabouts import Wanted  # noqa: PLC0415 - as above

    return Wanted(**given)
