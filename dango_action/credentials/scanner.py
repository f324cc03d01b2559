"""Looking for known values in what is to be uploaded: in every form, and in what is packed inside of it.

A file is read in windows; what is packed in it is unpacked in memory, up to a limit for the whole file. Nothing
here is proof against somebody who wants to hide a value: it finds what programs do to texts without intent.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dango_action.credentials.forms import WHOLE, Known, binaries, forms, fragments
from dango_action.credentials.matcher import Matcher
from dango_action.credentials.unpacking import GZIP, RUN, ZLIB, Budget, decoded, inflate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from dango_action.credentials.unpacking import Readable

DEEPEST = 4  # levels of what is packed in something packed
MOST_UNPACKED = 64 * 1024 * 1024  # bytes of one file
_WINDOW = 1024 * 1024
_LINES = re.compile(
    rb"[A-Za-z0-9+/_-](?<![A-Za-z0-9+/_-].)[A-Za-z0-9+/_-]{59,75}(?:\r?\n|(?:\\r)?\\n)[ \t]*"
    rb"(?:[A-Za-z0-9+/_-]{60,76}(?:\r?\n|(?:\\r)?\\n)[ \t]*)*[A-Za-z0-9+/_-]*={0,2}",
    re.DOTALL,
)
"""Base64 in lines, as in PEM and in mail; in JSON their ends are written `\\n`."""
_ENDS = re.compile(rb"\\r|\\n|\s+")
_MARGIN = 8  # bytes of a line's end that a window may cut
_MEMBER = re.compile(rb"PK\x03\x04", re.DOTALL)
_DEFLATED, _ENCRYPTED = 8, 1  # a method and a flag of a member of a zip
_ZLIB_BITS, _GZIP_BITS, _RAW_BITS = 15, 31, -15  # of `zlib.decompressobj`


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A file holds a value; or, if `path` is empty, it could not be searched whole."""

    file: str
    path: str

    def __str__(self) -> str:
        return f"{self.file} holds {self.path}" if self.path else f"{self.file} could not be searched whole"


@dataclass(slots=True, kw_only=True)
class _Search:
    """The search of one file, with what all its levels share."""

    matcher: Matcher
    owners: dict[bytes, frozenset[str]]
    budget: Budget
    found: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """Finds values that are no settings; the values never leave it."""

    _matcher: Matcher = field(repr=False)
    _owners: dict[bytes, frozenset[str]] = field(repr=False)
    _most: int = MOST_UNPACKED

    @classmethod
    def of(cls, known: Iterable[Known], most_unpacked: int = MOST_UNPACKED) -> Scanner:
        """Return a scanner for these values, which unpacks so many bytes of a file at most."""
        owners: dict[bytes, set[str]] = {}
        words: set[bytes] = set()
        for one in known:
            for fragment in () if one.setting else (*fragments(one), *binaries(one)):
                written = forms(fragment)
                words |= written if len(fragment) < WHOLE else set()
                for form in written:
                    owners.setdefault(form, set()).add(one.path)
        matcher = Matcher.of(owners.keys() - words, words)
        frozen = {form: frozenset(paths) for form, paths in owners.items()}
        return cls(_matcher=matcher, _owners=frozen, _most=most_unpacked)

    def scan(self, data: bytes, name: str) -> Iterator[Hit]:
        """Give each value that is in the data, once; `name` is what a hit calls the data."""
        return self._scan(_reading(data), name)

    def scan_file(self, path: Path, name: str | None = None) -> Iterator[Hit]:
        """Give each value that is in a file, once; it is called `name`, or as it is.

        Raises:
            OSError: it can't be read.

        """
        with _opened(path) as read:
            yield from self._scan(read, name or path.name)

    def _scan(self, read: Readable, name: str) -> Iterator[Hit]:
        if not self._owners:
            return
        search = _Search(matcher=self._matcher, owners=self._owners, budget=Budget.of(self._most))
        _look_into(read, search, DEEPEST)
        for path in sorted(search.found):
            yield Hit(file=name, path=path)
        if search.budget.cut:
            yield Hit(file=name, path="")


