"""The runner's workflow commands, by `actions-toolkit`, which escapes them.

Whatever a source has printed is put between `::stop-commands::` markers and behind a bar: a line of it that
looks like a command must not be one, and a traceback in it must not set off the matcher of `setup-python`.
The limits are those of actions/runner: 10 annotations of a kind for a step, 4,096 characters for each, and a
job summary of 1 MiB, which is refused whole if it is larger.
"""

from __future__ import annotations

import secrets
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Literal, TextIO

from actions_toolkit.command import issue, issue_command
from actions_toolkit.file_command import issue_file_command, prepare_key_value_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from dango_action.errors import Problem

ANNOTATIONS = 9
"""Of a kind in a step; the runner shows 10, and its own `Process completed with exit code` is one of them."""
LONGEST_MESSAGE = 4096
LARGEST_SUMMARY = 1024 * 1024
BAR = "| "
_LAST = "(GitHub shows no more than these; the job summary has all.)"
_CUT = "\n\n*The rest is left out: a job summary ends at 1 MiB. The artifact of this run has all of it.*\n"

Level = Literal["error", "warning", "notice"]


class Runner:
    """Writes commands to one stream; the runner reads both standard output and standard error.

    `folder` is where the project lies in the repository, from whose top GitHub counts the paths of annotations.
    """

    def __init__(self, stream: TextIO, folder: str = "") -> None:
        self._stream = stream
        self._folder = f"{folder}/" if folder else ""
        self._left = dict.fromkeys(("error", "warning", "notice"), ANNOTATIONS)

    def group(self, title: str, lines: Iterable[str]) -> None:
        """Print foreign lines in a foldable group."""
        token = secrets.token_hex(16)  # not to be guessed by the lines
        with redirect_stdout(self._stream):
            issue("group", " ".join(title.split()))
            issue("stop-commands", token)
            for line in lines:
                print(inert(BAR + line), file=self._stream)
            issue(token)
            issue("endgroup")
        self._stream.flush()

    def line(self, text: str) -> None:
        """Print lines of ours, which may quote something that looks like a command."""
        for line in text.splitlines() or [""]:
            print(inert(line), file=self._stream)
        self._stream.flush()

    def mask(self, secret: str) -> None:
        """Have the runner show `***` for a value, whole and line by line, in everything that is printed later."""
        lines = [line.strip() for line in secret.splitlines()]
        with redirect_stdout(self._stream):
            for value in dict.fromkeys((secret.strip(), *lines)):
                if value:
                    issue_command("add-mask", {}, value)
        self._stream.flush()

    def mask_all(self, values: Iterable[str]) -> None:
        """Have the runner show `***` for each of these texts, exactly as it is."""
        with redirect_stdout(self._stream):
            for value in dict.fromkeys(values):
                if value.strip():
                    issue_command("add-mask", {}, value)
        self._stream.flush()

    def error(self, title: str, problem: Problem) -> None:
        """Annotate a problem as an error, at its line if it has one."""
        self._annotate("error", title, problem)

    def notice(self, title: str, problem: Problem) -> None:
        """Annotate what is worth knowing."""
        self._annotate("notice", title, problem)

    def warning(self, title: str, problem: Problem) -> None:
        """Annotate what may be a mistake."""
        self._annotate("warning", title, problem)

    def outputs(self, values: Mapping[str, str]) -> None:
        """Set outputs of this step.

        Raises:
            Exception: there is no file for them, as outside of a workflow.

        """
        for name, value in values.items():
            issue_file_command("OUTPUT", prepare_key_value_message(name, value))

    def _annotate(self, level: Level, title: str, problem: Problem) -> None:
        if not self._left[level]:
            return
        self._left[level] -= 1
        place = {"title": title}
        if problem.at:
            file = f"{self._folder}{problem.at.file}"
            place |= {"file": file, "line": str(problem.at.line), "col": str(problem.at.column)}
        message = f"{problem.what}\n{problem.hint}"
        if not self._left[level]:
            message = f"{_LAST}\n{message}"
        with redirect_stdout(self._stream):
            issue_command(level, place, message[:LONGEST_MESSAGE])
        self._stream.flush()


def inert(line: str) -> str:
    """Return a line in which the runner finds no command: not at its start, and not `##[` anywhere."""
    line = line.replace("##[", "## [")
    return BAR + line if line.lstrip().startswith("::") else line


def folder_in(repository: Path, project: Path) -> str:
    """Return the path of a project in its repository, "" at the top or outside of it."""
    inside = project != repository and project.is_relative_to(repository)
    return project.relative_to(repository).as_posix() if inside else ""


def write_summary(file: Path, text: str) -> None:
    """Append Markdown to a step's part of the job summary; what would make it too large is cut at a line's end.

    Raises:
        OSError: the file can't be written.

    """
    room = LARGEST_SUMMARY - (file.stat().st_size if file.exists() else 0)
    data = text.encode(errors="replace")
    if len(data) > room:
        kept = data[: max(0, room - len(_CUT))]
        data = kept[: kept.rfind(b"\n") + 1] + _CUT.encode() if room > len(_CUT) else b""
    with file.open("ab") as stream:
        stream.write(data)
