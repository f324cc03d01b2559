"""`state.sealed`: a generation that only the holder of a private key can read, or can have written.

The file is a line, `dango-state v1 <key id>`, and then frames (see `frames`). In the frames are the length of the
manifest (4 bytes, big endian), the manifest, and the warehouse as a zstd stream. Nothing is decompressed before
the manifest, which says how large the warehouse is, has been proved. The key of the frames comes from a private
key of `DANGO_SECRETS_KEY` by HKDF-SHA256; the public key, which everybody may have, is of no use here.
"""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from dango_action.credentials.keys import KeyRing
from dango_action.errors import CredentialsError, StateError
from dango_action.state import manifest as manifests
from dango_action.state.frames import FRAME, KEY, DamagedError, SealedReader, SealedWriter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dango_action.credentials.keys import PrivateKey
    from dango_action.state.manifest import Manifest

_FORMAT = 1
_HEADER = re.compile(rb"dango-state v([1-9][0-9]{0,5}) ([0-9a-f]{8})\n")
_LONGEST_HEADER = 64  # bytes; later formats may say more in theirs
_LATER = re.compile(rb"dango-state v([1-9][0-9]{0,5})[ \n]")
_KEY_FOR = b"dango-action sealed state v1: key\0"
_BOUND = b"dango-action sealed state v1: generation of a warehouse\0"
_LENGTH = 4  # bytes
_CHUNK = 1024 * 1024
_STORE = "dango secrets key | gh secret set DANGO_SECRETS_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys that state is opened with; it is sealed with the first that was given.

    `folder` is the user's configuration folder, where keys are looked for that were not given; None on a runner.
    """

    ring: KeyRing = field(default_factory=KeyRing)
    folder: Path | None = None

    @property
    def first(self) -> PrivateKey | None:
        """The key to seal with."""
        return next(iter(self.ring.keys.values()), None)

    def find(self, key_id: str) -> PrivateKey:
        """Return the key of this id.

        Raises:
            CredentialsError: it is not there.

        """
        ring = self.ring.kept(self.folder, [key_id]) if self.folder else self.ring
        if key_id in ring.keys:
            return ring.keys[key_id]
        given = f"given: {', '.join(ring.keys)}" if ring.keys else "no key is given"
        what = f"the kept warehouse is sealed for the key {key_id}; {given}"
        raise CredentialsError.because(what, self._hint(key_id))

    def _hint(self, key_id: str) -> str:
        if self.folder:
            file = self.folder / "keys" / key_id
            return f"set DANGO_SECRETS_KEY to it, or put it into {file}: `dango secrets key` prints it where it is"
        if self.ring.keys:
            both = f"(dango secrets key; cat ~/.config/dango/keys/{key_id}) | gh secret set DANGO_SECRETS_KEY"
            way = f"add that key to DANGO_SECRETS_KEY, on a line of its own below the first: `{both}`"
        else:
            way = (
                f"store it with `{_STORE}`, and hand it over: `secrets-key: ${{{{ secrets.DANGO_SECRETS_KEY }}}}`"
            )
        return f"{way}; if it is lost, start over with `state: new`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed:
    """A sealed generation that is being read: what it is, and the rest of it, still sealed."""

    manifest: Manifest
    key_id: str
    rest: BinaryIO

    def chunks(self) -> Iterator[bytes]:
        """Give the warehouse in pieces; how many is for the caller to limit. The last one proves the end.

        Raises:
            DamagedError: the bytes are not those that were sealed.

        """
        import pyarrow as pa  # noqa: PLC0415 - it takes a while, and most of what imports this opens nothing

        packed = pa.CompressedInputStream(pa.PythonFile(self.rest, "r"), "zstd")
        try:
            while chunk := packed.read(_CHUNK):
                yield chunk
        except OSError as error:
            if error.errno is not None:  # a disk that can't be read
                raise
            raise DamagedError("what was sealed is no zstd stream") from error


def seal(warehouse: BinaryIO, manifest: Manifest, key: PrivateKey, target: BinaryIO) -> None:
    """Write a warehouse and its manifest into `target`, sealed.

    Raises:
        StateError: the warehouse is not the one that the manifest describes.
        OSError: it can't be read or written.

    """
    import pyarrow as pa  # noqa: PLC0415 - as above

    header = b"dango-state v%d %s\n" % (_FORMAT, key.public.id.encode())
    target.write(header)
    sealed = SealedWriter(target, _derived(key), _BOUND + header)
    document = manifest.encode()
    sealed.write(len(document).to_bytes(_LENGTH) + document)
    digest, size = hashlib.sha256(), 0
    with pa.CompressedOutputStream(pa.PythonFile(sealed, "w"), "zstd") as packed:
        while chunk := warehouse.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            packed.write(chunk)
    sealed.finish()
    if (size, digest.hexdigest()) != (manifest.file.size, manifest.file.sha256):
        raise StateError.because("the warehouse has changed while it was put up", "let nothing else write to it")


def unseal(source: BinaryIO, keys: Keys) -> Unsealed:
    """Begin to read a sealed generation: its manifest is proved then.

    Raises:
        CredentialsError: the key that it is sealed for is not there.
        StateError: a later version has sealed it.
        DamagedError: the bytes are not those that were sealed.

    """
    header, key_id = _header(source)
    rest = io.BufferedReader(SealedReader(source, _derived(keys.find(key_id)), _BOUND + header), FRAME)
    size = int.from_bytes(rest.read(_LENGTH))
    if size > manifests.LARGEST:
        raise DamagedError("its manifest is too large")
    return Unsealed(manifest=manifests.decode(rest.read(size)), key_id=key_id, rest=rest)


def _header(source: BinaryIO) -> tuple[bytes, str]:
    line = source.readline(_LONGEST_HEADER)
    later = _LATER.match(line)
    if later and int(later[1]) > _FORMAT:
        raise StateError.because(
            f"the kept warehouse is sealed in form {int(later[1])}, and this version of dango knows {_FORMAT}",
            "use the version that has written it, or a later one",
        )
    header = _HEADER.fullmatch(line)
    if header is None:
        raise DamagedError("it does not begin like one")
    return line, header[2].decode()


def _derived(key: PrivateKey) -> bytes:
    """Return the key that state is sealed with for the holder of a private key."""
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - as above

    return HKDF(algorithm=SHA256(), length=KEY, salt=None, info=_KEY_FOR + key.public.raw).derive(key.raw)
