"""Which generation a run goes on from, whatever has happened to the runs before it.

Each run here is the real keeper on a machine of its own, with a warehouse that a load adds rows to; what dlt would do
between its two halves, `test_state.py` shows.
"""

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from steps import zipped

from dango_action.errors import CredentialsError, StateError
from dango_action.github.api import GitHub
from dango_action.inputs import SYNC_EVENTS
from dango_action.keeper import Job, Keeper
from dango_action.results import StateResult
from dango_action.state.names import Lineage, ReportName


@dataclass
class Ran:
    before: int  # rows that were there when it began
    state: StateResult
    notices: list[str]


@dataclass
class Runs:
    github: object
    tmp: Path
    count: int = 0

    def __call__(self, run_id=None, *, add=1, upload=True, report=True, attempt=1, event="schedule", **about):
        """Restore, add rows, keep, upload; as the steps of a job do."""
        self.count += 1
        run_id = run_id or 100 + self.count
        branch = about.get("branch", "main")
        self.github.add_run(run_id, event=event, branch=branch, attempt=attempt, status="in_progress")
        keeper = self.keeper(run_id, attempt, **about)
        before = ran = None
        try:
            keeper.restore("r")
            before = self.add(keeper.path, add)
            ran = Ran(
                before,
                keeper.keep("r", ["raw_shop"] if add else [], ()),
                [notice.what for notice in keeper.notices],
            )
        finally:
            if ran and ran.state.artifact and upload:
                self.github.add_artifact(run_id, ran.state.artifact, zipped(keeper.staging))
            if report:
                self.report(run_id, keeper, attempt)
            self.github.finish(run_id, "success" if ran else "failure")
        return ran

    def keeper(self, run_id, attempt=1, *, branch="main", shard=1, target="duckdb:w.duckdb", token=None, **wish):
        folder = Path(tempfile.mkdtemp(prefix="machine-", dir=self.tmp))
        job = Job(
            lineage=Lineage(workflow=".github/workflows/dango.yml", project="", target=target, shard=shard),
            ref=f"refs/heads/{branch}",
            run_id=run_id,
            run_attempt=attempt,
            events=SYNC_EVENTS,
            asked=wish.get("asked"),
            new=wish.get("new", False),
        )
        github = GitHub(self.github.api_url, self.github.full_name, token or self.github.token)
        said = []
        return Keeper(github=github, job=job, path=folder / "w.duckdb", staging=folder / "state", say=said.append)

    def report(self, run_id, keeper, attempt):
        lineage = keeper.job.lineage
        name = ReportName(
            key=lineage.key,
            basis=keeper.basis,
            attempt=attempt,
            shard=lineage.shard,
            run=f"20260102T030405.{self.count:06}Z",
        )
        self.github.add_artifact(run_id, str(name), b"")

    @staticmethod
    def add(path, rows):
        path.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(path)) as connection:
            connection.execute("create schema if not exists raw_shop")
            connection.execute("create table if not exists raw_shop.orders(id int)")
            [(before,)] = connection.sql("select count(*) from raw_shop.orders").fetchall()
            connection.execute("insert into raw_shop.orders select range from range(?)", [rows])
        return before

    def states(self):
        return [artifact for artifact in self.github.artifacts if artifact.name.startswith("dango-state-")]


@pytest.fixture
def run(github, tmp_path):
    return Runs(github, tmp_path)


def numbers(run):
    return [artifact.name.partition("-g")[2] for artifact in run.states()]


def test_each_run_goes_on_from_the_one_before(run):
    assert [run().before for _ in range(4)] == [0, 1, 2, 3]
    assert numbers(run) == ["1-a1-s1", "2-a1-s1", "3-a1-s1", "4-a1-s1"]


def test_runs_that_find_nothing_new_keep_nothing_however_many_there_are(run):
    run()
    for _ in range(5):
        assert run(add=0).state == StateResult(restored=1)
    assert run().before == 1
    assert numbers(run) == ["1-a1-s1", "2-a1-s1"]


def test_a_failed_upload_costs_the_generation_and_no_row(run):
    run(add=3)
    run(add=2, upload=False)

    again = run(add=2)

    assert again.before == 3
    assert (again.state.restored, again.state.kept) == (1, 2)
    assert run(add=0).before == 5


