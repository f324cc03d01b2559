"""Two runs of a workflow that went on from the same generation, each on a machine of its own.

`test_lineage.py` and `test_bucket.py` have the keeper alone; these are whole runs, and what becomes of the rows.
"""

import shutil
import time
from dataclasses import dataclass, replace

import pytest
from steps import Workflow

# It waits for the file `go` after it has begun, so that a test decides which run is the quicker one.
SHOP = """
    import time
    from pathlib import Path
    import dlt

    @dlt.source
    def source(last: int = 3):
        @dlt.resource(write_disposition="append")
        def orders(at=dlt.sources.incremental("id", initial_value=0)):
            Path("begun").touch()
            until = time.monotonic() + 60
            while not Path("go").exists() and time.monotonic() < until:
                time.sleep(0.01)
            yield [{"id": i, "lines": [{"n": 1}, {"n": 2}]} for i in range(at.last_value + 1, last + 1)]

        return orders
"""
COUNTS = """
    select (select count(*) from raw_shop.orders), (select count(distinct id) from raw_shop.orders),
        (select count(*) from raw_shop.orders__lines), (select count(*) from raw_shop._dlt_loads)
"""


@dataclass(frozen=True)
class Machines:
    """Two checkouts of one project, and the workflow as it runs on each."""

    slow: Workflow
    quick: Workflow

    def orders(self, last):
        """Let the shop have so many orders, and both machines forget what they had."""
        for workflow in (self.slow, self.quick):
            workflow.forget()
            workflow.project.sources({"name": "shop", "kwargs": {"last": last}})

    def begin_slowly(self, **about):
        """Start the slow run, and return once its source extracts: it has restored by then."""
        folder = self.slow.project.path
        for name in ("go", "begun"):
            (folder / name).unlink(missing_ok=True)
        started = self.slow.start(**about)
        until = time.monotonic() + 60
        while not (folder / "begun").exists() and time.monotonic() < until:
            time.sleep(0.01)
        assert (folder / "begun").exists()
        return started

    def let_go(self):
        (self.slow.project.path / "go").touch()


@pytest.fixture
def machines(project, github, tmp_path):
    project.module("shop", SHOP)
    project.write("go", "")
    other = replace(project, path=tmp_path / "other")
    shutil.copytree(project.path, other.path)
    made = Machines(Workflow(project, github, tmp_path / "slow"), Workflow(other, github, tmp_path / "quick", 100))
    made.orders(3)
    return made


def exact(workflow, orders, loads):
    return workflow.project.query(COUNTS) == [(orders, orders, 2 * orders, loads)]


@pytest.mark.parametrize("where", ["artifact", "bucket"])
def test_the_run_that_another_one_has_overtaken_keeps_nothing_and_a_re_run_loads_each_row_once(
    machines, where, tmp_path
):
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    about = {"state": f"file://{bucket}"} if where == "bucket" else {}
    assert machines.quick.run(**about).code == 0
    machines.orders(5)
    slow = machines.begin_slowly(**about)
    assert machines.quick.run(**about).outputs["rows-loaded"] == "6"
    before = sorted(bucket.rglob("*"))
    machines.let_go()

    overtaken = slow.wait()

    assert overtaken.code == 6, overtaken.out
    [error] = overtaken.errors
    assert f"generation 2 was kept by run {100 + machines.quick.runs} while this run was loading" in error
    assert "nothing of this run is kept; run it again: it goes on from there" in error
    assert "state-name" not in overtaken.outputs
    machines.orders(6)
    again = machines.slow.run(slow.run_id, attempt=2, **about)
    assert (again.code, again.outputs.get("state-generation")) == (0, "3"), again.out
    assert exact(machines.slow, 6, 3)
    if where == "bucket":
        assert machines.slow.states() == []
        assert [path.name for path in before if path.suffix == ".json"] == ["g1.json", "g2.json"]
        assert len(list(bucket.rglob("g2-*.zip"))) == 1, "the slow run has taken back what it had put up"
    else:
        assert [state.name.partition("-g")[2] for state in machines.slow.states()] == [
            "1-a1-s1",
            "2-a1-s1",
            "3-a2-s1",
        ]


def test_two_runs_that_both_slip_through_are_named_by_the_next_and_rows_are_exact_after_a_choice(machines, github):
    assert machines.quick.run().code == 0
    machines.orders(5)
    machines.slow.uploads = machines.quick.uploads = False  # until both have looked, and seen nothing of the other
    slow = machines.begin_slowly()
    quick = machines.quick.start()
    machines.let_go()
    ran = [(started, started.wait()) for started in (slow, quick)]
    for started, done in ran:
        assert done.code == 0, done.out
        started.workflow.upload(started.run_id, done.outputs, started.folder / "dango")
    machines.slow.uploads = True
    machines.orders(7)

    refused = machines.slow.run()

    assert refused.code == 6
    assert not machines.slow.project.warehouse.exists()
    [error] = refused.errors
    assert "generation 2 was written twice, by runs that did not know of each other" in error
    assert all(f"run {started.run_id} (" in error for started in (slow, quick))
    assert "delete the artifact of one of them" in error
    github.artifacts.remove(machines.slow.states()[-1])
    chosen = machines.slow.run()
    assert (chosen.code, chosen.outputs.get("state-generation")) == (0, "3"), chosen.out
    assert exact(machines.slow, 7, 3)
