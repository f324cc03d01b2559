"""A warehouse that sources of a test are loaded into, in the test's own process."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from dango_action.protocol import Settings, Task
from dango_action.sync.pipeline import SourcePipeline

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Warehouse:
    """A folder with a DuckDB file, and with what a run of the source `shop` needs beside it."""

    folder: Path

    @property
    def path(self):
        return self.folder / "warehouse.duckdb"

    def run(self, source, window=None):
        """Load what is new of a source, or a window of it, and return what was extracted."""
        scratch = self.folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        task = Task(
            name="shop",
            project=str(self.folder),
            module="shop",
            function=None,
            kwargs={},
            resources=None,
            schema_contract=None,
            settings=Settings(),
            scratch=str(scratch),
            committed=str(self.path) if self.path.exists() else None,
            full_refresh=False,
            limit=None,
            window=window,
        )
        with SourcePipeline(task, lambda _: None) as pipeline:
            pipeline.restore()
            extracted = pipeline.extract(source)
            if extracted.load_ids:
                pipeline.load(self.path)
        return extracted

    def query(self, sql):
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return connection.sql(sql).fetchall()

    def state(self):
        return self.query("select version, state from raw_shop._dlt_pipeline_state order by all")
