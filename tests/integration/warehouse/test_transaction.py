"""A load in one transaction leaves what plain dlt leaves, or nothing at all.

This pins the destination to dlt's and DuckDB's versions: every disposition, merge strategy and file format.
"""

import itertools

import dlt
import duckdb
import pyarrow as pa
import pytest
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.insert_job_client import InsertValuesLoadJob

from dango_action.warehouse.transaction import FileTransaction, PoisonedError, file_destination

DISPOSITIONS = [
    "append",
    "replace",
    *({"disposition": "merge", "strategy": s} for s in ("delete-insert", "upsert", "insert-only", "scd2")),
]
OWN = "'_dlt_id', '_dlt_load_id', '_dlt_parent_id', '_dlt_root_id', '_dlt_valid_from', '_dlt_valid_to'"


@pytest.fixture(autouse=True)
def _quiet(monkeypatch, tmp_path):
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.chdir(tmp_path)


class Plain:
    """dlt as it is."""

    def __init__(self, folder):
        self.path = folder / "plain.duckdb"

    def load(self, pipeline):
        pipeline.load(destination=dlt.destinations.duckdb(str(self.path), destination_name="duckdb"), workers=1)


class Transactional:
    """The same load in one transaction."""

    def __init__(self, folder):
        self.path = folder / "transactional.duckdb"

    def load(self, pipeline):
        with FileTransaction(self.path) as transaction:
            destination = file_destination(self.path, transaction)
            pipeline.load(destination=destination, workers=1, raise_on_failed_jobs=True)
            transaction.commit()


@pytest.fixture(params=[Plain, Transactional])
def loader(request, tmp_path):
    return request.param(tmp_path)


_folders = itertools.count()


def sync(loader, resource, file_format=None, refresh=None):
    """Load one resource as a run does: fresh folder, state from the file, extract, normalize, load."""
    if not loader.path.exists():
        duckdb.connect(str(loader.path)).close()
    pipeline = dlt.pipeline(
        "shop",
        destination=dlt.destinations.duckdb(
            DuckDbCredentials(str(loader.path), read_only=True), destination_name="duckdb"
        ),
        dataset_name="raw_shop",
        pipelines_dir=str(loader.path.parent / f"pipelines{next(_folders)}"),
    )
    try:
        pipeline.sync_destination()
        pipeline.extract(
            dlt.source(lambda: resource, name="shop")(), loader_file_format=file_format, refresh=refresh
        )
        pipeline.normalize()
        loader.load(pipeline)
    finally:
        pipeline.deactivate()


def contents(path):
    """Return every table with its columns, types and rows, without dlt's random identifiers."""
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'raw_shop' and not starts_with(table_name, '_dlt')"
        ).fetchall()
        found = {}
        for (table,) in sorted(tables):
            columns = connection.execute(
                f"select column_name, data_type from duckdb_columns() where schema_name = 'raw_shop' "
                f"and table_name = ? and column_name not in ({OWN})",
                [table],
            ).fetchall()
            names = ", ".join(f'"{name}"' for name, _ in columns)
            rows = connection.sql(f'select {names} from raw_shop."{table}" order by all').fetchall()
            found[table] = (sorted(columns), rows)
        loads = connection.sql("select count(*), min(status), max(status) from raw_shop._dlt_loads").fetchall()
        return found, loads


def events(disposition, last, extra=False):
    @dlt.resource(name="events", write_disposition=disposition, primary_key="id")
    def resource():
        rows = [
            {"id": i, "generation": last, "children": [{"x": i, "deep": [{"z": 1}]}, {"x": -i}]}
            for i in range(1, last + 1)
        ]
        for row in rows if extra else []:
            row["added"] = last
            row["children"][0]["added"] = "a"
            row["new_children"] = [{"q": 1}]
        yield rows

    return resource


def two_runs(loader, disposition, file_format):
    for last in (5, 10):
        sync(loader, events(disposition, last, extra=last == 10), file_format)
    return contents(loader.path)


@pytest.mark.parametrize("file_format", ["insert_values", "parquet", "jsonl"])
@pytest.mark.parametrize("disposition", DISPOSITIONS, ids=str)
def test_two_runs_with_a_schema_change_leave_what_plain_dlt_leaves(tmp_path, disposition, file_format):
    plain = two_runs(Plain(tmp_path), disposition, file_format)

    assert two_runs(Transactional(tmp_path), disposition, file_format) == plain
    assert plain[0]["events"][1]


@pytest.mark.parametrize("refresh", ["drop_sources", "drop_resources", "drop_data"])
def test_a_refresh_leaves_only_the_new_rows(loader, refresh):
    sync(loader, events("append", 5))
    sync(loader, events("append", 7), refresh=refresh)

    tables, _ = contents(loader.path)
    assert len(tables["events"][1]) == 7
    assert len(tables["events__children"][1]) == 14


