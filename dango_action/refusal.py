"""A step that can do nothing: its problems in the log, at their lines and in the job summary; its status."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from dango_action import environment
from dango_action.github.commands import write_summary
from dango_action.report.summary import problem_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dango_action.errors import DangoError, ExitCode
    from dango_action.github.commands import Runner


def refuse(error: DangoError, runner: Runner, environ: Mapping[str, str]) -> ExitCode:
    """Say what is wrong with the step, set its status, and return its exit code."""
    for problem in error.problems:
        runner.line(str(problem))
        runner.error("dango", problem)
    runner.outputs({"status": "failed"})
    file = environment.summary_file(environ)
    if file:
        lines = ["## ❌ dango: nothing could be done", "", *problem_list(error.problems)]
        with suppress(OSError):
            write_summary(file, "\n".join(lines))
    return error.exit_code
