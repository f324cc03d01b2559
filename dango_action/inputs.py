"""What a run was asked to do: the options of a command line, or the inputs of the Action."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from dango_action.config.words import did_you_mean, show
from dango_action.environment import PREFIX, Context, context_of, workspace
from dango_action.errors import Problem, UsageError
from dango_action.window import Window, window_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_LONGEST_RETENTION = 400  # days; the most that GitHub lets an organization set
Mode = Literal["sync", "check"]

# Events whose code and data are the repository's own; what an outsider can set off with secrets is not here.
SYNC_EVENTS = frozenset({"schedule", "workflow_dispatch", "repository_dispatch", "push"})
_BY_HAND = frozenset({"workflow_dispatch", "repository_dispatch"})
CHECK_EVENTS = frozenset({"pull_request", "merge_group"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_STORES = ("artifact", "none")
_STATE_WORDS = ("sealed", "unsealed", "new")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://([^\s:@?#/]+@)?[^\s@?#]+")  # without a password: that is a variable

INPUTS = (
    "command",
    "sources",
    "exclude",
    "target",
    "full-refresh",
    "limit",
    "since",
    "until",
    "jobs",
    "dry-run",
    "deadline-minutes",
    "shard",
    "state",
    "retention-days",
    "secrets-key",
    "secrets-bundle",
    "github-token",
    "python-version",
    "working-directory",
)
"""Every input of `action.yml`; `python-version` and `retention-days` are also used by the file itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The words of a command line or of the Action's `with:`, before they are held against the configuration."""

    project: Path
    sources: tuple[str, ...] = ()  # names, globs, `tag:x`; empty means every enabled source
    exclude: tuple[str, ...] = ()
    target: str | None = None  # instead of the one in sources.yml
    full_refresh: bool = False
    limit: int | None = None  # rows of each resource to look at, instead of a load
    window: Window | None = None  # a backfill: load what lies in it, and leave the cursors alone
    jobs: int | None = None
    deadline_minutes: float | None = None  # from the run's start; then it stops by itself
    strict: bool = False  # let one broken source stop the others

    def contradiction(self) -> Problem | None:
        """Return what can't be asked for together."""
        if self.limit is not None and self.full_refresh:
            what = "a limit only looks, so it can't be combined with a full refresh"
            return Problem(what=what, hint="leave out one of the two")
        if self.window is not None and self.full_refresh:
            what = "a backfill loads a window, so it can't be combined with a full refresh"
            return Problem(what=what, hint="leave out `since` and `until`, or the full refresh")
        if self.deadline_minutes is not None and math.isnan(self.deadline_minutes):
            return Problem(what="a deadline needs a number of minutes", hint="write it like 330 or 0.5")
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateWish:
    """Where the Action keeps the warehouse between runs: the input `state`, taken apart."""

    store: Literal["artifact", "url", "none"] = "artifact"
    url: str = ""  # of a bucket or a folder
    asked: Literal["sealed", "unsealed"] | None = None  # whether it has to be sealed; None: if there is a key
    new: bool = False  # start over without what earlier runs have left


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a step of a workflow does."""

    mode: Mode
    inputs: Inputs
    dry_run: bool
    state: StateWish
    shard: int  # which part of a matrix this is, from 1
    context: Context


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
        what = f"input `command`: there is no command `{show(asked)}`"
        raise UsageError.because(what, did_you_mean(asked, ("sync", "check")))
    if asked == "check" or (event in CHECK_EVENTS and asked == ""):
        return "check"
    if event in SYNC_EVENTS and (event != "push" or default_branch):
        return "sync"
    raise UsageError.because(
        f"the event `{event}` does not sync here: what it brings may not be the default branch's",
        "run it on schedule, workflow_dispatch, repository_dispatch or a push to the default branch, "
        "or set `command: check`",
    )


def step(environ: Mapping[str, str], event: Mapping[str, Any]) -> Step:
    """Return what the Action's inputs and its event ask for; empty inputs count as absent.

    `event` is the payload of the event, which names the default branch.

    Raises:
        UsageError: an input is unknown or holds no such value; all of them at once.

    """
    values = _given(environ)
    context = context_of(environ, values.text("github-token"))
    project = values.folder(context.workspace)
    inputs = Inputs(
        project=project,
        sources=words([values.text("sources")]),
        exclude=words([values.text("exclude")]),
        target=values.text("target") or None,
        full_refresh=values.flag("full-refresh"),
        limit=values.number("limit"),
        window=values.window(),
        jobs=values.number("jobs"),
        deadline_minutes=values.minutes("deadline-minutes"),
    )
    dry_run, state, shard = values.flag("dry-run"), values.state(), values.number("shard") or 1
    values.number("retention-days", most=_LONGEST_RETENTION)  # action.yml hands it on; a wrong one is said here
    problems = [*_unknown(values.given), *values.problems]
    if contradiction := inputs.contradiction():
        problems.append(contradiction)
    problems += _surroundings(context, state)
    if not context.token.isascii():
        what = "input `github-token` is no token"
        problems.append(Problem(what=what, hint="leave it out: the job has a token of its own"))
    if state.new and context.event not in _BY_HAND:
        what = f"input `state`: `new` on the event `{context.event}` would start over each time"
        hint = "ask for it by hand: workflow_dispatch, with an input that says so"
        problems.append(Problem(what=what, hint=hint))
    mode: Mode = "check"
    try:
        mode = mode_for(context.event, values.text("command"), default_branch=_on_default_branch(context, event))
    except UsageError as error:
        problems += error.problems
    if problems:
        raise UsageError(*problems)
    return Step(mode=mode, inputs=inputs, dry_run=dry_run, state=state, shard=shard, context=context)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """What the Action's set-up has to know of its inputs."""

    project: Path
    dry_run: bool


