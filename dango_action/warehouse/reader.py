"""The destination that a source's process knows: a DuckDB file to restore state from, and nothing to write to."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

from dango_action.warehouse.restored import RestoredDuckDb

if TYPE_CHECKING:
    from dlt.common.destination import AnyDestination, DestinationCapabilitiesContext, TLoaderFileFormat

    from dango_action.config.target import Kind

FORMATS: list[TLoaderFileFormat] = ["parquet", "jsonl"]
"""What a source's process may hand to the process that has a lake's credentials: rows, and no statements."""


def reader(kind: Kind, path: str | None) -> AnyDestination:
    """Return a destination that reads the file at `path`, for data that will go to a target of this kind.

    Without a path it is for data of which there is no state.
    """
    credentials = DuckDbCredentials(path or "absent.duckdb", read_only=True)  # it can't write, and leaves no lock
    if kind == "duckdb":
        return RestoredDuckDb(credentials, destination_name="duckdb")  # type: ignore[return-value]  # it is one
    factory = getattr(importlib.import_module(f"dlt.destinations.impl.{kind}.factory"), kind)

    def capabilities(_: Any) -> DestinationCapabilitiesContext:  # noqa: ANN401 - it becomes a method
        found: DestinationCapabilitiesContext = factory()._raw_capabilities()  # noqa: SLF001 - as its subclass would
        found.supported_loader_file_formats = list(FORMATS)
        return found

    members = {
        "_raw_capabilities": capabilities,
        "destination_type": property(lambda _: f"dlt.destinations.{kind}"),  # as it stands in the state
    }
    made = type("StateReader", (RestoredDuckDb,), members)
    return made(credentials, destination_name=kind)  # type: ignore[no-any-return]  # a subclass of dlt's
