"""Keeping the values of secrets out of what a job shows and uploads."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SHORTEST = 4
"""Characters; to hide anything shorter would hide half of a log, and no secret."""
_HIDDEN = b"***"
# What is no secret, and stands in every log: words of YAML, short numbers, dates and times.
_PLAIN = re.compile(r"true|false|null|none|[-+.\d]{1,7}|\d{4}-\d\d(-\d\d([T ][\d:.Z+-]*)?)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Redactor:
    """Replaces known values by `***`, whole and, if they have several lines, line by line."""

    values: tuple[str, ...]

    @classmethod
    def of(cls, values: Iterable[str]) -> Redactor:
        """Return a redactor of these values; the longest are replaced first."""
        parts = {part.strip() for value in values for part in (value, *value.splitlines())}
        kept = {part for part in parts if len(part) >= SHORTEST and not _PLAIN.fullmatch(part)}
        return cls(tuple(sorted(kept, key=lambda part: (-len(part), part))))

    def __repr__(self) -> str:
        return f"Redactor({len(self.values)} values)"

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
        with open(descriptor, "rb") as reader:  # noqa: PTH123 - it was opened without following a link
            data = reader.read()
        for value in self.values:
            data = data.replace(value.encode(errors="surrogateescape"), _HIDDEN)
        target.write_bytes(data)


def toml_values(project: Path) -> Iterator[str]:
    """Give all texts of `.dlt/secrets.toml`; none if it is not there or can't be read."""
    try:
        todo: list[Any] = [tomllib.loads((project / ".dlt/secrets.toml").read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        return
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            todo += value.values()
        elif isinstance(value, list):
            todo += value
        elif isinstance(value, str):  # a number that is a secret would hide every count
            yield value
