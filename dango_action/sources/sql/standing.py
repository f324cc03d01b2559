"""The types that a table's columns have in the warehouse by now, which are those that they keep.

dlt only adds columns. A value of another type would be made to fit when it is loaded, a number rounded among them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from dango_action.errors import Problem, SourceError
from dango_action.sources.sql.rows import Field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlt.common.schema import Schema
    from dlt.common.schema.typing import TColumnSchema, TTableSchemaColumns


_TYPE = ("data_type", "precision", "scale", "timezone")
_NUMBERS = {"bigint", "decimal"}
_ANEW = "--full-refresh starts the source over with the type that it has now"


def standing(
    fields: Sequence[Field], hints: Mapping[str, TColumnSchema], schema: Schema, table: str
) -> list[Field]:
    """Return the fields as the columns stand: a value that does not fit there is an error when it comes.

    `hints` are the types by the name of a column. Those of a column that stands are made those that it has.

    Raises:
        SourceError: a column has become something else; all of these are named.

    """
    naming = schema.naming
    columns: TTableSchemaColumns = schema.tables.get(naming.normalize_table_identifier(table), {}).get(
        "columns", {}
    )
    found, problems = list[Field](), list[Problem]()
    for field in fields:
        stands = columns.get(naming.normalize_identifier(field.name))
        hint = hints[field.name]
        if stands is None or "data_type" not in stands or _type(stands) == _type(hint):
            found.append(field)
        elif (arrow := _held(stands, hint)) is None:
            what = f"`{table}.{field.name}` was {_shown(stands)} and is {_shown(hint)} now"
            problems.append(Problem(what=what, hint=_ANEW))
        else:
            found.append(replace(field, type=arrow, otherwise=_ANEW))
            hint.update({key: stands.get(key) for key in _TYPE})  # type: ignore[typeddict-item]
    if problems:
        raise SourceError(*problems)
    return found


def _type(column: TColumnSchema) -> tuple[object, ...]:
    kind = column.get("data_type")
    return kind, *((column.get("precision"), column.get("scale")) if kind == "decimal" else ()), _zoned(column)


def _zoned(column: TColumnSchema) -> bool:
    zone = column.get("timezone")
    return column.get("data_type") == "timestamp" and (zone is None or zone)


def _shown(column: TColumnSchema) -> str:
    kind = str(column.get("data_type"))
    if kind == "timestamp":
        return f"{kind} {'with' if _zoned(column) else 'without'} time zone"
    return f"{kind}({column.get('precision')}, {column.get('scale')})" if kind == "decimal" else kind


def _held(stands: TColumnSchema, now: TColumnSchema) -> pa.DataType | None:
    """Return the type in Arrow that a number is read as, if the column is one for exact numbers."""
    if not {stands.get("data_type"), now.get("data_type")} <= _NUMBERS:
        return None
    if stands["data_type"] == "bigint":
        return pa.int64()
    return pa.decimal128(stands.get("precision") or 38, stands.get("scale") or 0)
