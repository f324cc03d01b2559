"""Sealed values: `enc:v1:<key id>:<base64url>`, by HPKE (RFC 9180) with X25519, HKDF-SHA256, ChaCha20-Poly1305.

The bytes are the time of sealing (5, seconds since 1970, big endian), a hint at the path (4, the beginning of its
SHA-256), and what HPKE gives. HPKE's `info` binds a value to this format, the public key, the time and the path.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from dango_action.credentials.keys import decode, encode
from dango_action.credentials.paths import encoded, format_path
from dango_action.errors import CredentialsError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cryptography.hazmat.primitives.hpke import Suite

    from dango_action.credentials.document import Sealed
    from dango_action.credentials.keys import KeyRing, PrivateKey, PublicKey

JSON: TypeAlias = "str | int | float | bool | list[JSON] | dict[str, JSON] | None"
Path: TypeAlias = tuple[str, ...]

LARGEST = 96 * 1024  # bytes as JSON; a variable of more than 128 KiB keeps every process from starting
DEEPEST = 32  # lists and objects in each other

_FORMAT = b"dango-action sealed value v1\0"
_PREFIX = re.compile(r"enc:v([0-9]{1,9}):")
_FORM = re.compile(r"enc:v1:([0-9a-f]{8}):([A-Za-z0-9_-]+)")
_TIME, _TAG, _ENCAPSULATED, _MAC, _BLOCK = 5, 4, 32, 16, 32  # bytes
_HEAD = _TIME + _TAG
_MOST_CANDIDATES = 8  # paths with the same hint; more than one is somebody's joke

CHANGED = "take the line back from git, or set the secret again: `dango secrets set PATH`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A sealed value, taken apart; nothing in it is proved before it is opened."""

    key_id: str
    time: int  # seconds since 1970
    tag: bytes  # a hint at the path
    body: bytes = field(repr=False)

    @property
    def sealed_at(self) -> datetime | None:
        """When it was sealed, as it says itself; None if no calendar has that time."""
        try:
            return datetime.fromtimestamp(self.time, UTC)
        except (ValueError, OverflowError, OSError):
            return None


def seal(value: JSON, path: Path, key: PublicKey, now: datetime) -> str:
    """Return the value sealed for this path, in one line.

    Raises:
        CredentialsError: this is no value for a secret (see `flaw`), or no key.

    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey  # noqa: PLC0415 - parsing needs none

    reason = flaw(value)
    if reason:
        raise CredentialsError.because(f"`{format_path(path)}` can't be sealed: {reason}", "give another value")
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    padded = text + b" " * (-len(text) % _BLOCK)
    time = int(now.timestamp())
    try:
        public = X25519PublicKey.from_public_bytes(key.raw)
        body = _suite().encrypt(padded, public, info=_info(path, key, time))
    except ValueError as error:  # one of the few points for which X25519 has no secret
        raise CredentialsError.because("the public key is none", "take `key:` back from git") from error
    return f"enc:v1:{key.id}:{encode(time.to_bytes(_TIME) + _tag(path) + body)}"


def flaw(value: object) -> str | None:
    """Return why this can't be the value of a secret; None if it can.

    It is said in words that don't show the value. What could not be handed to a source is refused before it is
    sealed, and again when it was opened, since everybody can seal.
    """
    if value is None or value == "":
        return "it is null" if value is None else "it is empty"
    if isinstance(value, str) and _PREFIX.match(value):
        return "it is sealed already"
    reason = next((reason for part in _parts(value) if (reason := _part_flaw(part))), None)
    if reason:
        return reason
    try:
        size = len(json.dumps(value, ensure_ascii=False).encode())
    except ValueError:
        return "a number in it has too many digits"
    return f"it has more than {LARGEST // 1024} KiB" if size > LARGEST else None


def parse_token(text: str) -> Token | Problem:
    """Return a sealed value's parts, or what is wrong with its form; the problem has no place yet."""
    version = _PREFIX.match(text)
    if version and int(version[1]) > 1:
        what = f"this value is of form {int(version[1])}, and this version of dango knows form 1"
        return Problem(what=what, hint="use a newer version of dango")
    if not text.startswith("enc:"):
        what = "this value is not sealed: it stands here in the clear, and in the history of git"
        return Problem(what=what, hint="seal a new one, and replace this one at its provider: it may be known")
    form = _FORM.fullmatch(text)
    raw = decode(form[2]) if form else None
    length = len(raw) - _HEAD - _ENCAPSULATED - _MAC if raw is not None else 0
    if form is None or raw is None or length < _BLOCK or length % _BLOCK:
        return Problem(what="this sealed value is not whole: it was cut, or changed by hand", hint=CHANGED)
    time, tag, body = int.from_bytes(raw[:_TIME]), raw[_TIME:_HEAD], raw[_HEAD:]
    return Token(key_id=form[1], time=time, tag=tag, body=body)


