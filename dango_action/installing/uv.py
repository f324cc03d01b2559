"""One run of uv, which sees no secret but those of package indexes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dango_action.credentials.redaction import Redactor
from dango_action.environment import for_installers
from dango_action.requirements.locked import OURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from dango_action.requirements.asked import Asked, Wanted

LONGEST = 20 * 60.0  # seconds for all packages; a large one comes in two minutes
_LONGEST_TEXT = 64 * 1024  # bytes of what uv says that are read
_LOGIN = re.compile(r"(?<=://)[^\s/@]+@")
_UNPRINTABLE = re.compile(r"[^\n\x20-\x7e\xa0-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How a run of uv has ended, and its own words. `status` is None if it took too long."""

    status: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Uv:
    """uv, for one environment: the one that this process runs in."""

    folder: Path  # of the step, outside of the workspace: uv lies in it, and its files are written there
    lock: Path  # what dango is made with, with hashes
    version: str  # of dango
    environ: Mapping[str, str]

    def install(
        self, asked: Asked, wanted: Iterable[Wanted], *, dry: bool = False, longest: float = LONGEST
    ) -> Said:
        """Install packages, or only find out whether they can be; `longest` is in seconds.

        Raises:
            OSError: uv is not there, or its files can't be written.

        """
        needed = self._file("wanted.txt", (one.line for one in wanted))
        bounds = self._file("bounds.txt", (f"{OURS}=={self.version}", *(one.line for one in asked.bounds)))
        arguments = [
            *(str(self.folder / "uv/bin/uv"), "pip", "install", "--quiet", "--no-config", "--no-progress"),
            *("--color", "never", "--no-python-downloads", "--python", sys.executable),
            *("--only-binary", ":all:", *(f"--no-binary={name}" for name in sorted(asked.built))),
            *asked.origins,
            *(["--require-hashes"] if asked.all_hashed else []),
            *(["--prerelease", "allow"] if asked.pre_releases else []),
            *(["--dry-run"] if dry else []),
            *("--constraints", str(self.lock), "--constraints", str(bounds), "--requirements", str(needed)),
        ]
        variables = for_installers(self.environ)
        log = self.folder / "uv.log"
        status = _run(arguments, variables, self.folder, longest)
        with log.open("rb") as stream:
            said = stream.read(_LONGEST_TEXT).decode(errors="replace")
        said = Redactor.of(logins(variables)).text(_LOGIN.sub("***@", said))
        return Said(status=status, text=_UNPRINTABLE.sub("", said).strip())

    def _file(self, name: str, lines: Iterable[str]) -> Path:
        file = self.folder / name
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return file


def logins(variables: Mapping[str, str]) -> Iterator[str]:
    """Give the passwords for package indexes, alone or in addresses."""
    for name, text in variables.items():
        if name.startswith("UV_INDEX_") and name.endswith("_PASSWORD"):
            yield text
        for word in text.split() if name.startswith("UV_") else ():
            with suppress(ValueError):
                parts = urlsplit(word.partition("=")[2] if "=" in word.partition("://")[0] else word)
                yield from (login for login in (parts.password or parts.username,) if login)


def _run(arguments: list[str], variables: Mapping[str, str], folder: Path, longest: float) -> int | None:
    with (folder / "uv.log").open("wb") as stream:
        process = subprocess.Popen(
            arguments,
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # what it builds with is ended with it
        )
        try:
            return process.wait(longest)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
