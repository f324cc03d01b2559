"""What git knows about a folder. Without git, or outside of a repository, it is nothing."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SECONDS = 10
# They would make git answer for another folder: a git hook sets them for what it starts.
_ELSEWHERE = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A work tree, and the `folder` in it that was asked about, "" for its top.

    `remote` is the address of `origin`, or ""; it may hold a token, so nothing prints it.
    """

    top: Path
    folder: str
    remote: str
    branch: str
    default_branch: str

    @property
    def name(self) -> str:
        """The last two parts of the remote's address, like `owner/name`; without one, the folder's name."""
        parts = re.findall(r"[^/:\\]+", self.remote.rstrip("/").removesuffix(".git"))
        return "/".join(parts[-2:]) or self.top.name


def find(folder: Path) -> Repository | None:
    """Return the repository whose work tree holds this folder; None if there is none, or no git."""
    top = _git(folder, "rev-parse", "--show-toplevel")
    if not top:
        return None
    branch = _git(folder, "symbolic-ref", "--short", "-q", "HEAD") or ""
    head = _git(folder, "symbolic-ref", "--short", "-q", "refs/remotes/origin/HEAD") or ""
    return Repository(
        top=Path(top),
        folder=(_git(folder, "rev-parse", "--show-prefix") or "").removesuffix("/"),
        remote=_git(folder, "config", "--get", "remote.origin.url") or "",
        branch=branch,
        default_branch=head.removeprefix("origin/") or branch or "main",
    )


def ignored(folder: Path, files: Iterable[Path]) -> tuple[Path, ...]:
    """Return those of the files that git would not commit."""
    names = b"\0".join(os.fsencode(file) for file in files)
    answer = _git(folder, "check-ignore", "-z", "--stdin", given=names) or ""
    return tuple(Path(name) for name in answer.split("\0") if name)


def _git(folder: Path, *arguments: str, given: bytes = b"") -> str | None:
    """Return what git prints, without the final newline; None if it fails or is not there."""
    environ = {key: value for key, value in os.environ.items() if key not in _ELSEWHERE}
    # A container's checkout may belong to another user; none of these commands runs what a repository configures.
    trusting = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false")
    command = ["git", "-C", str(folder), *trusting, *arguments]
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, env=environ, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return os.fsdecode(done.stdout).removesuffix("\n") if done.returncode == 0 else None
