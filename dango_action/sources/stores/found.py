"""A file that a store has, and what a store can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file of a store.

    `name` is its path below the store's root. `version` is different once the file is; None if only its content
    can tell. Files are read in the order of `modified`, seconds, and then of their names.
    """

    name: str
    version: str | None
    modified: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file on this machine, and the version that it is a copy of; None if only its content can tell."""

    path: Path
    version: str | None


class Store(Protocol):
    """Files below a root. What fails is an error for people, but for a file that has gone."""

    @property
    def url(self) -> str:
        """Where the root is, for people; it holds no credentials, and ends with a slash or is empty."""

    def find(self, pattern: str) -> Iterator[Found]:
        """Give the files that fit a pattern; none if a path without `*` is no file's."""

    def fetch(self, found: Found, scratch: Path) -> AbstractContextManager[Fetched]:
        """Give a file as one state of it, as a copy in `scratch` if need be.

        Raises:
            FileNotFoundError: it has gone in the meantime.

        """
