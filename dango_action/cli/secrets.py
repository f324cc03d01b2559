"""`dango secrets`: seal secrets one by one into a file that is committed."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dango_action.cli import secrets_project as vault
from dango_action.cli.answer import Answering, answer
from dango_action.cli.secrets_check import check
from dango_action.cli.secrets_handing import STORE, add_note, hand_out
from dango_action.cli.secrets_import import import_
from dango_action.cli.secrets_input import read_value
from dango_action.cli.secrets_rotate import rotate
from dango_action.config.words import did_you_mean
from dango_action.credentials.document import SECRETS_FILE, read
from dango_action.credentials.edit import Changes, unusable
from dango_action.credentials.keys import PrivateKey, keep
from dango_action.credentials.paths import format_path
from dango_action.credentials.sealed import Token, open_entries, parse_token, seal
from dango_action.environment import config_folder
from dango_action.errors import CredentialsError, ExitCode, Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dango_action.credentials.document import Document, Sealed

_HEAD = """\
# Secrets, each sealed on its own; commit this file. `dango secrets set PATH` adds one; it needs only this key.
# Only the private key opens them. It is the repository's secret DANGO_SECRETS_KEY, and never stands here.
version: 1
key: {}
secrets: {{}}
"""


@click.group()
def secrets() -> None:
    """Seal secrets into .dango/secrets.enc.yml, which is committed; only the workflow can open them.

    Values come by standard input, a hidden prompt or a file, never by an argument.
    """


@secrets.command()
@click.option("--no-keep", is_flag=True, help="Don't keep the private key in your configuration folder.")
@click.pass_obj
def init(project: Path, /, *, no_keep: bool) -> int:
    """Create the file and its key pair; print the private key alone on standard output.

    \b
    dango secrets init | gh secret set DANGO_SECRETS_KEY
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    with vault.locked(project):
        vault.none_yet(project)
        key = PrivateKey.generate()
        # First the private key: a public one that nobody can open for must never be committed.
        kept = None if no_keep else keep(config_folder(os.environ), key)
        hand_out(key.text())
        vault.create(project / SECRETS_FILE, _HEAD.format(key.public.text).encode())
    add_note(kept)
    click.echo(f"created {SECRETS_FILE} for the key {key.public.id}; commit it", err=True)
    return ExitCode.OK


@secrets.command()
@click.pass_obj
def key(project: Path, /) -> int:
    """Print the private key of this project again: GitHub never gives a secret back."""
    hand_out(vault.own_key(vault.sound(project), os.environ).text())
    if sys.stdout.isatty():
        click.echo(f"to store it: {STORE}", err=True)
    return ExitCode.OK


@secrets.command("set")
@click.argument("path")
@click.argument("value", nargs=-1, metavar="")
@click.option(
    "--json", "as_json", is_flag=True, help="The value is JSON: numbers, true, lists, objects keep types."
)
@click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Take the whole content of a file, such as a service account's JSON.",
)
@click.pass_obj
def set_(project: Path, /, *, path: str, value: tuple[str, ...], as_json: bool, file: Path | None) -> int:
    """Seal a value from standard input, or a prompt, for a path like sources.shop.api_key.

    One final newline is no part of it. This needs only the public key.
    """
    if value:
        what = "the value is no argument: it would be seen in the list of processes and in the shell's history"
        raise UsageError.because(what, "pipe it in, or type it at the prompt; replace it if it is in use")
    [parts] = vault.paths_of([path])
    there = vault.sound(project)  # before anybody types a secret
    vault.public_key(there, os.environ)
    vault.fitting(there, Changes(put={parts: ""}))
    given = read_value(file, as_json=as_json)
    if problems := unusable(parts, given):
        raise UsageError(*problems)
    with vault.locked(project):
        found = vault.sound(project)
        public = vault.public_key(found, os.environ)
        vault.fitting(found, Changes(put={parts: ""}))
        vault.change(project, Changes(put={parts: seal(given, parts, public, datetime.now(UTC))}))
    word = "replaced" if any(entry.path == parts for entry in found.entries) else "added"
    click.echo(f"{word} {format_path(parts)}, sealed for the key {public.id}", err=True)
    for notice in _doubts(project, parts):
        click.echo(f"notice: {notice}", err=True)
    return ExitCode.OK


@secrets.command()
@click.argument("path", nargs=-1, required=True)
@click.pass_obj
def unset(project: Path, /, *, path: tuple[str, ...]) -> int:
    """Remove secrets from the file. They stay in the history of git: replace them at their providers."""
    parts = vault.paths_of(path)
    with vault.locked(project):
        found = vault.sound(project)
        known = {entry.path for entry in found.entries}
        if absent := [one for one in dict.fromkeys(parts) if one not in known]:
            raise UsageError(*(vault.missing(one, found) for one in absent))
        vault.change(project, Changes(gone=frozenset(parts)))
    for one in dict.fromkeys(parts):
        click.echo(f"removed {format_path(one)}", err=True)
    return ExitCode.OK


