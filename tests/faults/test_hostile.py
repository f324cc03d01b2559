"""Sources and surroundings that do what they should not: the run goes on, and says what is true."""

import os
import signal

import pytest
from test_kills import until

ROWS = """
    import dlt

    @dlt.resource(write_disposition="append")
    def source(at=dlt.sources.incremental("id", initial_value=0)):
        yield [{"id": i} for i in range(at.last_value + 1, at.last_value + 11)]
"""


def rows(project, name="events"):
    return project.query(f"select count(*), count(distinct id) from raw_{name}.source")[0]


@pytest.mark.parametrize("child", ["raise ConnectionError('helper')", "sys.exit(0)", "pass", "os._exit(0)"])
def test_a_source_that_forks_is_loaded_once(project, child):
    project.module(
        "forks",
        f"import dlt, os, sys\n@dlt.resource(write_disposition='append')\ndef source():\n"
        f"    pid = os.fork()\n    if pid == 0:\n        {child}\n    else:\n        os.waitpid(pid, 0)\n"
        "    yield [{'id': i} for i in range(10)]\n",
    )
    project.sources({"name": "events", "module": "forks"})

    done = project.sync()

    assert done.code == 0, done.out
    assert rows(project) == (10, 10)


@pytest.mark.parametrize("late", [1.21, 1.3, 1.45])
def test_a_source_at_the_edge_of_its_time_is_loaded_or_failed_but_not_both(project, late):
    project.module(
        "edge", f"import dlt, time\n@dlt.resource\ndef source():\n    time.sleep({late})\n    yield {{'id': 1}}\n"
    )
    project.sources({"name": "events", "module": "edge", "timeout_minutes": 0.02})

    failed = project.sync().source("events")["status"] == "failed"

    assert project.warehouse.exists() != failed


@pytest.mark.parametrize(
    "after",
    ["os.kill(os.getpid(), signal.SIGKILL)", "raise ConnectionError('checkpoint')"],
    ids=["killed", "raises"],
)
def test_a_worker_that_ends_right_after_its_commit_has_loaded(project, after):
    project.module(
        "events",
        ROWS
        + f"""
    import os, signal
    from dango_action.warehouse.transaction import FileTransaction

    commit = FileTransaction.commit

    def committed(self):
        commit(self)
        {after}

    FileTransaction.commit = committed
""",
    )
    project.sources("events")

    done = project.sync()
    assert done.code == 0, done.out
    assert done.source("events")["rows"] == 10
    assert rows(project) == (10, 10)
    project.sync()
    assert rows(project) == (20, 20)


@pytest.mark.parametrize(
    "setting", ["restore_from_destination = false", "dev_mode = true", 'refresh = "drop_data"', "use_single_dataset = false",
                'dataset_name_layout = "x_%s"']
)  # fmt: skip
@pytest.mark.parametrize("section", ["", "[pipelines.events]\n"], ids=["top", "section"])
def test_a_setting_of_dlt_that_would_load_rows_again_is_refused(project, section, setting):
    project.module("events", ROWS)
    project.sources("events")
    project.write(".dlt/config.toml", f"{section}{setting}\n")

    done = project.sync()

    assert done.code == 3
    assert f"`{setting.partition(' ')[0]}`" in done.source("events")["cause"]
    assert not project.warehouse.exists()


def test_a_run_ends_when_the_fork_server_is_killed_while_sources_wait(project):
    project.module(
        "slow",
        "import dlt, os, time\nfrom pathlib import Path\n@dlt.resource\ndef source():\n"
        "    Path('server').write_text(f'{os.getppid()} ')\n    time.sleep(600)\n    yield 1\n",
    )
    project.sources(*({"name": f"s{i}", "module": "slow"} for i in range(3)))
    parent = project.start("sync", "--jobs", "1")
    file = project.path / "server"
    server = until(lambda: file.exists() and file.read_text().endswith(" ") and int(file.read_text()))

    os.kill(server, signal.SIGKILL)
    out, _ = parent.communicate(timeout=20)

    assert parent.returncode == 5
    assert out.count("the process that starts workers was killed") == 3


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "loop", "long"])
def test_a_target_that_is_no_file_is_refused_and_left_alone(project, kind):
    project.module("events", ROWS)
    project.sources("events")
    target = project.path / ("x" * 300 if kind == "long" else "target")
    if kind == "pipe":
        os.mkfifo(target)
    elif kind == "device":
        os.mknod(target, 0o600 | 0o020000, os.makedev(1, 3))
    elif kind == "folder":
        target.mkdir()
    elif kind == "loop":
        target.symlink_to(target)

    done = project.sync("--target", f"duckdb:{target}")

    assert done.code == 3, done.err
    assert kind == "long" or not target.is_file()


