"""The project's own settings files: `.env` and dlt's TOML files, read strictly, before any source runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotenv.parser import parse_stream

from dango_action.errors import ConfigError, Position, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TOML_FILES = (".dlt/secrets.toml", ".dlt/config.toml")


def settings_problems(project: Path) -> list[Problem]:
    """Return what is wrong with the settings files, with its place and never with a value."""
    return [
        *_dotenv_problems(project),
        *(problem for name in TOML_FILES for problem in _toml_problems(project, name)),
    ]


def with_dotenv(project: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment over the project's `.env`, which fills only what is not set.

    Raises:
        ConfigError: a settings file is there and can't be read; all such problems at once.

    """
    problems = settings_problems(project)
    if problems:
        raise ConfigError(*problems)
    file = project / ".env"
    if not file.is_file():
        return dict(environ)
    with file.open(encoding="utf-8-sig") as stream:
        filled = {b.key: b.value for b in parse_stream(stream) if b.key is not None and b.value is not None}
    return {**filled, **{key: value for key, value in environ.items() if value or key not in filled}}


def _dotenv_problems(project: Path) -> Iterator[Problem]:
    file = project / ".env"
    if not file.is_file():
        return
    try:
        with file.open(encoding="utf-8-sig") as stream:
            wrong = [binding.original.line for binding in parse_stream(stream) if binding.error]
    except (OSError, UnicodeDecodeError) as error:
        yield _unreadable(".env", error)
        return
    for line in wrong:
        at = Position(file=".env", line=line, column=1)
        yield Problem(what="this line is no NAME=value", hint="write it so, or begin it with #", at=at)


def _toml_problems(project: Path, name: str) -> Iterator[Problem]:
    file = project / name
    if not file.is_file():
        return
    import tomlkit  # noqa: PLC0415 - it is slow to import, and many projects have no such file
    from tomlkit.exceptions import ParseError, TOMLKitError  # noqa: PLC0415

    try:
        tomlkit.parse(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        yield _unreadable(name, error)
    except ParseError as error:
        at = Position(file=name, line=error.line, column=error.col + 1)
        yield Problem(
            what="this is not TOML", hint='write `[sources.<name>]`, and below it `key = "value"`', at=at
        )
    except TOMLKitError as error:
        what = f"this file is not TOML: {type(error).__name__}"
        yield Problem(what=what, hint="does a key or a section stand in it twice?", at=_start(name))


def _unreadable(name: str, error: Exception) -> Problem:
    what = f"this file cannot be read: {type(error).__name__}"
    return Problem(what=what, hint="write it as UTF-8 text", at=_start(name))


def _start(name: str) -> Position:
    return Position(file=name, line=1, column=1)
