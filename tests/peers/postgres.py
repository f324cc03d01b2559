"""A PostgreSQL server on loopback, from the programs that Debian installs; it ends with the tests."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

PASSWORD = "catalog-Pa55-word-of-loader"


def programs():
    """Return the newest folder with a server's programs; None if there is none."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda path: int(path.parent.name), default=None)


@contextlib.contextmanager
def server():
    """Give a connection string, with its password, for an empty database."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    # the server refuses to run as root
    user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    if os.getuid() == 0:
        shutil.chown(folder, user)
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(program, *arguments, **variables):
        subprocess.run(
            [programs() / program, *arguments],
            user=user if os.getuid() == 0 else None,
            cwd=folder,
            env={"PATH": os.environ["PATH"], **variables},
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )

    data = str(folder / "data")
    run("initdb", "-D", data, "-U", "loader", "-A", "scram-sha-256", f"--pwfile={folder / 'password'}", "-N")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    try:
        run("pg_ctl", "-D", data, "-o", options, "-w", "-l", str(folder / "log"), "start")
        yield f"postgresql://loader:{PASSWORD}@127.0.0.1:{port}/postgres"
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)
