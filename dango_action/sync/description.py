"""Which resources a source has, and how each is loaded: asked of the source itself, which extracts nothing."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from dlt.extract.incremental import Incremental

from dango_action.explained import Described, Resource
from dango_action.sources import native
from dango_action.sources.arguments import arguments
from dango_action.sync.feeding import chosen
from dango_action.sync.pipeline import SourcePipeline

if TYPE_CHECKING:
    from dlt.extract import DltResource

    from dango_action.credentials.record import Record
    from dango_action.protocol import Task


def describe(task: Task, made: Any, record: Record) -> Described:  # noqa: ANN401 - user code
    """Build the source as a sync does, and return its resources in their order. User code may raise anything."""
    with SourcePipeline(task, lambda _: None):
        source = native.build(task.name, made, arguments(made, task, record))
        loaded = set(chosen(source, task).selected_resources)
        return Described(resources=[_resource(one, loaded) for one in source.resources.values()])


def _resource(resource: DltResource, chosen: set[str]) -> Resource:
    hints = resource._hints or {}  # noqa: SLF001 - without rows, a hint that a row decides can only be looked at here
    disposition, keys = hints.get("write_disposition") or "append", hints.get("primary_key")
    if isinstance(disposition, dict):
        disposition = disposition.get("disposition")
    return Resource(
        name=resource.name,
        write_disposition=disposition if isinstance(disposition, str) else None,
        primary_key=[keys] if isinstance(keys, str) else list(keys) if isinstance(keys, list | tuple) else [],
        cursor=_cursor(resource),
        selected=resource.name in chosen,
    )


def _cursor(resource: DltResource) -> str | None:
    """Return the path of the cursor: of the one that is set or given, or of the default that dlt binds later."""
    incremental: Any = resource.incremental
    found = [incremental, getattr(incremental, "incremental", None)]
    given = resource.explicit_args if resource.args_bound else None  # also None where nothing is to be given
    found += (given or {}).values()
    generator = resource._pipe.gen  # noqa: SLF001 - nothing public tells it
    if callable(generator):
        parameters = inspect.signature(inspect.unwrap(generator)).parameters
        found += [parameter.default for parameter in parameters.values()]
    return next((one.cursor_path for one in found if isinstance(one, Incremental)), None)
