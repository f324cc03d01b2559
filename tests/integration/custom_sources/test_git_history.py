import subprocess
from datetime import UTC, datetime
from os import getpid

import pytest
from dlt.pipeline.exceptions import PipelineStepFailed
from git_history import COMMITS_PER_PAGE, GitHistoryError, Repository

HASHES = "select hash from raw_git_history.commits order by hash"
FILES = "select path, insertions, deletions from raw_git_history.commits__files order by path"


def children():
    """Git processes of this one, ended ones that nobody waited for included."""
    listed = subprocess.run(["ps", "-eo", "ppid=,comm="], capture_output=True, check=True, text=True).stdout
    return [line for line in listed.splitlines() if line.split() == [str(getpid()), "git"]]


def grow(repository, count, branch="main", start=1_700_000_000):
    """Add empty commits quickly, one a second."""
    parent = f"from refs/heads/{branch}^0\n"
    stream = "".join(
        f"commit refs/heads/{branch}\ncommitter Ada <ada@example.org> {start + number} +0000\ndata 1\nx\n"
        f"{parent if number == 0 else ''}"
        for number in range(count)
    )
    repository("fast-import", "--quiet", stdin=stream.encode())


def test_each_commit_is_one_row_with_what_git_knows_of_it(sync, repository, warehouse):
    first = repository.commit("First", files={"a.txt": b"1\n2\n"})
    second = repository.commit(
        "Second\n\nOne line.\n\nAnother.\n",
        files={"a.txt": b"1\n"},
        author="Łukasz <l@example.org>",
        date=1_700_000_060,
    )

    assert sync() == 2

    assert warehouse.query(
        "select hash, parents, author_name, author_email, committer_name, subject, body "
        "from raw_git_history.commits order by author_time"
    ) == [
        (first, "", "Ada", "ada@example.org", "Ada", "First", ""),
        (second, first, "Łukasz", "l@example.org", "Łukasz", "Second", "One line.\n\nAnother."),
    ]
    assert warehouse.column("select epoch(committer_time) from raw_git_history.commits order by 1") == [
        1_700_000_000,
        1_700_000_060,
    ]
    assert warehouse.query(
        "select c.subject, f.path, f.insertions, f.deletions from raw_git_history.commits c "
        "join raw_git_history.commits__files f on f._dlt_parent_id = c._dlt_id order by 1"
    ) == [("First", "a.txt", 2, 0), ("Second", "a.txt", 0, 1)]


def test_times_keep_their_moment_whatever_zone_they_were_written_in(sync, repository, warehouse):
    repository("commit", "--quiet", "--allow-empty", "--message=x", "--date=2024-03-01T01:30:00+05:30")

    sync()

    kinds = dict(
        warehouse.query(
            "select column_name, data_type from information_schema.columns where table_name = 'commits'"
        )
    )
    assert kinds["author_time"] == kinds["committer_time"] == "TIMESTAMP WITH TIME ZONE"
    [written] = warehouse.column("select epoch(author_time) from raw_git_history.commits")
    assert datetime.fromtimestamp(written, UTC) == datetime(2024, 2, 29, 20, tzinfo=UTC)


def test_a_second_run_adds_nothing_and_a_third_only_what_is_new(sync, repository, warehouse):
    repository.commit()
    repository.commit()

    assert sync() == 2
    assert sync() == 0
    new = repository.commit()
    assert sync() == 1

    assert new in warehouse.column(HASHES)
    assert warehouse.column(HASHES) == repository.history()


def test_a_branch_with_older_commits_that_is_merged_later_is_complete(sync, repository, warehouse):
    repository.commit("Root", date=1_600_000_000)
    repository("branch", "topic")
    repository.commit("Main", date=1_700_000_000)
    sync()
    repository("checkout", "--quiet", "topic")
    repository.commit("Old", date=1_500_000_000)
    repository.commit("Older than the root", date=1_400_000_000)
    repository("checkout", "--quiet", "main")
    repository("merge", "--quiet", "--message=Merge", "topic", date=1_700_000_001)

    assert sync() == 3

    assert warehouse.column(HASHES) == repository.history()


def test_commits_behind_misdated_ones_are_not_loaded_twice(sync, repository, warehouse):
    """`git rev-list HEAD --not <known heads>` lists them: it stops where a few commits look old enough."""
    repository.commit("Root", date=1_600_000_000)
    fork = repository.commit("Fork", date=1_610_000_000)
    for _ in range(8):
        repository.commit("Misdated", date=100_000_000)
    known = repository.commit("Known", date=1_630_000_000)
    sync()
    repository("checkout", "--quiet", "-b", "topic", fork)
    new = repository.commit("New", date=1_620_000_000)
    assert repository.history("HEAD", "--not", known) != [new]

    assert sync() == 1

    assert warehouse.column(HASHES) == repository.history("main", "topic")