@pytest.mark.parametrize("blocks", [0, 100, 300])
def test_a_disk_that_is_full_ends_a_run_in_order(project, blocks):
    """The limit on the size of a file, in KiB, fails at the same calls as a full disk."""
    project.module(
        "events",
        "import dlt\n@dlt.resource\ndef source():\n    print('x' * 500_000)\n    yield [{'id': i, 't': str(i) * 20} for i in range(50_000)]\n",
    )
    project.sources("events")
    done = project.shell(f"ulimit -f {blocks}; exec dango sync --json 2>/dev/null")

    assert done.code in (3, 5, 6), done.out
    assert '"status": "failed"' in done.out
    assert not project.warehouse.exists()
    assert project.sync().code == 0


def test_few_descriptors_are_enough_for_many_sources(project):
    project.module("events", ROWS)
    project.sources(*({"name": f"s{i}", "module": "events"} for i in range(12)))
    done = project.shell("ulimit -n 64; exec dango sync --json --jobs 64")

    assert done.code == 0, done.err
    assert project.one("select count(*) from duckdb_tables() where table_name = 'source'") == 12


def test_a_run_whose_files_go_away_still_loads(project):
    project.module(
        "events",
        "import dlt, shutil\n@dlt.resource\ndef source():\n    shutil.rmtree('.dango/runs')\n    yield {'id': 1}\n",
    )
    project.sources("events")
    (project.path / ".dango/activity.log").mkdir()

    assert project.sync().code == 0
    assert rows(project) == (1, 1)


def test_a_run_goes_on_when_nobody_reads_its_output(project):
    project.module("events", ROWS)
    project.sources("events")
    done = project.shell("dango sync | true; exit ${PIPESTATUS[0]}")

    assert done.code == 0, done.err
    assert rows(project) == (10, 10)


@pytest.mark.parametrize(
    "trick",
    [
        "os.setpgid(0, os.getpgid(os.getppid()))",
        "os.setsid() if os.getpgrp() != os.getpid() else None",
        "[signal.signal(s, signal.SIG_IGN) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)]",
    ],
)
def test_a_source_cannot_escape_its_time_limit(project, trick):
    project.module(
        "trick", f"import os, signal, time\ndef source():\n    {trick}\n    time.sleep(600)\n    yield 1\n"
    )
    project.sources({"name": "trick", "timeout_minutes": 0.02})

    assert "took longer than its limit" in project.sync().source("trick")["cause"]


FORGED = """
    import os, socket, stat, time

    def send(data):
        for descriptor in range(3, 64):
            try:
                if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                    socket.socket(fileno=os.dup(descriptor)).sendall(data)
            except OSError:
                pass

    def source():
        {body}
        yield {{"id": 1}}
"""


@pytest.mark.parametrize(
    "message",
    [
        '{"event": "failed", "problems": [], "exit_code": 0, "transient": false}',
        '{"event": "failed", "problems": [], "exit_code": 99, "transient": false}',
        '{"event": "failed", "problems": [], "exit_code": 130, "transient": true}',
        '{"event": "extracted", "rows": {"t": -5}, "load_ids": []}',
        '{"event": "extracted", "rows": {"t": 1e26}, "load_ids": []}',
        '{"event": "failed", "problems": [{"what": "a", "hint": "b", "at": {"file": "f", "line": 0, "column": 0}}]}',
    ],
)
def test_a_forged_message_is_the_failure_of_its_source_and_the_document_stays_true(project, message):
    project.module("forged", FORGED.format(body=f"send(b'''{message}\\n'''); time.sleep(1)"))
    project.sources({"name": "forged", "retries": 0})

    done = project.sync()

    assert done.code == 5
    assert done.source("forged")["exit_code"] == 5


def test_a_source_that_says_it_has_loaded_before_its_turn_is_not_believed(project):
    project.module("forged", FORGED.format(body='send(b\'{"event": "loaded"}\\n\'); os._exit(0)'))
    project.sources({"name": "forged", "retries": 0})

    assert project.sync().source("forged")["status"] == "failed"


def test_a_flood_of_messages_does_not_keep_a_source_from_its_time_limit(project):
    body = 'data = b\'{"event": "progress", "rows": 1}\\n\' * 1000\n        while True: send(data)'
    project.module("flood", FORGED.format(body=body))
    project.sources({"name": "flood", "timeout_minutes": 0.02})

    assert "took longer than its limit" in project.sync().source("flood")["cause"]


def test_a_problem_made_by_a_source_gives_no_command_to_the_runner(project):
    project.module(
        "command",
        "from dango_action.errors import SourceError\ndef source():\n"
        "    raise SourceError.because('a\\n::add-mask::x', 'b\\n::set-env name=A::y')\n    yield\n",
    )
    project.sources("command")

    out = project.dango("sync", GITHUB_ACTIONS="true").out

    after = out.rpartition("::endgroup::")[2]
    assert not [line for line in after.splitlines() if line.startswith(("::add-mask", "::set-env"))]
