"""Names, bytes and dates as they come: one repository that has them all, loaded once."""

import pytest

PATHS = [
    "tab\there",
    "line\nbreak",
    "\nfirst",
    'quo"te',
    "ünïcødé 🍡",
    "-",
    "1\t2\tthree",
    " space ",
    "back\\slash",
]
HUGE = "x" * 3_000_000
LINES = "a long line\r\n" * 100_000
DATES = {"past every calendar": "99999999999999", "a word": "x", "empty": ""}


def raw_commit(repository, who, message):
    """Add a commit of these bytes; `git commit` would take them for Latin-1, and refuse the dates."""
    head, tree = repository("rev-parse", "HEAD", "HEAD^{tree}").split()
    content = f"tree {tree}\nparent {head}\nauthor {who}\ncommitter {who}\n\n".encode("latin-1") + message
    made = repository("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=content)
    repository("update-ref", "HEAD", made)


@pytest.fixture(scope="module")
def loaded(new_repository, new_warehouse):
    repository, warehouse = new_repository(), new_warehouse()
    repository.commit("paths", files=dict.fromkeys(PATHS, b"1\n"))
    repository.commit("bytes in a path", files={b"p\xe9": b"1\n"})
    repository.commit("binary", files={"image": b"\0\1"})
    submodule = repository("rev-parse", "HEAD")
    repository("update-index", "--add", "--cacheinfo", f"160000,{submodule},library")
    repository("commit", "--quiet", "--message=submodule")
    repository.commit("")
    repository.commit("\n\n")
    repository.commit(HUGE)
    repository.commit(f"long body\n\n{LINES}")
    repository("config", "i18n.commitEncoding", "ISO-8859-1")
    repository.commit(b"declared caf\xe9")
    raw_commit(repository, "André <a@example.org> 1 +0000", b"undeclared caf\xe9\n\n\xff body")
    for what, date in DATES.items():
        raw_commit(repository, f"Ada <ada@example.org> {date} +0000", f"date {what}".encode())
    warehouse.sync("git_history", repository=str(repository.folder))
    assert warehouse.column("select count(*) from raw_git_history.commits") == [10 + len(DATES)]
    return warehouse


def files(loaded, subject):
    return loaded.query(
        "select path, insertions, deletions from raw_git_history.commits__files f "
        f"join raw_git_history.commits c on c._dlt_id = f._dlt_parent_id where subject = '{subject}' order by path"
    )


def commit(loaded, columns, subject):
    return loaded.query(f"select {columns} from raw_git_history.commits where subject like '{subject}'")


def test_odd_paths_arrive_as_they_are(loaded):
    assert files(loaded, "paths") == [(path, 1, 0) for path in sorted(PATHS)]


def test_bytes_that_are_not_utf8_are_replaced(loaded):
    assert files(loaded, "bytes in a path") == [("p\ufffd", 1, 0)]
    assert commit(loaded, "subject, body, author_name", "undeclared%") == [
        ("undeclared caf\ufffd", "\ufffd body", "Andr\ufffd")
    ]


def test_a_message_in_a_declared_encoding_is_converted(loaded):
    assert commit(loaded, "subject", "declared%") == [("declared café",)]


def test_commits_without_a_message_have_empty_ones(loaded):
    assert commit(loaded, "body", "") == [("",), ("",)]


def test_huge_messages_are_whole(loaded):
    assert commit(loaded, "subject, body", "xxx%") == [(HUGE, "")]
    assert commit(loaded, "body", "long body") == [(LINES.rstrip("\n"),)]


def test_a_binary_file_has_no_line_counts(loaded):
    assert files(loaded, "binary") == [("image", None, None)]


def test_a_submodule_is_a_changed_file(loaded):
    assert files(loaded, "submodule") == [("library", 1, 0)]


def test_a_time_that_no_calendar_has_is_null(loaded):
    assert commit(loaded, "author_time, committer_time", "date %") == [(None, None)] * len(DATES)
    assert commit(loaded, "epoch(author_time)", "undeclared%") == [(1,)]


def test_an_author_without_any_usable_time_is_still_counted(loaded):
    [ada] = loaded.query(
        "select commits, epoch(first_commit_at), epoch(last_commit_at) "
        "from raw_git_history.authors where email = 'ada@example.org'"
    )
    assert ada == (9 + len(DATES), 1_700_000_000, 1_700_000_000)
