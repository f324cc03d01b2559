"""The history of a git repository as tables, read offline with the `git` command.

sources:
  - name: git_history
    type: dlt_native
    dlt_native:
      source_module: git_history
      source_function: git_history
      function_kwargs: {repository: .}
"""

import os
import re
import shutil
import subprocess
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TypedDict

import dlt
from dlt.extract import DltResource

COMMITS_PER_PAGE = 1_000

# The columns of `commits`, and what `git log --format` calls them.
COLUMNS = {
    "hash": "%H",
    "parents": "%P",
    "author_name": "%an",
    "author_email": "%ae",
    "author_time": "%at",
    "committer_name": "%cn",
    "committer_email": "%ce",
    "committer_time": "%ct",
    "subject": "%s",
    "body": "%b",
}
HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# Two tabs set a changed file apart from a commit's first field, its hash. A path may hold anything but NUL.
CHANGED_FILE = re.compile(r"\n?(\d+|-)\t(\d+|-)\t(.+)", re.DOTALL)

ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_GRAFT_FILE": os.devnull,
    # A partial clone would otherwise fetch missing files, one by one, with commands from its configuration.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
}
OPTIONS = [
    # On CI the checkout may belong to another user. Nothing here runs what a repository configures.
    *("-c", "safe.directory=*"),
    # A replacement would be read under the hash of the commit that it hides.
    "--no-replace-objects",
    *("-c", "log.showRoot=true"),
    *("-c", "advice.graftFileDeprecated=false"),
]
# The repository's own configuration must not change rows, or start a program to make them.
LOG = [
    *("log", "--encoding=UTF-8", "--no-show-signature", "--no-color", "--no-notes"),
    *("--no-ext-diff", "--no-textconv", "--no-renames", "--no-relative", "--diff-algorithm=myers"),
    *("--diff-merges=off", "--ignore-submodules=none", "--submodule=short"),
]


class GitHistoryError(Exception):
    """The history can't be read. The message says why, and what to do."""


class Author(TypedDict):
    """A row of `authors`; the times are those of authorship, in UTC."""

    email: str
    name: str
    commits: int
    first_commit_at: datetime | None
    last_commit_at: datetime | None


@dlt.source
def git_history(repository: str = ".") -> tuple[DltResource, DltResource]:
    """Load what the HEAD of `repository` reaches: `commits`, `commits__files` and `authors`.

    `repository` is a folder inside a complete clone, or a bare repository. HEAD is read when the first
    resource starts, once for all tables; what is committed after that belongs to the next run. A partial
    clone works if the files' contents are there: nothing is fetched.
    """
    git = Repository(repository)
    return commits(git), authors(git)


@dlt.resource(
    write_disposition="append",
    columns={
        "author_time": {"data_type": "timestamp"},
        "committer_time": {"data_type": "timestamp"},
    },
    # Declared, because a column that holds only nulls (all files are binary) would not be created.
    nested_hints={
        "files": dlt.mark.make_nested_hints(
            columns={"insertions": {"data_type": "bigint"}, "deletions": {"data_type": "bigint"}}
        )
    },
)
def commits(git: "Repository") -> Iterator[list[dict[str, Any]]]:
    """Each commit exactly once over all runs, in pages, with the files it changed.

    `parents` are hashes separated by spaces. A merge lists no files: they are with the commits it brings
    in. `insertions` and `deletions` are null for a binary file. Text that is not UTF-8 has U+FFFD where it
    is not; a time that is missing or past the year 9999 is null.
    """
    if git.head is None:
        return
    state = dlt.current.resource_state()
    known = git.verified(state.get("heads", []))
    with closing(git.unseen(git.head, known)) as hashes:
        while page := list(islice(hashes, COMMITS_PER_PAGE)):
            yield git.describe(page)
    # Only now: an extraction that stops early must find the same commits again.
    state["heads"] = git.maximal([git.head, *known])


@dlt.resource(write_disposition="merge", primary_key="email")
def authors(git: "Repository") -> Iterator[list[Author]]:
    """One row an e-mail address, counted anew over the whole history whenever HEAD has moved.

    `name` is the one of the latest commit. An author whose commits have left the history keeps the last row.
    """
    state = dlt.current.resource_state()
    if git.head is None or git.head == state.get("head"):
        return
    with closing(git.lines(*LOG, "--format=%at%x00%ae%x00%an", git.head)) as lines:
        yield count_authors(lines)
    state["head"] = git.head


