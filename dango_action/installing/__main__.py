"""Install what `.dango/requirements.txt` asks for, where the event may have it, into the environment of the run.

A file that is not there, or asks for nothing, takes no time. Whatever fails fails the step, so no source runs
without what it needs.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import metadata
from typing import TYPE_CHECKING

from dango_action import environment, inputs
from dango_action.cli.main import leave
from dango_action.credentials.redaction import SHORTEST
from dango_action.environment import for_installers
from dango_action.errors import ConfigError, ExitCode, Position, Problem
from dango_action.github.commands import Runner, folder_in
from dango_action.inputs import CHECK_EVENTS
from dango_action.installing.aftermath import snapshot, take_away_start_files, trespasses
from dango_action.installing.decision import reason_against
from dango_action.installing.explain import problems
from dango_action.installing.uv import Uv, logins
from dango_action.refusal import refuse
from dango_action.report.wording import counted
from dango_action.requirements.asked import FILE
from dango_action.requirements.locked import OURS
from dango_action.requirements.read import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dango_action.requirements.asked import Asked

_START = Position(file=FILE, line=1, column=1)


def main() -> None:
    """Do what the step is for, and exit with one of the documented codes."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        leave(_main(os.environ))
    except KeyboardInterrupt:
        print("interrupted")  # noqa: T201
        leave(ExitCode.INTERRUPTED)
    except OSError as error:  # a full disk, while it was said what is wrong
        print(f"what this step says cannot be written: {error.strerror}; nothing was synced")  # noqa: T201
        leave(ExitCode.CONFIGURATION)


def _main(environ: Mapping[str, str]) -> int:
    wish = inputs.set_up(environ)
    asked = read(wish.project) if wish else None
    if wish is None or asked is None or not (asked.wanted or asked.problems):
        return ExitCode.OK
    event = environment.context_of(environ, "").event
    runner = Runner(sys.stdout, folder_in(environment.workspace(environ), wish.project))
    reason = "a dry run does nothing" if wish.dry_run else reason_against(event, environment.event(environ))
    if reason:
        what = f"the packages of {FILE} are not installed: {reason}"
        runner.line(what)
        if event == "pull_request":
            runner.notice("dango", Problem(what=what, hint="they are when it syncs", at=_START))
        return ExitCode.OK
    if asked.problems and event in CHECK_EVENTS:
        return ExitCode.OK  # the check that follows says them, beside all others
    runner.mask_all(login for login in logins(for_installers(environ)) if len(login) >= SHORTEST)
    try:
        _install(asked, runner, environ)
    except ConfigError as error:
        return refuse(error, runner, environ)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        what = f"what {FILE} asks for can't be installed: {error.strerror}{where}"
        return refuse(ConfigError.because(what, "nothing was synced", _START), runner, environ)
    return ExitCode.OK


def _install(asked: Asked, runner: Runner, environ: Mapping[str, str]) -> None:
    """Install it all.

    Raises:
        ConfigError: the file is wrong, uv could not, or a package has brought what it may not.

    """
    if asked.problems:
        raise ConfigError(*asked.problems)
    folder = environment.context_of(environ, "").folder.resolve()
    lock = environment.action_folder(environ).resolve() / "requirements/run.txt"
    uv = Uv(folder=folder, lock=lock, version=metadata.version(OURS), environ=environ)
    before = snapshot()
    said = uv.install(asked, asked.wanted)
    if said.text:
        runner.group("uv", said.text.splitlines())
    if said.status != 0:
        raise ConfigError(*problems(uv, asked, said))
    after = snapshot()
    if found := list(trespasses(before, after)):
        raise ConfigError(*found)
    if started := take_away_start_files(before, after):
        what = f"{', '.join(started)}: `.pth` files are left out, since Python runs them whenever it starts"
        runner.notice("dango", Problem(what=what, hint="few packages miss theirs; most work without", at=_START))
    runner.line(f"installed {counted(len(asked.wanted), 'requirement')} of {FILE}, and what they need")


if __name__ == "__main__":
    main()
