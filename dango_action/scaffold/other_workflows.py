"""Which projects the workflows of a repository already sync."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from dango_action.config.lines import load
from dango_action.config.nodes import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

# Whoever owns the copy of the Action.
_USES = re.compile(r"[^/\s]+/dango-action(/[^@]*)?@.+")


def projects(workflow: bytes) -> frozenset[str]:
    """Return the folders, from the top of the repository, of the projects that this workflow syncs; "" is the top.

    A folder that is only known when it runs is given as the expression that it is.
    """
    root = load(workflow, "").root
    return frozenset(_folder(step) for step in _steps(plain(root) if root else None))


def kept(workflow: bytes, folder: str) -> str:
    """Return the input `state` of the first step that syncs a project, "" if there is none, or an expression."""
    root = load(workflow, "").root
    for step in _steps(plain(root) if root else None):
        given = step.get("with")
        state = given.get("state") if isinstance(given, dict) else None
        if serves(frozenset([_folder(step)]), folder) and isinstance(state, str) and "${{" not in state:
            return state
    return ""


def serves(synced: frozenset[str], folder: str) -> bool:
    """Tell whether a project is among these, or may be."""
    return folder in synced or any("${{" in other for other in synced)


def _steps(document: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a file of any shape
    jobs = document.get("jobs") if isinstance(document, dict) else None
    for job in jobs.values() if isinstance(jobs, dict) else ():
        steps = job.get("steps") if isinstance(job, dict) else None
        for step in steps if isinstance(steps, list) else ():
            if isinstance(step, dict) and _USES.fullmatch(str(step.get("uses", ""))):
                yield step


def _folder(step: dict[str, Any]) -> str:
    given = step.get("with")
    folder = str(given.get("working-directory") or "") if isinstance(given, dict) else ""
    return "" if PurePosixPath(folder) == PurePosixPath() else str(PurePosixPath(folder))
