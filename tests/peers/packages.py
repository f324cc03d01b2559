"""Packages that a test makes, and a package index on loopback (PEP 503) that has them."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import tarfile
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_BACKEND = """\
import os, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    if {fails}:
        raise SystemExit(repr(dict(os.environ)))
    name = "{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        archive.writestr("{name}.py", "SEEN = " + repr(dict(os.environ)))
        for file, text in {info!r}.items():
            archive.writestr(file, text)
    return name
"""


def wheel(folder, name, version="1.0", *, files=None, needs=()):
    """Make a pure wheel, which has a module of its name unless its files are given."""
    files = dict({f"{name}.py": f"VERSION = {version!r}\n"} if files is None else files)
    files |= _info(name, version, needs)
    record = "".join(f"{file},sha256={_digest(text)},{len(text)}\n" for file, text in files.items())
    files[f"{name}-{version}.dist-info/RECORD"] = record + f"{name}-{version}.dist-info/RECORD,,\n"
    path = Path(folder) / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return path


def sdist(folder, name, version="1.0", *, fails=False):
    """Make a source archive whose build writes the environment that it sees into its module, or fails and prints it."""
    info = _info(name, version, ())
    project = f'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "{name}"\nversion = "{version}"\n'
    files = {
        "pyproject.toml": project,
        "PKG-INFO": info[f"{name}-{version}.dist-info/METADATA"],
        "backend.py": _BACKEND.format(
            fails=fails, name=name, version=version, info={**info, f"{name}-{version}.dist-info/RECORD": ""}
        ),
    }
    path = Path(folder) / f"{name}-{version}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for file, text in files.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{file}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


def _info(name, version, needs):
    lines = [
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}",
        *(f"Requires-Dist: {each}" for each in needs),
    ]
    tags = "Wheel-Version: 1.0\nGenerator: packages.py\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    return {
        f"{name}-{version}.dist-info/METADATA": "\n".join(lines) + "\n",
        f"{name}-{version}.dist-info/WHEEL": tags,
    }


def _digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Index:
    """What an index has, who may read it, and what was asked of it."""

    folder: Path
    login: str = ""
    url: str = ""
    status: int = 200  # of every answer
    asked: list[str] = field(default_factory=list)
    held: threading.Event | None = None  # answers wait for it
    reached: threading.Event = field(default_factory=threading.Event)

    def page(self, name):
        """Return the page of a project; None if there is none."""
        links = [
            f'<a href="/files/{file.name}#sha256={hashlib.sha256(file.read_bytes()).hexdigest()}">{file.name}</a>'
            for file in sorted(self.folder.iterdir())
            if re.sub("[-_.]+", "-", file.name.split("-")[0]).lower() == name
        ]
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode() if links else None

    def answer(self, path, authorization):
        """Return status, content type and body for a request."""
        self.asked.append(path)
        self.reached.set()
        if self.held:
            self.held.wait(30)
        if self.status != 200:
            return self.status, "text/plain", b""
        if self.login and authorization != "Basic " + base64.b64encode(self.login.encode()).decode():
            return 401, "text/plain", b""
        if project := re.fullmatch("/simple/([a-z0-9-]+)/", path):
            page = self.page(project[1])
            return (200, "text/html", page) if page else (404, "text/plain", b"")
        if (name := re.fullmatch(r"/files/([\w.+-]+)", path)) and (self.folder / name[1]).is_file():
            return 200, "application/octet-stream", (self.folder / name[1]).read_bytes()
        return 404, "text/plain", b""


@contextmanager
def serving(folder, **about):
    """Give an index of the packages in a folder, until the end of the block."""
    index = Index(folder, **about)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, kind, body = index.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if status == 401:
                self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the name is that of the method

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        index.url = f"http://127.0.0.1:{server.server_port}/simple"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield index
        finally:
            server.shutdown()
            thread.join()
