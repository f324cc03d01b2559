"""What is kept between runs on machines that are thrown away, and what is not believed."""

import json
import re
from datetime import UTC, datetime, timedelta

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
    assert "Kept as generation 1" in first.summary

    workflow.forget()
    orders(workflow, 5)
    second = workflow.run()

    assert second.code == 0, second.out
    assert second.outputs["rows-loaded"] == "2"
    assert second.result["state"] == {
        "restored": 1,
        "kept": 2,
        "artifact": second.outputs["state-name"],
        "size": workflow.project.warehouse.stat().st_size,
    }
    assert counted(workflow.project) == [(5, 5)]
    manifest = json.loads(workflow.states()[1].files()["manifest.json"])
    assert manifest["parent"]["generation"] == 1
    assert manifest["datasets"]["raw_shop"] == {"cursors": {"orders": {"id": 5}}, "rows": {"orders": 5}}
    assert workflow.states()[1].files().keys() == {"manifest.json", "warehouse.duckdb"}


def test_a_run_that_finds_nothing_new_keeps_nothing_and_the_one_after_it_finds_the_state(workflow):
    workflow.run()
    for _ in range(2):
        workflow.forget()
        idle = workflow.run()
        assert idle.code == 0
        assert "state-name" not in idle.outputs
        assert idle.outputs["state-generation"] == "1"
        assert "Nothing new to keep: generation 1 stays the newest" in idle.summary
    workflow.forget()
    orders(workflow, 4)

    assert workflow.run().outputs["state-generation"] == "2"
    assert counted(workflow.project) == [(4, 4)]


def test_a_failed_upload_costs_the_generation_and_no_row(workflow):
    workflow.run()
    orders(workflow, 4)
    workflow.uploads = False
    workflow.forget()
    workflow.run()
    workflow.uploads = True
    workflow.forget()

    again = workflow.run()

    assert again.outputs["rows-loaded"] == "1"
    assert again.outputs["state-generation"] == "2"
    assert counted(workflow.project) == [(4, 4)]


def test_a_failing_source_does_not_keep_the_others_from_being_kept(workflow):
    workflow.project.module("bad", "import dlt\n@dlt.resource\ndef source():\n    raise ValueError('no')\n")
    workflow.project.sources("shop", "bad")

    done = workflow.run()

    assert done.code == 5
    assert (done.outputs["sources-ok"], done.outputs["sources-failed"]) == ("shop", "bad")
    assert done.outputs["status"] == "failed"
    assert [artifact.name for artifact in workflow.states()] == [done.outputs["state-name"]]


def test_a_re_run_of_a_run_adds_a_generation_under_a_name_of_its_own(workflow):
    workflow.run(7)
    orders(workflow, 4)
    workflow.forget()
    workflow.run(7)  # a second step of the same run
    workflow.run(8)
    workflow.forget()
    orders(workflow, 5)
    workflow.run(7, attempt=2)
    workflow.forget()
    orders(workflow, 6)

    after = workflow.run(9)

    names = [artifact.name[-9:] for artifact in workflow.states()]
    assert names == ["-g1-a1-s1", "-g2-a1-s1", "-g3-a2-s1", "-g4-a1-s1"]
    assert after.outputs["rows-loaded"] == "1"
    assert counted(workflow.project) == [(6, 6)]


def test_another_branch_starts_from_the_state_and_keeps_nothing(workflow):
    workflow.run()
    workflow.forget()
    orders(workflow, 5)

    side = workflow.run(event="workflow_dispatch", branch="feature")

    assert side.code == 0
    assert side.outputs["rows-loaded"] == "2"
    assert "only runs of `main` keep what they load, and this is none" in side.notices
    assert len(workflow.states()) == 1
    workflow.forget()
    assert workflow.run().outputs["rows-loaded"] == "2"


def test_each_shard_and_each_target_has_a_lineage_of_its_own(workflow):
    workflow.run()
    for inputs in ({"shard": "2"}, {"target": "duckdb:.dango/warehouse.other.duckdb"}):
        workflow.forget()
        assert workflow.run(event="workflow_dispatch", state="new", **inputs).outputs["rows-loaded"] == "3"
        assert workflow.run(event="workflow_dispatch", **inputs).outputs["rows-loaded"] == "0"
    names = [artifact.name for artifact in workflow.states()]
    assert len(set(names)) == 3
    assert names[1].endswith("-g1-a1-s2")


@pytest.mark.parametrize("state", ["gone", "expired"])
def test_lost_state_stops_the_run_before_anything_is_loaded(workflow, github, state):
    workflow.run()
    workflow.forget()
    if state == "gone":
        github.artifacts.clear()
    else:
        for artifact in github.artifacts:
            artifact.expired = True

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


def test_a_fresh_start_that_was_not_kept_does_not_lose_what_was(workflow):
    workflow.run()
    workflow.uploads = False
    workflow.run(event="workflow_dispatch", state="new")
    workflow.uploads = True
    workflow.forget()
    orders(workflow, 4)

    assert workflow.run().outputs["rows-loaded"] == "1"


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


