"""Files of the project, by the types `csv`, `jsonl`, `parquet` and `local_files`."""

import json
import os

import pytest


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
    put("data/b.csv", "id,n\n2,3\n3,3\n")
    loaded(project.sync())
    put("data/b.csv", "id,n\n2,4\n4,4\n")  # the same size, and the same time
    put("data/c.csv", "id,n,zip\n5,5,01234\n")
    os.utime(project.path / "data/a.csv")  # touched, as by a checkout
    second = loaded(project.sync())
    third = loaded(project.sync())

    assert second == {"by_file": 3, "by_key": 3, "added": 3, "replaced": 6}
    assert third == {"by_file": 0, "by_key": 0, "added": 0, "replaced": 6}
    by_file = [
        ("1", "1", None, "data/a.csv"),
        ("2", "1", None, "data/a.csv"),
        ("2", "2", None, "data/a.csv"),
        ("2", "4", None, "data/b.csv"),
        ("4", "4", None, "data/b.csv"),
        ("5", "5", "01234", "data/c.csv"),
    ]
    ask = "select id, n, zip, _file from raw_{0}.{0} order by all"
    assert project.query(ask.format("by_file")) == project.query(ask.format("replaced")) == by_file
    assert [row[:2] for row in project.query(ask.format("added"))] == sorted(
        [*(row[:2] for row in by_file), ("2", "3"), ("3", "3")]
    )
    assert [row[:2] for row in project.query(ask.format("by_key"))] == [
        ("1", 1), ("2", 4), ("3", 3), ("4", 4), ("5", 5),
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
