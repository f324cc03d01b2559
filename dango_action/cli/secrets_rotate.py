"""`dango secrets rotate`: a new key pair, and every value sealed for it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import click

from dango_action.cli import secrets_project as vault
from dango_action.cli.secrets_handing import STORE, add_note, hand_out
from dango_action.credentials.document import SECRETS_FILE, parse
from dango_action.credentials.edit import Changes
from dango_action.credentials.keys import PrivateKey, keep
from dango_action.credentials.sealed import open_entries, seal
from dango_action.environment import config_folder
from dango_action.errors import CredentialsError, ExitCode
from dango_action.report.wording import counted

if TYPE_CHECKING:
    from pathlib import Path

    from dango_action.credentials.document import Document
    from dango_action.credentials.keys import KeyRing

_REFS = ("HEAD", "refs/remotes/origin/HEAD")
_SECONDS = 10


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
        hand_out("\n".join([key.text(), *_needed(project, found, ring)]))
        vault.change(project, Changes(put=put, key=key.public))
    add_note(kept)
    click.echo(f"sealed {counted(len(put), 'secret')} of {SECRETS_FILE} for the key {key.public.id}", err=True)
    click.echo(f"once this is merged and the workflow has run, drop the old key: {STORE}", err=True)
    click.echo("whoever had the old key can read what git has of before: replace those secrets too", err=True)
    return ExitCode.OK


def _needed(project: Path, found: Document, ring: KeyRing) -> list[str]:
    """Return the old private keys that workflows use until the new file is on their branch.

    The file here may itself be the work of a rotation that is not merged yet, so git is asked too.
    """
    documents = [found, *(parse(data, SECRETS_FILE) for ref in _REFS if (data := _committed(project, ref)))]
    ids = dict.fromkeys(key_id for document in documents for key_id in vault.ids_of(document))
    keys = ring.kept(config_folder(os.environ), ids).keys
    if lost := [key_id for key_id in ids if key_id not in keys]:
        click.echo(f"notice: a committed file needs the key {', '.join(lost)}, which is not here", err=True)
    return [keys[key_id].text() for key_id in ids if key_id in keys]


def _committed(project: Path, ref: str) -> bytes:
    """Return the document as a commit has it; empty if there is none, or no git."""
    command = ("git", "-C", str(project), "cat-file", "blob", f"{ref}:./{SECRETS_FILE}")
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return done.stdout if done.returncode == 0 else b""
