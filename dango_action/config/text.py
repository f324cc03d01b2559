"""The bytes of a configuration file as text whose lines are those that an editor shows."""

from __future__ import annotations

import codecs
import re

from dango_action.errors import Position, Problem

LARGEST = 1024 * 1024  # bytes; the largest sensible file has a hundredth of it

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
# What YAML allows, without U+0085, U+2028 and U+2029: the parser takes them for line breaks (as YAML 1.1 did),
# editors don't, so a comment would end where nobody sees it, and every later line number would be off.
_REFUSED = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def decode(data: bytes, file: str, largest: int = LARGEST) -> str | Problem:
    """Return the text without a byte order mark, or the problem that makes it unreadable; sizes are in bytes."""
    start = Position(file=file, line=1, column=1)
    if len(data) > largest:
        return Problem(
            what=f"the file is larger than {largest // 1024**2} MiB", hint="keep data elsewhere", at=start
        )
    if data.startswith(_UTF16):
        return Problem(what="the file is UTF-16, not UTF-8", hint="save it as UTF-8", at=start)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return Problem(
            what=f"byte 0x{data[error.start]:02x} is not UTF-8",
            hint="save the file as UTF-8",
            at=_position(data[: error.start].decode("utf-8"), file),
        )
    return _checked(text.removeprefix("\ufeff"), file)


def _checked(text: str, file: str) -> str | Problem:
    refused = _REFUSED.search(text)
    if not refused:
        return text
    at = _position(text[: refused.start()], file)
    if refused[0] == "\0":
        hint = "this is a binary file, or UTF-16: save it as plain text in UTF-8"
        return Problem(what="the file has NUL bytes", hint=hint, at=at)
    code = ord(refused[0])
    escape = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - two digits reach so far
    return Problem(
        what=f"the control character U+{code:04X} is not allowed here",
        hint=f'remove it, or write "{escape}" in a text with double quotes',
        at=at,
    )


def _position(before: str, file: str) -> Position:
    """Return the place just after this beginning of a file."""
    lines = _LINE_BREAK.split(before.removeprefix("\ufeff"))
    return Position(file=file, line=len(lines), column=len(lines[-1]) + 1)
