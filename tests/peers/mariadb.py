"""A MariaDB server on loopback, from the programs that Debian installs; it ends with the tests."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pymysql

PASSWORD = "mariadb-Pa55-word-of-loader"
INSTALLED = all(shutil.which(name) for name in ("mariadbd", "mariadb-install-db"))


@dataclass(frozen=True)
class Server:
    """Where it listens; `execute` runs statements as its root, who comes by its socket."""

    port: int
    path: Path

    def url(self, database, user="loader"):
        return f"mysql://{user}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def execute(self, *statements, database=None):
        with self.connect(database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()

    def connect(self, database=None):
        return pymysql.connect(
            unix_socket=str(self.path / "socket"),
            user="root",
            database=database,
            autocommit=True,
            charset="utf8mb4",
        )


@contextlib.contextmanager
def server():
    """Give a server with an empty database `shop` and a user `loader`, who may do everything from anywhere."""
    folder = Path(tempfile.mkdtemp(prefix="mariadb-"))
    user = "mysql" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name  # it refuses to run as root
    if os.getuid() == 0:
        shutil.chown(folder, user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = ("--no-defaults", f"--datadir={folder / 'data'}", f"--user={user}", "--innodb-log-file-size=8M")
    subprocess.run(
        ["mariadb-install-db", *shared, "--auth-root-authentication-method=normal", "--skip-test-db"],
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )
    own = (f"--socket={folder / 'socket'}", f"--port={port}", "--bind-address=127.0.0.1", "--skip-log-bin")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["mariadbd", *shared, *own, "--innodb-flush-log-at-trx-commit=0"], stdout=log, stderr=log
        )
    try:
        made = Server(port=port, path=folder)
        _wait(made, process)
        made.execute(
            "create database shop character set utf8mb4",
            f"create user loader identified by '{PASSWORD}'",
            "grant all on *.* to loader",
        )
        yield made
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(made, process):
    until = time.monotonic() + 60
    while True:
        with socket.socket(socket.AF_UNIX) as probe:  # the driver leaves its own one open where it fails
            if not probe.connect_ex(str(made.path / "socket")):
                return
        ended = process.poll() is not None or time.monotonic() > until
        assert not ended, (made.path / "log").read_text()
        time.sleep(0.05)
