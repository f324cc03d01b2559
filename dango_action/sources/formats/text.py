"""Text in any encoding becomes UTF-8, and lines above the data go."""

from __future__ import annotations

import codecs
import itertools
import shutil
from typing import TYPE_CHECKING

from dango_action.errors import ConfigError

if TYPE_CHECKING:
    from dango_action.sources.formats.data_file import DataFile

_CHUNK = 1024 * 1024
_UTF8 = "utf-8"
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def decoded(file: DataFile, encoding: str) -> DataFile:
    """Return a text file as UTF-8; one that already is may have a byte order mark, and is not looked through.

    Raises:
        ConfigError: there is no such encoding.
        SourceError: it has another one; the line is named.

    """
    with file.path.open("rb") as reader:
        encoding = _MARKS.get(reader.read(2), encoding)
    try:
        name = codecs.lookup(encoding).name
    except LookupError as error:
        what = f"there is no encoding `{encoding}`"
        raise ConfigError.because(what, "use one of Python's, for example utf-8, latin-1 or cp1252") from error
    if name == _UTF8:
        return file
    target = file.scratch / "decoded"
    lines = 0
    try:
        with (
            file.path.open(encoding=encoding, newline="") as reader_of_text,
            target.open("w", encoding=_UTF8, newline="") as writer,
        ):
            while chunk := reader_of_text.read(_CHUNK):
                writer.write(chunk)
                lines += chunk.count("\n")
    except UnicodeError as error:
        hint = "set `encoding` to the one that the file has"
        raise file.broken(lines + 1, f"this line, or one soon after it, is not {encoding}", hint) from error
    return file.at(target)


def without_top(file: DataFile, lines: int) -> tuple[DataFile, int]:
    """Return a text file without so many lines, and the empty ones after them; and how many were left out."""
    with file.path.open("rb") as reader:
        gone = sum(1 for _ in itertools.islice(reader, lines))
        start = reader.tell()
        while (line := reader.readline(3)) in (b"\n", b"\r\n"):
            gone, start = gone + 1, start + len(line)
        if not start:
            return file, 0
        reader.seek(start)
        target = file.scratch / "cut"
        with target.open("wb") as writer:
            shutil.copyfileobj(reader, writer, _CHUNK)
    return file.at(target), gone


def has_mixed_lines(file: DataFile) -> bool:
    """Tell whether some lines end with a carriage return and a line feed, and some with a line feed alone."""
    ends = returns = 0
    last = b""
    for chunk in file.chunks():
        ends += chunk.count(b"\n")
        returns += chunk.count(b"\r\n") + (last == b"\r" and chunk[:1] == b"\n")
        last = chunk[-1:]
    return 0 < returns < ends


def with_even_lines(file: DataFile) -> DataFile:
    """Return a text file all of whose lines end with a line feed alone."""
    target = file.scratch / "even"
    held = b""
    with target.open("wb") as writer:
        for chunk in file.chunks():
            whole = held + chunk
            held = whole[-1:] if whole.endswith(b"\r") else b""
            writer.write(
                whole.removesuffix(held).replace(b"\r\n", b"\n") if held else whole.replace(b"\r\n", b"\n")
            )
        writer.write(held)
    return file.at(target)