def test_replacing_by_a_staging_table_works_in_a_transaction(loader, monkeypatch):
    monkeypatch.setenv("DESTINATION__REPLACE_STRATEGY", "insert-from-staging")
    for last in (5, 3):
        sync(loader, events("replace", last))

    assert len(contents(loader.path)[0]["events"][1]) == 3


def test_a_column_that_changes_its_type_becomes_a_variant(loader):
    sync(loader, dlt.resource([{"id": 1, "v": 1}], name="t"))
    sync(loader, dlt.resource([{"id": 2, "v": "text"}], name="t"))

    columns, rows = contents(loader.path)[0]["t"]
    assert [name for name, _ in columns] == ["id", "v", "v__v_text"]
    assert rows == [(1, 1, None), (2, None, "text")]


def test_arrow_tables_merge(loader):
    table = pa.table({"id": [1, 2, 3], "v": ["a", "b", "c"]})
    for _ in range(2):
        sync(loader, dlt.resource([table], name="t", write_disposition="merge", primary_key="id"))

    assert contents(loader.path)[0]["t"][1] == [(1, "a"), (2, "b"), (3, "c")]


def test_hard_deletes_delete(loader):
    hints = {
        "name": "t",
        "write_disposition": "merge",
        "primary_key": "id",
        "columns": {"gone": {"hard_delete": True}},
    }
    sync(loader, dlt.resource([{"id": 1, "gone": False}, {"id": 2, "gone": False}], **hints))
    sync(loader, dlt.resource([{"id": 2, "gone": True}], **hints))

    assert contents(loader.path)[0]["t"][1] == [(1, False)]


def failing_job(monkeypatch, times):
    """Make the job of a nested table write its rows and then fail, the first `times` times."""
    original, failures = InsertValuesLoadJob._insert, iter(range(times))

    def insert(self, table, file):
        yield from original(self, table, file)
        if "children" in table and next(failures, None) is not None:
            yield ["insert into nowhere values (1)"]

    monkeypatch.setattr(InsertValuesLoadJob, "_insert", insert)


def test_a_load_that_fails_half_way_leaves_nothing(tmp_path, monkeypatch):
    loader = Transactional(tmp_path)
    sync(loader, events("append", 5), "insert_values")
    before = contents(loader.path)

    failing_job(monkeypatch, times=99)
    with pytest.raises(Exception, match="nowhere"):
        sync(loader, events("append", 9, extra=True), "insert_values")

    assert contents(loader.path) == before


def test_a_job_that_fails_once_is_not_retried_on_top_of_its_own_rows(tmp_path, monkeypatch):
    loader = Transactional(tmp_path)
    sync(loader, events("append", 5), "insert_values")
    before = contents(loader.path)

    failing_job(monkeypatch, times=1)
    with pytest.raises(Exception, match=r"nowhere|earlier statement"):
        sync(loader, events("append", 9), "insert_values")

    assert contents(loader.path) == before


def test_a_job_that_fails_outside_of_sql_after_its_rows_is_not_retried_on_top_of_them(tmp_path, monkeypatch):
    loader = Transactional(tmp_path)
    sync(loader, events("append", 5), "insert_values")
    before = contents(loader.path)
    original, failures = InsertValuesLoadJob.run, iter(range(1))

    def run(self):
        original(self)
        if next(failures, None) is not None:
            raise ValueError("after the rows")

    monkeypatch.setattr(InsertValuesLoadJob, "run", run)
    with pytest.raises(Exception, match=r"after the rows|earlier statement"):
        sync(loader, events("append", 9), "insert_values")

    assert contents(loader.path) == before


def test_a_poisoned_transaction_cannot_be_committed(tmp_path):
    path = tmp_path / "w.duckdb"
    with FileTransaction(path) as transaction:
        transaction.connection.execute("create table t as select 1")
        transaction.poison(ValueError("first"))
        transaction.poison(ValueError("second"))
        with pytest.raises(PoisonedError) as caught:
            transaction.commit()

    assert str(caught.value.__cause__) == "first"
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.sql("from duckdb_tables()").fetchall() == []


def test_after_a_commit_nothing_is_left_in_the_log(tmp_path):
    path = tmp_path / "w.duckdb"
    with FileTransaction(path) as transaction:
        transaction.connection.execute("create table t as from range(200000)")
        transaction.commit()
        assert not (tmp_path / "w.duckdb.wal").exists() or not (tmp_path / "w.duckdb.wal").stat().st_size
