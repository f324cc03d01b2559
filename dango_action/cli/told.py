"""What the sources of a plan say of themselves, for `dango config explain` and `dango secrets check`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import click

from dango_action.cli.answer import answer
from dango_action.errors import ExitCode, foremost
from dango_action.github.commands import inert

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dango_action.credentials.held import Credentials
    from dango_action.errors import Problem
    from dango_action.explain import Answer
    from dango_action.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The answers of the sound sources, and what is wrong with the configuration of the others."""

    answers: tuple[Answer, ...]
    broken: tuple[Problem, ...]

    @classmethod
    def of(cls, plan: Plan, credentials: Credentials) -> Told:
        """Ask the sources of a plan; their modules are imported, each in a process of its own."""
        from dango_action.explain import explain  # noqa: PLC0415 - `config validate` needs none of it

        broken = (
            problem if problem.at else replace(problem, at=plan.positions.get(name))
            for name, problems in plan.broken.items()
            for problem in problems
        )
        answers = explain(plan.project, plan.sources, credentials, plan.places)
        return cls(answers=tuple(answers), broken=tuple(broken))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why sources can't be looked at."""
        return (*self.broken, *(problem for answer in self.answers for problem in answer.source.problems))

    @property
    def exit_code(self) -> ExitCode:
        """The code with which a sync would end for the same reasons."""
        codes = [answer.exit_code for answer in self.answers]
        return foremost([*codes, ExitCode.CONFIGURATION] if self.broken else codes)

    @property
    def logs(self) -> dict[str, list[str]]:
        """The end of the log of each source that has failed and has printed anything."""
        return {answer.source.name: list(answer.log) for answer in self.answers if answer.log}


class Overview(Protocol):
    """What there is to see, as a document and for people."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with it."""

    @property
    def exit_code(self) -> ExitCode:
        """The code that says whether it can be used."""

    def document(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""

    def lines(self) -> Iterator[str]:
        """Give it all, for people."""


def tell(seen: Overview, *, as_json: bool) -> ExitCode:
    """Print what there is to see, and what is wrong with it; return the exit code."""
    if as_json:
        answer(seen.document(), seen.problems, seen.exit_code)
        return seen.exit_code
    for line in (*map(inert, seen.lines()), *problem_lines(seen.problems)):
        click.echo(line)
    return seen.exit_code


def problem_lines(problems: Iterable[Problem]) -> Iterator[str]:
    """Give problems for people; they may quote what a source says, so no line is a command to a runner."""
    yield from (inert(line) for problem in problems for line in str(problem).splitlines())


def log_lines(logs: Mapping[str, list[str]]) -> Iterator[str]:
    """Give the logs for people; no line of them is a command to a runner."""
    for name, lines in logs.items():
        yield f"the end of the log of {name}:"
        yield from (inert(f"  | {line}") for line in lines)