def test_a_killed_run_that_has_left_nothing_at_all_changes_nothing(run):
    run()
    run(upload=False, report=False)

    assert run().before == 1


def test_second_steps_and_second_attempts_add_generations_under_names_of_their_own(run):
    run(7)
    run(7)
    run(8)
    run(7, attempt=2)
    run(7, attempt=3, add=0)

    assert run(9).before == 4
    assert numbers(run) == ["1-a1-s1", "2-a1-s1", "3-a1-s1", "4-a2-s1", "5-a1-s1"]


def test_a_generation_that_a_re_run_of_an_old_run_has_kept_is_found_again(run):
    run(7)
    for number in range(8, 12):
        run(number)
    run(7, attempt=2)
    for number in range(12, 15):
        assert run(number, add=0).before == 6


def test_another_branch_starts_from_the_state_and_keeps_nothing(run):
    run()

    side = run(event="workflow_dispatch", branch="feature")

    assert side.before == 1
    assert side.state == StateResult(restored=1, read_only=True)
    assert "only runs of `main` keep what they load, and this one is not" in side.notices
    assert run().before == 1


def test_another_branch_without_any_state_starts_with_nothing_and_needs_no_more(run, github):
    github.private = github.repository.private = False

    assert run(event="workflow_dispatch", branch="feature").before == 0


@pytest.mark.parametrize("other", [{"shard": 2}, {"target": "duckdb:other.duckdb"}])
def test_shards_and_targets_have_lineages_of_their_own(run, other):
    run(1)
    run(1, **other)

    assert run(2, add=0).before == 1
    assert run(2, **other).before == 1
    assert run(3, add=0).before == 1
    assert run(3, **other).before == 2


def test_the_first_part_of_a_matrix_is_no_lost_state_for_the_second(run):
    run(1, shard=1)

    assert run(1, shard=2).before == 0


@pytest.mark.parametrize("how", ["deleted", "expired", "everything is deleted"])
def test_lost_state_stops_a_run_and_a_new_start_goes_on(run, github, how):
    run()
    run(add=0)
    for artifact in list(github.artifacts):
        if how == "expired":
            artifact.expired = True
        elif how == "everything is deleted" or artifact in run.states():
            github.artifacts.remove(artifact)

    with pytest.raises(StateError, match="`state: new`"):
        run()

    assert run(new=True, event="workflow_dispatch").before == 0
    assert run().before == 1


def test_a_new_start_that_was_not_kept_does_not_lose_what_was(run):
    run(add=3)
    assert run(new=True, upload=False).before == 0

    assert run().before == 3


def test_a_new_start_goes_on_counting(run):
    run()
    run(new=True)

    assert run().before == 1
    assert numbers(run) == ["1-a1-s1", "2-a1-s1", "3-a1-s1"]


def test_a_generation_that_is_gone_is_said_and_the_one_before_it_taken(run, github):
    run(add=3)
    run(add=2)
    run(add=0)  # goes on from generation 2, and says so in the name of what it leaves
    github.artifacts.remove(run.states()[1])

    after = run(add=3)

    assert after.before == 3
    assert "generation 2 is gone, so this run goes on from 1" in after.notices
    assert after.state.restored == 1
    assert run().before == 6


def hours(github):
    """Put an hour between each two runs, as there is in life; a listing has whole seconds."""
    for back, number in enumerate(sorted(github.runs, reverse=True)):
        one = github.runs[number]
        one.created_at = one.started_at = datetime.now(UTC) - timedelta(hours=back + 1)
        one.updated_at = one.created_at + timedelta(minutes=1)
        for artifact in github.artifacts:
            if artifact.run_id == number:
                artifact.created_at = one.updated_at


def test_three_generations_are_kept_and_what_is_older_is_deleted_if_the_token_may(run, github):
    for _ in range(4):
        run()
        hours(github)
    assert len(run.states()) == 4, "it may not"
    github.add_run(90, path=".github/workflows/other.yml")
    others = github.add_artifact(90, run.states()[0].name.replace("-g1-", "-g2-"), b"")
    github.permissions.add("actions:write")

    fifth = run()

    assert numbers(run) == ["3-a1-s1", "4-a1-s1", "2-a1-s1", "5-a1-s1"]
    assert others in github.artifacts, "it is another workflow's"
    assert fifth.state.generations == 3
    assert len(fifth.notices) == 2, "that it is not sealed, and what was left out"
    hours(github)
    assert run().before == 5


