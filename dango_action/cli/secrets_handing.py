"""Handing out private keys: on standard output alone, so that they can be piped into where they are stored."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dango_action.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

STORE = "dango secrets key | gh secret set DANGO_SECRETS_KEY"


def hand_out(text: str) -> None:
    """Print private keys.

    Raises:
        UsageError: nobody takes them; nothing may be sealed for a key that is lost.

    """
    try:
        if sys.stdout is None:
            raise BrokenPipeError(32, "it is closed")
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError as error:
        what = f"the private key can't be printed: {error.strerror}"
        raise UsageError.because(what, "let standard output lead somewhere; the file was not changed") from error


def add_note(kept: Path | None) -> None:
    """Say where the private key is, and, if it was printed for a person, what to do with it."""
    if kept is not None:
        click.echo(f"the private key is kept in {kept}", err=True)
    if sys.stdout.isatty():
        how = f"store it: {STORE}" if kept else "store it now, in a password manager and as DANGO_SECRETS_KEY"
        click.echo(f"the line above is the private key; {how}", err=True)
