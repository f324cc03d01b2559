"""Asking each source, in a process of its own, which parameters it has and where their values come from."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from dango_action.credentials.allow_list import base_environment
from dango_action.credentials.explain import SourceExplained
from dango_action.errors import Problem
from dango_action.forkserver import hide_from_workers
from dango_action.pool import Ended, Pool
from dango_action.protocol import Explained, Failed, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dango_action.config.model import Source
    from dango_action.credentials.held import Credentials

PATIENCE = 60.0
"""Seconds that the modules of all sources may take to be imported."""


def explain(project: Path, sources: Sequence[Source], credentials: Credentials) -> list[SourceExplained]:
    """Return, for each source, its parameters, or why they can't be told. Nothing is extracted or loaded."""
    answers: dict[str, Explained | Failed] = {}
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dango-")))
        pool = stack.enter_context(Pool.open(base_environment(credentials.job)))
        hide_from_workers()
        left = {
            pool.start(_task(source, project, credentials, scratch), scratch / f"{source.name}.log")
            for source in sources
        }
        deadline = time.monotonic() + PATIENCE
        while left and pool.alive and time.monotonic() < deadline:
            for worker, event in pool.wait(deadline - time.monotonic()):
                if isinstance(event, Explained | Failed):
                    answers.setdefault(worker.name, event)
                elif isinstance(event, Ended):
                    left.discard(worker)
    return [_answered(source, answers.get(source.name), credentials) for source in sources]


def _task(source: Source, project: Path, credentials: Credentials, scratch: Path) -> Task:
    native = source.dlt_native
    return Task(
        name=source.name,
        project=str(project),
        module=native.source_module,
        function=native.source_function,
        kwargs=dict(native.function_kwargs),
        resources=None,
        schema_contract=None,
        settings=credentials.settings_of(source),
        scratch=str(scratch),
        committed=None,
        full_refresh=False,
        limit=None,
        explain=True,
    )


def _answered(source: Source, answer: Explained | Failed | None, credentials: Credentials) -> SourceExplained:
    if isinstance(answer, Explained):
        return SourceExplained.of(source, answer.parameters, credentials)
    if answer:
        return SourceExplained(name=source.name, problems=tuple(answer.problems))
    what = f"source `{source.name}` does not say which parameters it has"
    hint = f"does its module take more than {PATIENCE:.0f} s to import, or exit?"
    return SourceExplained(name=source.name, problems=(Problem(what=what, hint=hint),))
