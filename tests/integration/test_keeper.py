"""What the keeper of a warehouse believes of an artifact: nothing that it has not checked."""

import errno
import hashlib
import json
import os
import stat
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from steps import zip_of, zipped

from dango_action.errors import ConfigError, StateError
from dango_action.github.api import GitHub
from dango_action.inputs import SYNC_EVENTS
from dango_action.keeper import Job, Keeper
from dango_action.state.names import Lineage, Place

LINEAGE = Lineage(workflow=".github/workflows/dango.yml", project="", target="duckdb:.dango/warehouse.duckdb")


@pytest.fixture
def keeper(github, tmp_path):
    """A keeper in run 2, on a machine of its own."""
    github.add_run(2, status="in_progress")
    return make(github, tmp_path / "second", run_id=2)


def make(github, folder, **job):
    known = {"ref": "refs/heads/main", "run_attempt": 1, "events": SYNC_EVENTS, "asked": "unsealed", "new": False}
    return Keeper(
        github=GitHub(github.api_url, github.full_name, github.token),
        job=Job(lineage=LINEAGE, **(known | job)),
        path=folder / ".dango/warehouse.duckdb",
        staging=folder / "state",
        say=[].append,
    )


@pytest.fixture
def kept(github, tmp_path):
    """Run 1 has kept generation 1."""
    github.add_run(1, status="in_progress")
    first = make(github, tmp_path / "first", run_id=1)
    first.path.parent.mkdir(parents=True)
    with duckdb.connect(str(first.path)) as connection:
        connection.execute("create schema raw_shop; create table raw_shop.orders as select range id from range(3)")
    first.restore("r")
    assert first.notices == []
    state = first.keep("r", ["raw_shop"], ())
    artifact = github.add_artifact(1, state.artifact, zipped(first.staging))
    github.finish(1, "success")
    return artifact


def refusal(keeper):
    with pytest.raises(StateError) as caught:
        keeper.restore("r")
    [problem] = caught.value.problems
    assert not keeper.path.exists()
    left = [path.name for path in keeper.path.parent.rglob("*")]
    assert set(left) <= {"warehouse.duckdb.lock"}, "nothing of it stays"
    return problem.what


def test_what_is_kept_comes_back_byte_by_byte(keeper, kept):
    keeper.restore("r")

    assert keeper.path.read_bytes() == kept.files()["warehouse.duckdb"]
    assert keeper.basis == Place(generation=1, run=1)


def test_what_a_killed_process_with_the_same_number_has_left_is_cleared(keeper, kept):
    leftover = keeper.path.with_name(f"warehouse.duckdb.{os.getpid()}.fetched.work")
    leftover.mkdir(parents=True)

    keeper.restore("r")

    assert keeper.path.read_bytes() == kept.files()["warehouse.duckdb"]
    assert not leftover.exists()


def edited(artifact, change):
    files = artifact.files()
    manifest = json.loads(files["manifest.json"])
    change(manifest, files)
    if "manifest.json" in files:
        files["manifest.json"] = json.dumps(manifest).encode()
    return zip_of(files)


def of_origin(**origin):
    return lambda manifest, _: manifest["origin"].update(origin)


def with_sql(sql):
    def change(manifest, files):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "w.duckdb"
            file.write_bytes(files["warehouse.duckdb"])
            with duckdb.connect(str(file)) as connection:
                connection.execute(sql)
            files["warehouse.duckdb"] = file.read_bytes()
        digest = hashlib.sha256(files["warehouse.duckdb"]).hexdigest()
        manifest["file"] = {"size": len(files["warehouse.duckdb"]), "sha256": digest}

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (of_origin(repository_id=1), "manifest is of another repository"),
        (of_origin(workflow=".github/workflows/b.yml"), "manifest is of another workflow"),
        (of_origin(branch="feature"), "manifest is of another branch"),
        (of_origin(target="duckdb:b.duckdb"), "manifest is of another target"),
        (of_origin(project="sub"), "manifest is of another project"),
        (of_origin(shard=2), "manifest is of another shard"),
        (lambda manifest, _: manifest.update(generation=2), "manifest is of another generation"),
        (lambda manifest, _: manifest.update(run_id=99), "manifest is of another run"),
        (lambda manifest, _: manifest.update(format=2), "format"),
        (lambda manifest, _: manifest.update(more=1), "more"),
        (lambda _, files: files.update({"../evil.txt": b"x"}), "something else than"),
        (lambda _, files: files.update({"/etc/evil": b"x"}), "something else than"),
        (lambda _, files: files.update({"trace.pickle": b"x"}), "something else than"),
        (lambda _, files: files.pop("manifest.json"), "something else than"),
        (lambda _, files: files.update({"warehouse.duckdb": b"x"}), "another size"),
        (
            lambda _, files: files.update({"warehouse.duckdb": files["warehouse.duckdb"][::-1]}),
            "is not the one that its manifest describes",
        ),
        (with_sql("create view v as from read_text('/proc/self/environ')"), "view main.v"),
        (with_sql("create macro m(p) as table from read_text(p)"), "macro main.m"),
        (
            with_sql("create macro duckdb_functions() as table select 1; create macro m() as 1"),
            "macro main.duckdb_functions",
        ),
        (with_sql("create macro current_database() as 'nope'"), "macro main.current_database"),
        (with_sql("create view v as from query('select 1')"), "view main.v"),
    ],
)
def test_a_forged_artifact_is_refused_with_the_reason(keeper, kept, change, reason):
    kept.content = edited(kept, change)
    kept.digest = None

    assert reason in refusal(keeper)


