"""Files of the project, by the types `csv`, `jsonl`, `parquet` and `local_files`."""

import gzip
import json
import os
import signal

import pyarrow as pa
import pytest
from pyarrow import parquet


@pytest.fixture
def put(project):
    """A function that writes a file of the project, and makes its time the same as that of all others."""

    def putting(name, content):
        file = project.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(file, (1_700_000_000, 1_700_000_000))
        return file

    return putting


def entry(name, kind, **block):
    return {"name": name, "type": kind, kind: block}


def configure(project, *entries):
    project.write(".dango/sources.yml", json.dumps({"version": "1.0", "sources": list(entries)}))


def loaded(done):
    assert done.code == 0, done.err
    return {one["name"]: one["rows"] for one in done.document["sources"]}


def test_each_file_is_read_once_and_again_when_its_content_has_changed(project, put):
    configure(
        project,
        entry("by_file", "csv", path="data/*.csv"),
        entry("by_key", "csv", path="data/*.csv", primary_key="id", columns={"n": "bigint"}),
        entry("added", "csv", path="data/*.csv", write_disposition="append"),
        entry("replaced", "csv", path="data/*.csv", write_disposition="replace"),
    )
    put("data/a.csv", "id,n\n1,1\n2,1\n2,2\n")
    put("data/b.csv", "id,n\n2,3\n3,2\n3,3\n")
    loaded(project.sync())
    put("data/b.csv", "id,n\n2,4\n4,4\n4,5\n")  # the same size, and the same time
    put("data/c.csv", "id,n,zip\n5,5,01234\n")
    os.utime(project.path / "data/a.csv")  # touched, as by a checkout
    second = loaded(project.sync())
    third = loaded(project.sync())

    assert second == {"by_file": 4, "by_key": 4, "added": 4, "replaced": 7}
    assert third == {"by_file": 0, "by_key": 0, "added": 0, "replaced": 7}
    by_file = [
        ("1", "1", None, "data/a.csv"),
        ("2", "1", None, "data/a.csv"),
        ("2", "2", None, "data/a.csv"),
        ("2", "4", None, "data/b.csv"),
        ("4", "4", None, "data/b.csv"),
        ("4", "5", None, "data/b.csv"),
        ("5", "5", "01234", "data/c.csv"),
    ]
    ask = "select id, n, zip, _file from raw_{0}.{0} order by all"
    assert project.query(ask.format("by_file")) == project.query(ask.format("replaced")) == by_file
    assert [row[:2] for row in project.query(ask.format("added"))] == sorted(
        [*(row[:2] for row in by_file), ("2", "3"), ("3", "2"), ("3", "3")]
    )
    assert [row[:2] for row in project.query(ask.format("by_key"))] == [
        ("1", 1), ("2", 4), ("3", 3), ("4", 5), ("5", 5),
    ]  # fmt: skip


def test_rows_go_with_what_is_in_a_file_and_stay_when_the_file_goes(project, put):
    configure(project, entry("shop", "csv", path="data/*.csv", table="orders"))
    put("data/a.csv", "id\n1\n2\n")
    put("data/b.csv", "id\n3\n")
    put("data/c.csv", "id\n4\n")
    loaded(project.sync())
    put("data/a.csv", "id\n")
    put("data/b.csv", b"")
    (project.path / "data/c.csv").unlink()
    loaded(project.sync())
    emptied = project.query("select id from raw_shop.orders")
    put("data/a.csv", "id\n5\n")
    loaded(project.sync())

    assert emptied == [("4",)]
    assert sorted(project.query("select id from raw_shop.orders")) == [("4",), ("5",)]


def test_a_folder_becomes_a_table_for_each_file_and_nested_rows_keep_what_is_nested(project, put):
    configure(
        project,
        entry("mixed", "local_files", path="data"),
        entry(
            "mapped",
            "local_files",
            path="data",
            tables={"all": ["Größe €.csv", "sub/**/*.csv"]},
            header=["a", "b"],
        ),
        entry(
            "events", "jsonl", path=["data/events.jsonl*", "data/old/*.ndjson"], table="events", primary_key="id"
        ),
        entry("wide", "parquet", path="data/*.parquet"),
    )
    put("data/Größe €.csv", "1,2\n5,6\n")
    put("data/sub/x/y.csv", "3,4\n")
    put("data/readme.txt", "no table")
    put(
        "data/events.jsonl",
        b'\xef\xbb\xbf{"id": 1, "at": {"x": 1}, "items": [{"n": 1}, {"n": 2}]}\n\n{"id": 2}\n{"id": 2, "v": "new"}',
    )
    put("data/old/gone.ndjson", gzip.compress(b'{"id": 3, "items": [{"n": 9007199254740993}]}\n'))
    put("data/one.json", '[{"id": 1},\n {"id": 2}]')
    put("data/two.json", '{"id": 1}\n{"id": 2}\n')
    parquet.write_table(
        pa.table(
            {
                "id": pa.array([1], pa.int16()),
                "big": pa.array([2**64 - 1], pa.uint64()),
                "l": [[1, 2]],
                "d": pa.array(["x"]).dictionary_encode(),
            }
        ),
        project.path / "data/a.parquet",
    )
    first = loaded(project.sync())
    parquet.write_table(pa.table({"id": pa.array([2**40], pa.int64())}), project.path / "data/b.parquet")
    put("data/events.jsonl", '{"id": 1, "items": [{"n": 7}]}\n')
    second = loaded(project.sync())

    assert (first["events"], first["wide"], second["events"], second["wide"]) == (7, 1, 2, 1)
    tables = project.query(
        "select table_name from duckdb_tables() where schema_name = 'raw_mixed' and not starts_with(table_name, '_dlt')"
    )
    names = ["a", "b", "events", "events__items", "gr_ex", "one", "two"]
    assert sorted(name for (name,) in tables) == names
    assert sorted(project.query('select a, b, _file from raw_mapped."all"')) == [
        ("1", "2", "Größe €.csv"),
        ("3", "4", "sub/x/y.csv"),
        ("5", "6", "Größe €.csv"),
    ]
    assert project.query("select id, v, _file from raw_events.events order by id") == [
        (1, None, "data/events.jsonl"),
        (2, "new", "data/events.jsonl"),
        (3, None, "data/old/gone.ndjson"),
    ]
    items = "select e.id, i.n from raw_events.events e join raw_events.events__items i on i._dlt_parent_id = e._dlt_id order by all"
    assert project.query(items) == [(1, 7), (3, 9007199254740993)]
    assert project.query("select id, big, l, d from raw_wide.wide order by id") == [
        (1, 2**64 - 1, "[1,2]", "x"),
        (2**40, None, None, None),
    ]
    assert project.one("select count(*) from raw_mixed.two") == 2


