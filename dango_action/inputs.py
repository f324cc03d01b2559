"""What a run was asked to do, and the one place that knows the names of environment variables."""

from __future__ import annotations

import difflib
import os
import resource
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dango_action.errors import Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_LEAST_JOBS = 4
_OWN_DESCRIPTORS = 32
_DESCRIPTORS_OF_A_SOURCE = 8  # twice what a worker needs: as many as extract may wait for their load
Mode = Literal["sync", "check"]

PREFIX = "DANGO_INPUT_"
"""Composite actions get no `INPUT_*` variables, so `action.yml` passes each input under this prefix."""

# Events whose code and data are the repository's own; what an outsider can set off with secrets is not here.
_SYNC = frozenset({"schedule", "workflow_dispatch", "repository_dispatch"})
_CHECK = frozenset({"pull_request", "merge_group"})
# input -> the option of `dango sync` that takes its value; a flag takes none
_OPTIONS = {
    "sources": "--source",
    "exclude": "--exclude",
    "target": "--target",
    "limit": "--limit",
    "jobs": "--jobs",
}
_FLAGS = {"full-refresh": "--full-refresh", "dry-run": "--dry-run"}
_OTHERS = ("command",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The words of a command line or of the Action's `with:`, before they are held against the configuration."""

    project: Path
    sources: tuple[str, ...] = ()  # names, globs, `tag:x`; empty means every enabled source
    exclude: tuple[str, ...] = ()
    target: str | None = None  # instead of the one in sources.yml
    full_refresh: bool = False
    limit: int | None = None  # rows of each resource to look at, instead of a load
    jobs: int | None = None
    strict: bool = False  # let one broken source stop the others


def words(values: Iterable[str]) -> tuple[str, ...]:
    """Return the words of repeated options, each of which may itself be a list with commas or spaces."""
    return tuple(word for value in values for word in value.replace(",", " ").split())


def mode_for(event: str, asked: str, *, default_branch: bool) -> Mode:
    """Return what a step does: pull requests are checked, trusted events sync, unless it asks for a check.

    `default_branch` tells whether it runs on the repository's default branch; a push to another one is refused.

    Raises:
        UsageError: the event may come from outside, or there is no such command.

    """
    if asked not in ("", "sync", "check"):
        near = difflib.get_close_matches(asked, ["sync", "check"], 1)
        hint = f"did you mean `{near[0]}`?" if near else "use sync or check, or leave it out"
        raise UsageError.because(f"input `command`: there is no command `{asked}`", hint)
    if asked == "check" or (event in _CHECK and asked == ""):
        return "check"
    if event in _SYNC or (event == "push" and default_branch):
        return "sync"
    raise UsageError.because(
        f"the event `{event}` does not sync here: what it brings may not be the default branch's",
        "run it on schedule, workflow_dispatch, repository_dispatch or a push to the default branch, "
        "or set `command: check`",
    )


def arguments(environ: Mapping[str, str], event: Mapping[str, Any]) -> list[str]:
    """Return the command line that the Action's inputs stand for; empty inputs count as absent.

    `event` is the payload of the event, which names the default branch.

    Raises:
        UsageError: an input is unknown or holds no such value; all of them at once.

    """
    given = {_input(key): value for key, value in environ.items() if key.startswith(PREFIX) and value.strip()}
    problems = [*_unknown(given), *_no_flags(given)]
    if problems:
        raise UsageError(*problems)
    branch = event.get("repository", {}).get("default_branch")
    mode = mode_for(
        environ.get("GITHUB_EVENT_NAME", ""),
        given.get("command", "").strip(),
        default_branch=branch is not None and environ.get("GITHUB_REF") == f"refs/heads/{branch}",
    )
    if mode == "check":
        return ["config", "validate"]
    options = [f"{option}={given[name].strip()}" for name, option in _OPTIONS.items() if name in given]
    flags = [flag for name, flag in _FLAGS.items() if given.get(name) == "true"]
    return ["sync", *options, *flags]


def on_runner(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a step of a GitHub Actions job."""
    return environ.get("GITHUB_ACTIONS") == "true"


def width(asked: int | None) -> int:
    """Return how many sources extract at once: they mostly wait for somebody's API, and each needs descriptors."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = max(1, (descriptors - _OWN_DESCRIPTORS) // _DESCRIPTORS_OF_A_SOURCE)
    return min(asked or max(_LEAST_JOBS, 2 * processors), most)


def _input(variable: str) -> str:
    return variable.removeprefix(PREFIX).lower().replace("_", "-")


def _unknown(given: Iterable[str]) -> Iterable[Problem]:
    known = [*_OPTIONS, *_FLAGS, *_OTHERS]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"use one of: {', '.join(sorted(known))}"
            yield Problem(what=f"unknown input `{name}`", hint=hint)


def _no_flags(given: Mapping[str, str]) -> Iterable[Problem]:
    for name in _FLAGS:
        if given.get(name, "false") not in ("true", "false"):
            yield Problem(what=f"input `{name}` is neither true nor false", hint="write `true` or `false`")