@secrets.command()
@click.argument("old")
@click.argument("new")
@click.pass_obj
def mv(project: Path, /, *, old: str, new: str) -> int:
    """Give a secret another path. It is sealed again for it, so this needs the private key."""
    before, after = vault.paths_of([old, new])
    with vault.locked(project):
        found = vault.sound(project)
        entries = {entry.path: entry for entry in found.entries}
        if before not in entries:
            raise UsageError(vault.missing(before, found))
        if after in entries:
            hint = "`dango secrets unset` it first"
            raise UsageError.because(f"{SECRETS_FILE} has a secret `{format_path(after)}` already", hint)
        vault.fitting(found, Changes(moved={before: (after, "")}))
        token = _resealed(found, entries[before], after)
        vault.change(project, Changes(moved={before: (after, token)}))
    click.echo(f"moved {format_path(before)} to {format_path(after)}", err=True)
    return ExitCode.OK


@secrets.command("list", cls=Answering)
@click.pass_obj
def list_(project: Path, /, *, as_json: bool) -> int:
    """Show the paths, for which key each is sealed, and since when. No value is opened."""
    vault.sound_project(project)
    found = read(project)
    if found is None:
        raise CredentialsError.because(f"there is no {SECRETS_FILE}", "create it: `dango secrets init`")
    rows = [(entry, parse_token(entry.token)) for entry in found.entries]
    wrong = [
        Problem(what=token.what, hint=token.hint, at=entry.at)
        for entry, token in rows
        if isinstance(token, Problem)
    ]
    problems = [*found.problems, *wrong]
    code = ExitCode.CREDENTIALS if problems else ExitCode.OK
    if as_json:
        document = {
            "key": found.key.id if found.key else None,
            "secrets": [_row(entry, token) for entry, token in rows if isinstance(token, Token)],
        }
        answer(document, problems, code)
    else:
        for line in _table([(entry, token) for entry, token in rows if isinstance(token, Token)]):
            click.echo(line)
    for problem in problems:
        click.echo(problem, err=True)
    return code


def _resealed(found: Document, entry: Sealed, path: tuple[str, ...]) -> str:
    """Return the value of an entry sealed for another path, with the time at which it was first sealed."""
    public = vault.public_key(found, os.environ)
    opened, problems = open_entries([entry], vault.ring(found, os.environ), found.entries)
    if problems:
        raise CredentialsError(*problems)
    return seal(opened[entry.path], path, public, vault.time_of(entry))


def _row(entry: Sealed, token: Token) -> dict[str, str | None]:
    sealed_at = token.sealed_at
    return {
        "path": format_path(entry.path),
        "key": token.key_id,
        "sealed_at": sealed_at.isoformat().replace("+00:00", "Z") if sealed_at else None,
    }


def _table(rows: list[tuple[Sealed, Token]]) -> Iterator[str]:
    width = max((len(format_path(entry.path)) for entry, _ in rows), default=0)
    for entry, token in rows:
        yield f"{format_path(entry.path):<{width}}  {token.key_id}  {_age(token.sealed_at)}"


def _age(sealed_at: datetime | None) -> str:
    if sealed_at is None:
        return "at no time that a calendar has"
    days = (datetime.now(UTC) - sealed_at).days
    ago = {0: "today", 1: "1 day ago"}.get(days, f"{days:,} days ago" if days > 0 else "in the future")
    return f"{sealed_at:%Y-%m-%d} ({ago})"


def _doubts(project: Path, path: tuple[str, ...]) -> Iterator[Problem]:
    """Give what may be a mistake in a path, when it does not stand in the way."""
    from dango_action.config.parse import read as read_sources  # noqa: PLC0415 - the other commands need no sources

    names = list(read_sources(project).positions)
    if path[0] == "sources" and len(path) > 1 and path[1] not in names:
        hint = did_you_mean(path[1], names) if names else "add it, or rename this with `dango secrets mv`"
        yield Problem(what=f"`.dango/sources.yml` has no source `{format_path(path[1:2])}`", hint=hint)
    elif path[0] not in {"sources", "destination", *names} and not (len(path) == 1 and path[0].isidentifier()):
        hint = "those of a source begin with `sources.NAME.`, those of the target with `destination.`"
        yield Problem(what=f"nothing reads the path `{format_path(path)}`", hint=hint)


for command in (check, import_, rotate):
    secrets.add_command(command)