def test_one_broken_file_leaves_its_whole_source_as_it_was(project, put):
    configure(
        project,
        entry("shop", "csv", path="data/*.csv"),
        entry("keyed", "csv", path="data/*.csv", primary_key="id"),
        entry("events", "jsonl", path="data/*.jsonl", primary_key="id"),
        entry("odd", "parquet", path="data/*.parquet"),
    )
    put("data/a.csv", "id,n\n1,1\n")
    put("data/a.jsonl", '{"id": 1}\n')
    parquet.write_table(pa.table({"id": [1]}), project.path / "data/a.parquet")
    loaded(project.sync())
    put("data/a.csv", "id,n\n1,2\n")
    put("data/b.csv", 'id,n\n2,"two\nlines"\n,3\n')
    put("data/c.csv", "id,n\n4\n")
    put("data/a.jsonl", '{"id": 2}\n\n{"id": 12345678901234567890123}\n')
    put("data/b.parquet", b"PAR1 nothing PAR1")
    done = project.sync()
    put("data/c.csv", "id,n\n4,4\n")
    put("data/a.jsonl", '{"id": 2}\n\n{"n": 1}\n')
    (project.path / "data/b.parquet").unlink()
    again = project.sync()

    assert (done.code, again.code) == (5, 5)
    told = {one["name"]: one["cause"] for one in done.document["sources"]}
    assert told["shop"].startswith("data/c.csv:2:1: ")
    assert told["keyed"].startswith("data/b.csv:4:1: ")
    assert told["events"].startswith("data/a.jsonl:3:1: ")
    assert "64 bits" in told["events"]
    assert "data/b.parquet is no Parquet file" in told["odd"]
    later = {one["name"]: one for one in again.document["sources"]}
    assert [later[name]["status"] for name in ("shop", "odd")] == ["ok", "ok"]
    assert "it has no `id`" in later["events"]["cause"]
    assert project.query("select id, n from raw_shop.shop order by id nulls first") == [
        (None, "3"),
        ("1", "2"),
        ("2", "two\nlines"),
        ("4", "4"),
    ]
    assert project.query("select id, n from raw_keyed.keyed") == [("1", "1")]
    assert project.query("select id from raw_events.events") == [(1,)]


def test_what_can_not_be_meant_is_said_by_its_name(project, put):
    put("data/orders.csv", "id,n\n1,1\n")
    put("data/orders.jsonl", '{"id": 1}\n')
    put("data/x.unknown", "id\n")
    cases = {
        "near": ("csv", {"path": "data/order.csv"}, "data/orders.csv"),
        "folder": ("csv", {"path": "data"}, "data/*.csv"),
        "stems": ("local_files", {"path": "data"}, "would both be the table `orders`"),
        "nested": ("local_files", {"path": "data", "tables": {"o": "orders.*"}}, "give each format a table"),
        "ending": ("local_files", {"path": "data", "tables": {"o": "x.unknown"}}, "set `format`"),
        "option": (
            "local_files",
            {"path": "data", "tables": {"o": {"path": "orders.csv", "delimeter": ";"}}},
            "delimiter",
        ),
        "nothing": ("filesystem", {"bucket_url": "data"}, "nothing says which files"),
        "key": ("csv", {"path": "data/*.csv", "primary_key": "ids"}, "`id`"),
        "typed": ("csv", {"path": "data/*.csv", "columns": {"nn": "bigint"}}, "`columns` names `nn`"),
        "reserved": ("csv", {"path": "data/*.csv", "table": "_dlt_loads"}, "no name for a table"),
    }
    configure(project, *(entry(name, kind, **block) for name, (kind, block, _) in cases.items()))

    done = project.sync()

    assert done.code == 3
    for name, (_, _, said) in cases.items():
        problem = done.source(name)["problems"][0]
        assert said in problem["what"] + problem["hint"], (name, problem)


def test_a_sync_that_is_killed_while_it_reads_files_leaves_nothing_half_loaded(project, put):
    configure(project, entry("shop", "csv", path="data/*.csv"))
    put("data/a.csv", "id\n1\n")
    loaded(project.sync())
    for number in range(300):
        put(f"data/b{number}.csv", "id\n" + "2\n" * 2_000)
    put("data/a.csv", "id\n3\n")
    process = project.start("sync")
    line = next(line for line in process.stdout if "extracting" in line)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    after = project.query("select id from raw_shop.shop")
    loaded(project.sync())

    assert line
    assert after == [("1",)]
    assert project.query("select id, count(*) from raw_shop.shop group by id order by id") == [
        ("2", 600_000),
        ("3", 1),
    ]
