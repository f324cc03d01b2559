"""An SFTP server on loopback: OpenSSH's own sshd, which lets one key in."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

SECONDS = 30


def program():
    """The path of sshd, or None."""
    return shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")


class Sftp:
    """A server with an empty folder, `folder`. Use it in a `with`."""

    user = getpass.getuser()

    def __enter__(self):
        self._stack = contextlib.ExitStack()
        home = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="sftp-")))
        for name in ("host", "client", "stranger"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", home / name]
            subprocess.run(command, check=True)
        self.folder = home / "files"
        self.folder.mkdir()
        self.host_key = (home / "host.pub").read_text().strip()
        self.key, self.strange_key = (home / "client").read_text(), (home / "stranger").read_text()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (home / "config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {home}/host\nAuthorizedKeysFile {home}/client.pub\n"
            f"PidFile {home}/pid\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
            "PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n"
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where it locks itself in before a login
        process = subprocess.Popen(
            [program(), "-D", "-f", home / "config"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        self._wait()
        return self

    def __exit__(self, *_):
        self._stack.close()

    @property
    def url(self):
        return f"sftp://127.0.0.1:{self.port}{self.folder}"

    def _wait(self):
        until = time.monotonic() + SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
            else:
                return
