"""One requirement: a name and versions, an address, or a wheel of the project."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from dango_action.config.words import show
from dango_action.errors import ConfigError, Problem
from dango_action.requirements.asked import Wanted
from dango_action.requirements.places import address, is_address, path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dango_action.requirements.lines import Line

_HASH = re.compile("sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")
_LIKE = "write it like `pendulum>=3,<4`, one a line"


def wanted(line: Line, project: Path, locked: Mapping[str, str]) -> Wanted:
    """Return what a line asks for, as uv is given it.

    Raises:
        ConfigError: it is no requirement, leads out of the project, or excludes what dango is made with.

    """
    try:
        requirement = Requirement(line.text)
    except (InvalidRequirement, RecursionError):  # of brackets in brackets
        requirement = _unnamed(line, project)
    if requirement.url:
        requirement.url = _origin(requirement.url, line, project)
    name = canonicalize_name(requirement.name)
    if name in locked:
        _fits(requirement, locked[name], line)
    for each in line.hashes:
        if not _HASH.fullmatch(each):
            hint = "write it as pip does, `--hash=sha256:` and 64 digits from 0 to f"
            raise ConfigError.because("this hash is none that can be compared", hint, line.at)
    hashes = "".join(f" --hash={each}" for each in line.hashes)
    text, is_code = f"{requirement}{hashes}", _is_code(requirement.url)
    return Wanted(name=name, line=text, at=line.at, is_code=is_code, hashed=bool(hashes))


def _unnamed(line: Line, project: Path) -> Requirement:
    """Return the requirement of a line that is only the path or the address of a wheel."""
    text = line.text
    if not (is_address(text) or text.startswith((".", "/")) or text.endswith(".whl")):
        raise ConfigError.because(f"this is no requirement: `{show(text)}`", _LIKE, line.at)
    origin = _origin(text, line, project)
    try:
        name, *_ = parse_wheel_filename(_last(origin))
    except InvalidWheelFilename:
        hint = (
            "name a wheel (`.whl`), or what it is, `NAME @ ADDRESS`; "
            "modules of your own need no installation below `custom_sources/`"
        )
        raise ConfigError.because("this is not the name of a wheel", hint, line.at) from None
    return Requirement(f"{name} @ {origin}")


def _origin(text: str, line: Line, project: Path) -> str:
    if is_address(text) and not text.startswith("file:"):
        return address(text, line.at)
    return path(text, project, project, line.at).as_uri()


def _last(address_: str) -> str:
    return address_.partition("#")[0].partition("?")[0].rpartition("/")[2]


def _is_code(url: str | None) -> bool:
    """Tell whether what lies at an address has to be built, which runs code of it."""
    return url is not None and (url.startswith("git+") or not _last(url).endswith(".whl"))


def _fits(requirement: Requirement, version: str, line: Line) -> None:
    """Refuse another version of something that dango is made with."""
    try:
        if requirement.marker and not requirement.marker.evaluate():
            return
    except (UndefinedComparison, UndefinedEnvironmentName):
        hint = "write it like `; python_version < '3.12'`"
        raise ConfigError.because("what stands behind `;` can't be compared", hint, line.at) from None
    if not requirement.url and requirement.specifier.contains(version, prereleases=True):
        return
    asked = "an address" if requirement.url else f"`{show(str(requirement.specifier))}`"
    what = f"{asked} for {requirement.name}: this version of dango has {requirement.name} {version}"
    hint = f"let the line allow {version}, or leave it out: {requirement.name} is there without being named"
    raise ConfigError.because(what, hint, line.at)


def not_asked(one: Wanted) -> Problem:
    """Return the problem of code that would be built, though no `--no-binary` has asked for it."""
    return Problem(
        what=f"`{one.name}` is no wheel, so it would have to be built",
        hint=f"name a wheel, or add the line `--no-binary {one.name}`: its code then runs when it is built",
        at=one.at,
    )


def not_hashed(one: Wanted) -> Problem:
    """Return the problem of a line without a hash, where `--require-hashes` wants one on every line."""
    return Problem(
        what=f"`{one.name}` has no hash, and `--require-hashes` stands in the file",
        hint="`uv pip compile --generate-hashes` writes a file in which all have theirs",
        at=one.at,
    )