def open_entries(
    entries: Iterable[Sealed], keys: KeyRing, everything: Iterable[Sealed]
) -> tuple[dict[Path, Any], list[Problem]]:
    """Return the values of `entries` by path, and a problem, with its place, for each that can't be opened.

    `everything` is the whole document: it helps to say whose value it is that stands at the wrong path. Without
    any key there is one problem for all that would need one. Nothing is raised for bad data.
    """
    opener = _Opener(keys, tuple(everything))
    opened: dict[Path, Any] = {}
    problems: list[Problem] = []
    without_key: list[Sealed] = []
    for entry in entries:
        token = parse_token(entry.token)
        if isinstance(token, Problem):
            problems.append(_placed(token, entry))
        elif not keys.keys:
            without_key.append(entry)
        else:
            result = opener.open(entry, token)
            if isinstance(result, Problem):
                problems.append(result)
            else:
                opened[entry.path] = result.value
    if without_key:
        problems.append(_no_key(without_key))
    return opened, problems


@dataclass(frozen=True, slots=True)
class _Opened:
    value: Any = field(repr=False)


@dataclass(slots=True)
class _Opener:
    """Opens values one by one, and says why one does not open."""

    keys: KeyRing
    everything: tuple[Sealed, ...]
    loaded: dict[str, Any] = field(default_factory=dict)
    tags: Mapping[bytes, list[Path]] | None = None

    def open(self, entry: Sealed, token: Token) -> _Opened | Problem:
        key = self.keys.keys.get(token.key_id)
        if key is None:
            given = ", ".join(self.keys.keys)
            what = f"`{format_path(entry.path)}` is sealed for the key {token.key_id}; given: {given}"
            hint = "add that key to DANGO_SECRETS_KEY, on a line of its own, or set the secret again"
            return _placed(Problem(what=what, hint=hint), entry)
        plaintext = self._decrypt(token, key, entry.path)
        if plaintext is None:
            return _placed(self._why(entry, token, key), entry)
        if token.tag != _tag(entry.path):
            return _placed(_tampered(entry), entry)
        return _value(plaintext, entry)

    def _decrypt(self, token: Token, key: PrivateKey, path: Path) -> bytes | None:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - only who opens needs it

        if token.key_id not in self.loaded:
            self.loaded[token.key_id] = _private(key)
        info = _info(path, key.public, token.time)
        try:
            return _suite().decrypt(token.body, self.loaded[token.key_id], info=info)
        except (InvalidTag, ValueError):
            return None

    def _why(self, entry: Sealed, token: Token, key: PrivateKey) -> Problem:
        if token.tag == _tag(entry.path):
            return _tampered(entry)
        for path in self._paths(token.tag):
            if self._decrypt(token, key, path) is not None:
                what = f"this is the value of `{format_path(path)}`: it was swapped, or copied, to another path"
                return Problem(what=what, hint=CHANGED)
        what = f"this value was not sealed for `{format_path(entry.path)}`: its path was changed by hand"
        hint = "put the old path back; then rename it with `dango secrets mv OLD NEW`"
        return Problem(what=what, hint=hint)

    def _paths(self, tag: bytes) -> list[Path]:
        if self.tags is None:
            found: dict[bytes, list[Path]] = {}
            for entry in self.everything:
                found.setdefault(_tag(entry.path), []).append(entry.path)
            self.tags = found
        return self.tags.get(tag, [])[:_MOST_CANDIDATES]


