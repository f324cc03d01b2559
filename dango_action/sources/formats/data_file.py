"""A file on this machine on its way to rows: what it is called, what packs it, and what is wrong in which line."""

from __future__ import annotations

import base64
import gzip
import hashlib
import shutil
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dango_action.errors import DangoError, Position, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GZIP = b"\x1f\x8b"
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A file to read. `name` is what people call it; `scratch` is a folder for copies of it."""

    name: str
    path: Path
    scratch: Path

    def broken(self, line: int, what: str, hint: str) -> DangoError:
        """Return the error that a line, counted from 1, can't be read."""
        return SourceError.because(what, hint, Position(file=self.name, line=line, column=1))

    def useless(self, what: str, hint: str) -> DangoError:
        """Return the error that the whole file can't be read."""
        return SourceError.because(f"{self.name} {what}", hint)

    def digest(self) -> str:
        """Return what tells the content from any other: 16 characters, since the state has them of each file."""
        with self.path.open("rb") as reader:
            whole = hashlib.file_digest(reader, "sha256").digest()
        return base64.urlsafe_b64encode(whole[:12]).decode()

    def unpacked(self) -> DataFile:
        """Return the file as it was before gzip, if that has packed it, whatever it is called.

        Raises:
            SourceError: it is broken.

        """
        with self.path.open("rb") as reader:
            if reader.read(len(_GZIP)) != _GZIP:
                return self
        target = self.scratch / "unpacked"
        try:
            with gzip.open(self.path) as packed, target.open("wb") as writer:
                shutil.copyfileobj(packed, writer, _CHUNK)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise self.useless(
                "is packed by gzip, and broken or cut off", "write it again, and run again"
            ) from error
        return self.at(target)

    def at(self, path: Path) -> DataFile:
        """Return the same file, with its content from elsewhere."""
        return DataFile(name=self.name, path=path, scratch=self.scratch)

    def chunks(self) -> Iterator[bytes]:
        """Give the content."""
        with self.path.open("rb") as reader:
            while chunk := reader.read(_CHUNK):
                yield chunk

    def line_at(self, position: int) -> int:
        """Return the line of the byte at a position, counted from 1, or the next one if a line ends there."""
        left, ends, returns = position, 0, 0
        for chunk in self.chunks():
            part = chunk[:left]
            ends, returns, left = ends + part.count(b"\n"), returns + part.count(b"\r"), left - len(part)
            if not left:
                break
        return 1 + (ends or returns)
