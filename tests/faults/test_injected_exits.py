"""Processes that end at the worst moments of a load and of a publication, one after the other in one project."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import counted
import pytest
from killing import PAGES, Killing

# The load of `events` ends its own process; `fault` says where.
FAULTY = """
import os
import resource
import signal
from contextlib import contextmanager

from dango_action.warehouse import transaction

FAULT = Path("fault").read_text()
execute, commit = transaction._SqlClient.execute_query, transaction.Transaction.commit


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def die_behind(offset):
    '''Let the kernel end this process in the write that comes to this byte of a file.'''
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (offset, resource.RLIM_INFINITY))


@contextmanager
def executed(self, query, *args, **kwargs):
    if str(query).lstrip().upper().startswith("INSERT") and FAULT in str(query):
        die()
    with execute(self, query, *args, **kwargs) as cursor:
        yield cursor


def committed(self):
    if FAULT.startswith("commit "):
        die_behind(int(FAULT.split()[1]))
    commit(self)
    if FAULT == "committed":
        die()
    if FAULT == "checkpoint":
        die_behind(3 * 4096)


if FAULT.startswith("_dlt"):
    transaction._SqlClient.execute_query = executed
else:
    transaction.Transaction.commit = committed
"""
LOAD = {
    "_dlt_pipeline_state": "SIGKILL",
    "_dlt_loads": "SIGKILL",
    **{f"commit {offset}": "SIGXFSZ" for offset in (0, 1, 4096, 20_000)},
    "committed": "SIGKILL",
    "checkpoint": "SIGXFSZ",
}
# `dango sync` in a process that ends itself while it copies or publishes the warehouse.
DRIVER = """
import os
import resource
import signal
import sys

from dango_action.cli import main
from dango_action.warehouse import generations

FAULT = sys.argv.pop(1)
clone, sync = generations.clone, generations.sync


def cloned(origin, copy, halted):
    if FAULT == "half a copy":
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (origin.stat().st_size // 2, resource.RLIM_INFINITY))
    clone(origin, copy, halted)


def synced(path):
    kind = "folder" if path.is_dir() else "file"
    for moment in ("before", "after"):
        if FAULT == f"{moment} the {kind}'s fsync":
            os.kill(os.getpid(), signal.SIGKILL)
        if moment == "before":
            sync(path)


generations.clone, generations.sync = cloned, synced
main.main()
"""
BEFORE = ("half a copy", "before the file's fsync", "after the file's fsync")
AFTER = ("before the folder's fsync", "after the folder's fsync")  # the file has its name


@pytest.fixture
def runs(project):
    runs = Killing(project, random.Random(0), names=("events", "orders"))
    runs.prepare()
    runs.clean()
    return runs


def test_a_worker_that_ends_anywhere_in_its_load_has_loaded_nothing_and_loads_it_all_the_next_time(runs):
    runs.project.module("faulty", Path(counted.__file__).read_text() + FAULTY)
    runs.project.sources(
        {"name": "events", "module": "faulty", "function": "events", "retries": 0},
        {"name": "orders", "module": "counted", "function": "orders"},
    )
    for fault, sign in LOAD.items():
        runs.project.write("fault", fault)
        done = runs.project.sync()
        assert done.code == 5, (fault, done.out)
        assert f"killed by {sign}" in done.source("events")["cause"], fault
        before, runs.before = runs.before, runs.compare()
        assert runs.before == before | {"orders": before["orders"] + PAGES["orders"]}, fault
        assert runs.leftovers() == [], fault

    runs.prepare()
    runs.clean()


def test_a_run_that_ends_anywhere_while_it_publishes_leaves_the_file_from_before_or_from_after(runs):
    for fault in BEFORE + AFTER:
        command = [sys.executable, "-P", "-c", DRIVER, fault, "sync"]
        project = runs.project
        ended = subprocess.run(
            command, cwd=project.path, env=project.environ(), capture_output=True, timeout=120, check=False
        )
        assert -ended.returncode in (signal.SIGKILL, signal.SIGXFSZ), (fault, ended.stdout, ended.stderr)
        before, runs.before = runs.before, runs.compare()
        assert (runs.before == before) == (fault in BEFORE), fault

    runs.clean()
