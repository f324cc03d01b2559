"""Paths and addresses in a requirements file: inside of the project, and without passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from dango_action.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from dango_action.errors import Position

_SCHEMES = frozenset({"http", "https", "git+https"})


def is_address(text: str) -> bool:
    """Tell whether a text is a URL, and no path."""
    return "://" in text or text.startswith("file:")


def address(text: str, at: Position) -> str:
    """Return a URL that may be handed on.

    Raises:
        ConfigError: it is of no kind that is known, or holds a password, which is not shown.

    """
    try:
        parts = urlsplit(text)
        login = parts.username is not None
    except ValueError:
        parts, login = urlsplit(""), False
    if parts.scheme not in _SCHEMES or not parts.netloc:
        hint = "use an address with https://, or a path in the project like `./vendor/shop-1.0-py3-none-any.whl`"
        raise ConfigError.because("this address can't be used", hint, at)
    if login:
        hint = (
            "take it out, and make it anew: it is in git. A private index is given by the variable "
            "`UV_EXTRA_INDEX_URL`, or `NETRC`, below `env:` of the step"
        )
        raise ConfigError.because("there is a login in this address", hint, at)
    return text


def path(text: str, base: Path, project: Path, at: Position) -> Path:
    """Return the real path of a file or folder of the project, which is there; `base` is where it counts from.

    Raises:
        ConfigError: there is none, or a `..` or a link leads out of the project.

    """
    plain = unquote(urlsplit(text).path) if text.startswith("file:") else text
    top = project.resolve()
    try:
        real = (base / plain).resolve()
        inside, there = real.is_relative_to(top), real.exists()
    except (OSError, RuntimeError, ValueError):  # a name that no file system takes, a link that leads to itself
        inside, there = True, False
    if not inside:
        raise ConfigError.because(
            "this path leads out of the project", "put the file below the project's folder", at
        )
    if not there:
        raise ConfigError.because("there is no such file or folder", f"paths count from {_shown(base, top)}", at)
    return real


def _shown(base: Path, top: Path) -> str:
    inside = base.resolve().relative_to(top).as_posix()
    return "the project's folder" if inside == "." else f"`{inside}`"
