"""The project's own settings files: `.env` and dlt's TOML files, read strictly, before any source runs."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dotenv.parser import parse_stream

from dango_action.errors import ConfigError, Position, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

DOTENV = ".env"
SECRETS_TOML = ".dlt/secrets.toml"
CONFIG_TOML = ".dlt/config.toml"
DEEPEST = 64  # levels of a TOML file


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What the settings files say. Their values may be secrets, so it does not print them."""

    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    dotenv: Mapping[str, str] = field(default_factory=dict, repr=False)


def settings_problems(project: Path) -> list[Problem]:
    """Return what is wrong with the settings files, with its place and never with a value."""
    return [
        *_dotenv_problems(project),
        *(problem for name in (SECRETS_TOML, CONFIG_TOML) for problem in _toml_problems(project, name)),
    ]


def read_files(project: Path) -> Files:
    """Return what `.env` and dlt's files in this project say; a file that is not there says nothing.

    Raises:
        ConfigError: a file is there and can't be read; all such problems at once.

    """
    problems = settings_problems(project)
    if problems:
        raise ConfigError(*problems)
    return Files(
        secrets=_toml(project / SECRETS_TOML),
        config=_toml(project / CONFIG_TOML),
        dotenv=_dotenv(project / DOTENV),
    )


def _toml(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8-sig")) if file.is_file() else {}


def _dotenv(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8-sig") as stream:
        return {b.key: b.value for b in parse_stream(stream) if b.key is not None and b.value is not None}


def _dotenv_problems(project: Path) -> Iterator[Problem]:
    file = project / DOTENV
    if not file.is_file():
        return
    try:
        with file.open(encoding="utf-8-sig") as stream:
            wrong = [b.original.line for b in parse_stream(stream) if b.error or not _is_variable(b.key, b.value)]
    except (OSError, UnicodeDecodeError) as error:
        yield _unreadable(DOTENV, error)
        return
    for line in wrong:
        at = Position(file=DOTENV, line=line, column=1)
        yield Problem(what="this line is no NAME=value", hint="write it so, or begin it with #", at=at)


def _is_variable(name: str | None, text: str | None) -> bool:
    """Tell whether a process can have this variable; a comment has no name."""
    return name is None or not ({"=", "\0"} & set(name) or "\0" in (text or ""))


def _toml_problems(project: Path, name: str) -> Iterator[Problem]:
    file = project / name
    if not file.is_file():
        return
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        yield _unreadable(name, error)
        return
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError):
        yield _placed(text, name)
        return
    if _is_deep(document):
        what = f"this file is nested deeper than {DEEPEST} levels"
        yield Problem(what=what, hint="look for keys with many dots, and for lists in lists", at=_start(name))


def _is_deep(document: object) -> bool:
    level: list[object] = [document]
    for _ in range(DEEPEST):
        level = [below for value in level for below in _below(value)]
    return bool(level)


def _below(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _placed(text: str, name: str) -> Problem:
    """Say where a text stops being TOML, which the parser of the standard library does not tell as data."""
    import tomlkit  # noqa: PLC0415 - slow to import, and needed for a broken file only
    from tomlkit.exceptions import ParseError, TOMLKitError  # noqa: PLC0415

    what, at = "this is not TOML", _start(name)
    hint = 'write `[sources.<name>]`, and below it `key = "value"`'
    try:
        tomlkit.parse(text)
    except ParseError as error:
        at = Position(file=name, line=error.line, column=error.col + 1)
    except TOMLKitError as error:
        what, hint = f"this file is not TOML: {type(error).__name__}", "does a key or a section stand in it twice?"
    return Problem(what=what, hint=hint, at=at)


def _unreadable(name: str, error: Exception) -> Problem:
    what = f"this file cannot be read: {type(error).__name__}"
    return Problem(what=what, hint="write it as UTF-8 text", at=_start(name))


def _start(name: str) -> Position:
    return Position(file=name, line=1, column=1)
