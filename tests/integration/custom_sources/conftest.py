"""Run a demo source as the product does: from a warehouse file, with a pipelines folder that starts empty."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import dlt
import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "custom_sources"))


@pytest.fixture(autouse=True, scope="session")
def no_telemetry():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        yield


class Warehouse:
    """A DuckDB file in a folder of its own, and the runs that load into it."""

    def __init__(self, folder):
        self._folder = folder
        self._file = folder / "warehouse.duckdb"
        self._runs = 0

    def sync(self, name, *, function=None, full_refresh=False, limit=None, resources=(), **kwargs):
        """Load the source `function`, called like its module `name` if not given; return how many rows each table got, dlt's own tables left out."""
        self._runs += 1
        factory = getattr(importlib.import_module(name), function or name)
        pipeline = dlt.pipeline(
            name,
            pipelines_dir=str(self._folder / f"pipelines-{self._runs}"),
            destination=dlt.destinations.duckdb(str(self._file)),
            dataset_name=f"raw_{name}",
        )
        try:
            source = factory.clone(name=name, section=name)(**kwargs)
            if resources:
                source = source.with_resources(*resources)
            if limit:
                source.add_limit(limit)
            # run() restores the state from the warehouse: the pipelines folder is new
            pipeline.run(source, refresh="drop_sources" if full_refresh else None).raise_on_failed_jobs()
            normalized = pipeline.last_trace.last_normalize_info
            counts = normalized.row_counts if normalized else {}
            return {table: rows for table, rows in counts.items() if not table.startswith("_dlt")}
        finally:
            pipeline.deactivate()

    def query(self, sql):
        with duckdb.connect(str(self._file), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def column(self, sql):
        return [row[0] for row in self.query(sql)]


@pytest.fixture(scope="module")
def new_warehouse(tmp_path_factory):
    """Make a warehouse in a new folder at each call."""
    return lambda: Warehouse(tmp_path_factory.mktemp("warehouse"))


@pytest.fixture
def warehouse(new_warehouse):
    return new_warehouse()


class Git:
    """A real repository. Its clock stands still unless a commit is given a date."""

    def __init__(self, folder, *options):
        self.folder = folder
        self("init", "--quiet", "--initial-branch=main", *options)

    def __call__(self, *arguments, date=1_700_000_000, author="Ada <ada@example.org>", stdin=b""):
        name, _, email = author.rstrip(">").partition(" <")
        people = {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", name), ("EMAIL", email), ("DATE", f"@{date} +0000"))
        }
        own = {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "PATH": os.environ["PATH"],
            **people,
        }
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            env=own,
            input=stdin,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode(errors="replace").strip()

    def commit(self, message="A commit", *, files=None, **options):
        for path, content in (files or {}).items():
            target = self.folder / os.fsdecode(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        self("add", "--all")
        body = message if isinstance(message, bytes) else message.encode()
        arguments = (
            "commit",
            "--quiet",
            "--allow-empty",
            "--allow-empty-message",
            "--cleanup=verbatim",
            "--file=-",
        )
        self(*arguments, stdin=body, **options)
        return self("rev-parse", "HEAD")

    def history(self, *heads):
        return sorted(self("rev-list", *(heads or ["HEAD"])).split())

    def import_history(self, commits):
        """Make a commit of each pair of parents (as indexes) and date; return their hashes."""
        stream = []
        for number, (parents, date) in enumerate(commits):
            stream.append(f"reset refs/heads/{number}\ncommit refs/heads/{number}\nmark :{number + 1}")
            stream.append(f"committer Ada <ada@example.org> {date} +0000\ndata <<.\n{number}\n.\n")
            stream += [f"{'merge' if i else 'from'} :{parent + 1}" for i, parent in enumerate(parents)]
        self("fast-import", "--quiet", stdin="\n".join([*stream, ""]).encode())
        names = [f"refs/heads/{number}" for number in range(len(commits))]
        return self("rev-parse", *names).split()


@pytest.fixture(scope="module")
def new_repository(tmp_path_factory):
    """Make a repository in a new folder at each call, with options for `git init`."""
    return lambda *options: Git(tmp_path_factory.mktemp("repository"), *options)


@pytest.fixture
def repository(new_repository):
    return new_repository()


@pytest.fixture
def sync(warehouse, repository):
    """Load the commits of a repository, without the authors (it is half the time); return how many are new."""

    def run(folder=None, **options):
        where = str(folder or repository.folder)
        rows = warehouse.sync("git_history", repository=where, resources=["commits"], **options)
        return rows.get("commits", 0)

    return run
