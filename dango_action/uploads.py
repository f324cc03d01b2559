"""What became of the uploads, which are steps of `action.yml`: told apart from what the sync has come to.

GitHub gives the right to upload to JavaScript actions only. The action that does it tries five times by itself; if
that was not enough, `action.yml` pauses and has it try once more.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from dango_action import environment
from dango_action.cli.main import leave
from dango_action.errors import ExitCode, Problem
from dango_action.github.commands import Runner, write_summary
from dango_action.report.summary import problem_list

if TYPE_CHECKING:
    from collections.abc import Mapping

_PAUSE = (5.0, 15.0)
"""Seconds; chosen at random between these, so that the jobs of a matrix do not all come back at once."""


def main() -> None:
    """Pause, if that is the argument; else say what became of the uploads."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if sys.argv[1:] == ["pause"]:
            time.sleep(random.uniform(*_PAUSE))  # noqa: S311 - nothing secret
            leave(ExitCode.OK)
        leave(tell(os.environ))
    except KeyboardInterrupt:
        leave(ExitCode.INTERRUPTED)


def tell(environ: Mapping[str, str]) -> ExitCode:
    """Set the output `state-uploaded`, say what has failed, and return the exit code for it."""
    uploads, runner = environment.uploads(environ), Runner(sys.stdout)
    problems = []
    if uploads.state:
        kept = "success" in uploads.state
        runner.outputs({"state-uploaded": str(kept).lower()})
        if not kept:
            problems.append(_not_kept(uploads.generation, uploads.state))
            runner.error("dango", problems[0])
    if uploads.report and "success" not in uploads.report:
        problems.append(_NO_LOGS)
        runner.warning("dango", _NO_LOGS)
    for problem in problems:
        runner.line(str(problem))
    if problems and (file := environment.summary_file(environ)):
        with suppress(OSError):
            write_summary(file, "\n".join(["## ❌ dango: uploads", "", *problem_list(problems)]))
    return ExitCode.OK if uploads.state is None or "success" in uploads.state else ExitCode.STATE


_NO_LOGS = Problem(
    what="logs and result of this run could not be uploaded as an artifact",
    hint="what was loaded does not depend on them; the log of the upload's step says why",
)


def _not_kept(generation: str, outcomes: tuple[str, ...]) -> Problem:
    """Return the problem of a generation that did not go up."""
    how = "was cancelled" if "cancelled" in outcomes else "has failed, twice"
    return Problem(
        what=f"generation {generation} of the warehouse was loaded and is not kept: its upload {how}",
        hint="run it again: it goes on from the generation before, and fetches the same rows once more; "
        "the log of the upload's step says why",
    )


if __name__ == "__main__":
    main()
