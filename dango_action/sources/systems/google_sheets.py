"""Sheets as tables: which ranges there are, and their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dango_action.errors import SourceError
from dango_action.sources.rest.grids import name_of, records

if TYPE_CHECKING:
    from collections.abc import Mapping


def ranges(spreadsheet: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ranges to read, all sheets if none is asked for, each with the name of its table.

    Raises:
        SourceError: two ranges would become one table.

    """
    properties = [sheet["properties"] for sheet in spreadsheet.get("sheets", ())]
    titles = [one["title"] for one in properties if one.get("sheetType", "GRID") == "GRID"]
    found: dict[str, str] = {}
    for number, asked in enumerate(values["range_names"] or titles, 1):
        wanted = asked if isinstance(asked, dict) else {"name": asked, "range": asked}
        cells = str(wanted.get("range", ""))
        table = name_of(wanted.get("name", cells), f"sheet_{number}")
        if table in found:
            raise SourceError.because(
                f"`{cells}` and `{found[table]}` would both become the table `{table}`",
                "give one of them a name of its own: `range_names: [{name: ..., range: ...}]`",
            )
        found[table] = cells
    quoted = {title: "'{}'".format(title.replace("'", "''")) for title in titles}
    return {"ranges": [{"table": table, "range": quoted.get(cells, cells)} for table, cells in found.items()]}


def rows(answer: Mapping[str, Any], _values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rows of a range by the names in its first one."""
    return {"rows": records(answer["valueRanges"][0].get("values", ()))}
