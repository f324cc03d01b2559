"""State in a bucket: what is committed, what is believed, and what becomes of the rest.

A folder is a bucket, too (`file://`), so most is tried with one; `test_bucket_s3.py` has S3.
"""

import json
import os
import tempfile
import threading
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest
from steps import zipped

from dango_action.credentials.keys import KeyRing, PrivateKey
from dango_action.errors import DangoError, StateError, UsageError
from dango_action.github.api import GitHub
from dango_action.inputs import SYNC_EVENTS
from dango_action.keeper import Job, Keeper
from dango_action.state.bucket import Address, Item, open_bucket
from dango_action.state.names import Lineage, ReportName
from dango_action.state.objects import Objects
from dango_action.state.seal import Keys
from dango_action.state.store import Found

LINEAGE = Lineage(workflow=".github/workflows/dango.yml", project="", target="duckdb:w.duckdb")


@dataclass
class Ran:
    before: int  # rows that were there when it began
    state: object
    notices: list[str]


@dataclass
class Runs:
    """Runs of a workflow, each on a machine of its own, with state in the folder `bucket`."""

    github: object
    tmp: Path
    bucket: Path
    count: int = 0
    url: str = ""

    def begin(self, *, branch="main", url=None, new=False, key="", asked=None):
        """Restore and add a row; the run has not kept it yet."""
        self.count += 1
        run_id = 100 + self.count
        self.github.add_run(run_id, event="workflow_dispatch", branch=branch, status="in_progress")
        folder = Path(tempfile.mkdtemp(prefix="machine-", dir=self.tmp))
        address = Address(url=self.url or f"file://{self.bucket}") if url is None else url and Address(url=url)
        job = Job(
            lineage=LINEAGE,
            ref=f"refs/heads/{branch}",
            run_id=run_id,
            run_attempt=1,
            events=SYNC_EVENTS,
            asked=asked,
            new=new,
            address=address or None,
        )
        keeper = Keeper(
            github=GitHub(self.github.api_url, self.github.full_name, self.github.token),
            job=job,
            path=folder / "w.duckdb",
            staging=folder / "state",
            keys=Keys(ring=KeyRing.of(key)),
            say=[].append,
        )
        keeper.restore("r")
        with duckdb.connect(str(keeper.path)) as connection:
            connection.execute("create schema if not exists raw_shop")
            connection.execute("create table if not exists raw_shop.orders(id int)")
            [(before,)] = connection.sql("select count(*) from raw_shop.orders").fetchall()
            connection.execute("insert into raw_shop.orders values (1)")
        return keeper, before

    def end(self, keeper, before=0):
        """Keep what was loaded, and leave what a run leaves."""
        state = keeper.keep("r", ["raw_shop"], ())
        if state.artifact:
            self.github.add_artifact(keeper.job.run_id, state.artifact, zipped(keeper.staging))
        name = ReportName(key=LINEAGE.key, basis=keeper.basis, attempt=1, shard=1, run="20260102T030405.000000Z")
        self.github.add_artifact(keeper.job.run_id, str(name), b"")
        self.github.finish(keeper.job.run_id, "success")
        return Ran(before, state, [notice.what for notice in keeper.notices])

    def __call__(self, **about):
        return self.end(*self.begin(**about))

    @property
    def folder(self):
        return self.bucket / f"{self.github.repository_id}/{LINEAGE.key}/s1"

    def pointers(self):
        return sorted(file.name for file in self.folder.glob("*.json"))

    def pointer(self, generation):
        return json.loads((self.folder / f"g{generation}.json").read_text())

    def data(self, generation):
        return self.folder / "data" / self.pointer(generation)["data"]

    def kept(self):
        """Return the generations whose data is there."""
        return sorted(file.name.partition("-")[0] for file in (self.folder / "data").iterdir())


@pytest.fixture
def run(github, tmp_path):
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    return Runs(github, tmp_path, bucket)


def test_each_run_goes_on_from_the_one_before_and_three_generations_stay(run):
    ran = [run() for _ in range(5)]

    assert [each.before for each in ran] == [0, 1, 2, 3, 4]
    assert run.pointers() == ["g3.json", "g4.json", "g5.json"]
    assert run.kept() == ["g3", "g4", "g5"]
    last = ran[-1].state
    assert (last.kept, last.generations, last.artifact) == (5, 3, None)
    assert last.total == sum(file.stat().st_size for file in (run.folder / "data").iterdir())
    assert last.where == f"file://{run.bucket}"
    assert run.pointer(5)["parent"] == {"generation": 4, "sha256": run.pointer(4)["sha256"]}


