"""From an exception in a worker to the cause in one line: by its type and data, never by its text."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from dlt.common.configuration.exceptions import ConfigFieldMissingException, LookupTrace
from dlt.common.exceptions import TerminalException, TransientException
from dlt.destinations.exceptions import DatabaseException
from dlt.extract.exceptions import (
    InvalidResourceDataTypeIsNone,
    PipeGenInvalid,
    ResourceExtractionError,
    SourceDataIsNone,
)
from dlt.pipeline.exceptions import PipelineStepFailed

from dango_action.errors import DangoError, ExitCode, Position, Problem
from dango_action.protocol import Failed
from dango_action.sources.idioms import Idiom, find_idioms
from dango_action.warehouse.transaction import PoisonedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from dango_action.protocol import Task

# What a server says when asking again later may help (RFC 9110, RFC 6585, RFC 8470).
TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST = 500  # characters of a message; the log has it whole
PACKAGE = Path(__file__).parent.parent
_IS_NONE = (InvalidResourceDataTypeIsNone, PipeGenInvalid, SourceDataIsNone)


def explain(error: BaseException, task: Task) -> Failed:
    """Return what the parent should report of this exception, and whether another try may help."""
    chain = list(_chain(error))
    cause = _cause(error)
    if isinstance(cause, DangoError):
        return Failed(problems=list(cause.problems), exit_code=cause.exit_code, transient=False)
    idioms = _idioms(cause, task)
    if idioms:
        return Failed(problems=idioms, exit_code=ExitCode.SOURCE_FAILED, transient=False)
    if isinstance(cause, ConfigFieldMissingException):
        return Failed(problems=_missing(cause, task), exit_code=ExitCode.CREDENTIALS, transient=False)
    return Failed(
        problems=[Problem(what=_sentence(cause), hint="the log has the whole traceback", at=_place(cause, task))],
        exit_code=ExitCode.SOURCE_FAILED,
        transient=_transient(chain),
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _cause(error: BaseException) -> BaseException:
    """Return what lies below the wrappers that dlt and the transaction put around an exception."""
    while True:
        match error:
            case PipelineStepFailed():
                inner: BaseException | None = error.exception
            case DatabaseException():
                inner = error.dbapi_exception
            case PoisonedError() | ResourceExtractionError():
                inner = error.__cause__
            case _:
                return error
        if inner is None:
            return error
        error = inner


def _idioms(cause: BaseException, task: Task) -> list[Problem]:
    """Return everything in the module that dlt can't run, if that is what has failed."""
    file = _module_file(task)
    if file is None:
        return []
    found = find_idioms(file.read_text(encoding="utf-8", errors="replace"), _shown(file, task))
    if not any(_explains(idiom, cause, file) for idiom in found):
        return []
    return [idiom.problem for idiom in found]


def _explains(idiom: Idiom, cause: BaseException, file: Path) -> bool:
    if idiom.kind == "empty":
        return isinstance(cause, _IS_NONE)
    if isinstance(cause, ConfigFieldMissingException):
        return idiom.parameter in cause.fields
    return any(
        frame.f_code.co_name == idiom.function and Path(frame.f_code.co_filename) == file
        for frame in _frames(cause)
        if frame.f_locals.get(idiom.parameter, idiom) is None
    )


def _missing(cause: ConfigFieldMissingException, task: Task) -> list[Problem]:
    """Return one problem for each setting that was found nowhere, with the places in the order of the search."""
    problems = []
    for field, traces in cause.traces.items():
        tried = [f"{trace.provider}: {trace.key}" for trace in traces if isinstance(trace, LookupTrace)]
        looked = f"; looked in {', '.join(dict.fromkeys(tried))}" if tried else ""
        problems.append(
            Problem(
                what=f"`{field}` is missing for source `{task.name}`",
                hint=f"put `{field} = …` under [sources.{task.name}] in .dlt/secrets.toml, or set "
                f"SOURCES__{task.name.upper()}__{field.upper()}{looked}",
            )
        )
    return problems


def _transient(chain: list[BaseException]) -> bool:
    if any(isinstance(error, TerminalException) for error in chain[1:]):
        return False
    return any(_passes(error) for error in chain)


def _passes(error: BaseException) -> bool:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return status in TRY_AGAIN
    httpx = sys.modules.get("httpx")
    kinds = (TransientException, ConnectionError, TimeoutError, requests.ConnectionError, requests.Timeout)
    return isinstance(error, kinds) or (httpx is not None and isinstance(error, httpx.TransportError))


def _sentence(cause: BaseException) -> str:
    if isinstance(cause, SystemExit):
        return f"the source's code called sys.exit({cause.code!r})"
    try:
        text = str(cause)[: 4 * _LONGEST]
    except Exception:  # noqa: BLE001 - user code, once more
        text = ""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in first[:_LONGEST])
    return f"{type(cause).__name__}: {shown}" if shown else type(cause).__name__


def _place(cause: BaseException, task: Task) -> Position | None:
    """Return the innermost line of the user's own code in the traceback."""
    for frame in reversed(traceback.extract_tb(cause.__traceback__)):
        file = Path(frame.filename)
        foreign = file.is_relative_to(PACKAGE) or "site-packages" in file.parts
        if file.is_relative_to(task.project) and not foreign:
            return Position(file=_shown(file, task), line=frame.lineno or 1, column=(frame.colno or 0) + 1)
    return None


def _frames(cause: BaseException) -> Iterator[FrameType]:
    return (frame for frame, _ in traceback.walk_tb(cause.__traceback__))


def _module_file(task: Task) -> Path | None:
    for name in (task.module, f"custom_sources.{task.module}"):
        file = getattr(sys.modules.get(name), "__file__", None)
        if file and Path(file).is_relative_to(task.project):
            return Path(file)
    return None


def _shown(file: Path, task: Task) -> str:
    return file.relative_to(task.project).as_posix()
