"""A load that has worked and is perhaps not what was meant: nothing came, or one page where there are more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dango_action.errors import Problem
from dango_action.sources.pages import find_pages
from dango_action.sync.tracebacks import module_file, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlt.extract import DltSource

    from dango_action.protocol import Task


def doubts(task: Task, source: DltSource, arrived: Mapping[str, int], *, first: bool) -> Iterator[Problem]:
    """Give warnings about what was extracted, by the rows of each table; `first`: nothing was loaded before."""
    if task.definition is not None and task.limit is None:
        yield from _otherwise(task)
    if not source.selected_resources:
        what = f"source `{task.name}` has no resource, so there is nothing to load"
        hint = "return the resources from its function: `return orders, products`"
        if not task.module:
            hint = "its login sees none: look at what it may see, and at what the source's parameters choose"
        yield Problem(what=what, hint=hint)
    elif first and not any(rows for table, rows in arrived.items() if not table.startswith("_dlt_")):
        what = f"source `{task.name}` has brought no row, and this is its first load"
        hint = "is there anything from where its cursor begins, and do its credentials show it? look at its log"
        yield Problem(what=what, hint=hint)
    elif task.limit is None:
        yield from _single_pages(task, source, arrived)


def _otherwise(task: Task) -> Iterator[Problem]:
    """Give what an API does otherwise than its description says."""
    from dango_action.sources.rest.noticed import NOTICED  # noqa: PLC0415 - most sources have no description

    for what, hint in NOTICED.told():
        yield Problem(what=what, hint=hint, at=task.places.get(task.type))


def _single_pages(task: Task, source: DltSource, arrived: Mapping[str, int]) -> Iterator[Problem]:
    file = module_file(task)
    if file is None:
        return
    pages = find_pages(file.read_text(encoding="utf-8", errors="replace"), shown(file, task))
    for name, resource in source.selected_resources.items():
        table = resource.table_name
        rows = (
            arrived.get(source.schema.naming.normalize_table_identifier(table)) if isinstance(table, str) else None
        )
        for page in pages:
            if page.function == name and page.size == rows:
                what = f"`{name}` has brought {rows:,} rows, exactly what its only request asks for, `{page.name}`"
                hint = "is there a second page? go on until none comes; dlt's RESTClient has `paginate` for it"
                yield Problem(what=what, hint=hint, at=page.at)
