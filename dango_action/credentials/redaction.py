"""Keeping the values of secrets out of what a job shows and uploads."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from dango_action.credentials.cuts import Cuts
from dango_action.credentials.forms import WHOLE, Known, binaries, encode, forms, fragments, lesser, pieces
from dango_action.credentials.matcher import Matcher
from dango_action.credentials.parts import SHORTEST
from dango_action.credentials.unpacking import GZIP, RUN, ZLIB, Budget, decoded, inflate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["HIDDEN", "LONGEST_LINE", "SHORTEST", "RedactedStream", "Redactor"]

HIDDEN = b"***"
LONGEST_LINE = 1024 * 1024
"""Bytes; what is longer is no line to wait for, and is let go in pieces."""
_PIECE = 1024 * 1024
_LARGEST = 16 * 1024 * 1024  # bytes that a run of base64 may unpack to; if it is more, it is hidden unseen
_LONG = 20  # characters of a value that is also found where it is cut
_TAIL = 24  # bytes before the end of a line by which a value of several lines is known
_AUTO = 32 + 15  # `zlib.decompressobj`: a header of zlib or of gzip


_Broken = dict[bytes, list[tuple[bytes, int]]]


@dataclass(frozen=True, slots=True)
class Redactor:
    """Replaces values by `***`, in every form in which programs write them, and in runs of base64.

    A value is also looked for line by line. One of four to seven characters is replaced only where no word goes
    on before or behind it.
    """

    values: tuple[str, ...]
    lesser: tuple[str, ...] = field(default=(), repr=False)
    """Parts of documents, which are replaced only as they are."""
    _matcher: Matcher = field(init=False, repr=False, compare=False)
    _cuts: Cuts = field(init=False, repr=False, compare=False)
    _broken: _Broken = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        free, words, marked = set[bytes](), set[bytes](), set[bytes]()
        for value in self.values:
            written = forms(value)
            (free if len(value) >= WHOLE else words).update(written)
            marked.update(written if len(value) >= _LONG else ())
        for value in self.lesser:
            (free if len(value) >= WHOLE else words).add(encode(value))
        object.__setattr__(self, "_matcher", Matcher.of(free, words))
        object.__setattr__(self, "_cuts", Cuts.of(marked, free))
        object.__setattr__(self, "_broken", _broken(free | words))

    @classmethod
    def of(cls, values: Iterable[str | Known]) -> Redactor:
        """Return a redactor of these values and of what they are made of; `values` has the longest first."""
        known = [value if isinstance(value, Known) else Known(path="", text=value) for value in values]
        kept = {part for one in known for part in (*fragments(one), *binaries(one), *pieces(one))}
        more = {part for one in known for part in lesser(one)} - kept
        return cls(tuple(sorted(kept, key=lambda part: (-len(part), part))), tuple(sorted(more)))

    def __repr__(self) -> str:
        return f"Redactor({len(self.values)} values)"

    def redact(self, data: bytes) -> bytes:
        """Return the data without the values; without a value in it, it stays as it is.

        Again and again, as a short value can become a word of its own beside one that has gone.
        """
        while spans := self.spans(data):
            data = _without(data, spans)
        return data

    def text(self, text: str) -> str:
        """Return the text without the values."""
        errors = "surrogateescape"  # as the environment has it
        try:
            data = text.encode(errors=errors)
        except UnicodeEncodeError:
            errors = "surrogatepass"
            data = text.encode(errors=errors)
        return self.redact(data).decode(errors=errors)

    def stream(self) -> RedactedStream:
        """Return what redacts an output while it is written."""
        return RedactedStream(self)

    def copy(self, origin: Path, target: Path) -> None:
        """Copy a file without the values; what is no plain file of its own is left out.

        A source can put a link where its log was, and what it leads to is not the source's to hand out.

        Raises:
            OSError: there is no room.

        """
        try:
            descriptor = os.open(origin, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            os.close(descriptor)
            return
        stream = self.stream()
        with open(descriptor, "rb") as reader, target.open("wb") as writer:  # noqa: PTH123 - opened without following a link
            for piece in iter(partial(reader.read, _PIECE), b""):
                writer.write(stream.feed(piece))
            writer.write(stream.end())

    def spans(self, data: bytes, before: bytes = b"", *, last: bool = False) -> list[tuple[int, int]]:
        """Return where values stand in what comes after `before`, in order; those that overlap are one.

        Also where one is shown in part, beside dots; or has begun, if this is the `last` that comes.
        """
        if not self.values:
            return []
        skip = len(before)
        places = [(match.start - skip, match.end - skip) for match in self._matcher.find(before + data)]
        places += [run.span() for run in RUN.finditer(data) if self._wraps(run[0])]
        places += self._cuts.spans(data)
        begun = self._cuts.last(data) if last else None
        places += [begun] if begun else []
        joined: list[tuple[int, int]] = []
        for start, end in sorted(place for place in places if place[0] >= 0):
            if joined and start < joined[-1][1]:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            else:
                joined.append((start, end))
        return joined

    def _wraps(self, run: bytes) -> bool:
        """Tell whether a run of base64 holds a value, or too much to look at."""
        return any(self._matcher.holds(part) or self._packs(part) for part in decoded(run))

    def _packs(self, data: bytes) -> bool:
        budget = Budget.of(_LARGEST)
        for header in (GZIP, ZLIB):
            for found in header.finditer(data):
                unpacked = inflate(lambda at, size: data[at : at + size], found.start(), _AUTO, budget)
                if budget.cut or self._matcher.holds(unpacked.data):
                    return True
        return False

    def settled(self, data: bytes) -> int:
        """Return up to where no value can begin that goes on behind the data: whole lines, most of a long one.

        A line that is as the beginning of a value with several lines is waited with.
        """
        at = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if at:
            return _begun(data, at, self._broken)
        return max(0, len(data) - self._matcher.longest) if len(data) > self.longest_line else 0

    @property
    def longest_line(self) -> int:
        """The bytes of a line that are waited for."""
        return max(LONGEST_LINE, 2 * self._matcher.longest)


class RedactedStream:
    """Redacts an output piece by piece: whole lines at once, the begun one when it has ended.

    What it gives is the redaction of the whole, but for a value that the output ends in the middle of, a short one
    right before one of several lines, and lines of more than `LONGEST_LINE` bytes: of them, packed base64 is not
    seen where it goes over a cut.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._kept: list[bytes] = []
        self._before = b""  # the last byte that has gone: a short value is one only as a word of its own

    def feed(self, data: bytes) -> bytes:
        """Take what comes next, and return what can go."""
        if not self._redactor.values:
            return data
        self._kept.append(data)
        waits = sum(map(len, self._kept)) <= self._redactor.longest_line
        if waits and b"\n" not in data and b"\r" not in data:
            return b""
        whole = b"".join(self._kept)
        return self._give(whole, self._redactor.settled(whole))

    def end(self) -> bytes:
        """Return what is left; nothing comes after it."""
        whole = b"".join(self._kept)
        return self._give(whole, len(whole), last=True)

    def _give(self, whole: bytes, at: int, *, last: bool = False) -> bytes:
        """Let go what stands before a place, and keep a value that goes over it, if that is not endless."""
        spans, asked = self._redactor.spans(whole, self._before, last=last), at
        endless = len(whole) > self._redactor.longest_line
        for start, end in spans:
            if start < at < end:
                at = end if endless and not start else start
        given = whole[:at]
        self._kept = [whole[at:]]
        gone = [span for span in spans if span[1] <= at]
        # Also if nothing has gone, but something will right behind it: then no word goes on there.
        said = self._redactor.redact(_without(given, gone)) if gone or at != asked else given
        self._before = said[-1:] or self._before
        return said


def _without(data: bytes, spans: list[tuple[int, int]]) -> bytes:
    parts, at = [], 0
    for start, end in spans:
        parts += [data[at:start], HIDDEN]
        at = end
    return b"".join([*parts, data[at:]])


def _broken(texts: Iterable[bytes]) -> _Broken:
    """Return what goes over lines by what stands before the end of each of them, and how much of it that ends."""
    found: _Broken = {}
    for text in texts:
        for end in re.finditer(rb"[\r\n](?!\Z)", text):
            found.setdefault(text[max(0, end.end() - _TAIL) : end.end()], []).append((text, end.end()))
    return found


def _begun(data: bytes, at: int, broken: _Broken) -> int:
    """Return where a text begins that goes over a line's end at `at` and over the end of the data; or `at`."""
    first = at
    for size in range(1, min(at, _TAIL) + 1) if broken else ():
        for text, ends in broken.get(data[at - size : at], ()):
            start = at - ends
            if 0 <= start < first and len(data) < start + len(text) and _agrees(data, start, text):
                first = start
    return first


def _agrees(data: bytes, start: int, text: bytes) -> bool:
    return text.startswith(data[start : start + _TAIL]) and text.startswith(data[start:])
