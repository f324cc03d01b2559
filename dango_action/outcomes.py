"""From what a worker came to, by its own word or by its end, to what is reported of its source."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dango_action import machine
from dango_action.errors import ExitCode, Problem
from dango_action.protocol import Failed
from dango_action.results import SourceResult, TablePreview, TableResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dango_action.protocol import Asked, Extracted

_LONGEST = 500  # characters of what is wrong; the log has all of it
_STOPPED = (ExitCode.INTERRUPTED, ExitCode.DEADLINE)
_DOING = {"waiting": "waiting for its next try", "ready": "waiting for its turn to load"}
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
        "kept": tuple(_one_line(table, _LONGEST) for table in extracted.kept),
        "doubts": tuple(map(_on_one_line, extracted.doubts)),
        "left_out": tuple(
            (_one_line(name, _LONGEST), _one_line(why, _LONGEST)) for name, why in extracted.left_out.items()
        ),
        "preview": tuple(previews),
        **_asked(extracted.asked),
    }


def failure(failed: Failed) -> dict[str, Any]:
    """Return the fields of the result of a source that failed or was stopped."""
    return {
        "status": "interrupted" if failed.exit_code in _STOPPED else "failed",
        "exit_code": ExitCode(failed.exit_code),
        "problems": tuple(_on_one_line(problem) for problem in failed.problems),
        **_asked(failed.asked),
    }


def _asked(asked: Asked) -> dict[str, tuple[str, ...]]:
    return {"asked_secret": tuple(asked.secret), "asked_plain": tuple(asked.plain)}


def kept_out(dataset: str, problems: Sequence[Problem]) -> SourceResult:
    """Return the result of a source that another run is loading."""
    return SourceResult(
        name=dataset.removeprefix("raw_"),
        dataset=dataset,
        status="failed",
        exit_code=ExitCode.STATE,
        problems=tuple(problems),
        attempts=0,
    )


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


def stopped(why: ExitCode, phase: str) -> Failed:
    """Return what is said of a source that the run has left undone, be it by a signal or at its deadline.

    `phase` is where the source was: `unborn` if it had not begun.
    """
    by = "by a signal" if why is ExitCode.INTERRUPTED else "at its deadline"
    if phase == "unborn":
        return _failed(f"not begun: the run was stopped {by}", "run it again", why)
    what = f"stopped before it was done, while {_DOING.get(phase, phase)}: the run was stopped {by}"
    return _failed(what, "run it again; nothing was half loaded", why)


def too_long(failed: Failed, left: float) -> Failed:
    """Return a failure that could pass, for which there is no time left to wait."""
    asked = failed.retry_after
    wish = f"the server asks to wait {asked:,.0f} s" if asked else "it could be tried again"
    first, *others = failed.problems
    what = f"{first.what}; {wish}, and {max(left, 0):,.0f} s are left for the pauses of this source"
    hint = "run it again later; when is the server less busy, and is there a limit to its requests?"
    return replace(failed, problems=[replace(first, what=what, hint=hint), *others], transient=False)


def died(status: int | None, *, oom_kills: int = 0) -> Failed:
    """Return the failure of a source whose process ended before it was done.

    `status` is an exit status, the negative number of a signal, or None if the fork server was killed.
    `oom_kills` is how many processes the kernel has killed for want of memory since this one was started.
    """
    hint = "the log has what it printed"
    if status is None:
        return _failed("the process that starts workers was killed, and this source with it", hint)
    if status >= 0:
        what = f"its process ended by itself with status {status}, like os._exit does, before the load was done"
        return _failed(what, hint)
    if -status == signal.SIGKILL and oom_kills:
        total = machine.memory()
        of = f" of {total:,} bytes" if total else ""
        what = f"memory{of} ran out: the kernel has killed {oom_kills} of the processes, among them this source's"
        return _failed(what, "fewer sources at once need less: `--jobs 1`; does the source yield page by page?")
    return _failed(f"its process was killed by {signal.Signals(-status).name}", hint)


def _failed(what: str, hint: str, code: ExitCode = ExitCode.SOURCE_FAILED) -> Failed:
    return Failed(problems=[Problem(what=what, hint=hint)], exit_code=code, transient=False)


def _on_one_line(problem: Problem) -> Problem:
    """Return a worker's problem as it may be shown: on a runner, a line of its own could be a command."""
    return replace(problem, what=_one_line(problem.what, _LONGEST), hint=_one_line(problem.hint, _LONGEST_HINT))


def _one_line(text: str, longest: int) -> str:
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(text.split()))
    return line if len(line) <= longest else f"{line[:longest]}…"
