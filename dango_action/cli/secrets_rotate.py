"""`dango secrets rotate`: a new key pair, and every value sealed for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from dango_action.cli import secrets_project as vault
from dango_action.cli.secrets_handing import STORE, add_note, hand_out
from dango_action.credentials.document import SECRETS_FILE
from dango_action.credentials.edit import Changes
from dango_action.credentials.keys import PrivateKey, keep
from dango_action.credentials.sealed import open_entries, parse_token, seal
from dango_action.errors import CredentialsError, ExitCode, Problem
from dango_action.inputs import config_folder
from dango_action.report.wording import counted

if TYPE_CHECKING:
    from pathlib import Path

    from dango_action.credentials.document import Document
    from dango_action.credentials.keys import KeyRing


@click.command()
@click.option("--no-keep", is_flag=True, help="Don't keep the new private key in your configuration folder.")
@click.pass_obj
def rotate(project: Path, /, *, no_keep: bool) -> int:
    """Seal everything for a new key; print it, and below it the old keys that the committed file still needs.

    \b
    dango secrets rotate | gh secret set DANGO_SECRETS_KEY
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    with vault.locked(project):
        found = vault.sound(project)
        ring = vault.ring(found, os.environ)
        opened, problems = open_entries(found.entries, ring, found.entries)
        if problems:
            raise CredentialsError(*problems)
        key = PrivateKey.generate()
        put = {
            entry.path: seal(opened[entry.path], entry.path, key.public, vault.time_of(entry))
            for entry in found.entries
        }
        # First the private key: a file that nobody can open must never be committed.
        kept = None if no_keep else keep(config_folder(os.environ), key)
        hand_out("\n".join([key.text(), *_needed(found, ring)]))
        vault.change(project, Changes(put=put, key=key.public))
    add_note(kept)
    click.echo(f"sealed {counted(len(put), 'secret')} of {SECRETS_FILE} for the key {key.public.id}", err=True)
    click.echo(f"once this is merged, drop the old key: {STORE}", err=True)
    click.echo("whoever had the old key can read what git has of before: replace those secrets too", err=True)
    return ExitCode.OK


def _needed(found: Document, ring: KeyRing) -> list[str]:
    """Return the old private keys that the workflow uses until the new file is on its branch."""
    tokens = [parse_token(entry.token) for entry in found.entries]
    used = [token.key_id for token in tokens if not isinstance(token, Problem)]
    own = [found.key.id] if found.key else []
    return [ring.keys[key_id].text() for key_id in dict.fromkeys([*own, *used]) if key_id in ring.keys]
