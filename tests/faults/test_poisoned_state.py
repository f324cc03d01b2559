"""State that somebody else has written, or that a disk has damaged: detected, said, and nothing in it executed.

`test_keeper.py` has the reasons of most refusals; these are whole runs: their exit codes, and the ways out.
"""

import hashlib
import inspect
import json
import os
import random
import shutil
import subprocess
import sys

import duckdb
import pytest
from steps import Workflow, zip_of

SHOP = """
    import dlt

    @dlt.source
    def source(last: int = 3):
        @dlt.resource(write_disposition="append")
        def orders(at=dlt.sources.incremental("id", initial_value=0)):
            yield [{"id": i, "text": f"{i * 7919:x}" * 8} for i in range(at.last_value + 1, last + 1)]

        return orders
"""
COUNTS = "select count(*), count(distinct id), max(id), count(distinct text) from raw_shop.orders"
DELETE = "to go on from the generation before it, or start over with `state: new`"
HEADER, BLOCK = 3 * 4096, 256 * 1024  # bytes, of a DuckDB file


@pytest.fixture
def workflow(project, github, tmp_path):
    project.module("shop", SHOP)
    project.sources("shop")
    return Workflow(project, github, tmp_path / "temp")


def orders(project, last):
    project.sources({"name": "shop", "kwargs": {"last": last}})


def two_generations(workflow):
    """Keep generations 1 and 2, with 3 and 5 orders; then the shop has 7."""
    for last in (3, 5):
        orders(workflow.project, last)
        assert workflow.run().code == 0
        workflow.forget()
    orders(workflow.project, 7)
    return [artifact.files() for artifact in workflow.states()]


def of(files, **changes):
    """Return the files of a generation with other values in its manifest, and its digest made to fit."""
    manifest = json.loads(files["manifest.json"])
    data = files["warehouse.duckdb"]
    manifest |= {"file": {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}}
    manifest["origin"] |= changes.pop("origin", {})
    return files | {"manifest.json": json.dumps(manifest | changes).encode()}


def with_sql(files, file, sql):
    file.write_bytes(files["warehouse.duckdb"])
    with duckdb.connect(str(file)) as connection:
        connection.execute(sql)
    return of(files | {"warehouse.duckdb": file.read_bytes()})


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


class Planted:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, canary):
        self.canary = str(canary)

    def __reduce__(self):
        return open, (self.canary, "w")


