"""`dango-action`: the command of a workflow step, which takes its words from the step's inputs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import orjson

from dango_action.cli.main import cli, leave, run
from dango_action.errors import UsageError
from dango_action.github.commands import Runner
from dango_action.inputs import arguments


def main() -> None:
    """Run what the step's inputs and its event ask for, and exit with one of the documented codes."""
    try:
        command = arguments(os.environ, _event(os.environ.get("GITHUB_EVENT_PATH", "")))
    except UsageError as error:
        for problem in error.problems:
            Runner(sys.stdout).error("dango", problem)
        sys.exit(error.exit_code)
    leave(run(cli, command))


def _event(path: str) -> dict[str, Any]:
    """Return the payload of the event that has started the workflow; {} if the runner gives none."""
    if not path or not Path(path).is_file():
        return {}
    payload = orjson.loads(Path(path).read_bytes())
    return payload if isinstance(payload, dict) else {}


if __name__ == "__main__":
    main()