def test_going_back_to_an_older_commit_or_another_branch_adds_no_row_twice(sync, repository, warehouse):
    for _ in range(3):
        repository.commit()
    sync()
    repository("checkout", "--quiet", "-b", "other", "HEAD~2")
    assert sync() == 0
    repository.commit("Other")
    assert sync() == 1
    repository("checkout", "--quiet", "main")

    assert sync() == 0

    assert warehouse.column(HASHES) == repository.history("main", "other")


def test_after_an_amended_commit_only_the_new_one_is_added(sync, repository, warehouse):
    repository.commit("Root")
    before = repository.commit("Draft")
    sync()
    repository("commit", "--quiet", "--amend", "--allow-empty", "--message=Final")

    assert sync() == 1
    assert sync() == 0

    assert warehouse.column(HASHES) == sorted({before, *repository.history()})


def test_after_a_pruned_rewrite_the_run_stops_and_a_full_refresh_goes_on(sync, repository, warehouse):
    repository.commit("Root")
    gone = repository.commit("Draft")
    sync()
    repository("commit", "--quiet", "--amend", "--allow-empty", "--message=Final")
    repository("reflog", "expire", "--expire=now", "--all")
    repository("gc", "--quiet", "--prune=now")

    with pytest.raises(PipelineStepFailed, match=rf"{gone} was the head of an earlier run.*--full-refresh"):
        sync()
    assert gone in warehouse.column(HASHES)

    assert sync(full_refresh=True) == 2
    assert warehouse.column(HASHES) == repository.history()


def test_a_merge_lists_no_files_of_its_own(sync, repository, warehouse):
    repository.commit("Root", files={"root": b"1\n"})
    repository("checkout", "--quiet", "-b", "topic")
    repository.commit("Topic", files={"topic": b"1\n"})
    repository("checkout", "--quiet", "main")
    repository.commit("Main", files={"main": b"1\n"})
    repository("merge", "--quiet", "--message=Merge", "topic")
    repository("merge", "--quiet", "--message=Nothing to do", "topic")

    assert sync() == 4

    assert warehouse.query(FILES) == [("main", 1, 0), ("root", 1, 0), ("topic", 1, 0)]
    [parents] = warehouse.column("select parents from raw_git_history.commits where subject = 'Merge'")
    assert parents == repository("show", "--no-patch", "--format=%P", "HEAD")


def test_a_commit_made_during_the_run_belongs_to_the_next_one(sync, repository, warehouse, monkeypatch):
    """It is made here after the first page, which the real `describe` returns."""
    repository.commit("Root")
    describe = Repository.describe

    def describe_and_commit(look, hashes):
        rows = describe(look, hashes)
        repository.commit("During")
        return rows

    monkeypatch.setattr(Repository, "describe", describe_and_commit)
    assert warehouse.sync("git_history", repository=str(repository.folder))["commits"] == 1
    assert warehouse.column("select sum(commits) from raw_git_history.authors") == [1]
    monkeypatch.undo()
    assert sync() == 1

    assert warehouse.column(HASHES) == repository.history()


def test_authors_are_counted_anew_over_the_whole_history_if_there_are_new_commits(warehouse, repository):
    folder = str(repository.folder)
    repository.commit(author="Ada <ada@example.org>", date=1_700_000_000)
    repository.commit(author="Bob <bob@example.org>", date=1_700_000_010)
    assert warehouse.sync("git_history", repository=folder)["authors"] == 2
    assert warehouse.sync("git_history", repository=folder) == {}
    repository.commit(author="Ada Lovelace <ada@example.org>", date=1_700_000_020)

    assert warehouse.sync("git_history", repository=folder)["authors"] == 2

    assert warehouse.query(
        "select email, name, commits, epoch(first_commit_at), epoch(last_commit_at) "
        "from raw_git_history.authors order by email"
    ) == [
        ("ada@example.org", "Ada Lovelace", 2, 1_700_000_000, 1_700_000_020),
        ("bob@example.org", "Bob", 1, 1_700_000_010, 1_700_000_010),
    ]


@pytest.mark.parametrize("heads", [["--all"], ["HEAD"], [None], ["0" * 39]])
def test_a_stored_head_that_is_no_hash_never_reaches_git(repository, heads):
    repository.commit()

    with pytest.raises(GitHistoryError, match="not a commit hash"):
        Repository(str(repository.folder)).verified(heads)


def test_only_heads_that_no_other_one_reaches_are_kept(repository):
    root = repository.commit("Root")
    left = repository.commit("Left")
    repository("checkout", "--quiet", "-b", "right", root)
    right = repository.commit("Right")

    assert Repository(str(repository.folder)).maximal([right, root, left, right]) == sorted([left, right])


def test_a_run_that_stops_after_a_page_leaves_no_process_and_does_not_advance(sync, repository):
    repository.commit("Root")
    grow(repository, 2_001)
    look = Repository(str(repository.folder))
    hashes = look.unseen(look.head, [])
    next(hashes)
    assert children()
    hashes.close()
    assert not children()

    assert sync(limit=1) == COMMITS_PER_PAGE
    assert not children()
    assert sync() == 2_002
