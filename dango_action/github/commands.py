"""The runner's workflow commands, by `actions-toolkit`, which escapes them.

Whatever a source has printed is put between `::stop-commands::` markers: a line of it that looks like a
command must not be one.
"""

from __future__ import annotations

import secrets
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, TextIO

from actions_toolkit.command import issue, issue_command

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dango_action.errors import Problem


class Runner:
    """Writes commands to one stream; the runner reads both standard output and standard error."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def group(self, title: str, lines: Iterable[str]) -> None:
        """Print foreign lines in a foldable group."""
        token = secrets.token_hex(16)  # not to be guessed by the lines
        with redirect_stdout(self._stream):
            issue("group", " ".join(title.split()))
            issue("stop-commands", token)
            for line in lines:
                print(line, file=self._stream)
            issue(token)
            issue("endgroup")
        self._stream.flush()

    def error(self, title: str, problem: Problem) -> None:
        """Annotate a problem, at its line if it has one."""
        place = {}
        if problem.at:
            place = {"file": problem.at.file, "line": problem.at.line, "col": problem.at.column}
        with redirect_stdout(self._stream):
            issue_command("error", {"title": title, **place}, f"{problem.what}\n{problem.hint}")
        self._stream.flush()