def forgeries(old, new, folder):
    """Give generations that are none, each with what is said of it."""
    data = new["warehouse.duckdb"]
    empty = folder / "empty.duckdb"
    duckdb.connect(str(empty)).close()
    size, other = "has another size than its manifest says", "is not the one that its manifest describes"
    older = old["warehouse.duckdb"]
    yield new | {"warehouse.duckdb": older}, other if len(older) == len(data) else size
    yield new | {"warehouse.duckdb": empty.read_bytes()}, size
    yield new | {"warehouse.duckdb": data[:-BLOCK]}, size
    yield new | {"warehouse.duckdb": flipped(data, len(data) // 2)}, other
    yield of(new | {"warehouse.duckdb": flipped(data, 5000)}), "DuckDB cannot open warehouse.duckdb"
    yield new | {"manifest.json": new["manifest.json"][:-9]}, "is not one of this version: the document"
    yield with_sql(new, folder / "v", "create view v as from read_text('/proc/self/environ')"), "view main.v"
    yield (
        with_sql(new, folder / "m", "create macro m() as table from read_text('/proc/self/environ')"),
        "macro main.m",
    )
    yield of(new, origin={"repository_id": 1}), "its manifest is of another repository"
    yield of(new, generation=3), "its manifest is of another generation"
    yield of(new, run_id=99), "its manifest is of another run"


def test_no_forged_or_damaged_generation_is_used_and_the_ways_out_that_are_printed_work(
    workflow, github, tmp_path
):
    old, new = two_generations(workflow)
    newest = workflow.states()[-1]
    newest.digest = None  # else GitHub's own would give each of them away
    for files, said in forgeries(old, new, tmp_path):
        newest.content = zip_of(files)
        refused = workflow.run()
        [error] = refused.errors
        assert (refused.code, said in error) == (6, True), refused.out
        assert "state: new" in error
        assert not workflow.project.warehouse.exists()
    assert DELETE in error

    anew = workflow.run(event="workflow_dispatch", state="new")
    assert (anew.code, anew.outputs["rows-loaded"]) == (0, "7"), anew.out
    workflow.forget()

    github.artifacts.remove(workflow.states()[-1])  # the new start's
    github.artifacts.remove(newest)
    before = workflow.run()
    assert (before.code, before.outputs["rows-loaded"]) == (0, "4"), before.out
    assert workflow.project.query(COUNTS) == [(7, 7, 7, 7)]
    assert any("so this run goes on from 1" in notice for notice in before.notices)


# What dlt would do with the folder of a pipeline that it finds where it looks for one.
PLANT = """
import json, pickle, sys
from pathlib import Path
import dlt

folder, canary = Path(sys.argv[1]), sys.argv[2]
{planted}
pipeline = dlt.pipeline("shop", destination=dlt.destinations.duckdb(str(folder / "w.duckdb")),
                        dataset_name="raw_shop", pipelines_dir=str(folder / "pipelines"))
if sys.argv[3] == "plant":
    pipeline.extract([{{"id": 900}}], table_name="orders")
    pipeline.normalize()
    [jobs] = (folder / "pipelines/shop/load/normalized").glob("*/new_jobs")
    (jobs / "orders.0123456789.0.sql").write_text("create table planted as select 1 as x")
    (folder / "pipelines/shop/trace.pickle").write_bytes(pickle.dumps(Planted(canary)))
else:
    pipeline.last_trace
    pipeline.load()
"""


def plant(folder, canary, what):
    folder.mkdir(exist_ok=True)
    script = PLANT.format(planted=inspect.getsource(Planted))
    subprocess.run(
        [sys.executable, "-c", script, str(folder), str(canary), what],
        check=True,
        env={"HOME": str(folder), "PATH": os.environ["PATH"], "RUNTIME__DLTHUB_TELEMETRY": "false"},
        timeout=60,
    )


def planted(path):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.sql("select 1 from duckdb_tables() where table_name = 'planted'").fetchall()


@pytest.fixture(scope="module")
def folder_of_dlt(tmp_path_factory):
    """A pipeline's folder as a killed or hostile run would leave it; dlt itself runs what is in it."""
    folder, canary = tmp_path_factory.mktemp("planted"), tmp_path_factory.mktemp("canary") / "canary"
    plant(folder, canary, "plant")
    shutil.copytree(folder / "pipelines", folder / "kept")
    plant(folder, canary, "load")
    assert canary.exists(), "the pickle is one that works"
    assert planted(folder / "w.duckdb"), "and so is the SQL job"
    canary.unlink()
    return folder / "kept", canary


def test_pickles_and_load_packages_in_every_place_where_dlt_would_look_are_left_alone(workflow, folder_of_dlt):
    pipelines, canary = folder_of_dlt
    project, data = workflow.project, workflow.temp / "data"
    for place in (
        project.path,
        project.path / ".dlt/pipelines",
        project.path / ".dlt/.var/dev/pipelines",
        project.path / ".dango/warehouse.duckdb.20260101T000000.000000Z.work/shop/pipelines",
        project.path / ".dango/warehouse.duckdb.1.fetched.work/pipelines",
        project.home / ".dlt/pipelines",
        project.home / ".local/share/dlt/pipelines",
        data / "pipelines",
        data / "dlt/pipelines",
    ):
        shutil.copytree(pipelines, place, dirs_exist_ok=True)
    shutil.copyfile(pipelines / "shop/trace.pickle", project.path / "trace.pickle")
    workflow.extra = {"DLT_DATA_DIR": str(data), "XDG_DATA_HOME": str(data), "TMPDIR": str(data)}

    first = workflow.run()

    assert (first.code, first.outputs["rows-loaded"]) == (0, "3"), first.out
    files = workflow.states()[-1].files()
    assert files.keys() == {"manifest.json", "warehouse.duckdb"}
    workflow.states()[-1].digest = None
    workflow.states()[-1].content = zip_of(
        files | {"trace.pickle": (pipelines / "shop/trace.pickle").read_bytes()}
    )
    workflow.forget()
    third_member = workflow.run()
    assert third_member.code == 6
    assert "it holds something else than manifest.json and warehouse.duckdb" in third_member.errors[0]
    workflow.states()[-1].content = zip_of(files)
    orders(project, 5)
    assert workflow.run().outputs["rows-loaded"] == "2"
    assert project.query(COUNTS) == [(5, 5, 5, 5)]
    assert not planted(project.warehouse)
    assert not canary.exists()


def test_what_a_run_of_a_fork_has_left_is_never_read_and_said_to_be_left_out(workflow, github):
    assert workflow.run().code == 0
    workflow.forget()
    [good] = workflow.states()
    github.add_run(50, head_repository_id=666)
    github.add_artifact(50, good.name.replace("-g1-", "-g9-"), b"never downloaded")
    orders(workflow.project, 5)

    done = workflow.run()

    assert (done.code, done.outputs["rows-loaded"], done.outputs["state-generation"]) == (0, "2", "2"), done.out
    what = "what run 50 has uploaded under the name of a generation was left out: it ran for a fork"
    assert what in done.notices
    assert workflow.project.query(COUNTS) == [(5, 5, 5, 5)]


def test_a_flipped_bit_in_the_warehouse_is_refused_with_words_or_leaves_data_that_is_right_or_unreadable(project):
    """DuckDB has a checksum for its header and for each block, and looks at it when it reads the block."""
    project.module("shop", SHOP)
    orders(project, 20_000)
    assert project.sync().code == 0
    whole = project.warehouse.read_bytes()
    orders(project, 20_100)
    chosen = random.Random(8)
    blocks = chosen.sample(range((len(whole) - HEADER) // BLOCK), 4)
    places = [chosen.randrange(HEADER), *(HEADER + BLOCK * block + chosen.randrange(BLOCK) for block in blocks)]
    codes = {at: _sync_after_a_flip(project, whole, at) for at in places}

    assert codes[places[0]] == 6
    assert {5, 6} & {codes[at] for at in places[1:]}, codes
    project.warehouse.write_bytes(whole)
    assert project.sync().code == 0
    assert project.query(COUNTS) == [(20_100,) * 4]


def _sync_after_a_flip(project, whole, at):
    """Run on a file with one bit flipped, look at what is there then, and return the exit code."""
    damaged = flipped(whole, at)
    project.warehouse.write_bytes(damaged)
    done = project.sync()
    if done.code:
        assert done.code in (5, 6), done.out
        assert project.warehouse.read_bytes() == damaged, "nothing was replaced"
        said = [problem["what"] for problem in done.document["problems"]]
        said += [source["cause"] for source in done.document["sources"]]
        assert any("Corrupt database file" in text or "not a valid DuckDB" in text for text in said), (at, said)
        return done.code
    try:
        assert project.query(COUNTS) == [(20_100,) * 4], at
    except duckdb.IOException as error:  # of a block that the run had no need to read
        assert "Corrupt database file" in str(error)  # noqa: PT017 - either is right
    return done.code
