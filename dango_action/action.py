"""`dango-action`: the command of a workflow step, which takes its words from the step's inputs."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dango_action import environment, inputs, run
from dango_action.cli import config
from dango_action.cli.main import leave
from dango_action.cli.runner import RunnerScreen
from dango_action.cli.sync import plan_lines
from dango_action.credentials.forms import Known, masks
from dango_action.credentials.gather import gather
from dango_action.credentials.keys import KeyRing
from dango_action.credentials.scanner import Scanner
from dango_action.errors import DangoError, ExitCode, Problem, UsageError
from dango_action.github.commands import Runner, folder_in
from dango_action.known import secrets_of, words_of
from dango_action.leavings import Leavings
from dango_action.plan import make_plan
from dango_action.refusal import refuse
from dango_action.report.summary import problem_list, prose
from dango_action.state.seal import Keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dango_action.credentials.held import Credentials
    from dango_action.keeper import Keeper
    from dango_action.plan import Plan

_NOTHING_KEPT = Problem(
    what="nothing is kept of this run, as asked by `state: none`",
    hint="the warehouse goes away with the job; its later steps find it at the output `warehouse-path`",
)

_IS_ITS_OWN_STATE = Problem(
    what="the target keeps its own state, so nothing is restored or kept by this workflow",
    hint="`state:` and `warehouse-path` are for a DuckDB file",
)


def main() -> None:
    """Run what the step's inputs and its event ask for, and exit with one of the documented codes."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the runner sends it 7.5 s after SIGINT
    try:
        leave(_main(os.environ))
    except KeyboardInterrupt:
        print("interrupted")  # noqa: T201
        leave(ExitCode.INTERRUPTED)
    except OSError as error:  # a full disk, while the outputs were written
        print(f"what this step leaves cannot be written: {error.strerror}; the next run goes on from before it")  # noqa: T201
        leave(ExitCode.STATE)


def _main(environ: Mapping[str, str]) -> int:
    try:
        step = inputs.step(environ, environment.event(environ))
    except UsageError as error:
        return refuse(error, Runner(sys.stdout), environ)
    runner = Runner(sys.stdout, folder_in(step.context.workspace, step.inputs.project))
    runner.mask(step.context.token)
    leavings = Leavings(step=step, runner=runner)
    return _check(leavings) if step.mode == "check" else _sync(leavings, environ)


def _check(leavings: Leavings) -> int:
    """Check what can be checked without running anything of the repository's."""
    checked = config.check(leavings.step.inputs.project)
    for line in checked.lines():
        leavings.runner.line(line)
    for problem in checked.problems:
        leavings.runner.error("dango config validate", problem)
    mark, status = ("❌", "failed") if checked.problems else ("✅", "ok")
    lines = [f"## {mark} dango check: {prose(checked.headline)}", ""]
    lines += problem_list((*checked.problems, *checked.notices))
    leavings.text(run.name(datetime.now(UTC)), "\n".join(lines), status)
    return checked.exit_code


def _sync(leavings: Leavings, environ: Mapping[str, str]) -> int:
    asked = leavings.step.inputs
    screen = RunnerScreen(asked.project, leavings.runner, sys.stdout)
    given = environment.surroundings(environ)
    leavings.runner.mask_all(mask for key in given.keys.split() for mask in masks(Known(path="key", text=key)))
    try:
        plan = make_plan(asked)
        if leavings.step.dry_run:
            return _dry_run(leavings, plan)
        target = None if asked.limit else plan.target
        credentials = gather(plan.project, plan.config, plan.sources, given, target)
        keys = Keys(ring=KeyRing.of(given.keys))  # not those of this machine's user: it is somebody's runner
    except DangoError as error:
        result = run.refuse(asked, error, screen)
        return leavings.result(result, None, None, Scanner.of(()))
    _mask(plan, credentials, leavings)
    keeper = _keeper(leavings, plan, screen, keys, plain_http=environment.plain_http(environ))
    if plan.target.kind != "duckdb":
        plan = replace(plan, notices=(*plan.notices, _IS_ITS_OWN_STATE))
    elif leavings.step.state.store == "none":
        plan = replace(plan, notices=(*plan.notices, _NOTHING_KEPT))
    result = run.sync(plan, asked, credentials, screen, keeper)
    warehouse = plan.project / plan.target.location if plan.target.kind == "duckdb" else None
    scanner = Scanner.of(secrets_of(plan, credentials, result.sources))
    return leavings.result(result, keeper.basis if keeper else None, warehouse, scanner)


def _mask(plan: Plan, credentials: Credentials, leavings: Leavings) -> None:
    """Let the runner hide every value that sources can see, before anything else is printed.

    A word that stands in this step's outputs is none: GitHub drops a job's output that holds a masked value. The
    result of the run warns of a secret that is one.
    """
    context = leavings.step.context
    words = (*words_of(plan), context.repository)
    for one in credentials.known(plan.sources):
        leavings.runner.mask_all(mask for mask in masks(one) if not any(mask in word for word in words))


def _dry_run(leavings: Leavings, plan: Plan) -> int:
    lines = list(plan_lines(plan))
    for line in lines:
        leavings.runner.line(line)
    text = "\n".join(["## dango: what would be synced", "", *(f"- {prose(line)}" for line in lines), ""])
    status, code = ("failed", ExitCode.CONFIGURATION) if plan.broken else ("ok", ExitCode.OK)
    leavings.text(run.name(datetime.now(UTC)), text, status)
    return code


def _keeper(
    leavings: Leavings, plan: Plan, screen: RunnerScreen, keys: Keys, *, plain_http: bool
) -> Keeper | None:
    """Return what keeps the warehouse for later runs; None if a run is not to keep anything, or only looks."""
    step = leavings.step
    if plan.target.kind != "duckdb" or step.state.store == "none" or step.inputs.limit is not None:
        return None
    from dango_action.github.api import GitHub  # noqa: PLC0415 - only a load needs it
    from dango_action.keeper import Job, Keeper  # noqa: PLC0415 - as above
    from dango_action.state.bucket import Address  # noqa: PLC0415 - as above

    context = step.context
    return Keeper(
        github=GitHub(context.api_url, context.repository, context.token),
        job=Job(
            lineage=leavings.lineage(str(plan.target)),
            ref=context.ref,
            run_id=context.run_id,
            run_attempt=context.run_attempt,
            events=inputs.SYNC_EVENTS,
            asked=step.state.asked,
            new=step.state.new,
            address=Address(url=step.state.url, plain_http=plain_http) if step.state.url else None,
        ),
        path=(plan.project / plan.target.location).resolve(),
        staging=leavings.state_folder,
        say=screen.line,
        keys=keys,
    )


if __name__ == "__main__":
    main()
