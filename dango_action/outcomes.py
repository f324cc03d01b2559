"""From what a worker came to, by its own word or by its end, to what is reported of its source."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dango_action.errors import ExitCode, Problem
from dango_action.protocol import Failed
from dango_action.results import TablePreview, TableResult

if TYPE_CHECKING:
    from dango_action.protocol import Asked, Extracted

_LONGEST = 500  # characters of what is wrong; the log has all of it
_LONGEST_HINT = 4000  # a missing secret names all places


def success(extracted: Extracted | None, *, loaded: bool) -> dict[str, Any]:
    """Return the fields of the result of a source that was loaded, looked at, or up to date."""
    if extracted is None:
        return {"status": "ok", "changed": loaded}
    tables = (
        TableResult(name=table, rows=rows, discarded=extracted.discarded.get(table, 0))
        for table, rows in sorted(extracted.rows.items())
    )
    previews = (
        TablePreview(table=p.table, columns=tuple(p.columns), rows=tuple(map(tuple, p.rows)))
        for p in extracted.preview
    )
    return {
        "status": "ok",
        "changed": loaded,
        "tables": tuple(tables),
        "preview": tuple(previews),
        **_asked(extracted.asked),
    }


def failure(failed: Failed) -> dict[str, Any]:
    """Return the fields of the result of a source that failed or was stopped."""
    return {
        "status": "interrupted" if failed.exit_code == ExitCode.INTERRUPTED else "failed",
        "exit_code": ExitCode(failed.exit_code),
        "problems": tuple(_on_one_line(problem) for problem in failed.problems),
        **_asked(failed.asked),
    }


def _asked(asked: Asked) -> dict[str, tuple[str, ...]]:
    return {"asked_secret": tuple(asked.secret), "asked_plain": tuple(asked.plain)}


def late(phase: str, seconds: float) -> Failed:
    """Return the failure of a source that was over its time."""
    return _failed(
        f"{phase} took longer than its limit of {seconds / 60:g} minutes",
        "raise `timeout_minutes` for it; the log shows where each of its threads was",
    )


def not_started(error: OSError) -> Failed:
    """Return the failure of a source whose process there was no room for."""
    what = f"its process could not be started: {error.strerror}"
    return _failed(what, "nothing was changed; free what is short, and run again")


def died(status: int | None, *, stopping: bool) -> Failed:
    """Return the failure of a source whose process ended before it was done.

    `status` is an exit status, the negative number of a signal, or None if the fork server was killed.
    """
    if stopping:
        hint = "run it again; nothing was half loaded"
        return _failed("stopped before it was done", hint, ExitCode.INTERRUPTED)
    hint = "the log has what it printed"
    if status is None:
        return _failed("the process that starts workers was killed, and this source with it", hint)
    if status >= 0:
        what = f"its process ended by itself with status {status}, like os._exit does, before the load was done"
        return _failed(what, hint)
    if -status == signal.SIGKILL:
        hint = "when memory runs out the system does that; the log has what it printed"
    return _failed(f"its process was killed by {signal.Signals(-status).name}", hint)


def _failed(what: str, hint: str, code: ExitCode = ExitCode.SOURCE_FAILED) -> Failed:
    return Failed(problems=[Problem(what=what, hint=hint)], exit_code=code, transient=False)


def _on_one_line(problem: Problem) -> Problem:
    """Return a worker's problem as it may be shown: on a runner, a line of its own could be a command."""
    return replace(problem, what=_one_line(problem.what, _LONGEST), hint=_one_line(problem.hint, _LONGEST_HINT))


def _one_line(text: str, longest: int) -> str:
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(text.split()))
    return line if len(line) <= longest else f"{line[:longest]}…"
