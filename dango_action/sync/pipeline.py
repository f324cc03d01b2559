"""The one module that drives dlt's pipeline: plain values in, plain values out.

The pipeline's working folder is always fresh: state comes from the committed warehouse alone. dlt would
otherwise resume a package that a killed run has left, skip the new data, and report success.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import dlt
import duckdb
from dlt.common.runtime.collector_base import Collector
from dlt.extract.items_transform import BaseItemTransform, ItemTransform

from dango_action.errors import ConfigError, Problem, StateError, chain
from dango_action.protocol import Extracted, Preview
from dango_action.sync import empty
from dango_action.sync.backfill import bounded
from dango_action.sync.doubts import doubts
from dango_action.sync.shortage import refuse_full_disk
from dango_action.warehouse.clearing import clear
from dango_action.warehouse.reader import reader
from dango_action.warehouse.transaction import FileTransaction, file_destination
from dango_action.window import window_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dlt.common.pipeline import ExtractInfo
    from dlt.extract import DltSource

    from dango_action.protocol import Clearing, Task
    from dango_action.sync.backfill import Backfill

PREVIEWED = 10
"""Rows of each table that a look shows."""
_REPORT_EVERY = 0.5  # seconds
_WIDEST_PREVIEW = 16 * 1024  # characters of a value, which is shortened once secrets are out of it
_ALL_TABLES = "select table_name from duckdb_tables() where schema_name = ?"
_TABLES = """
    select table_name from duckdb_tables()
    where schema_name = ? and not starts_with(table_name, '_dlt_')
    order by table_name
