"""`dango sources`: add one, list those of the project, show what is known of one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from dango_action.cli.answer import Answering, answer
from dango_action.cli.replacing import alone_in, replace
from dango_action.cli.told import tell
from dango_action.config.parse import SOURCES_FILE, parse, read
from dango_action.config.words import show as shown
from dango_action.credentials.document import SECRETS_FILE
from dango_action.errors import ConfigError, ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_PYTHON = ("module", "function", "path")


@click.group()
def sources() -> None:
    """Add a source, list those of the project, show what is known of one."""


@sources.command(cls=Answering)
@click.argument("kind", metavar="TYPE")
@click.argument("name")
@click.option("--module", metavar="MODULE", help="Of Python. [default: NAME, if custom_sources/ has it]")
@click.option("--function", metavar="FUNCTION", help="In the module. [default: the only source there]")
@click.option("--path", metavar="FOLDER", help="Of the module. [default: custom_sources]")
@click.option(
    "--set", "values", multiple=True, metavar="KEY=VALUE", help="What the type or the function needs; repeats."
)
@click.pass_obj
def add(project: Path, /, kind: str, name: str, *, values: tuple[str, ...], as_json: bool, **python: str) -> int:
    """Add a source of a type to .dango/sources.yml. Every line that is there stays as it is.

    `dango sources list` has the types, `dango sources show TYPE` what each one needs.
    """
    from dango_action.scaffold.addition import Wish, entry_of, secrets_of, values_of  # noqa: PLC0415 - as in main

    given = {option: python[option] for option in _PYTHON if python[option]}
    entry = entry_of(project, Wish(kind=kind, name=name, python=given, values=values_of(values, kind)))
    _change(project, lambda data: _with(project, data, entry))
    secrets = secrets_of(project, entry)
    following = [f"dango config explain {name}", f"dango sync --source {name} --limit 5"]
    if as_json:
        answer({"added": name, "entry": entry, "secrets": secrets, "next": following}, (), ExitCode.OK)
        return ExitCode.OK
    click.echo(f"added {name} to {SOURCES_FILE}; its data goes to raw_{name}")
    click.echo("\nNext:")
    if secrets and (project / SECRETS_FILE).exists():
        for secret in secrets:  # sealed, like those that are there
            click.echo(f"  dango secrets set {secret.lower().replace('__', '.')}")
    elif secrets:
        click.echo(f"  put its secrets into .dlt/secrets.toml or .env: {', '.join(secrets)}")
    for command, why in zip(
        following, ("is every value there?", "look at 5 rows; nothing is loaded"), strict=True
    ):
        click.echo(f"  {command:<{max(map(len, following))}}  # {why}")
    return ExitCode.OK


def _with(project: Path, data: bytes | None, entry: Mapping[str, Any]) -> bytes:
    """Return the file with the entry, whose module is there and takes its arguments."""
    from dango_action.scaffold.insertion import inserted  # noqa: PLC0415 - as in main
    from dango_action.sources.reading import look  # noqa: PLC0415 - as above

    made = inserted(data, entry)
    config = parse(made, SOURCES_FILE).config
    new = [source for source in config.sources if source.name == entry["name"]] if config else []
    if problems := look(project, new, {}).problems:
        raise UsageError(*problems)
    return made


def _change(project: Path, edit: Callable[[bytes | None], bytes]) -> None:
    """Replace sources.yml by what `edit` makes of it, None if there is none; two at once wait for each other.

    Raises:
        ConfigError: the file can't be read.
        UsageError: it can't be written; then it is as it was.

    """
    file = project / SOURCES_FILE
    try:
        file.parent.mkdir(exist_ok=True)
        with alone_in(file.parent, "dango sources"):
            parsed = read(project)
            exists = os.path.lexists(file)
            if not file.is_file() and (exists or file.with_suffix(".yaml").exists()):
                raise ConfigError(*parsed.problems)
            replace(file, edit(file.read_bytes() if exists else None))
    except OSError as error:
        what = f"{SOURCES_FILE} can't be changed: {error.strerror}"
        raise UsageError.because(what, "look at its owner and its permissions; it is as it was") from error


@sources.command("list", cls=Answering)
@click.pass_obj
def listed(project: Path, /, *, as_json: bool) -> int:
    """List the project's sources, what custom_sources/ has that is not listed yet, and the types to add."""
    from dango_action.sources_overview import overview  # noqa: PLC0415 - as in main

    return tell(overview(project), as_json=as_json)


@sources.command(cls=Answering)
@click.argument("word", metavar="NAME-or-TYPE")
@click.pass_obj
def show(project: Path, /, word: str, *, as_json: bool) -> int:
    """Show a source: its options, where its parameters come from, its resources. Or what a type needs.

    A source is built for it, by its own code in a process of its own; nothing is extracted.
    """
    from dango_action.cli.sources_show import show_source, show_type  # noqa: PLC0415 - as in main
    from dango_action.config.model import TYPES  # noqa: PLC0415 - as above
    from dango_action.config.words import did_you_mean  # noqa: PLC0415 - as above

    parsed = read(project)
    names = [*(source.name for source in parsed.config.sources), *parsed.broken] if parsed.config else []
    if word in names:
        return show_source(project, parsed, word, as_json=as_json)
    if word in TYPES:
        return show_type(word, as_json=as_json)
    if parsed.config is None and (project / SOURCES_FILE).exists():
        raise ConfigError(*parsed.problems)
    what = f"there is no source and no type `{shown(word)}`"
    raise UsageError.because(what, did_you_mean(word, [*names, *TYPES]))
