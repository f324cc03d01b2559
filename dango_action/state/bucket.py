"""A bucket, or a folder, at a URL: a few operations on objects, with errors for people.

An object store is spoken to by obstore, which takes credentials and endpoint from the environment, by the names
that its own tools use. Any other file system is one of fsspec's, see `remote_files`.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from dango_action.errors import CredentialsError, StateError, UsageError
from dango_action.stop import interruptible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from obstore.store import ClientConfig, ObjectStore, RetryConfig

_CHUNK = 1024 * 1024
_PART = 8 * 1024 * 1024  # of an upload; S3 takes 10,000
_AT_ONCE = 4
_VARIABLES = {
    "s3": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, and AWS_ENDPOINT_URL if it is not Amazon's",
    "gcs": "GOOGLE_SERVICE_ACCOUNT_KEY or GOOGLE_APPLICATION_CREDENTIALS",
    "azure": "AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_KEY",
}
_SCHEMES = {
    **dict.fromkeys(("s3", "s3a"), "s3"),
    "gs": "gcs",
    **dict.fromkeys(("az", "azure", "adl", "abfs", "abfss"), "azure"),
    "file": "local",
}
_QUERY = re.compile(r"\?\S*")  # of an address: it may be a signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where state is kept. `plain_http` allows an endpoint without TLS."""

    url: str
    plain_http: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An object; its name counts from the bucket's URL, its size is in bytes."""

    name: str
    size: int
    modified: datetime


class Bucket(Protocol):
    """Objects by name. Whatever fails is a StateError, or a CredentialsError if the store refuses."""

    @property
    def url(self) -> str:
        """Where it is, for people; it holds no credentials."""

    def create(self, name: str, content: bytes) -> bool:
        """Write a small object, unless there is one of this name: false then. It is never half there."""

    def upload(self, name: str, file: Path) -> None:
        """Write an object from a file."""

    def read(self, name: str) -> Iterator[bytes]:
        """Give what is in an object; a FileNotFoundError if there is none."""

    def items(self, folder: str) -> list[Item]:
        """Return all objects whose names begin with a folder's and a slash; no order is promised."""

    def delete(self, name: str) -> None:
        """Delete an object, if it is there."""


def open_bucket(address: Address) -> Bucket:
    """Return the bucket at a URL; nothing is asked of it yet.

    Raises:
        UsageError: the URL is none that state can be kept at.
        StateError: there is no such folder.

    """
    scheme = address.url.partition("://")[0].lower()
    if scheme in _SCHEMES:
        return _opened(address, _SCHEMES[scheme])
    if scheme in ("http", "https"):
        what = f"state can't be kept at {address.url}: over HTTP alone a file can't be created exclusively"
        raise UsageError.because(
            what, "use s3://, gs://, az:// or file://; a service like S3 has AWS_ENDPOINT_URL"
        )
    from dango_action.state.remote_files import RemoteFiles  # noqa: PLC0415 - seldom needed

    return RemoteFiles.open(address.url)


def _opened(address: Address, kind: str) -> Bucket:
    from obstore import exceptions, store  # noqa: PLC0415 - only a run that uses a bucket needs it

    retry: RetryConfig = {
        "max_retries": 4,
        "retry_timeout": timedelta(seconds=60),
        "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=10), "base": 2},
    }
    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=10),
        "read_timeout": timedelta(seconds=60),
        "timeout": timedelta(hours=2),  # of a whole request; a stalled one ends by the time-out above
        "allow_http": address.plain_http,
    }
    try:
        if kind == "local":
            opened: Any = store.from_url(address.url)
        else:
            opened = store.from_url(address.url, retry_config=retry, client_options=client)
    except (exceptions.BaseError, ValueError, OSError) as error:
        what = f"state can't be kept at {address.url}: {_said(error)}"
        hint = f"it needs {_VARIABLES[kind]}" if kind in _VARIABLES else "make the folder first"
        raise StateError.because(what, hint) from error
    return ObjectStoreBucket(url=address.url, kind=kind, store=opened)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStoreBucket:
    """A bucket that obstore can speak to; `kind` is one of its words."""

    url: str
    kind: str
    store: ObjectStore = field(repr=False)

    def create(self, name: str, content: bytes) -> bool:
        """Write a small object, unless there is one of this name."""
        import obstore  # noqa: PLC0415 - as above

        try:
            with self._speaking("written to"):
                interruptible(lambda: obstore.put(self.store, name, content, mode="create", use_multipart=False))
        except obstore.exceptions.AlreadyExistsError:
            return False
        return True

    def upload(self, name: str, file: Path) -> None:
        """Write an object from a file, in parts that are sent again if they fail."""
        import obstore  # noqa: PLC0415 - as above

        with self._speaking("written to"):
            interruptible(lambda: obstore.put(self.store, name, file, chunk_size=_PART, max_concurrency=_AT_ONCE))

    def read(self, name: str) -> Iterator[bytes]:
        """Give what is in an object; a FileNotFoundError if there is none."""
        import obstore  # noqa: PLC0415 - as above

        with self._speaking("read", missing=False):
            chunks = iter(interruptible(lambda: obstore.get(self.store, name)).stream(_CHUNK))
            while chunk := interruptible(lambda: next(chunks, None)):
                yield bytes(chunk)

    def items(self, folder: str) -> list[Item]:
        """Return all objects whose names begin with a folder's and a slash."""
        import obstore  # noqa: PLC0415 - as above

        with self._speaking("listed"):
            try:
                found = interruptible(lambda: obstore.list(self.store, f"{folder}/").collect())
            except obstore.exceptions.GenericError:
                # why a listing is refused has no type of its own; why a look at an object is has one
                with suppress(FileNotFoundError):
                    interruptible(lambda: obstore.head(self.store, f"{folder}/probe"))
                raise
        return [Item(name=each["path"], size=each["size"], modified=each["last_modified"]) for each in found]

    def delete(self, name: str) -> None:
        """Delete an object, if it is there."""
        import obstore  # noqa: PLC0415 - as above

        try:
            with self._speaking("written to", missing=False):
                interruptible(lambda: obstore.delete(self.store, name))
        except FileNotFoundError:
            return

    @contextmanager
    def _speaking(self, done: str, *, missing: bool = True) -> Iterator[None]:
        """Turn what goes wrong into words; `missing`: what is not there can only be the bucket itself."""
        from obstore import exceptions  # noqa: PLC0415 - as above

        needs = (
            f"it is asked with {_VARIABLES[self.kind]}" if self.kind in _VARIABLES else "look at its permissions"
        )
        try:
            yield
        except exceptions.AlreadyExistsError:
            raise
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError) as error:
            what = f"{self.url} can't be {done}: it refuses the credentials of this run, or what they may do"
            hint = f"they have to allow listing, reading, writing and deleting there; {needs}"
            raise CredentialsError.because(what, hint) from error
        except FileNotFoundError as error:
            if not missing:
                raise
            what = f"{self.url} can't be {done}: there is no such bucket"
            raise StateError.because(what, f"make it, or mend `state`; {needs}") from error
        except (exceptions.BaseError, OSError) as error:
            what = f"{self.url} can't be {done}: {_said(error)}"
            raise StateError.because(
                what, f"nothing was changed; is the URL right? {needs}; else run again"
            ) from error


def _said(error: Exception) -> str:
    """Return the first line of an error, without the query of an address in it."""
    return _QUERY.sub("", str(error).strip().partition("\n")[0]) or type(error).__name__
