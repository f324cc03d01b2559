"""Whoever is killed, the committed data is whole, and no process is left."""

import os
import signal
import textwrap
import time
from pathlib import Path

import pytest

SLOW = """
    import dlt, os, subprocess, time
    from pathlib import Path

    @dlt.resource(write_disposition="append")
    def source():
        child = subprocess.Popen(["sleep", "600"])
        Path(f"pids-{os.getpid()}").write_text(f"{os.getpid()} {os.getppid()} {child.pid}")
        time.sleep(600)
        yield {"a": 1}
"""
FAST = """
    import dlt

    @dlt.resource(write_disposition="append")
    def source(at=dlt.sources.incremental("id", initial_value=0)):
        yield [{"id": i, "items": [{"x": i}]} for i in range(at.last_value + 1, at.last_value + 2001)]
"""


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pids_of(project, count):
    """Return the pids of workers, the fork server and the sources' own children, once all are there."""
    files = until(lambda: (found := list(project.path.glob("pids-*"))) and len(found) == count and found)
    return {
        int(pid)
        for file in files
        for pid in until(lambda f=file: len(f.read_text().split()) == 3 and f.read_text().split())
    }


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_is_left_when_the_parent_ends(project, sign):
    project.module("slow", SLOW)
    project.sources({"name": "a", "module": "slow"}, {"name": "b", "module": "slow"})
    parent = project.start("sync")
    pids = pids_of(project, 2)
    assert len(pids) == 5
    assert all(alive(pid) for pid in pids)

    parent.send_signal(sign)
    parent.communicate(timeout=20)

    until(lambda: not any(alive(pid) for pid in pids))


@pytest.mark.parametrize("asked", ["", "ctypes.CDLL(None).prctl(1, 0)"], ids=["", "and asks the kernel for life"])
def test_no_process_is_left_when_the_fork_server_is_killed_and_the_run_says_so(project, asked):
    project.module("slow", f"import ctypes\n{asked}\n{textwrap.dedent(SLOW)}")
    project.sources({"name": "a", "module": "slow"})
    parent = project.start("sync")
    pids_of(project, 1)
    [file] = project.path.glob("pids-*")
    worker, server, child = map(int, file.read_text().split())

    os.kill(server, signal.SIGKILL)
    out, _ = parent.communicate(timeout=20)

    assert parent.returncode == 5
    assert "the process that starts workers was killed" in out
    until(lambda: not alive(worker) and not alive(child))


def test_a_worker_that_is_killed_is_the_failure_of_its_source_alone(project):
    project.module("slow", SLOW)
    project.module("fast", FAST)
    project.sources({"name": "slow", "retries": 0}, "fast")
    parent = project.start("sync")
    pids_of(project, 1)
    [file] = project.path.glob("pids-*")
    worker, _, child = map(int, file.read_text().split())

    os.kill(worker, signal.SIGKILL)
    out, _ = parent.communicate(timeout=20)

    assert parent.returncode == 5
    assert "its process was killed by SIGKILL" in out
    assert project.one("select count(*) from raw_fast.source") == 2000
    until(lambda: not alive(child))


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_asked_to_stop_keeps_what_is_loaded(project, sign):
    project.module("slow", SLOW)
    project.module("fast", FAST)
    project.sources("fast", "slow")
    parent = project.start("sync", "--json")
    pids_of(project, 1)
    until(lambda: "fast: 4,000 rows" in (project.path / ".dango/activity.log").read_text())

    parent.send_signal(sign)
    out, _ = parent.communicate(timeout=20)

    assert parent.returncode == 130
    assert '"status": "interrupted"' in out
    assert project.one("select count(*) from raw_fast.source") == 2000
    assert "⏹️" in next(project.runs()[0].glob("summary.md")).read_text()
    assert [file.name for file in project.warehouse.parent.iterdir() if ".work" in file.name] == []


def test_a_second_signal_ends_a_run_at_once(project):
    project.module("slow", SLOW)
    project.sources("slow")
    parent = project.start("sync")
    pids = pids_of(project, 1)

    parent.send_signal(signal.SIGINT)
    parent.send_signal(signal.SIGINT)
    parent.communicate(timeout=20)

    assert parent.returncode == 130
    until(lambda: not any(alive(pid) for pid in pids))
