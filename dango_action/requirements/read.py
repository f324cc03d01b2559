"""Reading a project's requirements: every line, of the files it includes too, and all that is wrong at once."""

from __future__ import annotations

import os
import shlex
import stat
from typing import TYPE_CHECKING, NoReturn

from packaging.utils import canonicalize_name

from dango_action.config.text import LARGEST, decode
from dango_action.config.words import did_you_mean, show
from dango_action.errors import ConfigError, Position, Problem
from dango_action.requirements.asked import FILE, Asked
from dango_action.requirements.lines import lines
from dango_action.requirements.locked import locked
from dango_action.requirements.named import not_asked, not_hashed, wanted
from dango_action.requirements.places import address, is_address, path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dango_action.requirements.lines import Line

_MOST_FILES = 50
_LONGEST = 4096  # characters of a line; a URL may have 2,000
_LONG = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-i": "--index-url",
    "-f": "--find-links",
    "-e": "--editable",
}
_FLAGS = ("--no-index", "--require-hashes", "--pre", "--prefer-binary")
_VALUED = (*_LONG.values(), "--extra-index-url", "--no-binary", "--only-binary")


def read(project: Path) -> Asked:
    """Return what the requirements of a project ask for; without a file, nothing. It runs and fetches nothing."""
    asked = Asked(project=project)
    if os.path.lexists(project / FILE):
        versions = locked()
        reader = _Reader(asked, versions)
        try:
            reader.file(path(FILE, project, project, _start(FILE)), FILE, bounds=False)
        except ConfigError as error:
            asked.problems += error.problems
        codes = (one for one in (*asked.wanted, *asked.bounds) if one.is_code)
        asked.problems += (not_asked(one) for one in codes if one.name not in asked.built)
        bare = (one for one in asked.wanted if asked.all_hashed and not one.hashed and one.name not in versions)
        asked.problems += map(not_hashed, bare)
    return asked


class _Reader:
    """Reads files into what is asked; a problem ends its line, not the file."""

    def __init__(self, asked: Asked, versions: Mapping[str, str]) -> None:
        self._asked = asked
        self._locked = versions
        self._seen: set[tuple[Path, bool]] = set()

    def file(self, file: Path, shown: str, *, bounds: bool) -> None:
        """Read a file; of a constraints file, each line is a bound and nothing to install.

        Raises:
            ConfigError: it can't be read as a whole.

        """
        if (file, bounds) in self._seen:
            return
        self._seen.add((file, bounds))
        for line in lines(_text(file, shown), shown):
            try:
                if len(line.text) > _LONGEST:
                    hint = "write one requirement a line"
                    raise ConfigError.because(f"this is longer than {_LONGEST:,} characters", hint, line.at)
                if "${" in line.text:
                    hint = "give an index by the variable `UV_EXTRA_INDEX_URL` below `env:` of the step"
                    raise ConfigError.because("variables are not filled in here", hint, line.at)
                if line.text.startswith("-"):
                    self._options(line, file, bounds=bounds)
                else:
                    self._requirement(line, bounds=bounds)
            except ConfigError as error:
                self._asked.problems += error.problems

    def _requirement(self, line: Line, *, bounds: bool) -> None:
        one = wanted(line, self._asked.project, self._locked)
        (self._asked.bounds if bounds else self._asked.wanted).append(one)

    def _options(self, line: Line, file: Path, *, bounds: bool) -> None:
        try:
            words = shlex.split(line.text)
        except ValueError:
            raise ConfigError.because("a quotation mark has no partner", "close it", line.at) from None
        while words:
            name, is_joined, value = words.pop(0).partition("=")
            if name[:2] in _LONG and not name.startswith("--"):
                name, value, is_joined = _LONG[name[:2]], value or name[2:], is_joined or name[2:]
            if name in _FLAGS and not is_joined:
                self._flag(name)
            elif name in _VALUED:
                value = value if is_joined else words.pop(0) if words else ""
                if not value:
                    raise ConfigError.because(f"`{name}` lacks its value", f"write `{name} …`", line.at)
                self._valued(name, value, line, (file, bounds))
            else:
                what = f"the option `{show(name)}` has no meaning here"
                raise ConfigError.because(what, did_you_mean(name, (*_VALUED, *_FLAGS)), line.at)

    def _flag(self, name: str) -> None:
        match name:
            case "--require-hashes":
                self._asked.all_hashed = True
            case "--pre":
                self._asked.pre_releases = True
            case "--no-index":
                self._asked.origins.append(name)

    def _valued(self, name: str, value: str, line: Line, within: tuple[Path, bool]) -> None:
        file, bounds = within
        match name:
            case "--requirement" | "--constraint":
                self._include(value, line, file, bounds=bounds or name == "--constraint")
            case "--index-url" | "--extra-index-url":
                self._asked.origins += [_INDEXES[name], address(value, line.at)]
            case "--find-links":
                remote = is_address(value) and not value.startswith("file:")
                place = address(value, line.at) if remote else self._path(value, line, file.parent)
                self._asked.origins += [name, str(place)]
            case "--editable":
                hint = "modules of your own need no installation: put them below `custom_sources/`"
                raise ConfigError.because("nothing is installed so that it can be edited", hint, line.at)
            case "--no-binary":
                self._asked.built |= _names(value, line)
            case "--only-binary":
                pass  # it is so for all that `--no-binary` does not name

    def _include(self, value: str, line: Line, file: Path, *, bounds: bool) -> None:
        included = self._path(value, line, file.parent)
        if len(self._seen) >= _MOST_FILES:
            raise ConfigError.because("too many files include each other", f"use {_MOST_FILES} at most", line.at)
        self.file(included, included.relative_to(self._asked.project.resolve()).as_posix(), bounds=bounds)

    def _path(self, value: str, line: Line, base: Path) -> Path:
        return path(value, base, self._asked.project, line.at)


_INDEXES = {"--index-url": "--default-index", "--extra-index-url": "--index"}


def _names(value: str, line: Line) -> set[str]:
    names = [name.strip() for name in value.split(",")]
    if any(name.startswith(":") or not name for name in names):
        hint = "list the names of those packages, like `--no-binary shop,parcel`"
        raise ConfigError.because("code is built only of packages that are named", hint, line.at)
    return {canonicalize_name(name) for name in names}


def _text(file: Path, shown: str) -> str:
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # before opening: a named pipe would wait for a writer
            _unreadable("this is not a file", "put a text file in its place", shown)
        with file.open("rb") as stream:
            text = decode(stream.read(LARGEST + 1), shown)
    except OSError as error:
        _unreadable(f"the file can't be read: {error.strerror}", "look at its permissions and its folder", shown)
    if isinstance(text, Problem):
        raise ConfigError(text)
    return text


def _unreadable(what: str, hint: str, shown: str) -> NoReturn:
    raise ConfigError.because(what, hint, _start(shown))


def _start(shown: str) -> Position:
    return Position(file=shown, line=1, column=1)
