"""A job that is cancelled: the runner sends INT, 7.5 s later TERM, and 2.5 s later KILL."""

import signal
import time
from pathlib import Path

import pytest
from steps import Workflow

SLOW = """
    import dlt, time
    @dlt.resource
    def source():
        yield {"a": 1}
        time.sleep(600)
"""


@pytest.fixture
def workflow(project, github, tmp_path):
    project.module("shop", "import dlt\n@dlt.resource\ndef source():\n    yield {'a': 1}\n")
    project.module("slow", SLOW)
    return Workflow(project, github, tmp_path / "temp")


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def processes(of):
    """Return the processes that have this folder as theirs."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cwd").resolve() == of.path:
                found.append(folder.name)
        except OSError:
            continue
    return found


def said(project, words):
    log = project.path / ".dango/activity.log"
    return log.exists() and words in log.read_text()


def test_a_cancelled_run_keeps_what_was_loaded_and_says_what_was_not(workflow):
    workflow.project.sources("shop", "slow")
    started = workflow.start()
    wait_for(lambda: said(workflow.project, "shop: 1 row") and said(workflow.project, "slow: starting"))

    begun = time.monotonic()
    started.process.send_signal(signal.SIGINT)
    done = started.wait()

    assert time.monotonic() - begun < 7.5, "before the second signal"
    assert done.code == 130
    assert done.outputs["status"] == "interrupted"
    assert (done.outputs["sources-ok"], done.outputs["sources-failed"]) == ("shop", "slow")
    assert done.outputs["state-generation"] == "1"
    assert "stopped before it was done" in done.summary
    assert workflow.states()[0].files().keys() == {"manifest.json", "warehouse.duckdb"}
    assert processes(workflow.project) == []


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_cancelled_while_it_fetches_leaves_the_warehouse_and_a_report(workflow, github, sign):
    workflow.project.sources("shop")
    workflow.run()
    kept = len(workflow.states())
    let_go = github.hold("/zip$")
    try:
        started = workflow.start()
        wait_for(lambda: github.held)
        started.process.send_signal(sign)
        begun = time.monotonic()
        started.process.wait(timeout=20)
        assert time.monotonic() - begun < 7.5
    finally:
        let_go.set()
    done = started.wait()

    assert done.code == 130
    assert done.outputs["status"] == "interrupted"
    assert "stopped while the warehouse was fetched" in done.summary
    assert len(workflow.states()) == kept
    assert workflow.project.one("select count(*) from raw_shop.source") == 1
    assert processes(workflow.project) == []


def test_a_killed_run_leaves_nothing_for_the_next_one_to_trip_over(workflow):
    workflow.project.sources("shop", "slow")
    started = workflow.start()
    wait_for(lambda: said(workflow.project, "shop: 1 row") and said(workflow.project, "slow: starting"))
    started.process.kill()
    killed = started.wait()
    assert killed.outputs == {}
    assert workflow.states() == []
    workflow.project.sources("shop")

    after = workflow.run()

    assert after.code == 0, after.out
    assert after.outputs["rows-loaded"] == "1"
    assert workflow.project.one("select count(*) from raw_shop.source") == 1
