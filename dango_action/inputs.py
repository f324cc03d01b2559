"""What a run was asked to do, and the one place that knows the names of environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The words of a command line or of the Action's `with:`, before they are held against the configuration."""

    project: Path
    sources: tuple[str, ...] = ()  # names, globs, `tag:x`; empty means every enabled source
    exclude: tuple[str, ...] = ()
    target: str | None = None  # instead of the one in sources.yml
    full_refresh: bool = False
    limit: int | None = None  # rows of each resource to look at, instead of a load
    jobs: int | None = None
    strict: bool = False  # let one broken source stop the others


def words(values: Iterable[str]) -> tuple[str, ...]:
    """Return the words of repeated options, each of which may itself be a list with commas or spaces."""
    return tuple(word for value in values for word in value.replace(",", " ").split())


def on_runner(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a step of a GitHub Actions job."""
    return environ.get("GITHUB_ACTIONS") == "true"


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
