"""S3 on loopback: moto, in an environment of its own, as a process."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import obstore

SERVER = Path(__file__).parents[2] / ".moto/bin/moto_server"
SECONDS = 60


class S3:
    """A server with one bucket, `acme`. Use it in a `with`."""

    secret = "s3-secret-4c1d9b7e"
    url = ""

    def __enter__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [SERVER, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self._wait(port)
            self._call("PUT", "acme")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    @property
    def variables(self):
        return {
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",
        }

    def put(self, name, content):
        """Write an object of the bucket."""
        config = {key: value for key, value in self.variables.items() if key != "AWS_ALLOW_HTTP"}
        store = obstore.store.from_url("s3://acme", config=config, client_options={"allow_http": True})
        obstore.put(store, name, content)

    def publish(self, name, content):
        """Write a new object that anybody may read."""
        self._call("PUT", f"acme/{name}", content)

    def _wait(self, port):
        until = time.monotonic() + SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return

    def _call(self, method, path, content=None):
        headers = {"x-amz-acl": "public-read", "Content-Type": "text/csv"} if content else {}
        request = urllib.request.Request(f"{self.url}/{path}", content, headers, method=method)
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.read()