"""


def dataset_of(name: str) -> str:
    """Return the dataset, a schema in DuckDB, of the source with this name."""
    return f"raw_{name}"


class SourcePipeline:
    """A fresh pipeline that is named like the source, with the state of the committed warehouse."""

    def __init__(self, task: Task, report: Callable[[int], None]) -> None:
        """Open it; `report` hears the rows extracted so far.

        A look starts without state, so what it shows does not depend on what was loaded before.
        """
        self._task = task
        self._unreadable = False
        self._clears: list[Clearing] = []
        self._pipeline = dlt.pipeline(
            task.name,
            destination=reader(task.target if task.limit is None else "duckdb", task.committed),
            dataset_name=dataset_of(task.name),
            pipelines_dir=str(Path(task.scratch) / "pipelines"),
            progress=_RowCounter(report),
        )
        self._refuse_settings()

    def _refuse_settings(self) -> None:
        """Refuse dlt's settings that would make it load rows again, or into another dataset."""
        config = self._pipeline.config
        refused = {
            "dev_mode": self._pipeline.dev_mode,
            "refresh": self._pipeline.refresh is not None,
            "restore_from_destination": not config.restore_from_destination,
            "use_single_dataset": not config.use_single_dataset,
            "dataset_name_layout": config.dataset_name_layout is not None,
        }
        problems = [
            Problem(
                what=f"dlt's setting `{name}` does not go with a sync that loads each row once into raw_<name>",
                hint="remove it from .dlt/config.toml and the environment; --full-refresh starts a source over",
            )
            for name, is_set in refused.items()
            if is_set
        ]
        if problems:
            raise ConfigError(*problems)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipeline.deactivate()  # else the next source in this process would see this one's settings

    def restore(self) -> None:
        """Take over dlt's state and schemas from the committed warehouse.

        Raises:
            StateError: they can't be read; a full refresh goes on without them.

        """
        if not self._task.committed:  # the first run, or a look
            return
        cause = None
        try:
            missing = _missing_tables(self._task.committed, self._pipeline.dataset_name)
            if not missing:
                self._pipeline.sync_destination()
                return
            reason = f"{' and '.join(missing)} is missing"
        except Exception as error:
            if said := [str(inner) for inner in chain(error) if isinstance(inner, duckdb.IOException)]:
                first_line = said[-1].partition("\n")[0]
                raise StateError.because(
                    f"the warehouse cannot be read: {first_line}",
                    "close the program that writes to it, if there is one, and run again; if the file is damaged, "
                    "put back a copy of it, or move it away to start over; nothing was changed",
                ) from error
            reason, cause = type(error).__name__, error
        if not self._task.full_refresh:
            raise StateError.because(
                f"the state of `{self._task.name}` in the warehouse cannot be read: {reason}",
                f"start over, which drops everything in {self._pipeline.dataset_name}: "
                f"dango sync --source {self._task.name} --full-refresh",
            ) from cause
        self._unreadable = True

    def extract(self, source: DltSource) -> Extracted:
        """Extract and normalize; the rows are those of each table, nested ones included, dlt's own left out.

        Raises:
            SourceError: a full refresh would empty a table.
            ConfigError: a window was asked for that the source can't load.

        """
        limit = self._task.limit
        filled = self._bounded(source)
        source = filled.source if filled else source
        if limit is not None:
            for resource in source.selected_resources.values():
                if not resource.is_transformer:  # it ends when the resource that feeds it does
                    resource.add_limit(limit, count_rows=True)  # ends the generator, but after a whole page
                resource.add_step(_First(limit))
        standing = {} if self._task.allow_empty else empty.standing(self._pipeline, source, self._task.committed)
        first = source.schema.name not in self._pipeline.schemas
        extracted = self._pipeline.extract(
            source,
            schema_contract=self._task.schema_contract,
            # anything less keeps the cursor and loses rows
            refresh="drop_sources" if self._task.full_refresh else None,
        )
        rows = dict.fromkeys(_expected(source), 0)  # a table that receives nothing is reported with 0 rows
        rows.update(self._pipeline.normalize().row_counts)
        if self._task.full_refresh:
            empty.refuse(source, standing, rows)
        kept = empty.keep(self._pipeline, standing, rows) if standing else []
        arrived = _arrived(extracted)
        discarded = {t: arrived[t] - count for t, count in rows.items() if arrived.get(t, 0) > count}
        if filled and limit is None:
            settled = filled.settle(self._pipeline, rows, discarded)
            self._clears, kept = settled.clears, [*kept, *settled.kept]
        return Extracted(
            rows={table: count for table, count in rows.items() if not table.startswith("_dlt_")},
            discarded=discarded,
            kept=kept,
            doubts=list(doubts(self._task, source, arrived, first=first)),
            load_ids=[] if limit is not None else list(self._pipeline.list_normalized_load_packages()),
            preview=[] if limit is None else self._preview(),
            drops=self._unreadable,
            left_out=filled.left_out if filled else {},
            clears=self._clears,
        )

    def _bounded(self, source: DltSource) -> Backfill | None:
        """Return the source as it loads the window that the task has, if it has one."""
        if self._task.window is None:
            return None
        window, _ = window_of(*self._task.window)
        return bounded(source, window, self._pipeline, look=self._task.limit is not None) if window else None

    def load(self, path: Path) -> None:
        """Load everything that is normalized into the file at `path`, in one transaction.

        Raises:
            Exception: whatever failed; nothing was written then.

        """
        with FileTransaction(path) as transaction:
            if self._unreadable:
                transaction.connection.execute(f'drop schema if exists "{self._pipeline.dataset_name}" cascade')
            destination = file_destination(path, transaction)
            try:
                load_ids = self._pipeline.list_normalized_load_packages()
                self._pipeline.load(destination=destination, workers=1, raise_on_failed_jobs=True)
                for clearing in self._clears:
                    clear(transaction.connection, self._pipeline.dataset_name, load_ids, clearing)
                transaction.commit()
            except Exception as error:
                refuse_full_disk(transaction.cause or error, path.parent)
                transaction.check()  # raises the first cause, where dlt has only the text of a later one
                raise

    def _preview(self) -> list[Preview]:
        """Load into a throw-away file and return the first rows of each table."""
        path = Path(self._task.scratch) / "look.duckdb"
        self.load(path)
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = connection.execute(_TABLES, [self._pipeline.dataset_name]).fetchall()
            return [
                _preview(table, connection.table(f'"{self._pipeline.dataset_name}"."{table}"'))
                for (table,) in tables
            ]


