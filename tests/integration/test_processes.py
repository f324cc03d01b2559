"""Workers without dlt: how they are started and heard, what becomes of nonsense, and of too much output."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest

from dango_action import pool as pool_module
from dango_action.credentials.redaction import Redactor
from dango_action.forkserver import ForkServer
from dango_action.pool import Ended, Pool
from dango_action.protocol import Failed, Progress, Settings, Task, encode

ENVIRON = {key: os.environ[key] for key in ("PATH", "COVERAGE_PROCESS_CONFIG") if key in os.environ}


def task(project, module, **fields):
    values = {
        "name": "shop", "project": str(project), "module": module, "function": "source", "kwargs": {}, "resources": None,
        "schema_contract": None, "settings": Settings(), "scratch": str(project / "scratch"), "committed": None,
        "full_refresh": False, "limit": 2,
    }  # fmt: skip
    return Task(**{**values, **fields})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "custom_sources").mkdir()
    return tmp_path


@pytest.fixture(params=[True, False], ids=["fork", "spawn"])
def pool(request):
    with Pool(ForkServer(ENVIRON, fork=request.param)) as opened:
        yield opened


def until_ended(pool, *workers):
    events, left = [], set(workers)
    end = time.monotonic() + 60
    while left and time.monotonic() < end:
        for worker, event in pool.wait(1):
            events.append((worker.name, event))
            if isinstance(event, Ended):
                left.discard(worker)
    assert not left
    return events


def write(folder, name, text):
    (folder / "custom_sources" / f"{name}.py").write_text(text)


def test_a_worker_says_what_it_does_and_ends(pool, folder):
    write(
        folder,
        "shop",
        "import dlt\n@dlt.resource\ndef source():\n    print('hi')\n    yield [{'a': i} for i in range(5)]\n",
    )
    events = until_ended(pool, pool.start(task(folder, "shop"), folder / "log"))

    kinds = [type(event).__name__ for _, event in events]
    assert kinds[0] == "Extracting"
    assert kinds[-2:] == ["Extracted", "Ended"]
    assert events[-2][1].rows == {"source": 2}
    assert events[-2][1].preview[0].rows == [["0"], ["1"]]
    assert events[-1][1].status == 0
    assert "hi" in (folder / "log").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="it is forked on Linux alone")
def test_workers_are_forked_from_a_process_without_other_threads(folder):
    write(
        folder,
        "shop",
        "import dlt, duckdb, os\n@dlt.resource\ndef source():\n"
        "    counted = duckdb.sql('select count(*) from range(1000000)').fetchone()[0]\n"
        "    yield {'threads': len(os.listdir(f'/proc/{os.getppid()}/task')), 'counted': counted}\n",
    )
    with Pool(ForkServer(ENVIRON)) as pool:
        events = until_ended(pool, pool.start(task(folder, "shop"), folder / "log"))

    assert events[-2][1].preview[0].rows == [["1", "1000000"]]
    assert "fork" not in (folder / "log").read_text()


def test_many_workers_at_once_and_one_that_dies_before_it_says_anything(pool, folder):
    write(folder, "good", "import dlt\n@dlt.resource\ndef source():\n    yield {'a': 1}\n")
    write(folder, "dies", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    workers = [
        pool.start(task(folder, "good", name=f"g{i}", scratch=str(folder / f"s{i}")), folder / f"log{i}")
        for i in range(3)
    ]
    bad = pool.start(task(folder, "dies", name="bad"), folder / "log")
    events = until_ended(pool, *workers, bad)

    statuses = {name: event.status for name, event in events if isinstance(event, Ended)}
    assert statuses == {"g0": 0, "g1": 0, "g2": 0, "bad": -11}


def test_a_worker_can_be_killed_before_it_is_born(pool, folder):
    write(folder, "slow", "import time\ntime.sleep(600)\n")
    worker = pool.start(task(folder, "slow"), folder / "log")
    pool.kill(worker)

    assert until_ended(pool, worker)[-1][1].status == -9


def test_the_server_leaves_nothing_behind_when_it_is_closed(folder):
    write(folder, "slow", "import time, os\nprint(os.getpid(), flush=True)\ntime.sleep(600)\n")
    with Pool(ForkServer(ENVIRON)) as pool:
        pool.start(task(folder, "slow"), folder / "log")
        while not (folder / "log").read_text().strip():
            list(pool.wait(1))
    pid = int((folder / "log").read_text().split()[0])
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("the worker is still there")


NONSENSE = [
    b"garbage\n",
    b"\xff\xfe\n",
    b"[]\n",
    b'{"event": "explode"}\n',
    b'{"event": "extracted", "rows": "many", "packages": 1}\n',
    b'{"event": "failed", "problems": [{"what": 1}], "exit_code": 5, "transient": false}\n',
    b"x" * (pool_module.protocol.MAX_LINE + 2),
]


@pytest.mark.parametrize("line", NONSENSE, ids=range(len(NONSENSE)))
def test_what_is_no_message_is_the_failure_of_its_source(folder, line):
    """User code may write to any descriptor; the parent must neither crash nor believe it."""
    (folder / "line").write_bytes(line)
    write(
        folder,
        "hostile",
        "import os, socket, stat\nfrom pathlib import Path\n"
        "data = Path('line').read_bytes()\n"
        "for fd in range(3, 64):\n"
        "    try:\n"
        "        if stat.S_ISSOCK(os.fstat(fd).st_mode):\n"
        "            socket.socket(fileno=os.dup(fd)).sendall(data)\n"
        "    except OSError:\n"
        "        pass\n"
        "os._exit(0)\n",
    )
    with Pool(ForkServer(ENVIRON)) as pool:
        events = until_ended(pool, pool.start(task(folder, "hostile"), folder / "log"))

    failed = [event for _, event in events if isinstance(event, Failed)]
    assert failed
    assert "no message of ours" in failed[0].problems[0].what


def test_a_log_stops_growing_at_its_limit(folder, monkeypatch):
    monkeypatch.setattr(pool_module, "MAX_LOG", 10_000)
    write(
        folder, "loud", "import dlt\n@dlt.resource\ndef source():\n    print('x' * 100_000)\n    yield {'a': 1}\n"
    )
    with Pool(ForkServer(ENVIRON)) as pool:
        events = until_ended(pool, pool.start(task(folder, "loud"), folder / "log"))

    assert events[-1][1].status == 0
    log = (folder / "log").read_bytes()
    assert len(log) < 10_200
    assert log.endswith(b"[the log ends here: it has reached its limit]\n")


SECRET = "sk_live_0123456789abcdef"
PRINTS = """
import os, time
import dlt


