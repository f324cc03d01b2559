"""What can go wrong, as data: problems with a place and a next step, and one exit code for each kind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class ExitCode(IntEnum):
    """The exit codes of `dango`; a release never gives one of them another meaning."""

    OK = 0
    BUG = 1
    USAGE = 2
    CONFIGURATION = 3
    CREDENTIALS = 4
    SOURCE_FAILED = 5
    STATE = 6
    CHECK_FAILED = 7
    DEADLINE = 75
    INTERRUPTED = 130


# Several at once: the first of these that applies is the exit code of the run.
PRECEDENCE = (
    ExitCode.INTERRUPTED,
    ExitCode.BUG,
    ExitCode.USAGE,
    ExitCode.CONFIGURATION,
    ExitCode.STATE,
    ExitCode.SOURCE_FAILED,
    ExitCode.CREDENTIALS,
    ExitCode.CHECK_FAILED,
    ExitCode.DEADLINE,
)


def foremost(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the code that a run with all these codes ends with; OK if there are none."""
    found = set(codes)
    return next((code for code in PRECEDENCE if code in found), ExitCode.OK)


def chain(error: BaseException) -> Iterator[BaseException]:
    """Give an exception and what has led to it, each once."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Position:
    """A place in a text file; line and column count from 1."""

    file: str
    line: Annotated[int, Ge(1)]
    column: Annotated[int, Ge(1)]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, where, and the next thing to try. It never holds a secret's value."""

    what: str
    hint: str
    at: Position | None = None

    def __str__(self) -> str:
        place = f"{self.at}: " if self.at else ""
        return f"{place}{self.what}\n  {self.hint}" if self.hint else f"{place}{self.what}"


class DangoError(Exception):
    """One or more problems that end what was asked for, and the exit code that says of which kind."""

    exit_code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems

    @classmethod
    def because(cls, what: str, hint: str, at: Position | None = None) -> DangoError:
        """Return the error with a single problem."""
        return cls(Problem(what=what, hint=hint, at=at))


class UsageError(DangoError):
    """The command line or an input of the Action asks for something that does not exist."""

    exit_code = ExitCode.USAGE


class ConfigError(DangoError):
    """A configuration file can't be used."""

    exit_code = ExitCode.CONFIGURATION


class CredentialsError(DangoError):
    """A secret, a token or a permission is missing, or not accepted."""

    exit_code = ExitCode.CREDENTIALS


class SourceError(DangoError):
    """A source could not be extracted or loaded."""

    exit_code = ExitCode.SOURCE_FAILED


class StoppedError(DangoError):
    """A signal has ended what was under way."""

    exit_code = ExitCode.INTERRUPTED


class StateError(DangoError):
    """The warehouse or its state is in use, newer than expected, or not trustworthy."""

    exit_code = ExitCode.STATE