def test_what_is_kept_is_renewed_before_it_expires(run, github):
    run(1)
    kept = run.states()[0]
    for artifact in github.artifacts:
        artifact.created_at = github.runs[1].created_at = datetime.now(UTC) - timedelta(days=44)
        artifact.expires_at = artifact.created_at + timedelta(days=90)
    assert run(add=0).state.kept is None
    kept.created_at -= timedelta(days=2)
    kept.expires_at -= timedelta(days=2)

    renewed = run(add=0)

    assert (renewed.before, renewed.state.kept) == (1, 2)
    assert run(add=0).before == 1


def overlapping(run, *ids, add=1):
    """Let runs go on from the same generation and see no other one, and return what uploads what one has kept."""
    keepers = {}
    for run_id in ids:
        run.github.add_run(run_id, status="in_progress")
        keepers[run_id] = run.keeper(run_id)
        keepers[run_id].restore("r")
        run.add(keepers[run_id].path, add)
    states = {run_id: keeper.keep("r", ["raw_shop"] if add else [], ()) for run_id, keeper in keepers.items()}

    def end(run_id):
        run.count += 1
        if artifact := states[run_id].artifact:
            run.github.add_artifact(run_id, artifact, zipped(keepers[run_id].staging))
        run.report(run_id, keepers[run_id], 1)
        run.github.finish(run_id, "success")

    return end


def test_a_run_that_another_one_has_overtaken_keeps_nothing_and_names_it(run, github):
    run(49)
    github.add_run(50, status="in_progress")
    slow = run.keeper(50)
    slow.restore("r")
    run.add(slow.path, 1)
    run(51)

    with pytest.raises(StateError, match="generation 2 was kept by run 51 while this run was loading"):
        slow.keep("r", ["raw_shop"], ())

    github.finish(50, "failure")
    assert run(52).before == 2


def test_two_runs_that_did_not_know_of_each_other_are_found_out(run, github):
    run(49)
    end = overlapping(run, 50, 51)
    end(51)
    end(50)

    with pytest.raises(StateError, match="generation 2 was written twice") as caught:
        run(52)

    assert "run 50" in str(caught.value)
    assert "run 51" in str(caught.value)
    github.artifacts.remove(run.states()[-1])
    assert run(53).before == 2


@pytest.mark.parametrize("add", [1, 0])
def test_they_are_found_out_when_a_third_run_has_gone_on_from_one_of_them(run, github, add):
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)

    run(49)
    github.runs[49].created_at = github.runs[49].updated_at = start
    end = overlapping(run, 50, 51)  # 50 is slow
    end(51)
    third = overlapping(run, 52, add=add)
    end(50)
    third(52)
    for run_id, began, ended in ((50, 10, 20), (51, 11, 12), (52, 19, 21)):
        found = github.runs[run_id]
        found.created_at = found.started_at = start + timedelta(minutes=began)
        found.updated_at = start + timedelta(minutes=ended)

    with pytest.raises(StateError, match="generation 2 was written twice"):
        run(53)


UNTRUSTED = [
    ("it ran for a fork", {"head_repository_id": 666, "event": "pull_request"}),
    ("it ran for a fork", {"head_repository_id": 666}),
    ("it ran for another branch than `main`", {"branch": "feature"}),
    ("it ran for a tag", {"event": "push", "path": ".github/workflows/dango.yml@refs/tags/main"}),
    ("it belongs to another workflow", {"path": ".github/workflows/other.yml"}),
    ("it was started by `pull_request`", {"event": "pull_request"}),
    ("it was started by `pull_request_target`", {"event": "pull_request_target"}),
    ("it was started by `workflow_run`", {"event": "workflow_run"}),
]


@pytest.mark.parametrize(("reason", "about"), UNTRUSTED)
def test_an_artifact_of_anything_but_a_trusted_run_is_left_out_with_the_reason(run, github, reason, about):
    run(1)
    good = run.states()[0]
    github.add_run(2, **about)
    for forged in (good.name.replace("-g1-", "-g9-"), good.name):
        github.add_artifact(2, forged, good.content)

    done = run(10)

    assert (done.before, done.state.kept) == (1, 2)
    assert [notice for notice in done.notices if f"left out: {reason}" in notice], done.notices