def test_a_generation_that_is_gone_is_said_and_the_one_before_it_taken(workflow, github):
    workflow.run()
    workflow.forget()
    orders(workflow, 5)
    workflow.run()
    workflow.forget()
    workflow.run()  # goes on from generation 2, and says so in the name of what it leaves
    github.artifacts.remove(workflow.states()[1])
    workflow.forget()
    orders(workflow, 6)

    after = workflow.run()

    assert "generation 2 is gone, so this run goes on from 1" in after.notices
    assert after.outputs["rows-loaded"] == "3"
    assert after.outputs["state-generation"] == "3"
    assert counted(workflow.project) == [(6, 6)]


def test_what_is_kept_is_renewed_before_it_expires(workflow, github):
    workflow.run()
    kept = workflow.states()[0]
    kept.created_at = github.runs[101].created_at = datetime.now(UTC) - timedelta(days=46)
    kept.expires_at = kept.created_at + timedelta(days=90)
    workflow.forget()

    renewed = workflow.run()

    assert renewed.outputs["rows-loaded"] == "0"
    assert renewed.outputs["state-generation"] == "2"
    assert counted(workflow.project) == [(3, 3)]


def test_two_runs_that_did_not_know_of_each_other_are_found_out(workflow, github):
    workflow.run(50)
    twin = github.add_artifact(50, workflow.states()[0].name, workflow.states()[0].content)
    github.add_run(51)
    twin.run_id = 51
    workflow.forget()

    stopped = workflow.run()

    assert stopped.code == 6
    assert "generation 1 was written twice" in stopped.errors[0]
    assert "run 50" in stopped.errors[0]
    assert "run 51" in stopped.errors[0]
    github.artifacts.remove(twin)
    assert workflow.run().outputs["rows-loaded"] == "0"


def test_an_own_permission_is_missing_and_the_block_to_paste_is_printed(workflow, github):
    github.permissions.discard("actions:read")

    done = workflow.run()

    assert done.code == 4
    assert "permissions:\n  contents: read\n  actions: read" in done.errors[0]
    assert "```yaml\n  permissions:\n    contents: read\n    actions: read\n  ```" in done.summary
    assert not workflow.project.warehouse.exists()


def test_a_token_that_github_does_not_accept_is_told_apart(workflow):
    done = workflow.run(github_token="wrong")

    assert done.code == 4
    assert "does not accept the token" in done.errors[0]


def test_a_public_repository_stops_before_extraction_unless_it_is_asked_to_go_on(workflow, github):
    github.private = github.repository.private = False
    github.repository.visibility = "public"
    stopped = workflow.run()
    assert stopped.code == 4
    assert "state: artifact unsealed" in stopped.errors[0]
    assert "shop.log" not in workflow.github.artifacts[-1].files()

    assert workflow.run(state="artifact unsealed").outputs["rows-loaded"] == "3"
    assert workflow.run(state="none", target="duckdb:.dango/b.duckdb").outputs["rows-loaded"] == "3"


def test_github_s_passing_faults_are_waited_out_and_a_lasting_one_stops_the_run(workflow, github):
    github.fail_next("/actions/artifacts", 502, times=2)
    assert workflow.run().code == 0
    workflow.forget()
    github.fail_next("/zip", None, times=1)
    assert workflow.run().outputs["rows-loaded"] == "0"
    workflow.forget()
    github.fail_next("/actions/artifacts", 503, times=20)

    stopped = workflow.run()

    assert stopped.code == 6
    assert "HTTP 503" in stopped.errors[0]
    assert not workflow.project.warehouse.exists()


def test_a_rate_limit_is_named_with_its_end(workflow, github):
    github.fail_next(
        "/repos", 403, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1767225600"}, times=9
    )

    done = workflow.run()

    assert done.code == 6
    assert "takes no more requests before 00:00 UTC" in done.errors[0]


def test_the_token_goes_to_the_api_and_not_to_the_store_it_redirects_to(workflow, github):
    workflow.run()
    workflow.forget()
    workflow.run()

    stored = [request for request in github.requests if "sig" in request.query]
    assert stored
    assert all("authorization" not in map(str.lower, request.headers) for request in stored)


def test_an_artifact_of_anything_but_a_trusted_run_is_left_out_with_the_reason(workflow, github):
    workflow.run(1)
    good = workflow.states()[0]
    forged = good.name.replace("-g1-", "-g9-")
    untrusted = {
        2: ("it ran for a fork", {"head_repository_id": 666, "event": "pull_request"}),
        3: ("it ran for another branch than `main`", {"branch": "feature"}),
        4: ("it belongs to another workflow", {"path": ".github/workflows/other.yml"}),
        5: ("it was started by `pull_request_target`", {"event": "pull_request_target"}),
        6: ("it was started by `workflow_run`", {"event": "workflow_run"}),
    }
    for run_id, (_, run) in untrusted.items():
        github.add_run(run_id, **run)
        github.add_artifact(run_id, forged, good.content)
    workflow.forget()
    orders(workflow, 4)

    done = workflow.run(10)

    assert done.outputs["rows-loaded"] == "1"
    assert done.outputs["state-generation"] == "2"
    for run_id, (reason, _) in untrusted.items():
        assert any(f"of run {run_id} was left out: {reason}" in notice for notice in done.notices), reason


def test_a_write_ahead_log_is_never_left_to_a_restored_file(workflow):
    workflow.run()
    workflow.forget()
    workflow.project.warehouse.with_name("warehouse.duckdb.wal").write_bytes(b"x")

    done = workflow.run()

    assert done.code == 6
    assert "warehouse.duckdb.wal lies beside the warehouse" in done.errors[0]
