"""What lies in bytes that are compressed or written as base64, as much of it as a limit lets through."""

from __future__ import annotations

import binascii
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Readable = Callable[[int, int], bytes]
    """Takes a place and a size, and returns what is there; it is shorter only at the end."""

ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]", re.DOTALL)
GZIP = re.compile(rb"\x1f\x8b\x08", re.DOTALL)
RUN = re.compile(rb"[A-Za-z0-9+/_-](?<![A-Za-z0-9+/_-].)[A-Za-z0-9+/_-]{19,}={0,2}", re.DOTALL)
"""Base64 of either alphabet; also many a word or path, which decode to nothing of interest."""
# How a header of zlib, gzip or zip begins in base64.
_PACKED = re.compile(rb"eJ|eA|eF|eN|H4sI|UEsD")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_PIECE = 64 * 1024


@dataclass(slots=True)
class Budget:
    """Bytes that may still be unpacked; `cut` once something had to be left packed."""

    most: int
    left: int
    cut: bool = False

    @classmethod
    def of(cls, most: int) -> Budget:
        """Return one of which nothing is used."""
        return cls(most, most)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came out, and where the compressed data ends; None: it was damaged, or cut by the budget."""

    data: bytes
    end: int | None


def inflate(read: Readable, at: int, wbits: int, budget: Budget) -> Unpacked:
    """Unpack what begins at a place, up to its end, to the first byte that is wrong, or to the budget's end.

    `wbits` is that of `zlib.decompressobj`.
    """
    inflater, out, place = zlib.decompressobj(wbits), bytearray(), at
    try:
        while not inflater.eof:
            piece = inflater.unconsumed_tail
            if not piece:
                piece = read(place, _PIECE)
                place += len(piece)
            if budget.left <= 0:
                budget.cut = True
                break
            new = inflater.decompress(piece, min(budget.left, _PIECE))
            if not piece and not new:  # it ends too early
                break
            budget.left -= len(new)
            out += new
    except zlib.error:
        return Unpacked(bytes(out), None)
    return Unpacked(bytes(out), place - len(inflater.unused_data) if inflater.eof else None)


def decoded(run: bytes) -> Iterator[bytes]:
    """Give the bytes of a base64 run; also those from its other places on where something packed may begin.

    A run can have begun earlier than the base64 in it: a letter or a hyphen before it looks like a part.
    """
    characters = run.rstrip(b"=").translate(_STANDARD)
    places = {0, *(found.start() % 4 for found in _PACKED.finditer(run))}
    for place in sorted(places):
        part = characters[place:]
        part = part[: len(part) - (len(part) % 4 == 1)]
        yield binascii.a2b_base64(part + b"=" * (-len(part) % 4))
