"""What GitHub's runner makes of the lines that a step prints; act's own reading of them is looser.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions, and for what that leaves open the
runner's source: which names it knows, where a command may stand in a line, and in which order it unescapes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMES = {
    *("add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice"),
    *("remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning"),
}
IN_DATA = (("%0D", "\r"), ("%0A", "\n"))
IN_PROPERTY = (*IN_DATA, ("%3A", ":"), ("%2C", ","))
IN_OLD_FORM = (*IN_DATA, ("%3B", ";"), ("%5D", "]"))


@dataclass(frozen=True, kw_only=True)
class Command:
    """A line that the runner obeys."""

    name: str
    properties: dict[str, str]
    data: str


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """What a run's page shows, with all that were asked for: the page stops after ten of a level and step."""

    level: str
    message: str
    title: str | None = None
    file: str | None = None
    line: int | None = None
    col: int | None = None


def parse(line: str) -> Command | None:
    """Return the command that a line holds; it may be indented, and the old form may stand anywhere in it."""
    text = line.rstrip("\r\n")
    stripped = text.lstrip()
    if stripped.startswith("::") and "::" in stripped[2:]:
        head, data = stripped[2:].split("::", 1)
        command = _command(head, data, ",", (IN_PROPERTY, IN_DATA))
        if command:
            return command
    _, mark, after = text.partition("##[")
    if mark and "]" in after:
        head, data = after.split("]", 1)
        return _command(head, data, ";", (IN_OLD_FORM, IN_OLD_FORM))
    return None


def _command(
    head: str, data: str, separator: str, escapes: tuple[tuple[tuple[str, str], ...], ...]
) -> Command | None:
    name, _, rest = head.partition(" ")
    if name.lower() not in NAMES:
        return None
    pairs = (each.split("=", 1) for each in rest.split(separator) if "=" in each)
    properties = {key.strip(): _unescaped(value, escapes[0]) for key, value in pairs if key.strip() and value}
    return Command(name=name.lower(), properties=properties, data=_unescaped(data, escapes[1]))


def _unescaped(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for escaped, character in (*escapes, ("%25", "%")):
        text = text.replace(escaped, character)
    return text


@dataclass(kw_only=True)
class Reader:
    """The runner's state while a job prints: what is masked, and which token ends a pause of the commands."""

    masks: set[str] = field(default_factory=set)
    annotations: list[Annotation] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    paused_until: str | None = None

    def mask(self, values: Iterable[str]) -> None:
        """Hide these values, and each line of them, from now on."""
        for value in values:
            self.masks |= {part for part in (value, *value.splitlines()) if part.strip()}

    def masked(self, text: str) -> str:
        for value in sorted(self.masks, key=len, reverse=True):
            text = text.replace(value, "***")
        return text

    def next_step(self) -> None:
        self.paused_until = None

    def read(self, line: str) -> None:
        text = line.rstrip("\r\n")
        if self.paused_until is not None:
            if text.strip() == f"::{self.paused_until}::":
                self.paused_until = None
            self.shown.append(self.masked(text))
            return
        command = parse(text)
        if command is None:
            self.shown.append(self.masked(text))
        else:
            self._obey(command, text)

    def _obey(self, command: Command, text: str) -> None:
        if command.name == "add-mask":
            self.mask([command.data])
            return
        if command.name == "stop-commands":
            self.paused_until = command.data
        if command.name in ("error", "warning", "notice"):
            self.annotations.append(self._annotation(command))
        self.shown.append(self.masked(text))

    def _annotation(self, command: Command) -> Annotation:
        properties = {key.lower(): self.masked(value) for key, value in command.properties.items()}
        line, col = (properties.get(key, "") for key in ("line", "col"))
        return Annotation(
            level=command.name,
            message=self.masked(command.data),
            title=properties.get("title"),
            file=properties.get("file"),
            line=int(line) if line.isdecimal() else None,
            col=int(col) if col.isdecimal() else None,
        )