class Repository:
    """One run's look at a git repository, through the `git` command."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder).absolute()

    @cached_property
    def head(self) -> str | None:
        """The commit that HEAD names, or None if there is none yet. A shallow clone is an error."""
        if self._run("rev-parse", "--is-shallow-repository").strip() == "true":
            raise GitHistoryError(
                f"{self._folder} is a shallow clone. Commits that arrive later could not be told from loaded "
                "ones: run `git fetch --unshallow`, or give actions/checkout `fetch-depth: 0`"
            )
        head = self._run("rev-parse", "--revs-only", "HEAD").strip()
        if not head:
            self._run("rev-list", "--max-count=1", "--all")  # fails if the branch is not new but broken
        return head or None

    def verified(self, heads: list[str]) -> list[str]:
        """Return `heads`, which come from the state, if all of them are commits of this repository."""
        if not all(isinstance(head, str) and HASH.fullmatch(head) for head in heads):
            raise GitHistoryError(
                "the stored state of `commits` holds something that is not a commit hash. "
                "Load the history anew with `--full-refresh`"
            )
        kinds = self._run("cat-file", "--batch-check=%(objecttype)", stdin=heads).splitlines()
        lost = [head for head, kind in zip(heads, kinds, strict=True) if kind != "commit"]
        if lost:
            raise GitHistoryError(
                f"commit {lost[0]} was the head of an earlier run and is no longer in {self._folder}: the "
                "history was rewritten, or this is another repository, or a clone without that branch. So it "
                "can't be told which commits are loaded: load the history anew with `--full-refresh`"
            )
        return heads

    def unseen(self, head: str, known: Iterable[str]) -> Generator[str, None, None]:
        """Yield the commits that `head` reaches and none of `known` does, children before parents.

        `git rev-list HEAD --not <known>` means the same, but trusts the commits' dates to know when it may
        stop: behind a few misdated commits it would list loaded ones again. Here, when a commit's turn
        comes, all of its children have had theirs, so it is settled whether a known head reaches it. Only
        the frontier is kept.
        """
        loaded = set(known)
        wanted = {head} - loaded
        with closing(self.lines("rev-list", "--topo-order", "--parents", head, *loaded, "--")) as lines:
            while wanted:
                commit, *parents = next(lines).split()
                if commit in loaded:
                    loaded.remove(commit)
                    loaded.update(parents)
                    wanted.difference_update(parents)
                else:
                    yield commit
                    wanted.remove(commit)
                    wanted.update(parent for parent in parents if parent not in loaded)

    def describe(self, hashes: list[str]) -> list[dict[str, Any]]:
        """Return a row of `commits` for each of `hashes`."""
        form = "--format=" + "%x00".join(COLUMNS.values())
        return parse(self._run(*LOG, "--no-walk=unsorted", "--stdin", "-z", "--numstat", form, stdin=hashes))

    def maximal(self, heads: list[str]) -> list[str]:
        """Leave out the heads that another one reaches."""
        return sorted(self._run("merge-base", "--independent", *dict.fromkeys(heads)).split())

    def lines(self, *arguments: str) -> Generator[str, None, None]:
        """Yield git's lines as they come. Close the generator to end git early."""
        command = self._command(*arguments)
        with (
            TemporaryFile() as stderr,  # a pipe that nobody reads meanwhile would fill up and stop git
            subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=stderr) as process,
        ):
            try:
                for line in process.stdout or ():
                    yield line.rstrip(b"\n").decode(errors="replace")
                if process.wait():
                    stderr.seek(0)
                    raise self._failure(arguments[0], process.returncode, stderr.read())
            finally:
                process.kill()  # does nothing once git has ended

    def _run(self, *arguments: str, stdin: Iterable[str] = ()) -> str:
        given = "".join(f"{line}\n" for line in stdin).encode()
        done = subprocess.run(
            self._command(*arguments), env=environment(), input=given, capture_output=True, check=False
        )
        if done.returncode:
            raise self._failure(arguments[0], done.returncode, done.stderr)
        return done.stdout.decode(errors="replace")

    def _command(self, *arguments: str) -> list[str]:
        git = shutil.which("git")
        if git is None:
            raise GitHistoryError("the `git` command is not on PATH: install git")
        return [git, *OPTIONS, "-C", str(self._folder), *arguments]

    def _failure(self, what: str, code: int, stderr: bytes) -> GitHistoryError:
        said = stderr.decode(errors="replace").strip()
        return GitHistoryError(f"`git {what}` failed in {self._folder} (exit {code}): {said}")


def environment() -> dict[str, str]:
    """Return all that git sees: a GIT_DIR or GIT_EXTERNAL_DIFF around us would change what is read."""
    return {"PATH": os.environ.get("PATH", os.defpath), **ENVIRONMENT}


def parse(output: str) -> list[dict[str, Any]]:
    """Turn the output of `git log -z --numstat` into rows: the fields of a commit, then its changed files."""
    rows: list[dict[str, Any]] = []
    tokens = iter(output.split("\0")[:-1])
    for token in tokens:
        if changed := CHANGED_FILE.fullmatch(token):
            rows[-1]["files"].append(_file(*changed.groups()))
        else:
            rows.append(_commit([token, *islice(tokens, len(COLUMNS) - 1)]))
    return rows


def count_authors(lines: Iterable[str]) -> list[Author]:
    """Group lines of time, e-mail address and name, separated by NUL, by the address."""
    found: dict[str, Author] = {}
    for line in lines:
        seconds, email, name = line.split("\0")
        new = Author(email=email, name=name, commits=0, first_commit_at=None, last_commit_at=None)
        author = found.setdefault(email, new)
        author["commits"] += 1
        if (at := _time(seconds)) is None:
            continue
        author["first_commit_at"] = min(at, author["first_commit_at"] or at)
        if author["last_commit_at"] is None or at > author["last_commit_at"]:
            author |= {"last_commit_at": at, "name": name}
    return list(found.values())


def _commit(fields: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = dict(zip(COLUMNS, fields, strict=True))
    row["author_time"] = _time(row["author_time"])
    row["committer_time"] = _time(row["committer_time"])
    row["body"] = row["body"].rstrip("\n")
    row["files"] = []
    return row


def _file(insertions: str, deletions: str, path: str) -> dict[str, Any]:
    binary = insertions == "-"
    return {
        "path": path,
        "insertions": None if binary else int(insertions),
        "deletions": None if binary else int(deletions),
    }


def _time(seconds: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None  # a commit object may hold any bytes for a date
