"""Sources that take too much of the machine: each fails alone, with words that say of what there was too little."""

import os
import subprocess

import pytest

GOOD = """
    import dlt

    @dlt.resource
    def source():
        yield [{"id": i} for i in range(10)]
"""
LEAKS = """
    def source():
        kept = []
        while True:
            kept.append(b"x" * 1_000_000)
        yield 1
"""
HANGS = """
    import dlt, time

    @dlt.source
    def source():
        time.sleep(600)
"""
LOUD = """
    import dlt, os

    @dlt.resource
    def source():
        for _ in range(1000):
            os.write(1, (b"x" * 99 + b"\\n") * 10_000)
        yield {"id": 1}
"""
GREEDY = """
    import dlt, os

    @dlt.resource
    def source():
        for _ in range(40):
            yield [{"id": os.urandom(1000).hex()} for _ in range(5000)]
"""


def test_whatever_a_source_does_to_its_process_the_others_are_loaded(project):
    project.module("good", GOOD)
    project.module("leaks", LEAKS)
    project.module("hangs", HANGS)
    project.module(
        "stalls",
        GOOD + "    import time\n    dlt.Pipeline.normalize = lambda *_, **__: time.sleep(600)\n",
    )
    project.module("exits", "import os\ndef source():\n    os._exit(9)\n    yield 1\n")
    project.module("loud", LOUD)
    project.sources(
        "leaks",
        {"name": "hangs", "timeout_minutes": 0.02},
        {"name": "stalls", "timeout_minutes": 0.05},
        "exits",
        "loud",
        "good",
    )

    done = project.shell("ulimit -d 1500000; exec dango sync --json --jobs 6")

    assert done.code == 5, done.out
    assert done.source("leaks")["cause"].startswith("custom_sources/leaks.py:5:")
    assert (
        "memory ran out: this source's process found no more within its limit of" in done.source("leaks")["cause"]
    )
    for name in ("hangs", "stalls"):
        assert "extracting took longer than its limit" in done.source(name)["cause"]
    assert "ended by itself with status 9" in done.source("exits")["cause"]
    assert project.one("select count(*) from raw_good.source") == 10
    assert project.one("select count(*) from raw_loud.source") == 1
    [log] = project.path.glob(".dango/runs/*/loud.log")
    assert 10_000_000 < log.stat().st_size < 20_000_000


@pytest.fixture
def small_disk(project):
    """A disk of 24 MB at the project's folder for its warehouse."""
    folder = project.path / ".dango"
    folder.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", folder], check=False).returncode
    ):
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_source_that_fills_the_disk_fails_alone_and_gives_back_its_room(project, small_disk):
    project.module("good", GOOD)
    project.module("greedy", GREEDY)
    project.sources({"name": "first", "module": "good"}, "greedy", {"name": "last", "module": "good"})

    done = project.sync("--jobs", "1")

    assert done.code == 5, done.out
    assert "the disk is full: " in done.source("greedy")["cause"]
    assert str(small_disk) in done.source("greedy")["cause"]
    assert [project.one(f"select count(*) from raw_{name}.source") for name in ("first", "last")] == [10, 10]


@pytest.mark.usefixtures("small_disk")
def test_a_load_that_fills_the_disk_fails_alone_and_gives_back_its_room(project):
    """Its rows are few while they wait, and many in the warehouse."""
    project.module("good", GOOD)
    project.module(
        "greedy",
        GOOD
        + """
    from dango_action.warehouse.transaction import Transaction

    commit = Transaction.commit

    def fill(self):
        self.connection.execute("create table raw_greedy.big as select md5(i::text) || md5((i + 1)::text) from range(3_000_000) t(i)")
        commit(self)

    Transaction.commit = fill
""",
    )
    project.sources({"name": "first", "module": "good"}, "greedy", {"name": "last", "module": "good"})

    done = project.sync("--jobs", "1")

    assert done.code == 5, done.out
    assert "the disk is full: " in done.source("greedy")["cause"]
    assert [project.one(f"select count(*) from raw_{name}.source") for name in ("first", "last")] == [10, 10]
    assert project.warehouse.stat().st_size < 10_000_000


def test_without_room_for_a_copy_of_the_warehouse_nothing_is_begun_and_both_numbers_are_said(project, small_disk):
    project.module("good", GOOD)
    project.sources("good")
    project.sync()
    size = project.warehouse.stat().st_size
    with (small_disk / "other").open("wb") as other:
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        os.posix_fallocate(other.fileno(), 0, free - size // 2)

    done = project.sync()

    [problem] = done.source("good")["problems"]
    assert done.code == 6
    assert f"it needs {size:,} bytes beside it, and " in problem["hint"]
    assert " are free" in problem["hint"]
    assert project.one("select count(*) from raw_good.source") == 10
