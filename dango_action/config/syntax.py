"""What the YAML parser complains about, in words for the person who wrote the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from yaml.error import MarkedYAMLError

from dango_action.errors import Position, Problem

if TYPE_CHECKING:
    from typing import Protocol

    class Mark(Protocol):
        """A place as PyYAML gives it; libyaml and the pure Python parser have a class each."""

        line: int
        column: int


_HINTS = {
    "\t": "indent with spaces, not with tabs",
    "@": "text that starts with `@` needs quotes",
    "`": "text that starts with a backtick needs quotes",
    "%": "text that starts with `%` needs quotes",
    ":": "text that has `: ` in it needs quotes; a key stands on a line of its own",
    "&": "text that starts with `&` needs quotes",
    "*": "text that starts with `*` needs quotes",
    "!": "text that starts with `!` needs quotes",
}
_OTHERWISE = "look at indentation, quotes and brackets, here and in the lines above"
# The pure Python parser quotes the file in its messages, and the file may hold a secret.
_QUOTED = re.compile(r"""(['"])(.*?)\1""")


def complaint(error: Exception, text: str, file: str) -> Problem:
    """Return the parser's error as a problem."""
    if not isinstance(error, MarkedYAMLError):
        return Problem(what="this is not valid YAML", hint=_OTHERWISE, at=place(None, file))
    mark = error.problem_mark or error.context_mark
    what = f"this is not valid YAML: {_without_quotes(error.problem or 'unexpected text')}"
    if error.context and error.context_mark and mark and error.context_mark.line != mark.line:
        what += f", {_without_quotes(error.context)} that starts in line {error.context_mark.line + 1}"
    char = text[mark.index : mark.index + 1] if mark else ""
    return Problem(what=what, hint=_HINTS.get(char, _OTHERWISE), at=place(mark, file))


def _without_quotes(message: str) -> str:
    """Leave out what may come from the file; single characters and names of tokens stay."""
    return _QUOTED.sub(lambda found: found[0] if len(found[2]) == 1 or found[2][:1] == "<" else "…", message)


def place(mark: Mark | None, file: str) -> Position:
    """Return the position of a parser's mark, which counts from 0; without one, the beginning of the file."""
    if mark is None:
        return Position(file=file, line=1, column=1)
    return Position(file=file, line=mark.line + 1, column=mark.column + 1)