def _value(plaintext: bytes, entry: Sealed) -> _Opened | Problem:
    try:
        value = json.loads(plaintext, parse_constant=_no_constant)
        reason = flaw(value)
    except (ValueError, RecursionError):
        reason = "it is not JSON"
    if reason is None:
        return _Opened(value)
    # Not a cause but a fact: it opened, so somebody with the public key sealed just this.
    what = f"what was sealed as `{format_path(entry.path)}` can't be a secret: {reason}"
    return _placed(Problem(what=what, hint="set it again: `dango secrets set PATH`"), entry)


def _no_constant(_: str) -> None:
    raise ValueError


def _tampered(entry: Sealed) -> Problem:
    what = f"the sealed value of `{format_path(entry.path)}` was tampered with, or damaged"
    return Problem(what=what, hint=CHANGED)


def _no_key(entries: list[Sealed]) -> Problem:
    count = "1 secret is" if len(entries) == 1 else f"{len(entries):,} secrets are"
    hint = (
        "set DANGO_SECRETS_KEY; in a workflow `with: secrets-key: ${{ secrets.DANGO_SECRETS_KEY }}`, stored by "
        "`dango secrets key | gh secret set DANGO_SECRETS_KEY`"
    )
    return Problem(what=f"{count} sealed, and there is no key to open them", hint=hint, at=entries[0].at)


def _placed(problem: Problem, entry: Sealed) -> Problem:
    return Problem(what=problem.what, hint=problem.hint, at=entry.at)


def _parts(value: object) -> Iterator[object]:
    """Give the scalars and keys of a value; a list or an object itself where it is too deep."""
    todo: list[tuple[object, int]] = [(value, 0)]
    while todo:
        part, depth = todo.pop()
        if isinstance(part, dict | list) and depth < DEEPEST:
            if isinstance(part, dict):
                yield from (key if isinstance(key, str) else object() for key in part)
            todo += [(child, depth + 1) for child in (part.values() if isinstance(part, dict) else part)]
        else:
            yield part


def _part_flaw(part: object) -> str | None:
    match part:
        case str():
            if "\0" in part:
                return "it has a NUL character, which no variable can hold"
            return None if _is_text(part) else "a character in it is half of a surrogate pair, which is no text"
        case float():
            return None if math.isfinite(part) else "a number in it is infinite, or is none"
        case bool() | int() | None:
            return None
        case dict() | list():
            return f"it is nested deeper than {DEEPEST} levels"
        case _:
            return "JSON has no such type"


def _is_text(part: str) -> bool:
    try:
        part.encode()
    except UnicodeEncodeError:
        return False
    return True


def _tag(path: Path) -> bytes:
    return hashlib.sha256(encoded(path)).digest()[:_TAG]


def _info(path: Path, key: PublicKey, time: int) -> bytes:
    # All before the path has a fixed length, and each part of the path its own: nothing else gives the same bytes.
    return _FORMAT + key.raw + time.to_bytes(_TIME) + encoded(path)


@cache
def _suite() -> Suite:
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite  # noqa: PLC0415 - parsing needs none of it

    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def _private(key: PrivateKey) -> Any:  # noqa: ANN401 - its type would be imported by who only parses
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey  # noqa: PLC0415 - see above

    return X25519PrivateKey.from_private_bytes(key.raw)