def test_of_two_runs_that_go_on_from_the_same_generation_the_second_keeps_nothing(run):
    run()
    slow, _ = run.begin()
    run()

    with pytest.raises(StateError, match="generation 2 was kept by run 103 while this run was loading"):
        run.end(slow)

    assert run.kept() == ["g1", "g2"]
    assert run().before == 2


class Between:
    """A bucket in which something happens at a moment that can't be hit otherwise."""

    def __init__(self, bucket, *, uploaded=lambda: None, created=lambda done: done):
        self.bucket, self.uploaded, self.created = bucket, uploaded, created

    def __getattr__(self, name):
        return getattr(self.bucket, name)

    def upload(self, name, file):
        self.bucket.upload(name, file)
        self.uploaded()

    def create(self, name, content):
        return self.created(self.bucket.create(name, content))


def test_a_run_that_is_overtaken_while_it_uploads_takes_its_data_back(run):
    run()
    slow, _ = run.begin()
    slow._store.bucket = Between(slow._store.bucket, uploaded=run)

    with pytest.raises(StateError, match="generation 2 was kept by run 103"):
        run.end(slow)

    assert run.pointers() == ["g1.json", "g2.json"]
    assert run.kept() == ["g1", "g2"]
    assert run().before == 2


def test_a_commit_whose_answer_was_lost_is_one(run):
    keeper, _ = run.begin()
    keeper._store.bucket = Between(keeper._store.bucket, created=lambda _: False)

    assert run.end(keeper).state.kept == 1
    assert run().before == 1


def test_a_run_whose_number_was_deleted_again_meanwhile_is_found_out_as_well(run):
    slow, _ = run.begin()
    slow._store.bucket = Between(slow._store.bucket, uploaded=lambda: [run() for _ in range(5)])

    with pytest.raises(StateError, match="generation 5 was kept by run 106"):
        run.end(slow)

    assert run.pointers() == ["g3.json", "g4.json", "g5.json"]


@dataclass
class Overwriting:
    """A store that replaces what is to be created, as some do that look like S3; and tells of each call."""

    url: str = "s3://bucket"
    objects: dict = field(default_factory=dict)

    def create(self, name, content):
        self.objects[name] = content
        return True

    def items(self, folder):
        return [Item(name=name, size=1, modified=None) for name in self.objects if name.startswith(folder)]

    def delete(self, name):
        del self.objects[name]


def nothing():
    return Found(newest=None, highest=0, silent=None)


def test_a_store_that_creates_what_is_there_is_refused_before_anything_is_loaded():
    bucket = Overwriting()
    store = Objects(bucket=bucket, repository_id=1, lineage=LINEAGE, earlier=nothing, writes=True)

    with pytest.raises(StateError, match="it replaces objects that are to be created"):
        store.find()

    assert bucket.objects == {}


def test_of_many_runs_at_the_same_moment_exactly_one_commits_a_generation(run):
    keepers = [run.begin()[0] for _ in range(6)]
    together, outcomes = threading.Barrier(len(keepers)), []

    def end(keeper):
        together.wait(30)
        try:
            outcomes.append(keeper.keep("r", ["raw_shop"], ()).kept)
        except DangoError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=end, args=[keeper]) for keeper in keepers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [each for each in outcomes if each == 1] == [1], outcomes
    assert all("generation 1 was kept by run" in each for each in outcomes if each != 1), outcomes
    assert run.pointers() == ["g1.json"]
    assert run.kept() == ["g1"]


def test_a_generation_whose_data_is_gone_is_said_and_the_one_before_it_taken(run):
    run()
    run()
    run.data(2).unlink()

    after = run()

    assert after.before == 1
    assert "generation 2 is gone, so this run goes on from 1" in after.notices
    assert (after.state.restored, after.state.kept) == (1, 3)
    assert run().before == 2


def test_data_that_was_changed_is_refused_and_never_replaced_by_an_older_one(run):
    run()
    run()
    data = run.data(2)
    data.write_bytes(data.read_bytes()[:-1] + b"x")

    with pytest.raises(StateError, match="its digest is another one"):
        run()


