"""What a window means for a resource, by its cursor and write disposition, and why some resources have none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dlt.common.schema.utils import get_columns_names_with_prop, has_column_with_prop
from dlt.extract.exceptions import DataItemRequiredForDynamicTableHints

from dango_action.errors import Problem
from dango_action.sync.cursors import ANEW, cursor_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlt.common.schema.typing import TTableSchema
    from dlt.extract import DltResource, DltSource
    from dlt.extract.incremental import Incremental
    from dlt.extract.pipe import Pipe

Way = Literal["merge", "history", "append", "replace", "by row"]

_REASONS: dict[Way, str] = {
    "by row": "its table, or how that is written to, depends on each row",
    "replace": "it replaces its table, and the window would be all that is left of it",
    "history": "it keeps a history (`scd2`), which would end for all rows beside the window",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A selected resource and, as the schema names it, what it writes to; `fed` by one with a cursor, or not."""

    resource: DltResource
    cursor: Incremental[Any] | None
    fed: bool
    way: Way
    table: str
    column: str
    lineage: list[str]  # the keys of its pipe, and of those that feed it
    cuts: bool  # whether its `merge_key` puts rows into one group that a window can cut

    @property
    def key(self) -> str:
        """The key of its own pipe."""
        return self.lineage[0]


def refusal(resource: str, what: str, hint: str) -> Problem:
    """Return why a resource can't be backfilled."""
    return Problem(what=f"resource `{resource}` can't be backfilled: {what}", hint=hint)


def parts(source: DltSource) -> Iterator[Part]:
    """Give the selected resources of a source."""
    for resource in source.selected_resources.values():
        cursor = cursor_of(resource)
        pipes = list(pipes_of(resource))
        table = _table(resource)
        column = cursor.get_cursor_column_name() if cursor else None
        yield Part(
            resource=resource,
            cursor=cursor,
            fed=any(cursor_of(source.resources.with_pipe(pipe)) for pipe in pipes[1:]),
            way=way_of(table) if table else "by row",
            table=source.schema.naming.normalize_table_identifier(str(table["name"])) if table else "",
            column=source.schema.naming.normalize_identifier(column) if column else "",
            lineage=[pipe.instance_id for pipe in pipes],
            cuts=_cuts(table, column) if table else False,
        )


def unfillable(part: Part, source: DltSource) -> Iterator[Problem]:
    """Give the reasons why a window can't be loaded into the table of a bounded resource."""
    name = part.resource.name
    if reason := _REASONS.get(part.way):
        yield refusal(name, reason, ANEW)
    if part.cuts:
        yield refusal(name, "a window can cut a group of its `merge_key`, whose other rows would be lost", ANEW)
    if part.way != "append":
        return
    if part.fed:
        what = "it appends what a resource with a cursor feeds it, so the window's rows can't be told"
        yield refusal(name, what, ANEW)
    elif not part.column:
        what = "it appends, and its cursor is a JSON path and no column, so the window's rows can't be told"
        yield refusal(name, what, ANEW)
    sharing = [other.name for other in _others(source, part) if _table_name(other, source) in (part.table, None)]
    if sharing:
        yield refusal(name, f"it appends to a table that `{sharing[0]}` writes to as well, or may", ANEW)


def pipes_of(resource: DltResource) -> Iterator[Pipe]:
    """Give the pipe of a resource, and those that feed it; the name of one may stand for several."""
    pipe = resource._pipe  # noqa: SLF001 - no public way leads to the instance that feeds it
    while pipe is not None and not pipe.is_empty:
        yield pipe
        pipe = pipe.parent


def _others(source: DltSource, part: Part) -> Iterator[DltResource]:
    return (other for other in source.resources.values() if other.name != part.resource.name)


def _table_name(resource: DltResource, source: DltSource) -> str | None:
    """Return the table that a resource writes to; None if each row decides that."""
    name = resource.table_name
    return source.schema.naming.normalize_table_identifier(name) if isinstance(name, str) else None


def _table(resource: DltResource) -> TTableSchema | None:
    """Return the table that a resource writes to; None if that depends on the rows."""
    try:
        return resource.compute_table_schema()
    except DataItemRequiredForDynamicTableHints:
        return None


def _cuts(table: TTableSchema, column: str | None) -> bool:
    """Tell whether rows with one merge key may have several values of the cursor: dlt replaces them all."""
    keys, primary = (set(get_columns_names_with_prop(table, key, True)) for key in ("merge_key", "primary_key"))
    alone = column in keys or (bool(primary) and primary <= keys)
    return table.get("write_disposition") == "merge" and bool(keys) and not alone


def way_of(table: TTableSchema) -> Way:
    """Return what dlt does with the rows for a table."""
    disposition = table.get("write_disposition", "append")
    if disposition != "merge":
        return "replace" if disposition == "replace" else "append"
    if table.get("x-merge-strategy") == "scd2":
        return "history"
    # dlt appends what is to be merged by no key
    keys = (has_column_with_prop(table, key, include_incomplete=True) for key in ("primary_key", "merge_key"))
    return "merge" if any(keys) else "append"
