"""The key pair of sealed secrets: as text, in a ring of several, and in the user's configuration folder."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from dango_action.errors import CredentialsError, Problem
from dango_action.machine import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PRIVATE = "dango-secret-v1."
PUBLIC = "dango-public-v1."
BYTES = 32  # of an X25519 key

_ID = re.compile("[0-9a-f]{8}")
_ALPHABET = re.compile("[A-Za-z0-9_-]*")
_LARGEST = 64 * 1024  # of a file with one key
_STORE = "dango secrets key | gh secret set DANGO_SECRETS_KEY"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The half that seals; it may be read by everybody."""

    raw: bytes

    @classmethod
    def parse(cls, text: str) -> PublicKey | str:
        """Return the key of this text, or the reason why it is none; the reason never shows the text."""
        if text.startswith(PRIVATE):
            return "it is a private key"
        raw = _decoded(text, PUBLIC)
        return f"it is not `{PUBLIC}` and 43 letters" if raw is None else cls(raw)

    @property
    def text(self) -> str:
        """The key as files have it."""
        return PUBLIC + encode(self.raw)

    @property
    def id(self) -> str:
        """Eight digits that tell keys apart. They are no proof: a key of the same id can be searched for."""
        return hashlib.sha256(self.raw).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The half that opens."""

    raw: bytes = field(repr=False)
    public: PublicKey

    @classmethod
    def of(cls, raw: bytes) -> PrivateKey:
        """Return the key of these 32 bytes, with its public half."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import (  # noqa: PLC0415 - parsing needs none of it
            X25519PrivateKey,
        )

        return cls(raw, PublicKey(X25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()))

    @classmethod
    def generate(cls) -> PrivateKey:
        """Return a new key."""
        return cls.of(os.urandom(BYTES))

    @classmethod
    def parse(cls, text: str) -> PrivateKey | str:
        """Return the key of this text, or the reason why it is none; the reason never shows the text."""
        if text.startswith(PUBLIC):
            return "it is a public key, which can't open anything"
        raw = _decoded(text, PRIVATE)
        return f"it is not `{PRIVATE}` and 43 letters" if raw is None else cls.of(raw)

    def text(self) -> str:
        """Return the key as `DANGO_SECRETS_KEY` has it: the way out for a secret."""
        return PRIVATE + encode(self.raw)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Private keys by their ids; more than one while keys are rotated."""

    keys: Mapping[str, PrivateKey] = field(default_factory=lambda: MappingProxyType({}))

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self.keys)})"

    @classmethod
    def of(cls, text: str) -> KeyRing:
        """Return the keys of a text with one a line; blank lines are skipped, so there may be none.

        Raises:
            CredentialsError: a line is no private key; all such lines at once, and none is shown.

        """
        parsed = [(number, PrivateKey.parse(line.strip())) for number, line in _lines(text)]
        problems = [_no_key(number, key) for number, key in parsed if isinstance(key, str)]
        if problems:
            raise CredentialsError(*problems)
        return cls(MappingProxyType({key.public.id: key for _, key in parsed if isinstance(key, PrivateKey)}))

    def kept(self, folder: Path, ids: Iterable[str]) -> KeyRing:
        """Return the ring with those of these keys that the user's configuration folder has.

        Raises:
            CredentialsError: a kept key can't be read, or is another one than its name says.

        """
        wanted = [key_id for key_id in dict.fromkeys(ids) if key_id not in self.keys]
        found = {key_id: key for key_id in wanted if (key := _kept(folder, key_id)) is not None}
        return KeyRing(MappingProxyType({**self.keys, **found}))


def keep(folder: Path, key: PrivateKey) -> Path:
    """Write a private key into the user's configuration folder, for this user alone; return its file.

    Raises:
        CredentialsError: it can't be written there; then nothing is left of it.

    """
    file = _file(folder, key.public.id)
    try:
        file.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        file.parent.chmod(0o700)
        descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=".draft-")  # with mode 0600
        try:
            with open(descriptor, "w", encoding="ascii") as stream:  # noqa: PTH123 - it is a descriptor
                stream.write(f"{key.text()}\n")
                stream.flush()
                os.fsync(stream.fileno())
            Path(draft).replace(file)
        finally:
            Path(draft).unlink(missing_ok=True)
        sync_folder(file.parent)
    except OSError as error:
        what = f"the private key can't be kept in {file.parent}: {error.strerror}"
        raise CredentialsError.because(what, "mend that, or use `--no-keep` and store the key yourself") from error
    return file


def encode(raw: bytes) -> str:
    """Return bytes as base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes | None:
    """Return the bytes of base64url without padding; None unless `encode` would write just this text."""
    if not _ALPHABET.fullmatch(text) or len(text) % 4 == 1:
        return None
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return raw if encode(raw) == text else None


def _decoded(text: str, prefix: str) -> bytes | None:
    raw = decode(text.removeprefix(prefix)) if text.startswith(prefix) else None
    return raw if raw is not None and len(raw) == BYTES else None


def _lines(text: str) -> Iterable[tuple[int, str]]:
    return [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _no_key(number: int, reason: str) -> Problem:
    what = f"line {number} of DANGO_SECRETS_KEY is no private key: {reason}"
    return Problem(what=what, hint=f"store it again, one key a line: `{_STORE}`")


def _file(folder: Path, key_id: str) -> Path:
    return folder / "keys" / key_id


def _kept(folder: Path, key_id: str) -> PrivateKey | None:
    if not _ID.fullmatch(key_id):  # it comes from a document, and becomes a file's name
        return None
    file = _file(folder, key_id)
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return None
        with file.open("rb") as stream:
            text = stream.read(_LARGEST).decode("ascii", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        what = f"the kept key {file} can't be read: {error.strerror}"
        raise CredentialsError.because(what, "look at its owner and its permissions") from error
    key = PrivateKey.parse(text.strip())
    if isinstance(key, str) or key.public.id != key_id:
        reason = key if isinstance(key, str) else "it is another one than its name says"
        raise CredentialsError.because(f"the kept key {file} can't be used: {reason}", "move the file away")
    return key
