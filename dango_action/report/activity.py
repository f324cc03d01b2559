"""`.dango/activity.log`: one line an event over all runs, made for `tail -f`."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dango_action.report.wording import headline, outcome

if TYPE_CHECKING:
    from pathlib import Path

    from dango_action.results import RunResult, SourceResult


class ActivityLog:
    """Appends whole lines, so that two runs at once do not mix theirs."""

    def __init__(self, path: Path, run: str) -> None:
        self._path = path
        self._run = run

    def write(self, subject: str, text: str) -> None:
        """Append one line: time, run, subject, text."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = f"{now} {self._run} {subject}: {' '.join(text.split())}\n"
        with suppress(OSError):  # a log that can't be written must not end a run
            self._append(line.encode(errors="backslashreplace"))

    def _append(self, line: bytes) -> None:
        descriptor = os.open(self._path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o644)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def phase(self, source: str, phase: str, attempt: int) -> None:
        """Log that a source has come to a phase."""
        if phase in ("starting", "loading"):
            self.write(source, phase if attempt == 1 else f"{phase}, attempt {attempt}")

    def progress(self, source: str, rows: int) -> None:
        """Leave progress out: it belongs on a screen."""

    def finished(self, result: SourceResult) -> None:
        """Log how a source has ended."""
        status = "" if result.status == "ok" else f"{result.status}: "
        self.write(result.name, status + outcome(result))

    def ended(self, result: RunResult) -> None:
        """Log how the run has ended."""
        for problem in (*result.notices, *result.warnings, *result.problems):
            self.write("run", str(problem))
        self.write("run", f"{headline(result)}; exit code {int(result.exit_code)}")
