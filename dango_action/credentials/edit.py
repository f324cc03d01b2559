"""Change the document of sealed secrets line by line: one changed secret is one changed line of a diff."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from dango_action.config.scalars import resolve
from dango_action.credentials.document import parse
from dango_action.credentials.environ import variables
from dango_action.credentials.paths import format_path
from dango_action.errors import CredentialsError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from dango_action.credentials.document import Document, Sealed
    from dango_action.credentials.keys import PublicKey
    from dango_action.credentials.sealed import Path

_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\"""")
_COLON = re.compile(r":(?=[ \t]|$)")
_COMMENT = re.compile(r"[ \t]#")
_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_STAND_IN = "sealed"
_BY_HAND = "give each secret a line of its own, like `  path: enc:v1:…`, and no anchors; then try again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to become of a document; tokens are sealed values."""

    put: Mapping[Path, str] = field(default_factory=lambda: MappingProxyType({}))  # in their lines, or added
    moved: Mapping[Path, tuple[Path, str]] = field(default_factory=lambda: MappingProxyType({}))
    gone: frozenset[Path] = frozenset()
    key: PublicKey | None = None

    def applied(self, entries: Sequence[Sealed]) -> dict[Path, str]:
        """Return what a document with these entries holds afterwards."""
        kept = (entry for entry in entries if entry.path not in self.gone)
        held = dict(self.moved.get(entry.path, (entry.path, entry.token)) for entry in kept)
        return {**held, **self.put}


def edit(data: bytes, changes: Changes, file: str) -> bytes:
    """Return the changed document. Comments, order and all other lines stay as they are.

    A new secret goes after the last one with the same first two parts, else to the end.

    Raises:
        CredentialsError: the document has problems, or is not written with one secret a line. What was made is
            read again, and has to hold exactly what it should.

    """
    before = parse(data, file)
    if before.problems:
        raise CredentialsError(*before.problems)
    made = _Text.of(data.decode(), before).changed(before.entries, changes).encode()
    after = parse(made, file)
    same = {entry.path: entry.token for entry in after.entries} == changes.applied(before.entries)
    if after.problems or not same or after.key != (changes.key or before.key):
        reason = after.problems[0].what if after.problems else "its lines mean something else than they seem to"
        raise CredentialsError.because(f"{file} can't be changed line by line: {reason}", _BY_HAND)
    return made


def clashes(entries: Iterable[Sealed], opened: Mapping[Path, Any] = MappingProxyType({})) -> list[Problem]:
    """Return what keeps values of a document from becoming variables, as a sync would say it.

    Of a value that is not `opened`, that is what shows from its path: that another one has the same variable, or
    stands below it. Such a value is taken for one that is no table.
    """
    positions = {entry.path: entry.at for entry in entries}
    values = {path: opened.get(path, _STAND_IN) for path in positions}
    return variables(values, positions, tables=True)[1]


def unusable(path: Path, value: Any) -> list[Problem]:  # noqa: ANN401 - any JSON
    """Return what keeps a value from becoming the variables that a sync makes of it; it is not shown."""
    return variables({path: value}, tables=True)[1]


def new_clashes(entries: Sequence[Sealed], changes: Changes) -> list[Problem]:
    """Return the clashes of paths that a document with these entries has only after the changes."""
    positions = {entry.path: entry.at for entry in entries}
    there = variables(dict.fromkeys(positions, _STAND_IN), positions)[1]
    after = variables(dict.fromkeys(changes.applied(entries), _STAND_IN), positions)[1]
    return [problem for problem in after if problem not in there]


def yaml_key(path: Path) -> str:
    """Return a path as a key of YAML, in quotes where it needs them."""
    text = format_path(path)
    plain = _SIMPLE.fullmatch(text) and isinstance(resolve(text), str)
    return text if plain else "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line `key: value  # comment`, taken apart so that it can be put together again."""

    indent: str
    key: str
    colon: str  # with blanks on both sides
    value: str
    rest: str  # blanks, a comment, the line break

    @classmethod
    def of(cls, line: str) -> _Line | None:
        """Return the parts of a line; None if it is not of this form."""
        body = line.rstrip("\r\n")
        start = len(body) - len(body.lstrip(" \t\ufeff"))
        quoted = _QUOTED.match(body, start)
        colon = _COLON.search(body, quoted.end() if quoted else start)
        if colon is None or body.startswith("#", start):
            return None
        key = body[start : colon.start()].rstrip(" \t")
        behind = body[colon.end() :]
        at = colon.end() + len(behind) - len(behind.lstrip(" \t"))
        value = "" if body.startswith("#", at) else _value(body, at)
        at = at if value else colon.end()
        return cls(
            indent=body[:start],
            key=key,
            colon=body[start + len(key) : at],
            value=value,
            rest=body[at + len(value) :] + line[len(body) :],
        )

    def __str__(self) -> str:
        return f"{self.indent}{self.key}{self.colon}{self.value}{self.rest}"


