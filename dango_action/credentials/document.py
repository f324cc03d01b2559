"""The document of sealed secrets, `.dango/secrets.enc.yml`: which paths have which sealed values, and where."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dango_action.config.lines import load
from dango_action.config.nodes import Keys, Node, Scalar, is_null, problems_in
from dango_action.config.words import did_you_mean, show
from dango_action.credentials import paths
from dango_action.credentials.keys import PublicKey
from dango_action.errors import Position, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRETS_FILE = ".dango/secrets.enc.yml"
LARGEST = 4 * 1024 * 1024  # bytes
VERSION = 1
KEYS = ("version", "key", "secrets")

_CLEAR = "seal it with `dango secrets set PATH`, and replace it at its provider: it may be known"
_FROM_GIT = "take the line back from git"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """One secret of a document. Its token is what stands there, which may be anything until it is opened."""

    path: tuple[str, ...]
    token: str = field(repr=False)
    at: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a document says, in its order, and what is wrong with its structure; no path occurs twice.

    Whether the values are sealed, and for what, is found out by `sealed.open_entries`.
    """

    key: PublicKey | None
    entries: tuple[Sealed, ...]
    problems: tuple[Problem, ...]


def read(project: Path) -> Document | None:
    """Return the document of a project; None if it has none. What keeps it from being read is a problem in it.

    A link that leads to nothing is a document that can't be read: whoever has put it there has meant one.
    """
    path = project / SECRETS_FILE
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # before opening: a named pipe would wait for a writer
            return _unusable("this is not a file", "put a text file in its place")
        with path.open("rb") as stream:
            return parse(stream.read(LARGEST + 1), SECRETS_FILE)
    except FileNotFoundError:
        return _unusable(*_dangling(path)) if path.is_symlink() else None
    except OSError as error:
        return _unusable(f"the file can't be read: {error.strerror}", "look at its permissions and its folder")


def parse(data: bytes, file: str) -> Document:
    """Return what the bytes of a document say; positions name it `file`. It never raises."""
    loaded = load(data, file, LARGEST)
    problems = list(loaded.problems)
    if not isinstance(loaded.root, Keys):
        if loaded.root is not None:
            problems += list(problems_in(loaded.root)) or [_no_mapping(loaded.root)]
        return Document(key=None, entries=(), problems=tuple(problems))
    problems += [*problems_in(loaded.root), *_keys(loaded.root)]
    key = _key(loaded.root, problems)
    entries = _entries(loaded.root, problems)
    ordered = sorted(problems, key=lambda problem: problem.at or Position(file=file, line=1, column=1))
    return Document(key=key, entries=entries, problems=tuple(ordered))


def _unusable(what: str, hint: str) -> Document:
    at = Position(file=SECRETS_FILE, line=1, column=1)
    return Document(key=None, entries=(), problems=(Problem(what=what, hint=hint, at=at),))


def _dangling(link: Path) -> tuple[str, str]:
    what = f"this is a link to {show(str(link.readlink()))}, where there is no file"
    return what, "put that file back, or remove the link; then `dango secrets init` creates a document"


def _no_mapping(root: Node) -> Problem:
    what = "the file is empty" if is_null(root) else "the file is no document of sealed secrets"
    return Problem(what=what, hint="remove it and run `dango secrets init`, or take it back from git", at=root.at)


def _keys(root: Keys) -> Iterator[Problem]:
    for entry in root.entries.values():
        if entry.key not in KEYS:
            hint = did_you_mean(entry.key, KEYS)
            if "." in entry.key:
                hint = "a secret stands below `secrets:`, with two spaces before it"
            yield Problem(what=f"unknown key `{show(entry.key)}`", hint=hint, at=entry.at)
    for name in KEYS:
        if name not in root.entries:
            yield Problem(what=f"`{name}:` is missing", hint=_FROM_GIT, at=root.at)
    version = root.entries.get("version")
    if version is not None and (found := _version(version.node)):
        yield found


def _version(node: Node) -> Problem | None:
    value = node.value if isinstance(node, Scalar) else None
    if node.problems or (value == VERSION and type(value) is int):
        return None
    if type(value) is int and value > VERSION:
        what = f"this document is of version {value}, and this version of dango knows {VERSION}"
        return Problem(what=what, hint="use a newer version of dango", at=node.at)
    return Problem(what=f"`version` must be {VERSION}", hint=f"write `version: {VERSION}`", at=node.at)


def _key(root: Keys, problems: list[Problem]) -> PublicKey | None:
    entry = root.entries.get("key")
    if entry is None or entry.node.problems:
        return None
    value = entry.node.value if isinstance(entry.node, Scalar) else None
    key = PublicKey.parse(value) if isinstance(value, str) else "it is no text"
    if isinstance(key, PublicKey):
        return key
    hint = _FROM_GIT
    if key == "it is a private key":
        hint = "everybody who can read this can open the secrets: take it back, rotate, and replace them all"
    problems.append(Problem(what=f"`key` is no public key: {key}", hint=hint, at=entry.node.at))
    return None


def _entries(root: Keys, problems: list[Problem]) -> tuple[Sealed, ...]:
    secrets = root.entries.get("secrets")
    if secrets is None or is_null(secrets.node):
        return ()
    if not isinstance(secrets.node, Keys):
        hint = "write a line `path: enc:v1:…` for each, or `secrets: {}`"
        if not secrets.node.problems:
            problems.append(Problem(what="`secrets` must be a mapping", hint=hint, at=secrets.node.at))
        return ()
    entries: dict[tuple[str, ...], Sealed] = {}
    for entry in secrets.node.entries.values():
        path = paths.parse(entry.key)
        if isinstance(path, str):
            hint = 'write it like `sources.shop.api_key`; a part with other characters goes into quotes: "a.b"'
            problems.append(Problem(what=f"this can't be the path of a secret: {path}", hint=hint, at=entry.at))
        elif path in entries:
            what = f"this is another spelling of the path at {entries[path].at}"
            problems.append(Problem(what=what, hint="remove one", at=entry.at))
        elif not isinstance(entry.node, Scalar) or not isinstance(entry.node.value, str):
            if not entry.node.problems:
                what = f"the value of `{paths.format_path(path)}` must be text like `enc:v1:…`: this is not sealed"
                problems.append(Problem(what=what, hint=_CLEAR, at=entry.node.at))
        else:
            entries[path] = Sealed(path=path, token=entry.node.value, at=entry.at)
    return tuple(entries.values())