def test_a_commit_that_is_not_on_the_default_branch_is_not_trusted_whatever_the_branch_is_called(run, github):
    run(1)
    run(2, event="push")
    github.runs[2].on_branch = False

    done = run(3)

    assert done.before == 1
    assert any(
        "what run 2 has left was left out: its commit is not on `main`" in notice for notice in done.notices
    )


def test_after_a_force_push_what_was_kept_by_schedules_is_still_believed(run, github):
    run(1)
    for number in (2, 3, 4):
        run(number, event="workflow_dispatch")
    for number in (2, 3, 4):
        github.runs[number].on_branch = False

    done = run(5)

    assert done.before == 1
    assert sum("left out: its commit is not on `main`" in notice for notice in done.notices) == 3
    assert run(6).before == 2, "a generation that is not believed is no twin"


def test_if_nothing_is_believed_any_more_the_run_stops(run, github):
    run(1, event="workflow_dispatch")
    github.runs[1].on_branch = False

    with pytest.raises(StateError, match="nothing can be used"):
        run(2)

    assert run(3, event="workflow_dispatch", new=True).before == 0
    assert run(4).before == 1


def test_a_default_branch_with_a_new_name_does_not_silently_start_over(run, github):
    run(1)
    github.default_branch = github.repository.default_branch = "trunk"

    with pytest.raises(StateError, match="it ran on `main`"):
        run(2, branch="trunk")

    assert run(3, branch="trunk", new=True, event="workflow_dispatch").before == 0
    assert run(4, branch="trunk").before == 1


def test_a_usual_run_costs_few_requests(run, github):
    for number in range(1, 6):
        run(number)
    for number, one in github.runs.items():  # an hour between each two, and a minute for each
        one.created_at = one.started_at = datetime.now(UTC) - timedelta(hours=6 - number)
        one.updated_at = one.created_at + timedelta(minutes=1)
        for artifact in github.artifacts:
            if artifact.run_id == number:
                artifact.created_at = one.updated_at
    before = len(github.requests)

    assert run(6).before == 5
    assert len(github.requests) - before <= 16


def test_what_others_upload_neither_hides_a_generation_nor_costs_a_request_each(run, github):
    run(1)
    good = run.states()[0]
    github.add_run(2, path=".github/workflows/ci.yml", event="pull_request", head_repository_id=666)
    for number in range(1200):
        github.add_artifact(2, good.name if number % 2 else f"coverage-{number}", b"")
    before = len(github.requests)

    done = run(3, asked="unsealed")

    assert done.before == 1
    assert len(github.requests) - before <= 33, "26 of them are pages"
    assert len(done.notices) == 1


def test_a_lie_about_a_generation_stops_nobody(run, github):
    run(1)
    key = run.states()[0].name.split("-g")[0].removeprefix("dango-state-")
    github.add_artifact(1, f"dango-run-{key}-g999999999r77-a1-s1-20260102T030405.000009Z", b"")
    github.add_artifact(1, f"dango-run-{key}-g9999999999r1-a1-s1-20260102T030405.000009Z", b"")

    done = run(2)

    assert (done.before, done.state.kept) == (1, 2)


def test_many_runs_that_have_left_nothing_are_passed_over(run, github):
    run(1)
    for number in range(2, 130):
        github.add_run(number, conclusion="failure")

    assert run(200).before == 1


def test_what_a_re_run_of_a_very_old_run_has_kept_is_found_again(run, github):
    github.add_run(1, created_at=datetime.now(UTC) - timedelta(days=9), conclusion="failure")
    for number in range(2, 110):
        github.add_run(number, conclusion="failure")
    run(200)
    assert run(1, attempt=2).before == 1
    assert run(201).before == 2


def test_a_part_that_is_new_in_an_old_workflow_is_no_lost_state(run):
    run(1)
    run(2)

    assert run(3, shard=2).before == 0
    assert run(3, target="duckdb:other.duckdb").before == 0


def test_an_artifact_that_is_not_like_ours_stops_nobody(run, github):
    run(1)
    odd = github.add_artifact(1, "coverage", b"")
    odd.json = lambda *_: {"id": odd.id, "name": "coverage", "workflow_run": None, "created_at": None}

    assert run(2).before == 1


def test_a_workflow_s_path_may_come_with_a_ref(run, github):
    run(1)
    github.runs[1].path += "@refs/heads/main"

    assert run().before == 1


