"""Bytes sealed in frames: nothing large is ever held, and nothing of a frame is used before it is proved.

The frames are libsodium's secretstream (XChaCha20-Poly1305) under one secret key: each proves its own bytes and
its place, and the last one says that it is the last. So a flipped bit, a frame that is missing, moved or there
twice, a cut end and an added one are all noticed. The bytes are libsodium's header (24), then frames of `FRAME`
and 17 bytes, of which the last may be shorter. `bound` is proved with every frame, and is not part of the bytes.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

from nacl import bindings as sodium
from nacl.exceptions import CryptoError

if TYPE_CHECKING:
    from typing_extensions import Buffer

FRAME = 64 * 1024
"""Bytes of content in each frame but the last, which has at most as many."""

KEY = sodium.crypto_secretstream_xchacha20poly1305_KEYBYTES
_HEADER = sodium.crypto_secretstream_xchacha20poly1305_HEADERBYTES
_ADDED = sodium.crypto_secretstream_xchacha20poly1305_ABYTES
_MORE = sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_LAST = sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL


class DamagedError(Exception):
    """The bytes are not those that were sealed."""


class SealedWriter(io.RawIOBase):
    """Writes what it is given into `target`, sealed. Without `finish`, what is there counts as cut."""

    def __init__(self, target: BinaryIO, key: bytes, bound: bytes) -> None:
        super().__init__()
        self._target, self._bound, self._held = target, bound, bytearray()
        self._state = sodium.crypto_secretstream_xchacha20poly1305_state()
        target.write(sodium.crypto_secretstream_xchacha20poly1305_init_push(self._state, key))

    def writable(self) -> bool:
        """Say so."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Take all of it."""
        self._held += data
        whole = max(0, len(self._held) - 1) // FRAME * FRAME  # the last one waits: it is marked
        for at in range(0, whole, FRAME):
            self._push(bytes(self._held[at : at + FRAME]), _MORE)
        del self._held[:whole]
        return memoryview(data).nbytes

    def finish(self) -> None:
        """Write the last frame; nothing can be written after it."""
        self._push(bytes(self._held), _LAST)
        self.close()

    def _push(self, content: bytes, tag: int) -> None:
        self._target.write(
            sodium.crypto_secretstream_xchacha20poly1305_push(self._state, content, self._bound, tag)
        )


class SealedReader(io.RawIOBase):
    """Reads what a `SealedWriter` has written; it ends only where that has finished.

    Raises:
        DamagedError: from the first frame on that is not the one that was sealed here.

    """

    def __init__(self, source: BinaryIO, key: bytes, bound: bytes) -> None:
        super().__init__()
        self._source, self._bound = source, bound
        self._state = sodium.crypto_secretstream_xchacha20poly1305_state()
        self._held, self._ended = memoryview(b""), False
        header = _read(source, _HEADER)
        if len(header) < _HEADER:
            raise DamagedError("it is cut")
        sodium.crypto_secretstream_xchacha20poly1305_init_pull(self._state, header, key)

    def readable(self) -> bool:
        """Say so."""
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill the buffer with what is proved, as far as one frame goes; 0 at the end."""
        while not self._held and not self._ended:
            self._pull()
        room = memoryview(buffer).cast("B")
        count = min(len(room), len(self._held))
        room[:count], self._held = self._held[:count], self._held[count:]
        return count

    def _pull(self) -> None:
        frame = _read(self._source, FRAME + _ADDED)
        if len(frame) < _ADDED:
            raise DamagedError("it is cut")
        try:
            content, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(self._state, frame, self._bound)
        except CryptoError:
            raise DamagedError("it was cut, changed, or sealed by somebody without the key") from None
        if tag == _LAST and self._source.read(1):
            raise DamagedError("something was added to it")
        self._held, self._ended = memoryview(content), tag == _LAST


def _read(source: BinaryIO, size: int) -> bytes:
    """Return so many bytes, or as many as there are."""
    parts = []
    while size and (part := source.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