def _value(body: str, at: int) -> str:
    """Return what stands between a place in a line and the comment or the end."""
    quoted = _QUOTED.match(body, at)
    comment = _COMMENT.search(body, quoted.end() if quoted else at)
    return body[at : comment.start() if comment else len(body)].rstrip(" \t")


@dataclass(slots=True)
class _Text:
    """The lines of a document, and which of them hold what."""

    lines: list[str]
    secrets: int  # numbers of lines, from 0
    key: int
    newline: str

    @classmethod
    def of(cls, text: str, document: Document) -> _Text:
        lines = _LINES.findall(text)
        made = cls(lines, _top(lines, "secrets"), _top(lines, "key"), "\r\n" if "\r\n" in text else "\n")
        numbers = Counter(entry.at.line for entry in document.entries)
        problems = [
            Problem(what="this secret is not written on a line of its own", hint=_BY_HAND, at=entry.at)
            for entry in document.entries
            if numbers[entry.at.line] > 1 or not made.holds(entry)
        ]
        if problems:
            raise CredentialsError(*problems)
        return made

    def holds(self, entry: Sealed) -> bool:
        """Tell whether the line of a secret begins with its key and has a value."""
        line = _Line.of(self.lines[entry.at.line - 1])
        return line is not None and len(line.indent) == entry.at.column - 1 and line.value != ""

    def changed(self, entries: Sequence[Sealed], changes: Changes) -> str:
        lines: list[str] = list(self.lines)
        if changes.key is not None:
            lines[self.key] = _with_value(lines[self.key], changes.key.text)
        for entry in entries:
            number = entry.at.line - 1
            if entry.path in changes.gone:
                lines[number] = ""
            elif entry.path in changes.moved:
                path, token = changes.moved[entry.path]
                lines[number] = _with_value(lines[number], token, yaml_key(path))
            elif entry.path in changes.put:
                lines[number] = _with_value(lines[number], changes.put[entry.path])
        known = {entry.path for entry in entries}
        new = {path: token for path, token in changes.put.items() if path not in known}
        if bool(entries) != bool(changes.applied(entries)):
            lines[self.secrets] = _with_value(lines[self.secrets], "{}" if entries else "")
        self._add(lines, entries, new)
        return "".join(lines)

    def _add(self, lines: list[str], entries: Sequence[Sealed], new: Mapping[Path, str]) -> None:
        """Append the new lines to those after which they stand."""
        last = {entry.path[:2]: entry.at.line - 1 for entry in entries}
        end = max(last.values(), default=self.secrets)
        groups: dict[tuple[int, Path], list[str]] = {}
        for path, token in new.items():
            place = (last.get(path[:2], end), path[:2])
            line = _Line.of(self.lines[place[0]]) if entries else None
            indent = line.indent if line else "  "
            groups.setdefault(place, []).append(f"{indent}{yaml_key(path)}: {token}{self.newline}")
        # The group that belongs to the last line comes before those that only go to the end.
        added: dict[int, list[str]] = {}
        for (number, _), made in sorted(groups.items(), key=lambda item: item[0][1] not in last):
            added.setdefault(number, []).extend(made)
        for number, made in added.items():
            unended = lines[number] and not lines[number].endswith(("\n", "\r"))
            lines[number] += (self.newline if unended else "") + "".join(made)


def _top(lines: Sequence[str], key: str) -> int:
    found = (number for number, line in enumerate(lines) if (parts := _Line.of(line)) and _names(parts, key))
    number = next(found, None)
    if number is None:
        raise CredentialsError.because(f"`{key}:` does not begin a line of the document", _BY_HAND)
    return number


def _names(line: _Line, key: str) -> bool:
    return line.indent in {"", "\ufeff"} and line.key.strip("'\"") == key


def _with_value(text: str, value: str, key: str | None = None) -> str:
    line = _Line.of(text)
    if line is None:
        raise CredentialsError.because("a line of the document is not `key: value`", _BY_HAND)
    blanks = line.colon if line.colon.endswith((" ", "\t")) else f"{line.colon} "
    colon = blanks if value else line.colon.rstrip(" \t")
    return str(replace(line, key=key or line.key, colon=colon, value=value))
