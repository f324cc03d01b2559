"""A load into a DuckLake is one snapshot, and leaves what plain dlt leaves, or nothing at all."""

import itertools

import dlt
import pytest
from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob
from dlt.destinations.impl.ducklake.configuration import DuckLakeCredentials

from dango_action.warehouse.contents import quoted
from dango_action.warehouse.extensions import in_wheel
from dango_action.warehouse.mirror import copy_state
from dango_action.warehouse.reader import reader
from dango_action.warehouse.transaction import Transaction, destination

OWN = ["_dlt_id", "_dlt_load_id", "_dlt_parent_id", "_dlt_root_id", "_dlt_valid_from", "_dlt_valid_to"]
DISPOSITIONS = {
    "appended": "append",
    "replaced": "replace",
    **{
        f"merged_by_{strategy.replace('-', '_')}": {"disposition": "merge", "strategy": strategy}
        for strategy in ("delete-insert", "upsert", "insert-only", "scd2")
    },
}
_folders = itertools.count()


@pytest.fixture
def plain(tmp_path):
    """A lake that plain dlt loads into."""
    credentials = DuckLakeCredentials(
        ducklake_name="plain", catalog=f"sqlite:///{tmp_path}/plain.sqlite", storage=str(tmp_path / "plain.files")
    )
    credentials.extensions = [f"'{in_wheel(name)}'" for name in ("sqlite_scanner", "ducklake")]
    return credentials


class Plain:
    """dlt as it is."""

    def __init__(self, credentials):
        self.destination = dlt.destinations.ducklake(credentials)

    def state(self, _):
        return self.destination

    def load(self, pipeline):
        pipeline.load(destination=self.destination, workers=1, raise_on_failed_jobs=True)


class AtOnce:
    """The same load in one transaction, from a package that was made without the lake."""

    def __init__(self, lake):
        self.lake = lake

    def state(self, folder):
        copy = folder / f"state{next(_folders)}.duckdb"
        with self.lake.connect() as connection:
            copy_state(connection, "raw_shop", copy)
        return reader("ducklake", str(copy))

    def load(self, pipeline):
        with self.lake.connect() as connection:
            transaction = Transaction(connection)
            inside = destination("ducklake", self.lake.credentials, transaction)
            pipeline.load(destination=inside, workers=1, raise_on_failed_jobs=True)
            transaction.commit()


def sync(folder, loader, source, file_format=None, refresh=None):
    """Load a source as a run does: fresh folder, state from the lake, extract, normalize, load."""
    pipeline = dlt.pipeline(
        "shop",
        destination=loader.state(folder),
        dataset_name="raw_shop",
        pipelines_dir=str(folder / f"pipelines{next(_folders)}"),
    )
    try:
        pipeline.sync_destination()
        pipeline.extract(source, loader_file_format=file_format, refresh=refresh)
        pipeline.normalize()
        loader.load(pipeline)
    finally:
        pipeline.deactivate()


def resource(name, disposition, last, extra):
    deep = {"deep": [{"z": 1}]} if name == "appended" else {}
    rows = [{"id": i, "generation": last, "children": [{"x": i, **deep}]} for i in range(1, last + 1)]
    for row in rows if extra else []:
        row["added"] = last
        row["new_children"] = [{"q": 1}]
    return dlt.resource(rows, name=name, write_disposition=disposition, primary_key="id")


def source_of(last, extra=False, names=tuple(DISPOSITIONS)):
    """Return a source with a resource for each of these dispositions; with `extra`, their tables get more columns."""
    return dlt.source(
        lambda: [resource(name, DISPOSITIONS[name], last, extra) for name in names],
        name="shop",
    )()


def contents(connection):
    """Return every table with its columns, types and rows, without dlt's random identifiers."""
    tables = connection.execute(
        "select table_name from duckdb_tables() where database_name = current_database()"
        "and schema_name = 'raw_shop' and not starts_with(table_name, '_dlt') order by 1"
    ).fetchall()
    found = {}
    for (table,) in tables:
        columns = connection.execute(
            "select column_name, data_type from duckdb_columns() where database_name = current_database() "
            "and schema_name = 'raw_shop' and table_name = ? and not list_contains(?, column_name) order by 1",
            [table, OWN],
        ).fetchall()
        names = ", ".join(quoted(name) for name, _ in columns)
        found[table] = (columns, connection.sql(f'select {names} from raw_shop."{table}" order by all').fetchall())
    return found, connection.sql("select count(*), min(status), max(status) from raw_shop._dlt_loads").fetchall()


def contents_of(credentials):
    client = dlt.pipeline(
        "shop", destination=dlt.destinations.ducklake(credentials), dataset_name="raw_shop"
    ).sql_client
    with client() as sql:
        return contents(sql.native_connection)


def snapshots(lake):
    with lake.connect() as connection:
        return connection.execute(f"select count(*) from ducklake_snapshots('{lake.name}')").fetchone()[0]


@pytest.mark.parametrize(
    ("file_format", "names"), [("parquet", tuple(DISPOSITIONS)), ("jsonl", ("appended", "merged_by_upsert"))]
)
def test_two_loads_of_every_disposition_leave_what_plain_dlt_leaves(
    lake_with, plain, tmp_path, file_format, names
):
    lake = lake_with("sqlite")
    for last in (3, 6):
        sync(tmp_path, Plain(plain), source_of(last, last == 6, names), file_format)
        before = snapshots(lake)
        sync(tmp_path, AtOnce(lake), source_of(last, last == 6, names), file_format)
        assert snapshots(lake) == before + 1

    with lake.connect() as connection:
        loaded = contents(connection)
    assert loaded == contents_of(plain)
    assert {name for name in loaded[0] if "__" not in name} == set(names)
    assert len(loaded[0]["appended__children__deep"][1]) == 9


@pytest.mark.parametrize("catalog", ["sqlite", "postgres"])
def test_a_refresh_and_a_replacement_by_staging_leave_only_the_new_rows(lake_with, tmp_path, monkeypatch, catalog):
    monkeypatch.setenv("DESTINATION__REPLACE_STRATEGY", "insert-from-staging")
    lake = lake_with(catalog)
    for last, refresh in ((5, None), (3, None), (2, "drop_sources")):
        sync(tmp_path, AtOnce(lake), source_of(last, names=("appended", "replaced")), refresh=refresh)
        with lake.connect() as connection:
            tables, _ = contents(connection)
        assert len(tables["replaced"][1]) == last
        assert len(tables["replaced__children"][1]) == last
    assert len(tables["appended"][1]) == 2


@pytest.mark.parametrize("when", ["at the job", "after its rows"])
def test_a_job_that_fails_once_rolls_back_the_whole_load(lake_with, tmp_path, monkeypatch, when):
    lake = lake_with("sqlite")
    names = ("appended", "merged_by_delete_insert")
    sync(tmp_path, AtOnce(lake), source_of(5, names=names))
    with lake.connect() as connection:
        before = contents(connection)
    original, failures = DuckDbCopyJob.run, iter(range(1))

    def run(self):
        if "appended__children" in self._file_path and next(failures, None) is not None:
            if when == "after its rows":
                original(self)
            raise ValueError("it fails once")
        original(self)

    monkeypatch.setattr(DuckDbCopyJob, "run", run)
    with pytest.raises(Exception, match=r"it fails once|earlier statement"):
        sync(tmp_path, AtOnce(lake), source_of(9, extra=True, names=names))

    assert next(failures, None) is None
    with lake.connect() as connection:
        assert contents(connection) == before