def test_a_link_in_an_artifact_is_refused(keeper, kept):
    link = zipfile.ZipInfo("warehouse.duckdb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    kept.content, kept.digest = (
        zip_of({"manifest.json": kept.files()["manifest.json"], link: b"/etc/passwd"}),
        None,
    )

    assert "warehouse.duckdb in it is a link or no file" in refusal(keeper)


def test_the_same_member_twice_is_refused(keeper, kept):
    files = kept.files()
    twice = zipfile.ZipInfo("manifest.json")
    with pytest.warns(UserWarning, match="Duplicate"):
        kept.content = zip_of({**files, twice: files["manifest.json"]})
    kept.digest = None

    assert "each once" in refusal(keeper)


@pytest.mark.parametrize(
    ("content", "digest", "reason"),
    [
        (b"no zip", None, "cannot be read as a zip file"),
        (b"", None, "cannot be read as a zip file"),
        (b"PK\x05\x06" + b"\0" * 18, None, "something else than"),
        (b"no zip", "sha256:" + "0" * 64, "its digest is another one"),
    ],
)
def test_bytes_that_are_no_artifact_of_ours_are_refused(keeper, kept, content, digest, reason):
    kept.content, kept.digest = content, digest

    assert reason in refusal(keeper)


def test_every_flipped_or_missing_byte_of_an_artifact_is_noticed(keeper, kept):
    whole, digest = kept.content, kept.digest
    for position in range(0, len(whole), len(whole) // 7):
        kept.content = whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :]
        assert "its digest is another one" in refusal(keeper)
    kept.content, kept.digest = whole[:-100], None
    assert refusal(keeper)
    kept.content, kept.digest = whole, digest
    keeper.restore("r")


def test_a_warehouse_larger_than_the_disk_is_refused_before_it_is_unpacked(keeper, kept):
    kept.content = edited(kept, lambda manifest, _: manifest["file"].update(size=10**15))
    kept.digest = None

    assert "has 1,000,000,000,000,000 bytes, and the disk has room for" in refusal(keeper)


@pytest.mark.usefixtures("kept")
def test_a_warehouse_that_could_read_files_is_not_handed_on(keeper):
    keeper.restore("r")
    with duckdb.connect(str(keeper.path)) as connection:
        connection.execute("create view v as from glob('*')")

    with pytest.raises(StateError, match=r"view main\.v"):
        keeper.keep("r", ["raw_shop"], ())
    assert not keeper.staging.exists()


def test_a_file_that_is_there_before_the_first_generation_becomes_its_base(github, tmp_path):
    github.add_run(1, status="in_progress")
    first = make(github, tmp_path, run_id=1)
    first.path.parent.mkdir(parents=True)
    duckdb.connect(str(first.path)).close()
    first.restore("r")

    assert first.keep("r", [], ()).kept == 1


def test_a_file_of_another_part_of_the_workflow_is_no_base(github, tmp_path):
    github.add_run(1, status="in_progress")
    first = make(github, tmp_path, run_id=1)
    first.path.parent.mkdir(parents=True)
    duckdb.connect(str(first.path)).close()
    first.restore("r")
    first.keep("r", ["raw_shop"], ())
    second = make(github, tmp_path, run_id=1)
    second.job = replace(second.job, lineage=replace(LINEAGE, shard=2))

    with pytest.raises(ConfigError, match="belongs to another part"):
        second.restore("r")


def test_a_netrc_file_does_not_take_the_place_of_the_token(github, keeper, kept, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))

    keeper.restore("r")

    assert keeper.path.read_bytes() == kept.files()["warehouse.duckdb"]
    signed = [request.headers.get("authorization") for request in github.requests]
    assert {value for value in signed if value} == {f"Bearer {github.token}"}


def test_an_answer_that_is_no_json_is_said_to_be_none(github, keeper):
    github.repository.json = lambda: ["no", "object"]

    with pytest.raises(StateError, match="is no JSON object"):
        keeper.restore("r")


def test_a_new_start_in_place_of_a_folder_is_refused(github, tmp_path):
    github.add_run(1, status="in_progress")
    first = make(github, tmp_path, run_id=1, new=True)
    first.path.mkdir(parents=True)

    with pytest.raises(ConfigError, match="is no file"):
        first.restore("r")


@pytest.mark.usefixtures("kept")
def test_a_full_disk_is_not_blamed_on_the_artifact(keeper, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("dango_action.fetch.extract", full)

    with pytest.raises(StateError, match=r"cannot be written to .*No space left"):
        keeper.restore("r")
