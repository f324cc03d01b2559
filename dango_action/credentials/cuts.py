"""Finding what is left of a text that was cut: `sk_live_51Ha...9klmno`, or the last line of a killed program."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MARKS = (b"...", b"\xe2\x80\xa6", b"\\u2026")
_DOTS = re.compile(rb"\.{3,}|\xe2\x80\xa6|\\u2026")
_SEEN = 12  # bytes beside the dots: `reprlib` leaves as many, and pydantic more
_LAST = 8  # bytes at the end of everything
_FARTHEST = 1024  # bytes from the dots: what is shown of a text that is cut is short


@dataclass(frozen=True, slots=True)
class Cuts:
    """Knows how texts begin and end. What was cut without a mark, in the middle of an output, is not found."""

    _begin: dict[bytes, list[bytes]] = field(repr=False)
    _end: dict[bytes, list[bytes]] = field(repr=False)
    _begin_last: dict[bytes, list[bytes]] = field(repr=False)
    _longest: int

    @classmethod
    def of(cls, marked: Iterable[bytes], last: Iterable[bytes]) -> Cuts:
        """Return what finds the texts of `marked` beside dots, and those of `last` where everything ends."""
        begin: dict[bytes, list[bytes]] = {}
        end: dict[bytes, list[bytes]] = {}
        begin_last: dict[bytes, list[bytes]] = {}
        longest = 0
        for text in marked:
            begin.setdefault(text[:_SEEN], []).append(text)
            end.setdefault(text[-_SEEN:], []).append(text)
        for text in last:
            longest = max(longest, len(text))
            begin_last.setdefault(text[:_LAST], []).append(text)
        return cls(begin, end, begin_last, longest)

    def spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Give where a text begins that dots go on from, and where one ends that dots lead to, within one line."""
        before = 0
        some = self._begin and any(mark in data for mark in _MARKS)  # an expression takes much longer to tell
        for dots in _DOTS.finditer(data) if some else ():
            here, behind = dots.span()
            low = max(before, data.rfind(b"\n", before, here) + 1, here - _FARTHEST)
            start = _beginning(data[low:here], self._begin, _SEEN)
            if start is not None:
                yield low + start, here
            following = _DOTS.search(data, behind, behind + _FARTHEST)
            high = following.start() if following else min(len(data), behind + _FARTHEST)
            line = data.find(b"\n", behind, high)
            size = _ending(data[behind : high if line < 0 else line], self._end)
            if size:
                yield behind, behind + size
            before = behind

    def last(self, data: bytes) -> tuple[int, int] | None:
        """Return where a text begins in the last line that goes on behind the end of the data."""
        low = max(data.rfind(b"\n") + 1, len(data) - self._longest)
        start = _beginning(data[low:], self._begin_last, _LAST)
        return None if start is None else (low + start, len(data))


def _beginning(data: bytes, texts: dict[bytes, list[bytes]], least: int) -> int | None:
    """Return the first place from which the data is as a text begins."""
    for start in range(len(data) - least + 1):
        for text in texts.get(data[start : start + least], ()):
            if text.startswith(data[start:]):
                return start
    return None


def _ending(data: bytes, texts: dict[bytes, list[bytes]]) -> int:
    """Return up to where the data is as a text ends."""
    for end in range(len(data), _SEEN - 1, -1):
        for text in texts.get(data[end - _SEEN : end], ()):
            if text.endswith(data[:end]):
                return end
    return 0