def test_a_pointer_to_an_older_generation_s_data_is_refused(run):
    run()
    run()
    older = run.pointer(1) | {"generation": 2, "parent": None}
    (run.folder / "g2.json").write_text(json.dumps(older))

    with pytest.raises(StateError, match="its manifest is of another generation"):
        run()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 2}, "format"),
        ({"more": 1}, "more"),
        ({"data": "../../../g1-0.zip"}, "data"),
        ({"generation": 1}, "it is of generation 1"),
        ({"parent": {"generation": 2, "sha256": "0" * 64}}, "it says that generation 2 came before it"),
        ({"sha256": "x"}, "sha256"),
    ],
)
def test_a_pointer_that_is_none_is_refused_with_the_reason_and_a_new_start_passes_it(run, change, reason):
    run()
    run()
    (run.folder / "g2.json").write_text(json.dumps(run.pointer(2) | change))

    with pytest.raises(StateError, match=f"g2.json in file://.* is no pointer .*{reason}"):
        run()

    assert run(new=True).state.kept == 3
    assert run().before == 1


def test_a_generation_that_was_loaded_on_top_of_another_one_is_refused_with_both_runs(run):
    run()
    run()
    other = run.pointer(1) | {"sha256": "0" * 64, "run_id": 77}
    (run.folder / "g1.json").write_text(json.dumps(other))

    with pytest.raises(StateError, match=r"generation 2, of run 102, .* generation 1 that is there, of run 77"):
        run()


def test_a_bucket_that_has_lost_everything_stops_the_run_and_says_how_to_start_over(run):
    run()
    for file in run.folder.glob("*.json"):
        file.unlink()

    with pytest.raises(
        StateError, match=f"(?s)generation 1 of the warehouse was kept.*`state: file://{run.bucket} new`"
    ):
        run()

    assert run(new=True).before == 0
    assert run().before == 1


def test_a_workflow_that_comes_from_artifacts_is_told_where_its_state_is(run):
    run(url="")

    with pytest.raises(
        StateError, match="nothing is kept there yet, and generation 1 is the artifact dango-state-"
    ):
        run()

    assert run(new=True).before == 0
    assert run().before == 1


def test_another_branch_starts_from_the_state_and_writes_nothing(run):
    assert run(branch="feature").state.read_only
    assert list(run.bucket.rglob("*")) == []
    run()
    before = sorted(run.bucket.rglob("*"))

    assert run(branch="feature").before == 1
    assert sorted(run.bucket.rglob("*")) == before


def test_what_a_killed_run_has_uploaded_is_deleted_after_a_day_and_not_before(run):
    run()
    old, fresh = (run.folder / f"data/g2-{digit * 32}.zip" for digit in "ab")
    for file in (old, fresh):
        file.write_bytes(b"x")
    os.utime(old, (time.time() - 90_000,) * 2)

    run()

    assert not old.exists()
    assert fresh.exists()


def test_with_a_key_what_is_not_sealed_is_refused_unless_it_is_asked_for(run):
    key = PrivateKey.generate().text()
    assert "there is no key: who may write to the bucket can replace it" in run().notices[0]

    with pytest.raises(StateError, match="is not sealed, and nobody vouches for who has written it"):
        run(key=key)

    assert run(key=key, asked="unsealed").before == 1
    assert run(key=key, new=True).state.sealed
    sealed = run(key=key)
    assert (sealed.before, sealed.notices) == (1, [])
    with zipfile.ZipFile(run.data(sealed.state.kept)) as archive:
        assert archive.namelist() == ["state.sealed"]


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("file:///no/such/folder", StateError, "make the folder first"),
        ("https://example.com/x", UsageError, "over HTTP alone a file can't be created exclusively"),
        ("smb://example.com/x", UsageError, "there is no file system for smb:// here"),
        ("az://container/x", StateError, "AZURE_STORAGE_ACCOUNT_NAME"),
    ],
)
def test_a_url_that_state_can_t_be_kept_at_is_refused_with_what_can_be_done(url, error, words):
    with pytest.raises(error, match=words):
        open_bucket(Address(url=url))


def test_a_file_system_of_fsspec_s_is_used_if_it_creates_files_exclusively(run):
    run.url = f"local://{run.bucket}"

    assert [run().before for _ in range(5)] == [0, 1, 2, 3, 4]
    assert run.pointers() == ["g3.json", "g4.json", "g5.json"]
    assert run.kept() == ["g3", "g4", "g5"]
