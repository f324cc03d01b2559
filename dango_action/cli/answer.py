"""Commands with `--json`: whatever becomes of one, its standard output is exactly one JSON document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import orjson

from dango_action.errors import DangoError, ExitCode, Problem
from dango_action.results import problem_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ANSWERED = "dango_action.answered"


class Answering(click.Command):
    """A command that has the option `--json`, and answers in JSON also where it can't do what was asked.

    Its function gets `as_json`, and prints its document by `answer`. What click itself refuses, such as an unknown
    option, is no answer of the command: it stays text on standard error.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*args, **kwargs)
        text = "Print one JSON document on standard output, all else on stderr."
        self.params.append(click.Option(["--json", "as_json"], is_flag=True, help=text))

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run the command; what ends it is a document, too."""
        try:
            return super().invoke(ctx)
        except DangoError as error:
            _refuse(ctx, error.problems, error.exit_code)
            raise
        except (click.Abort, KeyboardInterrupt):
            _refuse(ctx, [Problem(what="interrupted", hint="run it again")], ExitCode.INTERRUPTED)
            raise
        except click.ClickException:
            raise
        except Exception as error:
            what = f"this is a bug of dango: {type(error).__name__}"
            _refuse(ctx, [Problem(what=what, hint="standard error has the traceback")], ExitCode.BUG)
            raise


def answer(document: Mapping[str, Any], problems: Iterable[Problem], code: ExitCode) -> None:
    """Print the document of a command, with its problems and its exit code."""
    listed = [problem_document(problem) for problem in problems]
    print_document({**document, "problems": listed, "exit_code": int(code)})


def print_document(document: Mapping[str, Any]) -> None:
    """Print the document of a command that has succeeded, as it is."""
    click.get_current_context().meta[_ANSWERED] = True  # even if nobody reads it: a second one is never right
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def _refuse(ctx: click.Context, problems: Iterable[Problem], code: ExitCode) -> None:
    if ctx.params.get("as_json") and not ctx.meta.get(_ANSWERED):
        with ctx.scope(cleanup=False):
            answer({}, problems, code)
