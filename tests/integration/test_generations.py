"""The committed file has no writer, and nothing that happens beside it is lost or trusted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from dango_action.errors import ConfigError, StateError
from dango_action.warehouse.generations import Warehouse


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w[1].duckdb"  # a name that a glob would misread


def write(file, value):
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"create or replace table t as select {value} as v")


def value(file):
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.sql("from t").fetchall()[0][0]


def others(path):
    return sorted(file.name for file in path.parent.iterdir() if file != path and not file.name.endswith(".lock"))


def test_the_first_load_makes_the_file(path):
    with Warehouse.locked(path, "r1") as warehouse:
        assert warehouse.committed is None
        write(warehouse.copy(), 1)
        assert not path.exists()
        warehouse.publish()

    assert value(path) == 1
    assert others(path) == []


def test_a_run_reads_the_committed_file_while_it_loads_into_the_copy(path):
    write(path, 1)
    with Warehouse.locked(path, "r1") as warehouse:
        write(warehouse.copy(), 2)
        assert value(warehouse.committed) == 1
        warehouse.publish()
        assert value(warehouse.committed) == 2


def test_a_run_that_does_not_publish_changes_nothing(path):
    write(path, 1)
    before = path.stat()
    with Warehouse.locked(path, "r1") as warehouse:
        write(warehouse.copy(), 2)

    assert value(path) == 1
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert others(path) == []


def test_two_runs_at_once_are_refused_with_the_name_of_the_first(path):
    with (
        Warehouse.locked(path, "first"),
        pytest.raises(StateError, match=f"run first, process {os.getpid()}"),
        Warehouse.locked(path, "second"),
    ):
        pass

    with Warehouse.locked(path, "third"):
        pass


def test_a_lock_goes_with_its_process_however_that_ends(path):
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom dango_action.warehouse.generations import Warehouse\n"
        "with Warehouse.locked(Path(sys.argv[1]), 'dead') as w:\n"
        "    w.copy()\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-P", "-c", program, str(path)], check=False)
    assert others(path) == ["w[1].duckdb.dead.work"]

    with Warehouse.locked(path, "next"):
        assert others(path) == ["w[1].duckdb.next.work"]


def test_a_run_begins_while_a_worker_of_a_killed_one_still_writes(path):
    leftover = path.with_name(path.name + ".dead.work")
    leftover.mkdir()
    program = (
        "import contextlib, itertools, sys\nfrom pathlib import Path\nfolder = Path(sys.argv[1])\n"
        "for i in itertools.count():\n    with contextlib.suppress(FileNotFoundError):\n"
        "        folder.mkdir(exist_ok=True)\n        (folder / str(i)).touch()\n"
        "    if i == 2000: print('writing', flush=True)\n"
    )
    worker = subprocess.Popen([sys.executable, "-P", "-c", program, str(leftover)], stdout=subprocess.PIPE)
    with worker:
        worker.stdout.readline()
        try:
            with Warehouse.locked(path, "next") as warehouse:
                write(warehouse.copy(), 1)
                warehouse.publish()
        finally:
            worker.kill()

    with Warehouse.locked(path, "last"):
        assert others(path) == ["w[1].duckdb.last.work"]
    assert value(path) == 1


def test_leftovers_of_another_warehouse_stay(path):
    other = path.with_name("other.duckdb.r0.work")
    other.mkdir()
    with Warehouse.locked(path, "r1"):
        pass

    assert other.exists()


@pytest.mark.parametrize("suffix", [".wal", ".wal.checkpoint", ".wal.recovery"])
def test_a_log_beside_the_committed_file_is_refused_and_kept(path, suffix):
    write(path, 1)
    log = path.with_name(path.name + suffix)
    log.write_bytes(b"somebody's commits")

    with pytest.raises(StateError, match="lies beside the warehouse"), Warehouse.locked(path, "r1"):
        pass

    assert log.read_bytes() == b"somebody's commits"


def test_a_file_that_somebody_writes_to_is_refused(path):
    write(path, 1)
    program = "import duckdb, sys\nc = duckdb.connect(sys.argv[1])\nprint('open', flush=True)\nsys.stdin.read()\n"
    writer = subprocess.Popen(
        [sys.executable, "-P", "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with writer:
        writer.stdout.readline()
        with pytest.raises(StateError, match="close the program that writes to it"), Warehouse.locked(path, "r1"):
            pass
        writer.stdin.close()

    with Warehouse.locked(path, "r2") as warehouse:
        assert warehouse.committed


def test_nobody_begins_to_write_to_a_file_that_is_being_replaced(path, monkeypatch):
    """Whatever such a writer commits would go into a file that has no name any more."""
    write(path, 1)
    replace, said = Path.replace, []

    def meanwhile(self, target):
        program = "import duckdb, sys\nduckdb.connect(sys.argv[1])"
        command = [sys.executable, "-P", "-c", program, str(path)]
        said.append(subprocess.run(command, capture_output=True, text=True, check=False).stderr)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", meanwhile)
    with Warehouse.locked(path, "r1") as warehouse:
        write(warehouse.copy(), 2)
        warehouse.publish()

    assert "Could not set lock on file" in said[0]
    assert value(path) == 2


@pytest.mark.parametrize("exists", [True, False], ids=["a later run", "the first run"])
def test_a_change_by_somebody_else_during_a_run_is_kept_and_the_run_is_not(path, exists):
    if exists:
        write(path, 1)
    with Warehouse.locked(path, "r1") as warehouse:
        write(warehouse.copy(), 2)
        write(path, 3)
        with pytest.raises(StateError, match="was changed by something else"):
            warehouse.publish()

    assert value(path) == 3


@pytest.mark.parametrize("content", [b"not a database", b"\0" * 20000])
def test_a_file_that_is_no_database_is_refused_and_kept(path, content):
    path.write_bytes(content)

    with pytest.raises(StateError, match="DuckDB cannot open"), Warehouse.locked(path, "r1"):
        pass

    assert path.read_bytes() == content


def test_an_empty_file_is_a_first_run(path):
    path.touch()
    with Warehouse.locked(path, "r1") as warehouse:
        assert warehouse.committed is None
        write(warehouse.copy(), 1)
        warehouse.publish()

    assert value(path) == 1


def test_a_folder_or_a_place_that_cannot_be_is_a_mistake_in_the_configuration(tmp_path):
    with pytest.raises(ConfigError, match="is no file"), Warehouse.locked(tmp_path, "r1"):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be"), Warehouse.locked(tmp_path / "file/w.duckdb", "r1"):
        pass


def test_a_link_to_a_warehouse_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    write(tmp_path / "real/w.duckdb", 1)
    link = tmp_path / "w.duckdb"
    link.symlink_to(tmp_path / "real/w.duckdb")
    with Warehouse.locked(link, "r1") as warehouse:
        write(warehouse.copy(), 2)
        warehouse.publish()

    assert link.is_symlink()
    assert value(link) == 2


def test_the_rights_of_the_file_survive(path):
    write(path, 1)
    path.chmod(0o640)
    with Warehouse.locked(path, "r1") as warehouse:
        write(warehouse.copy(), 2)
        warehouse.publish()

    assert path.stat().st_mode & 0o777 == 0o640


def test_a_log_of_the_working_copy_is_deleted_and_not_replayed(path):
    write(path, 1)
    with Warehouse.locked(path, "r1") as warehouse:
        program = (
            "import duckdb, os, sys\nc = duckdb.connect(sys.argv[1])\nc.execute(\"set checkpoint_threshold='1TB'\")\n"
            "c.execute('update t set v = 9')\nos._exit(9)\n"
        )
        subprocess.run([sys.executable, "-P", "-c", program, str(warehouse.copy())], check=False)
        assert (warehouse.folder / (path.name + ".wal")).exists()
        warehouse.drop_log()
        with duckdb.connect(str(warehouse.working)) as connection:  # the next source's load
            connection.execute("create table next as select 1")
        warehouse.publish()

    assert value(path) == 1


def test_a_full_disk_is_said_and_changes_nothing(path):
    """The limit on the size of files gives the same error at the same place as a full disk."""
    write(path, 1)
    program = (
        "import resource, signal, sys\nfrom pathlib import Path\n"
        "from dango_action.errors import StateError\nfrom dango_action.warehouse.generations import Warehouse\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "with Warehouse.locked(Path(sys.argv[1]), 'r1') as w:\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "    for _ in range(2):\n        try:\n            w.copy()\n        except StateError as e:\n            print(e)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, str(path)], capture_output=True, text=True, check=True
    )

    assert done.stdout.count("are free; nothing was changed") == 2
    assert "File exists" not in done.stdout
    assert value(path) == 1
    assert others(path) == []


def test_a_reader_sees_whole_generations_only_and_does_not_disturb_a_run(path):
    write(path, 1)
    program = (
        "import duckdb, select, sys\nseen = []\nprint('ready', flush=True)\n"
        "while not select.select([sys.stdin], [], [], 0)[0]:\n"
        "    with duckdb.connect(sys.argv[1], read_only=True) as c:\n"
        "        seen += c.sql('from t').fetchall()[0]\n"
        "print(sorted(set(seen)))\n"
    )
    reader = subprocess.Popen(
        [sys.executable, "-P", "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with reader:
        assert reader.stdout.readline() == "ready\n"
        for number in range(2, 12):
            with Warehouse.locked(path, f"r{number}") as warehouse:
                write(warehouse.copy(), number)
                warehouse.publish()
        out, _ = reader.communicate()

    assert reader.returncode == 0
    assert set(json.loads(out)) <= set(range(1, 12))
    assert value(path) == 11


def test_the_lock_file_names_its_run(path):
    with Warehouse.locked(path, "r1"):
        held = json.loads(path.with_name(path.name + ".lock").read_text())

    assert held == {"run": "r1", "pid": os.getpid()}
