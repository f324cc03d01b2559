"""A project's sealed secrets on the disk: read, changed under a lock, replaced in one step; and their keys."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import replace as replaced
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dango_action.cli.replacing import alone_in, replace
from dango_action.config.words import did_you_mean, show
from dango_action.credentials import document, paths
from dango_action.credentials.edit import edit, new_clashes
from dango_action.credentials.keys import KeyRing
from dango_action.credentials.sealed import Token, parse_token
from dango_action.environment import config_folder, secrets_key
from dango_action.errors import CredentialsError, Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dango_action.credentials.document import Document, Sealed
    from dango_action.credentials.edit import Changes
    from dango_action.credentials.keys import PrivateKey, PublicKey

FILE = document.SECRETS_FILE
_FOLDER = ".dango"


@contextmanager
def locked(project: Path) -> Iterator[None]:
    """Hold the lock under which the document changes; wait for whoever has it.

    The lock is on the folder in which the file really lies: other projects may have links to it.

    Raises:
        CredentialsError: it is a link that leads to nothing.
        UsageError: this folder is no project, or can't be locked.

    """
    sound_project(project)
    file = project / FILE
    if file.is_symlink() and not file.exists() and (found := document.read(project)):
        raise CredentialsError(*found.problems)
    folder = Path(os.path.dirname(os.path.realpath(file)))  # noqa: PTH120 - Path.resolve() raises at a loop
    with ExitStack() as held:
        try:
            held.enter_context(alone_in(folder, "dango secrets"))
        except OSError as error:
            raise _unwritable(error) from error
        yield


def sound_project(project: Path) -> None:
    """Raise UsageError if this folder is no project."""
    if not (project / _FOLDER).is_dir():
        what = f"{show(str(project))} is no project: it has no folder .dango"
        raise UsageError.because(what, "run `dango init` first")


def sound(project: Path) -> Document:
    """Return the project's document, which has no problem in its structure.

    Raises:
        CredentialsError: there is none, or it has problems; all of them at once.
        UsageError: this folder is no project.

    """
    sound_project(project)
    found = document.read(project)
    if found is None:
        raise CredentialsError.because(f"there is no {FILE}", "create it: `dango secrets init`")
    if found.problems:
        raise CredentialsError(*found.problems)
    return found


def none_yet(project: Path) -> None:
    """Raise UsageError if a project has a document."""
    file = project / FILE
    if os.path.lexists(file):
        hint = "`dango secrets key` prints its private key again; `dango secrets rotate` makes a new one"
        raise UsageError.because(f"{FILE} exists already", hint)


def fitting(found: Document, changes: Changes) -> None:
    """See to it that changes add no path that another one stands in the way of: every later sync would refuse it.

    Raises:
        UsageError: they do; all of these paths at once.

    """
    if problems := new_clashes(found.entries, changes):
        raise UsageError(*(replaced(problem, hint=f"{problem.hint}; nothing was changed") for problem in problems))


def public_key(found: Document, environ: Mapping[str, str]) -> PublicKey:
    """Return the document's key, if it may be used to seal more.

    Raises:
        CredentialsError: it is not the key that the values are sealed for, or not the one that this user has kept
            under its id, so whoever has put it there could read what is sealed next.

    """
    key = found.key
    if key is None:
        raise CredentialsError.because(f"{FILE} has no key", "take it back from git")
    others = ids_of(found)[1:]
    kept = KeyRing().kept(config_folder(environ), [key.id]).keys.get(key.id)
    if others or (kept is not None and kept.public != key):
        sealed = ", ".join(others) or f"another one of the same id in {config_folder(environ)}"
        hint = "look at `git log -p` for its line; `dango secrets rotate` seals everything for a new key"
        what = f"`key:` of {FILE} is {key.id}, but there are secrets or keys of {sealed}: has somebody changed it?"
        raise CredentialsError.because(what, hint)
    return key


def ring(found: Document, environ: Mapping[str, str]) -> KeyRing:
    """Return the private keys of `DANGO_SECRETS_KEY`, and those kept on this machine that the document uses.

    Raises:
        CredentialsError: one of them can't be used.

    """
    return KeyRing.of(secrets_key(environ)).kept(config_folder(environ), ids_of(found))


def ids_of(found: Document) -> list[str]:
    """Return the ids of all keys that a document uses, its own first."""
    tokens = [token for entry in found.entries if isinstance(token := parse_token(entry.token), Token)]
    return list(dict.fromkeys([*([found.key.id] if found.key else []), *(token.key_id for token in tokens)]))


def own_key(found: Document, environ: Mapping[str, str]) -> PrivateKey:
    """Return the private key of the document.

    Raises:
        CredentialsError: nobody has given it, and it is not kept here.

    """
    keys = ring(found, environ).keys
    key = keys.get(found.key.id) if found.key else None
    if key is None or key.public != found.key:
        wanted = found.key.id if found.key else "?"
        what = f"the private key {wanted} is neither in DANGO_SECRETS_KEY nor kept in {config_folder(environ)}"
        raise CredentialsError.because(what, "ask who ran `dango secrets init`; GitHub does not give it back")
    return key


def change(project: Path, changes: Changes) -> None:
    """Edit the document; whoever calls holds the lock, and has read it under the lock.

    Raises:
        CredentialsError: it is not written in a way that can be edited.
        UsageError: it can't be written; then the old one is there.

    """
    file = project / FILE
    try:
        made = edit(file.read_bytes(), changes, FILE)
        replace(file, made)
    except OSError as error:
        raise _unwritable(error) from error


def create(file: Path, content: bytes) -> None:
    """Write the first document; whoever calls holds the lock, and has seen that there is none.

    Raises:
        UsageError: it can't be written; then there is still none.

    """
    try:
        replace(file, content)
    except OSError as error:
        raise _unwritable(error) from error


def time_of(entry: Sealed) -> datetime:
    """Return when a value that opens was sealed; moving it or rotating its key makes it no younger."""
    token = parse_token(entry.token)
    return (token.sealed_at if isinstance(token, Token) else None) or datetime.now(UTC)


def paths_of(words: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the paths that were given as arguments.

    Raises:
        UsageError: some are none. They are not shown: somebody may have written `PATH=VALUE`.

    """
    parsed = [paths.parse(word) for word in words]
    problems = [
        Problem(what=f"PATH number {number} can't be used: {reason}", hint="write it like `sources.shop.api_key`")
        for number, reason in enumerate(parsed, 1)
        if isinstance(reason, str)
    ]
    if problems:
        raise UsageError(*problems)
    return [path for path in parsed if not isinstance(path, str)]


def missing(path: tuple[str, ...], found: Document) -> Problem:
    """Return the problem that the document has no such secret."""
    known = [paths.format_path(entry.path) for entry in found.entries]
    name = paths.format_path(path)
    hint = did_you_mean(name, known) if known else "it has none yet: `dango secrets set PATH`"
    return Problem(what=f"{FILE} has no secret `{name}`", hint=hint)


def _unwritable(error: OSError) -> UsageError:
    what = f"{FILE} can't be written: {error.strerror}"
    return UsageError(Problem(what=what, hint="mend that, then try again: what is there stays as it was"))
