"""Asking each source, in a process of its own, which parameters it has and where their values come from."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dango_action.credentials.allow_list import base_environment
from dango_action.credentials.explain import SourceExplained
from dango_action.credentials.redaction import Redactor
from dango_action.errors import ExitCode, Problem
from dango_action.explained import Described, Explained, Resource
from dango_action.forkserver import hide_from_workers
from dango_action.pool import Ended, Pool
from dango_action.protocol import Failed
from dango_action.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dango_action.config.model import Source
    from dango_action.credentials.held import Credentials
    from dango_action.errors import Position
    from dango_action.protocol import Task

PATIENCE = 60.0
"""Seconds that the modules of all sources may take to be imported."""
SHOWN_LINES = 40
"""The end of what a source has printed, which has its traceback; its log itself is deleted."""
_STAND_IN = "sealed"  # of a value that nobody can open here: a word that may stand in any message
_SHOWN_BYTES = 64 * 1024
_LONGEST = 500  # characters of such a line
# Where to look if a process does not tell these: when it has ended, and when it goes on.
_HINTS = {
    "parameters": (
        "does its module exit, or crash, when it is imported?",
        "does its module do more than define things when it is imported?",
    ),
    "resources": (
        "does its function exit, or crash, when it is called?",
        "does its function do more than make resources when it is called?",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is known of a source. If it fails: the code with which its sync would end, and its log's end.

    No text in it holds a value that the source could see, or begins a line of its own.
    """

    source: SourceExplained
    exit_code: ExitCode = ExitCode.OK
    log: tuple[str, ...] = ()
    resources: tuple[Resource, ...] | Problem | None = None  # or why there are none; None if nobody has asked


@dataclass(slots=True)
class _Heard:
    """What the sources' processes have said, and how those that are gone have ended."""

    answers: dict[str, Explained | Failed] = field(default_factory=dict)
    described: dict[str, Described | Failed] = field(default_factory=dict)
    ended: dict[str, int | None] = field(default_factory=dict)


def explain(
    project: Path,
    sources: Sequence[Source],
    credentials: Credentials,
    places: Mapping[str, Mapping[str, Position]],
    *,
    describe: bool = False,
) -> list[Answer]:
    """Return, for each source, its parameters, or why they can't be told. Nothing is extracted or loaded.

    `places` are those of each source's keys in sources.yml. With `describe`, each one is built, too, and its
    resources are told.
    """
    with tempfile.TemporaryDirectory(prefix="dango-") as folder:
        tasks = [
            replace(
                _task(source, project, credentials, Path(folder)),
                places=dict(places.get(source.name, {})),
                resources=list(source.resources) if source.resources and describe else None,
                describe=describe,
            )
            for source in sources
        ]
        heard = _hear(tasks, sources, credentials, Path(folder))
        logs = {source.name: _last_lines(_log(Path(folder), source)) for source in sources}
    made = []
    for source in sources:
        answer = heard.answers.get(source.name)
        if isinstance(answer, Explained):
            told = SourceExplained.of(source, answer.parameters, credentials)
            made.append(_described(heard, told, logs[source.name]) if describe else Answer(source=told))
        else:
            failed = answer or _silent(heard, source.name)
            told = SourceExplained(name=source.name, problems=tuple(map(_on_one_line, failed.problems)))
            made.append(Answer(source=told, exit_code=ExitCode(failed.exit_code), log=logs[source.name]))
    return made


def _described(heard: _Heard, source: SourceExplained, log: tuple[str, ...]) -> Answer:
    """Return the answer with the resources, or why there are none; what the code itself does is in its log."""
    answer = heard.described.get(source.name) or _silent(heard, source.name, "resources")
    if isinstance(answer, Described):
        return Answer(source=source, resources=tuple(answer.resources))
    shown = log if answer.exit_code == ExitCode.SOURCE_FAILED else ()
    return Answer(source=source, resources=_on_one_line(answer.problems[0]), log=shown)


def _hear(tasks: Sequence[Task], sources: Sequence[Source], credentials: Credentials, scratch: Path) -> _Heard:
    """Start a process for each source, and listen until all have ended or the time is over."""
    heard = _Heard()
    opened = {name: value for name, value in credentials.sealed.items() if value.text != _STAND_IN}
    hidden = Redactor.of(replace(credentials, sealed=opened).known(sources))
    with Pool.open(base_environment(credentials.job), redactor=hidden) as pool:
        hide_from_workers()
        for task, source in zip(tasks, sources, strict=True):
            pool.start(task, _log(scratch, source))
        deadline = time.monotonic() + PATIENCE
        while len(heard.ended) < len(sources) and pool.alive and time.monotonic() < deadline:
            for worker, event in pool.wait(deadline - time.monotonic()):
                if isinstance(event, Explained | Failed) and worker.name not in heard.answers:
                    heard.answers[worker.name] = event
                elif isinstance(event, Described | Failed):
                    heard.described.setdefault(worker.name, _hidden(event, hidden))
                elif isinstance(event, Ended):
                    heard.ended[worker.name] = event.status
    return heard


def _hidden(event: Described | Failed, redactor: Redactor) -> Described | Failed:
    """Return a message in which no name holds a secret or is more than a line; in failures none does already."""
    if isinstance(event, Failed):
        return event

    def text(name: str) -> str:
        return " ".join(_printable(redactor.text(name)).split())

    return Described(
        resources=[
            replace(
                resource,
                name=text(resource.name),
                primary_key=[text(column) for column in resource.primary_key],
                cursor=text(resource.cursor) if resource.cursor else None,
            )
            for resource in event.resources
        ]
    )


def _task(source: Source, project: Path, credentials: Credentials, scratch: Path) -> Task:
    return replace(task_of(source, project, credentials.settings_of(source), scratch), explain=True)


def _log(scratch: Path, source: Source) -> Path:
    return scratch / f"{source.name}.log"


def _last_lines(log: Path) -> tuple[str, ...]:
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - _SHOWN_BYTES))
            text = stream.read().decode(errors="replace")
    except OSError:  # its folder was the source's to delete
        return ()
    lines = (_printable(line).rstrip()[:_LONGEST] for line in text.splitlines())
    return tuple(line for line in lines if line)[-SHOWN_LINES:]


def _silent(heard: _Heard, name: str, told: str = "parameters") -> Failed:
    """Return the failure of a source whose process has not told its parameters, or resources."""
    hint, slow = _HINTS[told]
    if name not in heard.ended:
        what, hint = f"source `{name}` does not say which {told} it has within {PATIENCE:.0f} s", slow
    elif (status := heard.ended[name]) is None:
        what, hint = "the process that starts workers was killed, and this source with it", "run it again"
    elif status < 0:
        what = f"its process was killed by signal {-status} before it said which {told} it has"
    else:
        what = (
            f"its process ended by itself with status {status}, like os._exit does, before it said which {told} "
        )
        what += "it has"
    problem = Problem(what=what, hint=hint)
    return Failed(problems=[problem], exit_code=ExitCode.SOURCE_FAILED, transient=False)


def _on_one_line(problem: Problem) -> Problem:
    """Return a worker's problem as it may be shown: on a runner, a line of its own could be a command."""
    what, hint = (" ".join(_printable(text).split()) for text in (problem.what, problem.hint))
    return replace(problem, what=what, hint=hint)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
