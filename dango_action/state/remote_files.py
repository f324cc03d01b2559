"""State on any file system that fsspec knows, if it can create a file that must not be there yet: sftp can."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dango_action.errors import CredentialsError, DangoError, StateError, UsageError
from dango_action.state.bucket import Item

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFiles:
    """A folder on a file system of fsspec's; `root` is its path there."""

    url: str
    root: str
    system: Any = field(repr=False)

    @classmethod
    def open(cls, url: str) -> RemoteFiles:
        """Return the folder at a URL.

        Raises:
            UsageError: fsspec has no such file system, or a package for it is missing.
            StateError: it can't be reached.

        """
        import fsspec  # noqa: PLC0415 - only a run that uses it needs it

        scheme = url.partition("://")[0]
        try:
            system, root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            what = f"state can't be kept at {url}: there is no file system for {scheme}:// here"
            raise UsageError.because(what, "use s3://, gs://, az:// or file://") from error
        except OSError as error:
            raise _unreachable(url, error) from error
        return cls(url=url, root=root.rstrip("/"), system=system)

    def create(self, name: str, content: bytes) -> bool:
        """Write a small file, unless there is one of this name."""
        try:
            with self._speaking():
                self.system.makedirs(self._folder(name), exist_ok=True)
                with self.system.open(self._path(name), "xb") as writer:
                    writer.write(content)
        except FileExistsError:
            return False
        return True

    def upload(self, name: str, file: Path) -> None:
        """Write a file from one of this machine."""
        with self._speaking():
            self.system.makedirs(self._folder(name), exist_ok=True)
            with file.open("rb") as reader, self.system.open(self._path(name), "wb") as writer:
                shutil.copyfileobj(reader, writer, _CHUNK)

    def read(self, name: str) -> Iterator[bytes]:
        """Give what is in a file; a FileNotFoundError if there is none."""
        with self._speaking(), self.system.open(self._path(name), "rb") as reader:
            while chunk := reader.read(_CHUNK):
                yield chunk

    def items(self, folder: str) -> list[Item]:
        """Return all files below a folder."""
        with self._speaking():
            try:
                found = self.system.find(self._path(folder), detail=True)
            except FileNotFoundError:
                return []
        return [
            Item(name=path.removeprefix(f"{self.root}/"), size=about["size"], modified=_moment(about))
            for path, about in found.items()
        ]

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""
        with self._speaking():
            try:
                self.system.rm_file(self._path(name))
            except FileNotFoundError:
                return

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _folder(self, name: str) -> str:
        return self._path(name).rpartition("/")[0]

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        try:
            yield
        except (FileExistsError, FileNotFoundError):
            raise
        except PermissionError as error:
            what = f"{self.url} refuses what this run asks for"
            raise CredentialsError.because(
                what, "it has to allow listing, reading, writing and deleting"
            ) from error
        except (ValueError, NotImplementedError) as error:  # how fsspec says that it has no mode `xb`
            what = f"state can't be kept at {self.url}: this file system can't create a file exclusively"
            raise UsageError.because(what, "use s3://, gs://, az:// or file://") from error
        except OSError as error:
            raise _unreachable(self.url, error) from error


def _moment(about: dict[str, Any]) -> datetime:
    """Return when a file was changed, in whatever way its file system tells it; now, if it doesn't."""
    told = about.get("mtime") or about.get("LastModified") or about.get("created")
    if isinstance(told, datetime):
        return told if told.tzinfo else told.replace(tzinfo=UTC)
    return datetime.fromtimestamp(told, UTC) if isinstance(told, int | float) else datetime.now(UTC)


def _unreachable(url: str, error: OSError) -> DangoError:
    what = f"{url} can't be reached: {error.strerror or type(error).__name__}"
    return StateError.because(what, "nothing was changed; is the URL right? Else run again")