def _reading(data: bytes) -> Readable:
    return lambda at, size: data[at : at + size]


@contextmanager
def _opened(path: Path) -> Iterator[Readable]:
    with path.open("rb") as file:
        descriptor = file.fileno()
        yield lambda at, size: os.pread(descriptor, size, at)


def _look_into(read: Readable, search: _Search, deeper: int) -> None:
    """Look for values in what can be read, window by window, and in what is packed in it."""
    overlap = search.matcher.longest + 16
    size = max(_WINDOW, 2 * overlap)
    at, seen = 0, _Seen()
    while window := read(at, size):
        last = len(window) < size
        for match in search.matcher.find(window):
            # A word at an edge is seen whole, with what is beside it, in another window.
            alone = match.pattern not in search.matcher.words
            if alone or ((match.start or not at) and (match.end < len(window) or last)):
                search.found |= search.owners[match.pattern]
        if deeper:
            for data in (*_inflated(read, at, window, seen, search), *_decoded(read, at, window, seen, search)):
                _look_into(_reading(data), search, deeper - 1)
        if last:
            return
        at += size - overlap


@dataclass(slots=True)
class _Seen:
    """Up to where a file's packed parts were looked into: windows overlap, and parts go over them."""

    packed: int = 0
    lines: int = 0
    runs: int = 0


def _inflated(read: Readable, at: int, window: bytes, seen: _Seen, search: _Search) -> Iterator[bytes]:
    """Give what begins in a window and is compressed; only what is whole is skipped in the search for more."""
    starts = [(at + found.start(), _ZLIB_BITS) for found in ZLIB.finditer(window)]
    starts += [(at + found.start(), _GZIP_BITS) for found in GZIP.finditer(window)]
    starts += [(at + found.start(), _RAW_BITS) for found in _MEMBER.finditer(window)]
    for start, bits in sorted(starts):
        if start < seen.packed:
            continue
        begin = _member(read, start, search) if bits == _RAW_BITS else start
        if begin is not None:
            unpacked = inflate(read, begin, bits, search.budget)
            seen.packed = unpacked.end or seen.packed
            yield unpacked.data
    seen.packed = max(seen.packed, at + len(window) - 3)  # the longest mark has four bytes


def _member(read: Readable, start: int, search: _Search) -> int | None:
    """Return where the deflated data of a zip's member begins; None if it is not compressed, or unreadable."""
    header = read(start, 30)
    flags, method = int.from_bytes(header[6:8], "little"), int.from_bytes(header[8:10], "little")
    if len(header) < 30 or not (method or flags & _ENCRYPTED):  # noqa: PLR2004 - the size of the header
        return None
    if method != _DEFLATED or flags & _ENCRYPTED:
        search.budget.cut = True
        return None
    name, extra = int.from_bytes(header[26:28], "little"), int.from_bytes(header[28:30], "little")
    return start + 30 + name + extra


def _decoded(read: Readable, at: int, window: bytes, seen: _Seen, search: _Search) -> Iterator[bytes]:
    """Give what the runs of base64 that begin in a window stand for."""
    for found in _LINES.finditer(window):
        start = at + found.start()
        if start >= seen.lines:
            run = _whole(read, start, found, len(window), search)
            seen.lines = start + len(run)
            seen.runs = max(seen.runs, seen.lines)
            yield from decoded(_ENDS.sub(b"", run))
    for found in RUN.finditer(window):
        start = at + found.start()
        if start >= seen.runs:
            run = _whole(read, start, found, len(window), search)
            seen.runs = start + len(run)
            yield from decoded(run)


def _whole(read: Readable, start: int, found: re.Match[bytes], end: int, search: _Search) -> bytes:
    """Return a run of base64, with what of it lies behind the window."""
    run, size = found[0], end
    while found.end() + _MARGIN > end:
        size *= 2
        more = read(start, size)
        longer = found.re.match(more)
        if not longer:
            break
        run, found, end = longer[0], longer, len(more)
        if end < size:
            break
        if size >= search.budget.most:
            search.budget.cut = True
            break
    return run