@dlt.resource
def source():
    print("token SECRET", flush=True)
    os.write(1, b"in two halves: SECRET"[:-9])
    time.sleep(0.2)
    os.write(1, b"SECRET"[-9:] + b"\\n")
    yield {"a": 1}
    os.write(2, b"the last line is open: SECRET")
""".replace("SECRET", SECRET)


def test_what_a_worker_prints_is_redacted_before_it_is_in_the_log(folder):
    write(folder, "shop", PRINTS)
    with Pool.open(ENVIRON, redactor=Redactor.of([SECRET])) as pool:
        events = until_ended(pool, pool.start(task(folder, "shop"), folder / "log"))

    assert events[-1][1].status == 0
    log = (folder / "log").read_text()
    assert "token ***\nin two halves: ***\n" in log
    assert "the last line is open: ***" in log
    assert SECRET not in log


def test_a_complete_line_is_in_the_log_while_the_worker_goes_on(folder):
    write(folder, "slow", f"import time\nprint('now {SECRET}\\nbegun', end='', flush=True)\ntime.sleep(600)\n")
    with Pool.open(ENVIRON, redactor=Redactor.of([SECRET])) as pool:
        pool.start(task(folder, "slow"), folder / "log")
        end = time.monotonic() + 60
        while not (folder / "log").read_bytes() and time.monotonic() < end:
            list(pool.wait(1))
        assert (folder / "log").read_text() == "now ***\n"

    assert (folder / "log").read_text() == "now ***\nbegun"


def test_a_redacted_log_stops_growing_at_its_limit_and_not_within_a_secret(folder, monkeypatch):
    monkeypatch.setattr(pool_module, "MAX_LOG", 10_000)
    write(
        folder,
        "loud",
        f"print('x' * 9_990 + '{SECRET}\\n' + 'y' * 100_000)\ndef source():\n    yield {{'a': 1}}\n",
    )
    with Pool.open(ENVIRON, redactor=Redactor.of([SECRET])) as pool:
        until_ended(pool, pool.start(task(folder, "loud"), folder / "log"))

    log = (folder / "log").read_text()
    assert log.startswith("x" * 9_990 + "***\nyyyyyy\n[the log ends here")
    assert log.endswith("it has reached its limit]\n")


def test_a_task_of_some_megabytes_arrives(pool, folder):
    write(folder, "shop", "import dlt\n@dlt.resource\ndef source(text):\n    yield {'a': len(text)}\n")
    big = task(folder, "shop", kwargs={"text": "ü" * 3_000_000})
    events = until_ended(pool, pool.start(big, folder / "log"))

    assert events[-2][1].preview[0].rows == [["3000000"]]


def test_messages_are_lines_of_json():
    assert json.loads(encode(Progress(rows=3))) == {"rows": 3, "event": "progress"}
    assert encode(Progress(rows=3)).count(b"\n") == 1


def test_a_worker_without_a_parent_ends_at_once():
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "dango_action.worker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=ENVIRON,
        )
    ours.close()

    assert process.wait(30) == 0


def test_a_warehouse_that_another_program_has_opened_is_no_reason_to_start_over(folder):
    """It may open it after the run has looked, and before a worker reads the state."""
    write(folder, "shop", "def source():\n    yield {'a': 1}\n")
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); sys.stdin.read()"
    path = str(folder / "w.duckdb")
    command = [sys.executable, "-c", program, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with Pool(ForkServer(ENVIRON)) as pool:
            worker = pool.start(task(folder, "shop", committed=path, limit=None), folder / "log")
            [failed] = [event for _, event in until_ended(pool, worker) if isinstance(event, Failed)]
        other.stdin.close()

    assert failed.exit_code == 6
    assert "the warehouse cannot be read: IO Error: Could not set lock on file" in failed.problems[0].what
    assert "full-refresh" not in failed.problems[0].hint
