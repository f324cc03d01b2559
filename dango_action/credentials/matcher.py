"""Finding thousands of texts in one pass over bytes, in pure Python.

Bytes are looked at in blocks, as numbers. A text that is long enough covers one block wholly, wherever it stands,
and which blocks these can be is known beforehand: a look into a table for each, and a closer look where one is in
it. So the time does not grow with the number of texts. Only texts that may cover no block need an expression.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain, compress, count
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SIZES: dict[Literal["I", "Q"], int] = {"I": 4, "Q": 8}  # bytes of a block, by the word of `struct` for it
_LONG = 2 * _SIZES["Q"] - 1  # bytes: what is as long covers a block of eight, wherever it stands
_COVERS = 2 * _SIZES["I"] - 1  # and one of four
_LOOKED_AT = 24  # blocks of a text, for the rarest: keys of one provider begin alike, but not for longer
_RUN = 4096  # bytes of a run that are looked at in one
_WORD = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")


@dataclass(frozen=True, slots=True)
class Match:
    """Where a text stands, or where it stands over and over, as `aaa` does in `aaaaaa`."""

    start: int
    end: int
    pattern: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """Texts to find: some anywhere, some (`words`) only where no word goes on before or behind them."""

    words: frozenset[bytes]
    longest: int
    _block: Literal["I", "Q"] = field(repr=False)
    _inside: dict[int, list[tuple[int, bytes]]] = field(repr=False)  # by a block: how far it lies in which text
    _short: re.Pattern[bytes] | None = field(repr=False)
    _begin: dict[int, list[bytes]] = field(repr=False)  # the short ones by their first byte
    _periods: dict[bytes, int] = field(repr=False)  # bytes after which a long text can begin again, within itself

    @classmethod
    def of(cls, anywhere: Iterable[bytes], words: Iterable[bytes] = ()) -> Matcher:
        """Return what finds these texts; one that is empty is left out, and one in both is found anywhere."""
        free = frozenset(anywhere) - {b""}
        bound = frozenset(words) - free - {b""}
        every = sorted(free | bound)
        long = [pattern for pattern in every if len(pattern) >= _COVERS]
        short = [pattern for pattern in every if len(pattern) < _COVERS]
        block: Literal["I", "Q"] = "Q" if all(len(pattern) >= _LONG for pattern in long) else "I"
        begin: dict[int, list[bytes]] = {}
        for pattern in short:
            begin.setdefault(pattern[0], []).append(pattern)
        return cls(
            words=bound,
            longest=max(map(len, every), default=0),
            _block=block,
            _inside=_blocks(long, _SIZES[block]),
            _short=re.compile(_short_expression(short, bound), re.DOTALL) if short else None,
            _begin=begin,
            _periods={pattern: period for pattern in long if pattern in free and (period := _period(pattern))},
        )

    def find(self, data: bytes) -> Iterator[Match]:
        """Give every place of every text, in no order; places may overlap, and those of a run are one."""
        for start, end, pattern in chain(self._find_long(data), self._find_short(data)):
            if pattern not in self.words or _alone(data, start, end):
                yield Match(start, end, pattern)

    def holds(self, data: bytes) -> bool:
        """Tell whether any of the texts stands in the data."""
        return next(self.find(data), None) is not None

    def _find_long(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        size = _SIZES[self._block]
        if not self._inside or len(data) < size:
            return
        over: dict[bytes, int] = {}  # where the last run of a text ends
        blocks = memoryview(data)[: len(data) // size * size].cast(self._block)
        for index in compress(count(), map(self._inside.__contains__, blocks)):
            for offset, pattern in self._inside[blocks[index]]:
                start = index * size - offset
                if start + len(pattern) > over.get(pattern, 0) and start >= 0 and data.startswith(pattern, start):
                    end = start + len(pattern)
                    if pattern in self._periods:
                        end = over[pattern] = _run(data, end, self._periods[pattern])
                    yield start, end, pattern

    def _find_short(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        found = self._short.search(data) if self._short else None
        while found and self._short:
            start = found.start()
            for pattern in self._begin[data[start]]:
                if data.startswith(pattern, start):
                    yield start, start + len(pattern), pattern
            found = self._short.search(data, start + 1)


def _alone(data: bytes, start: int, end: int) -> bool:
    """Tell whether no word goes on over an end; where the text itself ends in no letter, none can."""
    goes_on_before = start > 0 and data[start - 1] in _WORD and data[start] in _WORD
    goes_on_behind = end < len(data) and data[end] in _WORD and data[end - 1] in _WORD
    return not (goes_on_before or goes_on_behind)


def _blocks(patterns: list[bytes], size: int) -> dict[int, list[tuple[int, bytes]]]:
    """Return the blocks that each text may cover, where the fewest other texts have the same."""
    shared = Counter(block for pattern in patterns for block in _first(pattern, size))
    found: dict[int, list[tuple[int, bytes]]] = {}
    for pattern in patterns:
        uses = [shared[block] for block in _first(pattern, size)]
        sums = [sum(uses[at : at + size]) for at in range(len(uses) - size + 1)]
        at = sums.index(min(sums))
        for offset in reversed(range(at, at + size)):  # so that the places of a text are found in order
            number = int.from_bytes(pattern[offset : offset + size], sys.byteorder)
            found.setdefault(number, []).append((offset, pattern))
    return found


def _first(pattern: bytes, size: int) -> list[bytes]:
    return [pattern[i : i + size] for i in range(min(len(pattern) - size + 1, _LOOKED_AT))]


def _period(pattern: bytes) -> int:
    """Return after how many bytes a text begins again within its first half; 0 if it does not."""
    half = pattern[: (len(pattern) + 1) // 2]
    at = pattern.find(half, 1)
    while at > 0 and not pattern.startswith(pattern[at:]):
        at = pattern.find(half, at + 1)
    return max(at, 0)


def _run(data: bytes, end: int, period: int) -> int:
    """Return where the last bytes before a place are no longer repeated."""
    once = data[end - period : end]
    for unit in (once * (_RUN // period + 1), once):
        while data.startswith(unit, end):
            end += len(unit)
    return end


def _tree(patterns: Iterable[bytes]) -> dict[int, Any]:
    """Return the texts by their bytes, one level for each; one that goes on from a shorter one is left out."""
    root: dict[int, Any] = {}
    before = None
    for pattern in sorted(patterns):
        if before is not None and pattern.startswith(before):
            continue
        before, node = pattern, root
        for byte in pattern:
            node = node.setdefault(byte, {})
    return root


def _short_expression(patterns: list[bytes], bound: frozenset[bytes]) -> bytes:
    """Return the expression for short texts: one that begins a word is not even begun inside of another word."""
    free = {pattern[0] for pattern in patterns if pattern not in bound}
    branches = []
    for byte, below in _tree(patterns).items():
        inside = b"(?<![A-Za-z0-9_].)" if byte in _WORD and byte not in free else b""
        branches.append(re.escape(bytes([byte])) + inside + _expression(below))
    return b"|".join(branches)


def _expression(tree: dict[int, Any]) -> bytes:
    branches = [re.escape(bytes([byte])) + _expression(below) for byte, below in tree.items()]
    return branches[0] if len(branches) == 1 else b"(?:" + b"|".join(branches) + b")" if branches else b""
