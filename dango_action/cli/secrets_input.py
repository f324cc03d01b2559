"""The value of a secret from where it is not seen: standard input, a hidden prompt, a file. Never an argument."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from dango_action.credentials.sealed import LARGEST, flaw
from dango_action.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

# A terminal gives out a line of so many bytes, and silently drops the rest of a longer one.
_LONGEST_LINE = 1023 if sys.platform == "darwin" else 4095


def read_value(file: Path | None, *, as_json: bool) -> Any:  # noqa: ANN401 - any JSON
    """Return the value that somebody hands over; from standard input, one final newline is no part of it.

    Raises:
        UsageError: there is none, or it can't be a secret. No message shows it.

    """
    text = _text(file)
    value = _from_json(text) if as_json else text
    reason = flaw(value)
    if reason:
        raise UsageError.because(f"this can't be the value of a secret: {reason}", "nothing was changed")
    return value


def _text(file: Path | None) -> str:
    if file is not None:
        try:
            with file.open("rb") as stream:
                return _decoded(stream)
        except OSError as error:
            raise UsageError.because(f"{file} can't be read: {error.strerror}", "nothing was changed") from error
    if sys.stdin is None:
        raise UsageError.because("there is no standard input to read the value from", "pipe it in, or use --file")
    if sys.stdin.isatty():
        return _prompted()
    text = _decoded(sys.stdin.buffer)
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def _prompted() -> str:
    text: str = click.prompt("Value (it is not shown)", hide_input=True, confirmation_prompt="Once more", err=True)
    if len(text.encode("utf-8", "surrogateescape")) >= _LONGEST_LINE:
        what = f"a terminal cuts lines at {_LONGEST_LINE} bytes, so the value may not be whole"
        raise UsageError.because(what, "pipe it in, or use --file")
    return text


def _decoded(stream: BinaryIO) -> str:
    most = LARGEST + 2  # and its final newline
    data = stream.read(most + 1)
    if len(data) > most:
        what = f"this can't be the value of a secret: it has more than {LARGEST // 1024} KiB"
        raise UsageError.because(what, "nothing was changed")
    try:
        return data.decode()
    except UnicodeDecodeError:
        what = "this can't be the value of a secret: it is not UTF-8"
        raise UsageError.because(what, "encode binary data as base64") from None  # it holds the value


def _from_json(text: str) -> object:
    try:
        return json.loads(text.removeprefix("\ufeff"), parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        raise UsageError.because(f"the value is not JSON, at {at}", "leave out --json for plain text") from None
    except (ValueError, RecursionError):
        raise UsageError.because(
            "the value is JSON that can't be used", "leave out NaN and long numbers"
        ) from None


def _no_constant(_: str) -> None:
    raise ValueError
