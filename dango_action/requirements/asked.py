"""What a requirements file asks for, once all of it has been read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from dango_action.errors import Position, Problem

FILE = ".dango/requirements.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A package that is asked for, as uv is given it: paths are absolute, and hashes stand behind it."""

    name: str  # canonical
    line: str
    at: Position
    is_code: bool  # an archive, a folder or a repository, which has to be built
    hashed: bool


@dataclass(slots=True, kw_only=True)
class Asked:
    """What uv is to install and from where, or what is wrong with it."""

    project: Path
    wanted: list[Wanted] = field(default_factory=list)
    bounds: list[Wanted] = field(default_factory=list)  # of a constraints file, `-c`
    origins: list[str] = field(default_factory=list)  # options for uv that say where packages lie
    built: set[str] = field(default_factory=set)  # what `--no-binary` names, canonical
    all_hashed: bool = False
    pre_releases: bool = False
    problems: list[Problem] = field(default_factory=list)
