"""`dango secrets import`: every value of a `.dlt/secrets.toml` as a sealed secret."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dango_action.cli import secrets_project as vault
from dango_action.config.words import show
from dango_action.credentials import paths
from dango_action.credentials.edit import Changes, unusable
from dango_action.credentials.sealed import flaw, seal
from dango_action.errors import ConfigError, ExitCode, Position, Problem, UsageError
from dango_action.report.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT = ".dlt/secrets.toml"
_LARGEST = 4 * 1024 * 1024  # bytes
# What `dlt init` writes where a value is missing.
_PLACEHOLDER = "<configure me>"
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaves:
    """The values of a TOML file by path, and the paths of those that are none."""

    values: dict[tuple[str, ...], Any]
    empty: list[str]
    refused: list[Problem]


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.pass_obj
def import_(project: Path, /, *, file: Path | None) -> int:
    """Seal every value of FILE, by default .dlt/secrets.toml. Nothing is deleted, here or there.

    This needs only the public key.
    """
    name = str(file) if file else DEFAULT
    leaves = _leaves(_parsed(file or project / DEFAULT, show(name)), show(name))
    with vault.locked(project):
        found = vault.sound(project)
        public = vault.public_key(found, os.environ)
        vault.fitting(found, Changes(put=dict.fromkeys(leaves.values, "")))
        now = datetime.now(UTC)
        put = {path: seal(value, path, public, now) for path, value in leaves.values.items()}
        if put:
            vault.change(project, Changes(put=put))
    replaced = len({entry.path for entry in found.entries} & put.keys())
    what = f"{len(put) - replaced:,} new and {replaced:,} replaced"
    click.echo(f"sealed {counted(len(put), 'secret')} of {show(name)}: {what}", err=True)
    for empty in leaves.empty:
        click.echo(f"notice: `{empty}` has no value, and was left out", err=True)
    click.echo(f"{show(name)} is as it was: it holds the secrets in the clear, so never commit it", err=True)
    for problem in leaves.refused:
        click.echo(problem, err=True)
    return ExitCode.CREDENTIALS if leaves.refused else ExitCode.OK


def _parsed(file: Path, name: str) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ConfigError.because(f"{name} is larger than {_LARGEST // 1024**2} MiB", "keep data elsewhere")
        return tomllib.loads(data.decode("utf-8-sig"))
    except OSError as error:
        hint = "name the file: `dango secrets import FILE`"
        raise UsageError.because(f"{name} can't be read: {error.strerror}", hint) from error
    except UnicodeDecodeError:
        raise ConfigError.because(f"{name} is not UTF-8", "save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        at = _PLACE.search(str(error))
        place = Position(file=name, line=int(at[1]) if at else 1, column=int(at[2]) if at else 1)
        hint = 'write `[sources.<name>]`, and below it `key = "value"`'
        raise ConfigError.because("this is not TOML", hint, place) from None  # its message can quote the file


def _leaves(document: dict[str, Any], name: str) -> _Leaves:
    try:
        found = list(_walk(document, ()))
    except RecursionError:  # dotted keys can be deeper than Python's stack
        raise ConfigError.because(f"{name} is nested too deeply", "write fewer tables in each other") from None
    leaves = _Leaves(values={}, empty=[], refused=[])
    for path, value in found:
        written = show(paths.format_path(path))
        parsed = paths.parse(paths.format_path(path))
        if value in ("", _PLACEHOLDER):
            leaves.empty.append(written)
        elif reason := f"its path can't be used: {parsed}" if isinstance(parsed, str) else flaw(value):
            hint = "change it there, or leave it out; all others are sealed"
            leaves.refused.append(Problem(what=f"{name}: `{written}` can't be sealed: {reason}", hint=hint))
        elif problems := unusable(path, value):
            leaves.refused.extend(replace(problem, what=f"{name}: {problem.what}") for problem in problems)
        else:
            leaves.values[path] = value
    return leaves


def _walk(table: dict[str, Any], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _walk(value, (*above, key))
        else:
            yield (*above, key), _plain(value)


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever TOML has
    """Return the value as JSON has it: dates become ISO text."""
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case _:
            return value
