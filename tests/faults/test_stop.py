"""A run that is asked to stop, by a signal as GitHub's runner sends it, or by its deadline: in order, and in time."""

import os
import signal
import subprocess
import sys
import time

import pytest
from test_cancel import processes
from test_kills import FAST, SLOW, pids_of, until

# its load goes on until a file is there
HELD = """
    import dlt, os, time
    from pathlib import Path
    from dango_action.warehouse.transaction import Transaction

    @dlt.resource(write_disposition="append")
    def source():
        yield {"a": 1}

    commit = Transaction.commit

    def held(self):
        Path("in-commit").touch()
        while not Path("go-on").exists():
            time.sleep(0.01)
        commit(self)

    Transaction.commit = held
"""


@pytest.fixture
def loading(project):
    """A run with one source loaded, and another in the middle of its load."""
    project.module("fast", FAST)
    project.module("held", HELD)
    project.sources("fast")
    assert project.sync().code == 0
    project.sources("fast", "held")
    parent = project.start("sync", "--json", "--jobs", "1")
    until((project.path / "in-commit").exists)
    return parent


@pytest.mark.parametrize("ends", [True, False], ids=["ends in time", "does not end"])
def test_a_load_in_hand_is_finished_if_it_ends_soon_or_rolled_back_and_all_before_the_second_signal(
    project, loading, ends
):
    loading.send_signal(signal.SIGINT)
    begun = time.monotonic()
    if ends:
        (project.path / "go-on").touch()
    out, err = loading.communicate(timeout=20)

    assert time.monotonic() - begun < 7.5
    assert loading.returncode == (0 if ends else 130), err
    assert project.query("select count(*), max(id) from raw_fast.source") == [(4000, 4000)]
    held = project.query(
        "select count(*) from duckdb_tables() where schema_name = 'raw_held' and table_name = 'source'"
    )
    assert held == [(1 if ends else 0,)]
    assert ends or "stopped before it was done, while loading: the run was stopped by a signal" in out
    assert processes(project) == []
    assert [file.name for file in project.warehouse.parent.iterdir() if ".work" in file.name] == []


def test_at_its_deadline_a_run_stops_and_says_what_is_left_to_do(project):
    project.module("fast", FAST)
    project.module("slow", SLOW)
    project.sources("fast", {"name": "slow"}, {"name": "late", "module": "fast"})

    done = project.sync("--jobs", "1", "--deadline-minutes", "0.1")

    assert done.code == 75, done.out
    assert done.document["needs_resume"] is True
    assert done.document["status"] == "interrupted"
    assert project.one("select count(*) from raw_fast.source") == 2000
    causes = {name: done.source(name)["cause"] for name in ("slow", "late")}
    assert causes["slow"] == "stopped before it was done, while extracting: the run was stopped at its deadline"
    assert causes["late"] == "not begun: the run was stopped at its deadline"
    assert {done.source(name)["exit_code"] for name in causes} == {75}
    assert processes(project) == []


# A store that takes as long as it likes to keep the warehouse, and says so.
DRIVER = """
import sys, threading
from pathlib import Path
from dango_action import run, stop
from dango_action.credentials.gather import gather
from dango_action.credentials.surroundings import Surroundings
from dango_action.inputs import Inputs
from dango_action.plan import make_plan
from dango_action.report.console import PlainScreen
from dango_action.warehouse.contents import reading

class Store:
    notices = []

    def restore(self, run):
        pass

    def keep(self, run, changed, known):
        Path("keeping").write_text(" ".join(changed))
        if sys.argv[1] == "extracting":
            threading.Event().wait()
        with reading(Path(".dango/warehouse.duckdb")) as (connection, _):
            connection.execute("select bool_or(regexp_matches(hash(i)::text, '(a|b)*c')) from range(1_000_000_000_000) t(i)").fetchall()

stop.GIVEN_UP_AFTER = 1.0
inputs = Inputs(project=Path.cwd())
plan = make_plan(inputs)
credentials = gather(plan.project, plan.config, plan.sources, Surroundings())
sys.exit(run.sync(plan, inputs, credentials, PlainScreen(sys.stdout), Store()).exit_code)
"""


@pytest.mark.parametrize("when", ["extracting", "keeping"])
def test_after_a_signal_keeping_the_warehouse_has_what_is_left_of_the_time(project, when):
    project.module("fast", FAST)
    project.module("slow", SLOW)
    project.sources("fast", *(["slow"] if when == "extracting" else []))
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", DRIVER, when],
        cwd=project.path,
        env=project.environ(),
        stdout=subprocess.PIPE,
        text=True,
    )
    if when == "extracting":
        pids_of(project, 1)
        until(lambda: "fast: 4,000 rows" in (project.path / ".dango/activity.log").read_text())
    else:
        until((project.path / "keeping").exists)

    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=20)

    assert process.returncode == 130
    assert "the warehouse is not kept: the run was stopped, and there was no time left for it" in out
    assert "fast: ok 4,000 rows" in out
    assert (project.path / "keeping").read_text() == "raw_fast"
    assert project.one("select count(*) from raw_fast.source") == 2000
    assert (project.runs()[0] / "result.json").exists()
    assert processes(project) == []
