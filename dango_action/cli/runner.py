"""A run on the screen of a GitHub Actions job."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from dango_action.github.commands import inert
from dango_action.report.console import PlainScreen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dango_action.github.commands import Runner
    from dango_action.results import RunResult, SourceResult

SHOWN_LINES = 500
"""The end of a source's log that the job's log repeats; the whole one is in the artifact."""


class RunnerScreen(PlainScreen):
    """Plain lines; each source's output in a group, each failure as an annotation."""

    def __init__(self, project: Path, runner: Runner, stream: TextIO) -> None:
        super().__init__(stream)
        self._runner = runner
        self._project = project

    def line(self, text: str) -> None:
        """Print lines of ours, which may quote something that looks like a command."""
        for line in text.splitlines() or [""]:
            super().line(inert(line))

    def finished(self, result: SourceResult) -> None:
        """Print how a source has ended below the output that it left."""
        lines = list(_tail(self._project / result.log)) if result.log else []
        if lines:
            self._runner.group(f"{result.name}: log", lines)
        super().finished(result)
        for problem in result.problems:
            self._runner.error(result.name, problem)

    def ended(self, result: RunResult) -> None:
        """Print the whole run's line last."""
        for notice in result.notices:
            self._runner.notice("dango", notice)
        for warning in result.warnings:
            self._runner.warning("dango", warning)
        for problem in result.problems:
            self._runner.error("dango", problem)
        super().ended(result)


def _tail(log: Path) -> Iterator[str]:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    if len(lines) > SHOWN_LINES:
        yield f"[{len(lines) - SHOWN_LINES:,} lines before these are in {log.name}]"
    yield from lines[-SHOWN_LINES:]
