"""What only a long run shows: publications in between, a start that never ends, a copy that is given up."""

import os
import subprocess
import sys

import duckdb
import pytest

from dango_action.credentials.allow_list import base_environment
from dango_action.errors import StoppedError
from dango_action.jobs import Job
from dango_action.pool import Pool
from dango_action.protocol import Settings, Task
from dango_action.schedule import Schedule
from dango_action.warehouse.generations import Warehouse

FAST = "import dlt\n@dlt.resource\ndef source():\n    yield [{'id': i} for i in range(10)]\n"
# It goes on when somebody else's load is visible, and changes the warehouse behind the run's back.
MEDDLER = """
    import dlt, os, time

    @dlt.resource
    def source():
        while not os.path.exists(".dango/warehouse.duckdb"):
            time.sleep(0.02)
        os.utime(".dango/warehouse.duckdb")
        yield {"id": 1}
"""
# The command, for which any time is a long time.
DRIVER = """
import functools, sys
from dango_action import execution
from dango_action.cli.main import cli, run
execution.Publishing = functools.partial(execution.Publishing, every=0)
sys.exit(run(cli, ["sync", "--json"]))
"""


def test_what_a_long_run_has_published_in_between_stays_when_the_end_fails(project):
    project.module("fast", FAST)
    project.module("meddler", MEDDLER)
    project.sources("fast", {"name": "meddler", "timeout_minutes": 1})

    done = subprocess.run(
        [sys.executable, "-P", "-c", DRIVER],
        cwd=project.path,
        env=project.environ(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 6, done.stderr
    assert '"rows_loaded": 10' in done.stdout
    assert "was changed by something else while this run was loading" in done.stdout
    assert project.one("select count(*) from raw_fast.source") == 10
    assert project.query("select count(*) from duckdb_schemas() where schema_name = 'raw_meddler'") == [(0,)]


class Watcher:
    def __init__(self):
        self.results = []

    def phase(self, source, phase, attempt):
        pass

    def progress(self, source, rows):
        pass

    def finished(self, result):
        self.results.append(result)


def test_a_worker_that_hangs_before_it_comes_to_the_source_is_over_its_time_too(tmp_path):
    os.mkfifo(tmp_path / "state")  # whoever opens it to read waits for a writer
    task = Task(
        name="shop", project=str(tmp_path), module="shop", function="source", kwargs={}, resources=None, schema_contract=None,
        settings=Settings(), scratch=str(tmp_path / "scratch"), committed=str(tmp_path / "state"), full_refresh=False, limit=None,
    )  # fmt: skip
    job = Job(
        task=task, dataset="raw_shop", timeout=0.5, retries=2, log=tmp_path / "shop.log", shown_log="shop.log"
    )
    never, end = os.pipe()
    with Pool.open(base_environment(os.environ)) as pool:
        schedule = Schedule(pool=pool, observer=Watcher(), width=1, target=None, stopped=never, shortest_start=3.0)
        [result] = schedule.run([job])
    os.close(never)
    os.close(end)

    assert result.cause.startswith("starting took longer than its limit of 0.05 minutes")
    assert "in restore" in (tmp_path / "shop.log").read_text()


def test_a_copy_that_is_given_up_leaves_the_warehouse_and_nothing_beside_it(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    duckdb.connect(str(path)).close()
    before = path.read_bytes()
    with Warehouse.locked(path, "run") as warehouse:
        with pytest.raises(StoppedError, match="stopped while the warehouse was copied"):
            warehouse.copy(lambda: True)
        assert list(warehouse.folder.iterdir()) == []
        assert warehouse.copy(lambda: False).read_bytes() == before
    assert path.read_bytes() == before
