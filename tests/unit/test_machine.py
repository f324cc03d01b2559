import errno
import resource
import subprocess
import sys

import pytest

from dango_action import machine
from dango_action.outcomes import died

VMSTAT = "nr_free_pages 12\noom_kill 7\n"


def tree(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "kills"),
    [
        ({"proc/vmstat": VMSTAT}, 7),
        ({}, 0),
        (
            {
                "proc/vmstat": VMSTAT,
                "proc/self/cgroup": "0::/job.slice/x\n",
                "sys/fs/cgroup/job.slice/x/memory.events": "oom 3\noom_kill 2\noom_group_kill 0\n",
            },
            2,
        ),
        # a container: the path is that of the host
        ({"proc/self/cgroup": "0::/host/path\n", "sys/fs/cgroup/memory.events": "oom_kill 4\n"}, 4),
        (
            {
                "proc/vmstat": VMSTAT,
                "proc/self/cgroup": "5:cpu:/\n4:memory:/job\n0::/\n",
                "sys/fs/cgroup/memory/job/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
            },
            1,
        ),
    ],
    ids=["machine", "unknown", "version 2", "container", "version 1"],
)
def test_the_kernels_count_is_that_of_the_own_control_group_or_of_the_machine(tmp_path, files, kills):
    assert machine.oom_kills(tree(tmp_path, files)) == kills


def test_memory_is_the_least_that_machine_and_control_groups_allow(tmp_path):
    files = {
        "proc/meminfo": "MemTotal:       16000 kB\nMemFree: 1 kB\n",
        "proc/self/cgroup": "0::/job.slice/x\n",
        "sys/fs/cgroup/job.slice/x/memory.max": "max\n",
    }
    assert machine.memory(tree(tmp_path, files)) == 16000 * 1024
    tree(tmp_path, {"sys/fs/cgroup/job.slice/memory.max": "1000000\n"})
    assert machine.memory(tmp_path) == 1000000
    assert machine.memory(tmp_path / "none") is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these limits")
def test_a_worker_gives_way_within_the_limit_that_is_there_and_keeps_room_for_its_last_words():
    limit = 1 << 30
    program = (
        "import resource\nfrom pathlib import Path\nfrom dango_action import machine\n"
        "before = int(Path('/proc/self/oom_score_adj').read_text())\n"
        f"resource.setrlimit(resource.RLIMIT_DATA, ({limit}, {limit}))\n"
        "machine.give_way()\n"
        "given = machine.data_limit()\n"
        "machine.make_room()\n"
        "machine.make_room()\n"
        "print(given, machine.data_limit(), int(Path('/proc/self/oom_score_adj').read_text()) - before)\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    given, last, adjusted = map(int, done.stdout.split())

    assert given < last == limit
    assert adjusted > 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these limits")
def test_without_a_limit_a_worker_may_have_most_of_the_memory():
    if resource.getrlimit(resource.RLIMIT_DATA)[1] != resource.RLIM_INFINITY:
        pytest.skip("there is a limit already")
    program = "from dango_action import machine\nmachine.give_way()\nprint(machine.data_limit())"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)

    assert 0.8 * machine.memory() < int(done.stdout) < machine.memory()


def test_a_kill_is_put_down_to_memory_only_if_the_kernel_has_counted_one():
    [counted] = died(-9, oom_kills=1).problems
    [other] = died(-9).problems

    assert "memory" in counted.what
    assert "bytes ran out" in counted.what
    assert "memory" not in other.what + other.hint
    assert died(-15, oom_kills=1).problems[0].what == "its process was killed by SIGTERM"


def test_the_free_room_is_measured(tmp_path):
    assert machine.free(tmp_path) > 0
    assert errno.ENOSPC in machine.FULL
