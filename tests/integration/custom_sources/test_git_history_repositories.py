"""Repositories as they come: whose, where, in which state and with which configuration."""

import shutil

import pytest
from dlt.extract.exceptions import ResourceExtractionError
from git_history import git_history

HASHES = "select hash from raw_git_history.commits order by hash"
FILES = "select path, insertions, deletions from raw_git_history.commits__files order by path"


def read(folder):
    return list(git_history(repository=str(folder)).resources["commits"])


def test_a_repository_without_commits_has_no_rows(repository):
    assert read(repository.folder) == []


def test_an_orphan_branch_without_commits_has_no_rows(repository):
    repository.commit()
    repository("checkout", "--quiet", "--orphan", "empty")

    assert read(repository.folder) == []


def test_a_branch_that_is_broken_is_not_taken_for_a_new_one(repository):
    repository.commit()
    (repository.folder / ".git/refs/heads/main").write_text("")

    with pytest.raises(ResourceExtractionError, match="bad object refs/heads/main"):
        read(repository.folder)


def test_a_missing_object_stops_the_run_before_anything_is_loaded(repository):
    lost = repository.commit("Lost")
    repository.commit()
    (repository.folder / ".git/objects" / lost[:2] / lost[2:]).unlink()

    with pytest.raises(
        ResourceExtractionError, match=rf"(?s)`git rev-list` failed in .*\(exit 128\): error: .*{lost}"
    ):
        read(repository.folder)


def test_a_shallow_clone_is_refused_with_the_way_on(sync, repository, tmp_path):
    repository.commit()
    repository.commit()
    shallow = tmp_path / "shallow"
    repository("clone", "--quiet", "--depth=1", f"file://{repository.folder}", str(shallow))

    with pytest.raises(ResourceExtractionError, match=r"`git fetch --unshallow`.*`fetch-depth: 0`"):
        read(shallow)

    repository("-C", str(shallow), "fetch", "--quiet", "--unshallow")
    assert sync(shallow) == 2


def test_a_partial_clone_fetches_nothing(repository, tmp_path):
    repository("config", "uploadpack.allowFilter", "true")
    repository.commit(files={"a": b"1\n"})
    partial = tmp_path / "partial"
    source = f"file://{repository.folder}"
    repository("clone", "--quiet", "--no-checkout", "--filter=blob:none", source, str(partial))

    with pytest.raises(ResourceExtractionError, match="`git log` failed"):
        read(partial)


@pytest.mark.parametrize("folder", ["no/such/folder", "."])
def test_a_folder_that_is_no_repository_is_named(tmp_path, folder):
    with pytest.raises(ResourceExtractionError, match=f"failed in {tmp_path / folder} "):
        read(tmp_path / folder)


def test_a_missing_git_command_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ResourceExtractionError, match="install git"):
        read(".")


@pytest.mark.parametrize("options", [("--bare",), ("--object-format=sha256",)])
def test_bare_and_sha256_repositories_work(sync, new_repository, warehouse, options):
    other = new_repository(*options)
    tree = other("hash-object", "-t", "tree", "-w", "--stdin")
    for message in ("One", "Two"):
        parents = other("for-each-ref", "--format=-p %(objectname)").split()
        other("update-ref", "HEAD", other("commit-tree", tree, *parents, "-m", message))

    assert sync(other.folder) == 2

    assert warehouse.column(HASHES) == other.history()


def test_a_folder_inside_a_repository_stands_for_all_of_it(sync, repository, warehouse):
    repository.commit(files={"sub/a": b"", "b": b""})

    assert sync(repository.folder / "sub") == 1

    assert warehouse.query(FILES) == [("b", 0, 0), ("sub/a", 0, 0)]


def test_a_checkout_of_another_user_is_read(sync, repository):
    repository.commit()
    try:
        shutil.chown(repository.folder, 12345)
        shutil.chown(repository.folder / ".git", 12345)
    except PermissionError:
        pytest.skip("only root can give a folder away")

    assert sync() == 1


def test_configuration_and_environment_do_not_change_what_is_read(
    sync, repository, warehouse, monkeypatch, tmp_path
):
    mark = tmp_path / "started"
    script = tmp_path / "program"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    repository.commit("One", files={"a": b"1\n", ".gitattributes": b"* diff=odd\n"})
    replaced = repository.commit("Two", files={"a": b"1\n2\n"})
    repository("replace", replaced, repository("commit-tree", "HEAD^{tree}", "-m", "Another"))
    for key, value in {
        "diff.external": str(script),
        "diff.odd.command": str(script),
        "diff.odd.textconv": str(script),
        "log.showSignature": "true",
        "gpg.program": str(script),
        "log.showRoot": "false",
        "log.diffMerges": "first-parent",
        "diff.relative": "true",
        "color.ui": "always",
        "format.pretty": "oneline",
    }.items():
        repository("config", key, value)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(script))

    assert sync() == 2

    assert not mark.exists()
    assert warehouse.column("select subject from raw_git_history.commits order by 1") == ["One", "Two"]
    assert warehouse.query(FILES) == [(".gitattributes", 1, 0), ("a", 1, 0), ("a", 1, 0)]
