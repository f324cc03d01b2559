"""From an exception in a worker to the cause in one line: by its type and data, never by its text."""

from __future__ import annotations

import http.client
import sys
import urllib.error
from collections.abc import Mapping
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import requests
from dlt.common.exceptions import DictValidationException, TerminalException, TransientException
from dlt.destinations.exceptions import DatabaseException
from dlt.extract.exceptions import ResourceExtractionError
from dlt.normalize.exceptions import NormalizeJobFailed
from dlt.pipeline.exceptions import PipelineStepFailed

from dango_action.errors import DangoError, ExitCode, Problem, chain
from dango_action.protocol import Failed
from dango_action.retry_after import seconds_of
from dango_action.sync.diagnoses import diagnose
from dango_action.sync.shortage import shortage
from dango_action.sync.tracebacks import definition_of, foreign_line, place_of
from dango_action.warehouse.transaction import PoisonedError

if TYPE_CHECKING:
    from dango_action.protocol import Task

# What a server says when asking again later may help (RFC 9110, RFC 6585, RFC 8470).
TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_REFUSED = frozenset({401, 403})
_LONGEST = 64 * 1024  # characters of a message, which is shortened once secrets are out of it
_PASSING = (
    TransientException,
    ConnectionError,
    TimeoutError,
    http.client.IncompleteRead,  # a body that ends too early, as urllib says it, and below it requests
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)


def explain(error: BaseException, task: Task) -> Failed:
    """Return what the parent should report of this exception, and whether another try may help.

    A message may quote what it was given, secrets among it: the parent hides them, as in everything it hears.
    """
    cause = cause_of(error)
    if isinstance(cause, DangoError):
        place = place_of(cause.__cause__, task) if cause.__cause__ else None
        problems = [problem if problem.at else replace(problem, at=place) for problem in cause.problems]
        return Failed(problems=problems, exit_code=cause.exit_code, transient=False)
    if diagnosis := diagnose(cause, task):
        problems, exit_code = diagnosis
        return Failed(problems=problems, exit_code=exit_code, transient=False)
    causes = list(dict.fromkeys((cause, *chain(cause), *chain(error))))
    if short := shortage(causes, Path(task.scratch)):
        at = place_of(cause, task)
        return Failed(problems=[replace(short, at=at)], exit_code=ExitCode.SOURCE_FAILED, transient=False)
    transient = _transient(list(chain(error)))
    hint = _advice(cause, transient=transient)
    at = place_of(cause, task) or definition_of(cause, task)
    if at is None and not transient and not isinstance(cause, duckdb.Error):
        # code of somebody else's has failed on what the entry asks of it
        at = task.places.get("dlt_native.source_module", task.places.get("type"))
        hint = f"{within}; {hint}" if (within := foreign_line(cause)) else hint
    return Failed(
        problems=[Problem(what=sentence(cause), hint=hint, at=at)],
        exit_code=ExitCode.SOURCE_FAILED,
        transient=transient,
        retry_after=next((seconds for cause in causes if (seconds := _asked_pause(cause)) is not None), None),
    )


def _advice(cause: BaseException, *, transient: bool) -> str:
    if _status(cause) in _REFUSED:
        return "the server refuses the credentials, or what they may do: `dango config explain` tells their place"
    if isinstance(cause, duckdb.ParserException):
        return "was a key or `write_disposition` changed? --full-refresh starts the source over with the new one"
    if isinstance(cause, duckdb.CatalogException):
        return "was a table of this source dropped or changed by hand? --full-refresh starts the source over"
    if transient:
        return "this often passes: look at the address and the network, then run it again; the log has more"
    return "the log has the whole traceback"


def _status(error: BaseException) -> object:
    """Return the status of the HTTP response that an exception carries, whatever client it comes from."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code
    return getattr(getattr(error, "response", None), "status_code", None)


def _asked_pause(error: BaseException) -> float | None:
    """Return the seconds that a server asks to wait: `Retry-After`, a number or a date (RFC 9110, 10.2.3)."""
    if _status(error) not in TRY_AGAIN:
        return None
    holder = error if isinstance(error, urllib.error.HTTPError) else getattr(error, "response", None)
    headers = getattr(holder, "headers", None)
    return seconds_of(headers.get("Retry-After") if isinstance(headers, Mapping | Message) else None)


def cause_of(error: BaseException) -> BaseException:
    """Return what lies below the wrappers that dlt and the transaction put around an exception."""
    while True:
        match error:
            case PipelineStepFailed():
                inner: BaseException | None = error.exception
            case DatabaseException():
                inner = error.dbapi_exception
            case PoisonedError() | ResourceExtractionError() | NormalizeJobFailed():
                inner = error.__cause__
            case DictValidationException(nested_exceptions=list(nested)):
                # of what none of several types takes, the part that lies deepest is the one that is wrong
                inner = max(nested, key=lambda one: one.path.count("/"), default=None)
            case _:
                return error
        if inner is None:
            return error
        error = inner


def _transient(causes: list[BaseException]) -> bool:
    # dlt lets DuckDB's parser pass for transient
    if any(isinstance(error, duckdb.ParserException | TerminalException) for error in causes[1:]):
        return False
    return any(_passes(error) for error in causes)


def _passes(error: BaseException) -> bool:
    if (status := _status(error)) is not None:
        return status in TRY_AGAIN
    httpx = sys.modules.get("httpx")
    return isinstance(error, _PASSING) or (httpx is not None and isinstance(error, httpx.TransportError))


def sentence(cause: BaseException) -> str:
    """Return the kind of an exception and the first line of its message."""
    if isinstance(cause, SyntaxError):
        return f"SyntaxError: {cause.msg}"
    if isinstance(cause, SystemExit):
        return f"the source's code called sys.exit({cause.code!r})"
    try:
        text = str(cause)[:_LONGEST]
    except Exception:  # noqa: BLE001 - user code, once more
        text = ""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    sound = first.encode(errors="backslashreplace").decode()  # half of a surrogate pair is no text to send
    return f"{type(cause).__name__}: {sound}" if sound else type(cause).__name__
