"""The command line: options in, an exit code out, errors as sentences."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from dango_action import __version__
from dango_action.errors import DangoError, ExitCode

# Each command is a module of its own, imported when it is used: `dango --help` stays quick.
COMMANDS = {
    "config": (
        "dango_action.cli.config",
        "config",
        "Look at the configuration: validate it, print its schema.",
    ),
    "init": (
        "dango_action.cli.init",
        "init",
        "Write what a project needs: sources.yml, a workflow, an example.",
    ),
    "pull": (
        "dango_action.cli.pull",
        "pull",
        "Fetch and open the newest warehouse that a workflow has kept.",
    ),
    "secrets": (
        "dango_action.cli.secrets",
        "secrets",
        "Seal secrets into a file that is committed, and only the workflow can open.",
    ),
    "sources": ("dango_action.cli.sources", "sources", "Add, list and show sources, and the types there are."),
    "state": ("dango_action.cli.state", "state", "Look at what is kept; drop what a source has loaded."),
    "sync": ("dango_action.cli.sync", "sync", "Sync the sources of .dango/sources.yml into the warehouse."),
}


class _Lazy(click.Group):
    """A group whose commands are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None if there is none of this name."""
        if name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in sorted(COMMANDS.items())])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--project",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    help="The project's folder, which holds .dango/sources.yml. [default: this folder]",
)
@click.version_option(__version__, prog_name="dango")
@click.pass_context
def cli(ctx: click.Context, project: Path) -> None:
    """Sync dlt sources into DuckDB, without a server."""
    if not project.is_dir():
        raise click.BadParameter(f"there is no folder {project}", ctx=ctx, param_hint="--project")
    ctx.obj = project.resolve()


def main() -> None:
    """Run `dango` and exit with one of the documented codes."""
    leave(run(cli))


def leave(code: int) -> NoReturn:
    """Exit; a reader of our output that has gone, as `head` does, changes neither the code nor the last words."""
    try:
        if sys.stdout:  # it may have been closed by whoever has started us
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run(command: click.Command, arguments: list[str] | None = None) -> int:
    """Run a command of click's and return the exit code; a bug of ours keeps its traceback."""
    try:
        code: Any = command.main(arguments, prog_name="dango", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)  # noqa: T201
        return ExitCode.INTERRUPTED
    except DangoError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)  # noqa: T201
        return error.exit_code
    return int(code or ExitCode.OK)
