"""Whatever is killed while a lake is loaded, every extracted row is there exactly once."""

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import duckdb
from lakes import COUNTED, counted, end_leases

KILLS = 6


def children(pid):
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            yield from map(int, (thread / "children").read_text().split())


def kill(parent, victim, chance):
    """Kill the parent, or one of its processes: the target's, a source's, or one that loads."""
    workers = [worker for server in children(parent.pid) for worker in children(server)]
    pid = parent.pid if victim == "parent" or not workers else chance.choice(workers)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def test_rows_are_in_a_lake_exactly_once_after_processes_were_killed_anywhere(project):
    seed = int(os.environ.get("DANGO_KILLS_SEED") or time.time_ns())
    print(f"DANGO_KILLS_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    chance = random.Random(seed)
    project.module("counted", COUNTED)
    project.sources({"name": "a", "module": "counted"}, {"name": "b", "module": "counted"}, target="ducklake:lake")
    begun = time.monotonic()
    assert project.sync().code == 0
    whole = time.monotonic() - begun
    for _ in range(KILLS):
        parent = project.start("sync")
        with contextlib.suppress(Exception):  # it still runs, which is what we want
            parent.wait(chance.uniform(0.2, 1.0) * whole)
        kill(parent, chance.choice(["parent", "worker"]), chance)
        parent.communicate(timeout=120)
        end_leases(project, "a", "b")
        assert counted(project, "a") % 1000 == counted(project, "b") % 1000 == 0, (
            "a load is there whole or not at all"
        )

    before = counted(project, "a")
    deadline = time.monotonic() + 60
    while (done := project.sync()).code != 0:  # what was killed last may still be dying
        assert time.monotonic() < deadline, done.out
        with contextlib.suppress(duckdb.Error):
            end_leases(project, "a", "b")
    assert counted(project, "a") == before + 1000
