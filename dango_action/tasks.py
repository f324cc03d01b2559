"""What a process is told of a source, as far as that follows from its entry in sources.yml and its settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dango_action.config.model import NativeSource
from dango_action.protocol import Task

if TYPE_CHECKING:
    from pathlib import Path

    from dango_action.config.model import Source
    from dango_action.protocol import Settings


def asks_an_api(source: Source) -> bool:
    """Return whether a source is an API that a definition describes."""
    if isinstance(source, NativeSource):
        return False
    from dango_action.config.registered import definition_of  # noqa: PLC0415 - most projects have few of them

    return definition_of(source).engine == "rest_api"


def task_of(source: Source, project: Path, settings: Settings, scratch: Path) -> Task:
    """Return the task of a source's process, which loads nothing unless it is told where to."""
    native = source.dlt_native if isinstance(source, NativeSource) else None
    return Task(
        name=source.name,
        project=str(project),
        type=source.type,
        definition=json.dumps(source.definition) if source.definition else None,
        module=native.source_module if native else "",
        function=native.source_function if native else None,
        source_path=native.source_path if native else None,
        kwargs=source.arguments,
        arguments_at=source.arguments_at,
        resources=None,
        schema_contract=None,
        settings=settings,
        scratch=str(scratch),
        committed=None,
        full_refresh=False,
        limit=None,
    )
