"""Which resources of a source are loaded: those that are asked for, and those whose cursor they move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dango_action.sources import native
from dango_action.sync.cursors import cursor_of
from dango_action.sync.fillable import pipes_of

if TYPE_CHECKING:
    from dlt.extract import DltSource

    from dango_action.protocol import Task


def chosen(source: DltSource, task: Task) -> DltSource:
    """Return the source with only the configured resources selected; without any, with those that it selects.

    Of a source as data, a resource with a cursor that feeds one of these is loaded, too: its cursor moves, and the
    rows that it was moved over would be missing once that resource is asked for itself.

    Raises:
        ConfigError: it has no resource of such a name; all of these names.

    """
    selected = native.select(source, task)
    if task.resources is None or task.type == "dlt_native":
        return selected
    feeding = {
        pipe.name: None
        for resource in selected.selected_resources.values()
        for pipe in list(pipes_of(resource))[1:]
        if pipe.name not in task.resources and cursor_of(source.resources.with_pipe(pipe))
    }
    for name in feeding:
        print(f"`{name}` is loaded, too: its cursor moves with what it feeds")  # noqa: T201 - into the source's log
    return selected.with_resources(*task.resources, *feeding)
