"""Projects in temporary folders, the real command, and a look into the warehouse it leaves."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import secrets
import subprocess
import textwrap
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pytest
from commands import DANGO, Done

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["peer_fixtures"]
# What a shell of a user has; the tests' own environment holds more, and some of it would hide mistakes.
KEPT = ("PATH", "LANG", "TZ", "TMPDIR", "COVERAGE_PROCESS_CONFIG")


def pytest_configure():
    """Choose the seed of tests/faults/test_many_kills.py where every process of pytest inherits it."""
    os.environ.setdefault("DANGO_KILLS_SEED", str(secrets.randbelow(2**32)))


def pytest_report_header():
    return f"DANGO_KILLS_SEED={os.environ['DANGO_KILLS_SEED']}"


@dataclass(frozen=True)
class Project:
    """A folder with a `.dango/sources.yml`, and the command for it."""

    path: Path
    home: Path
    command: Path = DANGO

    def write(self, name, text):
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    def sources(self, *entries, **top):
        """Write sources.yml; an entry is a name, or a dict whose `module` and `function` go into its block."""
        listed = [_entry({"name": entry} if isinstance(entry, str) else dict(entry)) for entry in entries]
        self.write(".dango/sources.yml", json.dumps({"version": "1.0", **top, "sources": listed}))

    def module(self, name, text):
        return self.write(f"custom_sources/{name}.py", text)

    def environ(self, **variables):
        kept = {key: os.environ[key] for key in KEPT if key in os.environ}
        return {**kept, "HOME": str(self.home), **variables}

    def start(self, *arguments, **variables):
        return subprocess.Popen(
            [self.command, *arguments],
            cwd=self.path,
            env=self.environ(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def dango(self, *arguments, **variables):
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=120)
        return Done(process.returncode, out, err)

    def sync(self, *arguments, **variables):
        """Sync and return the JSON document's holder."""
        return self.dango("sync", "--json", *arguments, **variables)

    def query(self, sql):
        with duckdb.connect(str(self.path / ".dango/warehouse.duckdb"), read_only=True) as connection:
            return connection.sql(sql).fetchall()

    def one(self, sql):
        [(value,)] = self.query(sql)
        return value

    @property
    def warehouse(self):
        return self.path / ".dango/warehouse.duckdb"

    def shell(self, script):
        """Run a bash script that finds `dango` on its path; for limits and pipes."""
        environ = self.environ(PATH=f"{DANGO.parent}:{os.environ['PATH']}")
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def runs(self):
        return sorted((self.path / ".dango/runs").iterdir())


def _entry(entry):
    block = {
        "source_module": entry.pop("module", entry["name"]),
        "source_function": entry.pop("function", "source"),
        "source_path": entry.pop("source_path", None),
        "function_kwargs": entry.pop("kwargs", {}),
    }
    block = {key: value for key, value in block.items() if value is not None}
    return {"type": "dlt_native", "dlt_native": block, **entry}


def _project(folder):
    path, home = folder / "project", folder / "home"
    path.mkdir()
    home.mkdir()
    return Project(path=path, home=home)


@pytest.fixture
def project(tmp_path):
    return _project(tmp_path)


@pytest.fixture(scope="session")
def new_project(tmp_path_factory):
    """A function that makes a project; for what several tests look at."""
    return lambda: _project(tmp_path_factory.mktemp("new"))


@pytest.fixture(scope="module")
def one_project(tmp_path_factory):
    """A project for all tests of a module, which look at one sync: a sync costs about a second."""
    return Project(path=tmp_path_factory.mktemp("project"), home=tmp_path_factory.mktemp("home"))


class Flaky(http.server.BaseHTTPRequestHandler):
    answers: list

    def do_GET(self):
        status = self.answers.pop(0) if self.answers else 200
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b'[{"id": 1}]')

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    """Start a server on loopback for a handler class, and return its address without a final slash."""
    with contextlib.ExitStack() as stack:

        def start(handler):
            server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield start


@pytest.fixture
def flaky(serve):
    """A server that answers with the given statuses, then with 200."""
    handler = type("Handler", (Flaky,), {"answers": []})
    return f"{serve(handler)}/", handler.answers
