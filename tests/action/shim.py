"""Stands before bash, sh and node while act runs a step, so that the step is what it is on GitHub.

act starts a step on a terminal, drops what is still unread when it fails, and hands every step the inputs and the
runtime token of the action around it. Here the program gets pipes, its last lines are waited for, and only `node`
sees those variables. act's own dead proxy is taken away again.
"""

import os
import sys
import time

# act reads in a goroutine of its own, and closes the terminal at once when a step has failed
TIME_TO_READ = 0.3
OF_ACTIONS = ("INPUT_", "ACTIONS_")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
OF_MACHINE = "PEER_MACHINE_"


def environment(name: str) -> dict[str, str]:
    """Return what the program may see."""
    hidden = () if name == "node" else OF_ACTIONS
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith((*hidden, OF_MACHINE)) and key.upper() not in PROXIES
    }
    own = {key.removeprefix(OF_MACHINE): value for key, value in os.environ.items() if key.startswith(OF_MACHINE)}
    return kept | own


def real(name: str) -> str:
    """Return the program of this name behind this folder."""
    here = os.path.dirname(os.path.abspath(sys.argv[0]))  # noqa: PTH100, PTH120 - pathlib takes 20 ms to import
    folders = os.environ["PATH"].split(os.pathsep)
    paths = [f"{folder}/{name}" for folder in folders if folder != here]
    return next(path for path in paths if os.access(path, os.X_OK))


def main() -> None:
    name = sys.argv[0].rpartition("/")[2]
    if name == "node" and "process.execPath" in sys.argv[-1]:
        print(sys.argv[0])  # noqa: T201 - act asks where node is, and would go around this file from then on
        return
    source, sink = os.pipe()
    nothing = os.open(os.devnull, os.O_RDONLY)
    files = [(os.POSIX_SPAWN_DUP2, *pair) for pair in ((nothing, 0), (sink, 1), (sink, 2))]
    arguments = [name, *sys.argv[1:]]
    child = os.posix_spawn(real(name), arguments, environment(name), file_actions=files)
    os.close(sink)
    while data := os.read(source, 1 << 16):
        while data:
            data = data[os.write(1, data) :]
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        time.sleep(TIME_TO_READ)
    sys.exit(code if code >= 0 else 128 - code)


main()