def test_a_public_repository_is_refused_unless_it_is_asked_to_go_on(run, github):
    github.private = github.repository.private = False

    with pytest.raises(CredentialsError, match="asks for a sealed warehouse, and there is no key"):
        run(asked="sealed")
    with pytest.raises(CredentialsError, match="state: artifact unsealed"):
        run()

    assert run(asked="unsealed").notices == ["the warehouse is kept unsealed in a public repository, as asked"]
    assert run(asked="unsealed").before == 1


def test_a_missing_permission_is_told_apart_from_a_wrong_token(run, github):
    with pytest.raises(CredentialsError, match="does not accept the token"):
        run(token="wrong")
    github.permissions.discard("actions:read")

    with pytest.raises(CredentialsError, match="permissions:\n  contents: read\n  actions: read"):
        run()


def test_passing_faults_are_waited_out_and_lasting_ones_stop_the_run(run, github):
    github.fail_next("/actions/artifacts", 502, times=2)
    run()
    github.fail_next("/zip", None, times=1)
    assert run().before == 1
    github.fail_next("/actions/artifacts", 503, times=20)

    with pytest.raises(StateError, match="HTTP 503"):
        run()


def test_a_rate_limit_is_named_with_its_end(run, github):
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1767225600"}
    github.fail_next("/repos", 403, headers=headers)

    with pytest.raises(StateError, match="takes no more requests before 00:00 UTC"):
        run()


def test_the_token_goes_to_the_api_and_not_to_the_store_it_redirects_to(run, github):
    run()
    run()

    stored = [request for request in github.requests if "sig" in request.query]
    assert stored
    assert all("authorization" not in request.headers for request in stored)


def test_an_old_generation_is_not_taken_because_the_newest_runs_have_left_nothing(run, github):
    run(1, event="workflow_dispatch", new=True)
    for number in range(2, 8):
        run(number)
    for number in range(10, 115):
        github.add_run(number, conclusion="failure")

    assert run(300).before == 7


def test_an_index_of_runs_that_lags_behind_hides_nothing(run, github):
    run(1, add=3)
    run(2, add=10)
    for run_id in (1, 2):
        github.unlisted.add(run_id)

    assert run(3).before == 13
    assert run(3, attempt=2).before == 14


def test_a_re_run_on_another_branch_is_no_failure(run):
    run(1)
    for attempt in (1, 2):
        assert run(2, branch="feature", event="workflow_dispatch", attempt=attempt).before == 1


def test_a_default_branch_with_a_new_name_is_noticed_without_a_schedule_too(run, github):
    run(1, event="push", add=5)
    github.default_branch = github.repository.default_branch = "trunk"

    with pytest.raises(StateError, match="it ran on `main`"):
        run(2, branch="trunk", event="push")


def test_a_part_that_is_new_is_no_lost_state_where_old_runs_have_expired(run, github):
    for number in range(1, 4):
        run(number)
    github.artifacts.clear()
    run(4, event="workflow_dispatch", new=True)

    assert run(5, shard=2).before == 0


def test_in_a_repository_full_of_artifacts_the_runs_are_looked_at_or_it_is_said_that_they_are_too_many(
    run, github
):
    run(1, add=2)
    github.add_run(9, path=".github/workflows/ci.yml")
    for number in range(2100):
        github.add_artifact(9, f"coverage-{number}", b"")
    assert run(10).before == 2
    for number in range(2100):
        github.add_artifact(9, f"more-{number}", b"")
    for number in range(20, 330):
        github.add_run(number, conclusion="failure")

    with pytest.raises(StateError, match="there are older ones"):
        run(400)

    assert run(401, new=True, event="workflow_dispatch").before == 0
    assert run(402).before == 1


def test_pages_that_move_while_they_are_read_hide_nothing(run, github):
    run(1)
    run(2)
    github.add_run(9, path=".github/workflows/ci.yml")
    foreign = [github.add_artifact(9, f"coverage-{number}", b"") for number in range(98)]
    pages = []

    def shift(request):
        if request.path.endswith("/actions/artifacts"):
            pages.append(request.query["page"])
            if len(pages) == 2:
                for artifact in foreign[:4]:
                    github.artifacts.remove(artifact)

    github.before = shift

    assert run(3).before == 2
    assert pages[:3] == ["1", "2", "1"]
