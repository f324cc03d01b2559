"""What is kept between runs on machines that are thrown away, and what is not believed."""

import json
import re

import pytest
from steps import Workflow

SHOP = """
    import dlt

    @dlt.source
    def source(last: int = 3):
        @dlt.resource(write_disposition="append")
        def orders(at=dlt.sources.incremental("id", initial_value=0)):
            yield [{"id": i} for i in range(at.last_value + 1, last + 1)]

        return orders
"""


@pytest.fixture
def workflow(project, github, tmp_path):
    project.module("shop", SHOP)
    project.sources("shop")
    return Workflow(project, github, tmp_path / "temp")


def orders(workflow, last):
    """Let the shop have so many orders."""
    workflow.project.sources({"name": "shop", "kwargs": {"last": last}})


def counted(project):
    return project.query("select count(*), count(distinct id) from raw_shop.orders")


def test_the_next_run_goes_on_where_the_last_one_stopped_on_a_machine_that_is_gone(workflow):
    first = workflow.run()
    assert first.code == 0, first.out
    assert first.outputs["state-generation"] == "1"
    assert re.fullmatch(r"dango-state-warehouse-[0-9a-f]{8}-g1-a1-s1", first.outputs["state-name"])
    assert "It goes up as generation 1" in first.summary

    workflow.forget()
    orders(workflow, 5)
    second = workflow.run()

    assert second.code == 0, second.out
    assert second.outputs["rows-loaded"] == "2"
    before, after = workflow.states()
    assert second.result["state"] == {
        "restored": 1,
        "kept": 2,
        "artifact": second.outputs["state-name"],
        "size": workflow.project.warehouse.stat().st_size,
        "sealed": False,
        "where": None,
        "generations": 2,
        "total": len(before.content) + sum(map(len, after.files().values())),
        "read_only": False,
    }
    assert counted(workflow.project) == [(5, 5)]
    manifest = json.loads(workflow.states()[1].files()["manifest.json"])
    assert manifest["parent"]["generation"] == 1
    assert manifest["datasets"]["raw_shop"] == {"cursors": {"orders": {"id": 5}}, "rows": {"orders": 5}}
    assert workflow.states()[1].files().keys() == {"manifest.json", "warehouse.duckdb"}


def test_a_failing_source_does_not_keep_the_others_from_being_kept(workflow):
    workflow.project.module("bad", "import dlt\n@dlt.resource\ndef source():\n    raise ValueError('no')\n")
    workflow.project.sources("shop", "bad")

    done = workflow.run()

    assert done.code == 5
    assert (done.outputs["sources-ok"], done.outputs["sources-failed"]) == ("shop", "bad")
    assert done.outputs["status"] == "failed"
    assert [artifact.name for artifact in workflow.states()] == [done.outputs["state-name"]]


def test_lost_state_stops_the_run_before_anything_is_loaded(workflow, github):
    workflow.run()
    workflow.forget()
    github.artifacts.clear()

    lost = workflow.run()

    assert lost.code == 6
    assert lost.outputs["status"] == "failed"
    assert not workflow.project.warehouse.exists()
    assert any("state: new" in error for error in lost.errors), lost.out
    assert "state: new" in lost.summary

    anew = workflow.run(event="workflow_dispatch", state="new")
    assert anew.outputs["rows-loaded"] == "3"
    assert "started over with an empty warehouse, as asked" in anew.notices
    workflow.forget()
    assert workflow.run().outputs["rows-loaded"] == "0"


def test_runs_that_only_look_check_or_have_nothing_to_do_are_no_lost_state(workflow):
    assert workflow.run(event="workflow_dispatch", limit="1").code == 0
    assert workflow.run(event="workflow_dispatch", dry_run="true").code == 0
    assert workflow.run(event="workflow_dispatch", command="check").code == 0
    assert workflow.run(event="workflow_dispatch", state="none").code == 0
    workflow.project.sources({"name": "shop", "enabled": False})
    assert workflow.run().code == 0
    workflow.forget()
    orders(workflow, 3)

    first = workflow.run()

    assert first.code == 0, first.out
    assert first.outputs["state-generation"] == "1"


def test_an_own_permission_is_missing_and_the_block_to_paste_is_printed(workflow, github):
    github.permissions.discard("actions:read")

    done = workflow.run()

    assert done.code == 4
    assert "permissions:\n  contents: read\n  actions: read" in done.errors[0]
    assert "```yaml\n  permissions:\n    contents: read\n    actions: read\n  ```" in done.summary
    assert not workflow.project.warehouse.exists()


def test_a_write_ahead_log_is_never_left_to_a_restored_file(workflow):
    workflow.run()
    workflow.forget()
    workflow.project.warehouse.with_name("warehouse.duckdb.wal").write_bytes(b"x")

    done = workflow.run()

    assert done.code == 6
    assert "warehouse.duckdb.wal lies beside the warehouse" in done.errors[0]