def _preview(table: str, rows: duckdb.DuckDBPyRelation) -> Preview:
    shown = [i for i, column in enumerate(rows.columns) if not column.startswith("_dlt_")]
    return Preview(
        table=table,
        columns=[rows.columns[i] for i in shown],
        rows=[[_text(row[i]) for i in shown] for row in rows.limit(PREVIEWED).fetchall()],
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)[:_WIDEST_PREVIEW]


def _arrived(extracted: ExtractInfo) -> Counter[str]:
    """Return the rows that resources have yielded, by table, before a schema contract was applied to them."""
    arrived: Counter[str] = Counter()
    for runs in extracted.metrics.values():
        for metrics in runs:
            arrived.update({table: counts.items_count for table, counts in metrics["table_metrics"].items()})
    return arrived


def _expected(source: DltSource) -> Iterator[str]:
    """Give the tables that the selected resources write to, as far as their names don't depend on the data."""
    for resource in source.selected_resources.values():
        if isinstance(resource.table_name, str):
            yield source.schema.naming.normalize_table_identifier(resource.table_name)


def _missing_tables(path: str, dataset: str) -> list[str]:
    """Return dlt's own tables that a dataset lacks; none if there is no dataset.

    dlt does not look for them. Without its version table it would take the state for new, and load rows again.
    """
    with duckdb.connect(path, read_only=True) as connection:
        tables = {table for (table,) in connection.execute(_ALL_TABLES, [dataset]).fetchall()}
    return [
        table for table in ("_dlt_loads", "_dlt_pipeline_state", "_dlt_version") if tables and table not in tables
    ]


class _First(ItemTransform[Any, dict[str, Any]]):
    """A step that lets through the first rows of a resource, be they dicts, tables or lists of either."""

    placement_affinity = 1.2  # behind dlt's own limit, which is behind the cursor

    def __init__(self, limit: int) -> None:
        BaseItemTransform.__init__(self)  # the class between wants a function to apply to each row
        self._left = limit

    def __call__(self, item: Any, meta: Any = None) -> Any:  # noqa: ANN401, ARG002 - dlt's signature
        """Return what is left of the item, or None."""
        if isinstance(item, list):
            left = [row for row in map(self._take, item) if row is not None]
            return left or None
        return self._take(item)

    def _take(self, row: Any) -> Any:  # noqa: ANN401 - whatever the resource yields
        taken = min(self._left, len(row) if hasattr(row, "shape") else 1)
        self._left -= taken
        if not taken:
            return None
        if hasattr(row, "shape"):  # an Arrow table or a data frame
            return row.slice(0, taken) if hasattr(row, "slice") else row.head(taken)
        return row


class _RowCounter(Collector):
    """Reports the rows extracted so far, at most twice a second."""

    def __init__(self, report: Callable[[int], None]) -> None:
        self._report = report
        self._rows = 0
        self._next = 0.0

    def update(  # noqa: PLR0913, PLR0917 - dlt's signature
        self,
        name: str,
        inc: int = 1,
        total: int | None = None,  # noqa: ARG002
        inc_total: int | None = None,  # noqa: ARG002
        message: str | None = None,  # noqa: ARG002
        label: str | None = None,  # noqa: ARG002
    ) -> None:
        """Count rows; the counter `Resources` is the only one of an extraction that counts something else."""
        if self.step.startswith("Extract") and name != "Resources":
            self._rows += inc
            if time.monotonic() >= self._next:
                self._next = time.monotonic() + _REPORT_EVERY
                self._report(self._rows)

    def _start(self, step: str) -> None:
        self.step = step

    def _stop(self) -> None:
        self.step = ""