def set_up(environ: Mapping[str, str]) -> SetUp | None:
    """Return what the set-up has to know; None if an input for it is wrong, which `step` says."""
    values = _given(environ)
    wish = SetUp(project=values.folder(workspace(environ)), dry_run=values.flag("dry-run"))
    return None if values.problems else wish


def state_wish(text: str) -> tuple[StateWish, list[Problem]]:
    """Return where and how state is to be kept, as the words of `state` say, and what is wrong with them."""
    first, *rest = text.split() or ["artifact"]
    if first == "new" and not rest:
        first, rest = "artifact", ["new"]
    url = first if _URL.fullmatch(first) else ""
    wrong: list[tuple[str, str]] = []
    if "://" in first and not url:
        wrong.append(("is a URL with more than a path", "credentials are variables, see docs/state.md"))
    elif not url and first not in _STORES:
        hint = did_you_mean(first, ("artifact", "artifact unsealed", "new", "none", "s3://bucket/folder"))
        wrong.append((f"names no store that this version has: `{show(first)}`", hint))
    for word in rest:
        if word not in _STATE_WORDS or first == "none":
            hint = "`sealed` or `unsealed`, and `new`, may follow `artifact` or a URL; nothing follows `none`"
            wrong.append((f"can't be used with `{show(word)}`", hint))
    if {"sealed", "unsealed"} <= set(rest):
        wrong.append(("can't be both sealed and unsealed", "leave out one of the two"))
    store: Literal["artifact", "url", "none"] = "url" if url else "none" if first == "none" else "artifact"
    asked: Literal["sealed", "unsealed"] | None = "sealed" if "sealed" in rest else None
    asked = "unsealed" if "unsealed" in rest else asked
    wish = StateWish(store=store, url=url, asked=asked, new="new" in rest)
    return wish, [Problem(what=f"`state` {what}", hint=hint) for what, hint in wrong]


@dataclass(slots=True)
class _Values:
    """Reads inputs one by one and keeps what is wrong with them."""

    given: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def text(self, name: str) -> str:
        """Return a text; empty if it was not given."""
        return self.given.get(name, "")

    def flag(self, name: str) -> bool:
        """Return a boolean, as YAML 1.2 writes them."""
        value = self.given.get(name, "false")
        if value not in _BOOLEANS:
            self._wrong(name, f"can't be `{show(value)}`", "write `true` or `false`")
        return _BOOLEANS.get(value, False)

    def number(self, name: str, *, most: int = 10**8) -> int | None:
        """Return a whole number of at least 1; None if it was not given."""
        value = self.given.get(name)
        if value is None:
            return None
        if re.fullmatch("[1-9][0-9]{0,9}", value) and int(value) <= most:
            return int(value)
        self._wrong(name, f"can't be `{show(value)}`", f"write a whole number from 1 to {most:,}")
        return None

    def minutes(self, name: str) -> float | None:
        """Return minutes, with a fraction if need be; None if they were not given."""
        value = self.given.get(name)
        if value is None:
            return None
        if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", value) and float(value) > 0:
            return float(value)
        self._wrong(name, f"can't be `{show(value)}`", "write minutes, like 330 or 0.5")
        return None

    def window(self) -> Window | None:
        """Return the window of a backfill; None if none was asked for."""
        window, problems = window_of(self.given.get("since"), self.given.get("until"))
        self.problems += [replace(problem, what=f"input {problem.what}") for problem in problems]
        return window

    def folder(self, workspace: Path) -> Path:
        """Return the project's folder, which lies in the repository."""
        given = self.text("working-directory")
        try:
            folder = (workspace / given).resolve()
            inside = folder.is_relative_to(workspace) and folder.is_dir()
        except (OSError, RuntimeError):  # a name that no file system takes, a link that leads to itself
            inside = False
        if not inside:
            folder = workspace
            what = f"names no folder of the repository: `{show(given)}`"
            self._wrong("working-directory", what, "write its path from the top, like `ingest`")
        return folder

    def state(self) -> StateWish:
        """Return the input `state`: a store, and how it is used."""
        wish, problems = state_wish(self.given.get("state", "artifact"))
        self.problems += [replace(problem, what=f"input {problem.what}") for problem in problems]
        return wish

    def _wrong(self, name: str, what: str, hint: str) -> None:
        self.problems.append(Problem(what=f"input `{name}` {what}", hint=hint))


def _surroundings(context: Context, state: StateWish) -> Iterator[Problem]:
    """Give what a job lacks that every step of ours needs."""
    if not any(context.workspace.iterdir()):
        hint = "let `uses: actions/checkout@…` be the step before this one"
        yield Problem(what="the workspace is empty: the repository was not checked out", hint=hint)
    known = context.repository and context.workflow and context.run_id
    if state.store != "none" and not known:
        hint = "outside of a workflow use `dango sync`, or set `state: none`"
        yield Problem(what="the runner does not say which run of which workflow this is", hint=hint)


def _on_default_branch(context: Context, event: Mapping[str, Any]) -> bool:
    repository = event.get("repository")
    branch = repository.get("default_branch") if isinstance(repository, dict) else None
    return branch is not None and context.ref == f"refs/heads/{branch}"


def _given(environ: Mapping[str, str]) -> _Values:
    given = {_input(key): value for key, value in environ.items() if key.startswith(PREFIX)}
    return _Values({name: value.strip() for name, value in given.items() if value.strip()})


def _input(variable: str) -> str:
    return variable.removeprefix(PREFIX).lower().replace("_", "-")


def _unknown(given: Iterable[str]) -> Iterator[Problem]:
    for name in given:
        if name not in INPUTS:
            yield Problem(what=f"unknown input `{show(name)}`", hint=did_you_mean(name, INPUTS))
