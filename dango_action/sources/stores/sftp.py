"""An SFTP server by paramiko, which a project that needs it lists in `.dango/requirements.txt`.

The server's key is compared with the one that is configured: a machine that is thrown away knows no server from
the time before, and whoever answers in its place would be handed the password.
"""

from __future__ import annotations

import base64
import io
import stat
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from dango_action.errors import ConfigError, CredentialsError, SourceError
from dango_action.sources.stores.found import Fetched, Found
from dango_action.sources.stores.globs import compiled, folder_of, is_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SECONDS = 30
_CHUNK = 1024 * 1024
_UNSETTLED = 60  # seconds, in which the clock of the server may differ from the one here


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFiles:
    """A folder on an SFTP server. A file's version is its time, in seconds, and its size."""

    url: str
    root: str
    client: Any = field(repr=False)

    def find(self, pattern: str) -> Iterator[Found]:
        """Give the files that fit a pattern.

        Raises:
            CredentialsError: a folder may not be read.
            SourceError: the connection has ended.

        """
        with self._speaking():
            if not is_pattern(pattern):
                try:
                    about = self.client.stat(self._path(pattern))
                except FileNotFoundError:
                    return
                if stat.S_ISREG(about.st_mode):
                    yield _found(pattern, about)
                return
            found = list(self._walk(folder_of(pattern), pattern.count("/"), deep="**" in pattern))
        fits = compiled(pattern)
        yield from (one for one in found if fits.match(one.name))

    @contextmanager
    def fetch(self, found: Found, scratch: Path) -> Iterator[Fetched]:
        """Copy a file.

        Raises:
            FileNotFoundError: it has gone.
            CredentialsError: it may not be read.
            SourceError: it was written to at the same time, or the connection has ended.

        """
        path = scratch / "object"
        with self._speaking(), self.client.open(self._path(found.name), "rb") as reader, path.open("wb") as writer:
            before = reader.stat()
            reader.prefetch(before.st_size)
            while chunk := reader.read(_CHUNK):
                writer.write(chunk)
            after = reader.stat()
        if (before.st_mtime, before.st_size) != (after.st_mtime, after.st_size):
            what = f"{self.url}{found.name} was written to or deleted while it was read"
            raise SourceError.because(what, "nothing was loaded; run again once the file is complete")
        yield Fetched(path=path, version=_found(found.name, after).version)
        path.unlink(missing_ok=True)

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}" if self.root else name

    def _walk(self, folder: str, depth: int, *, deep: bool) -> Iterator[Found]:
        try:
            entries = self.client.listdir_attr(self._path(folder).rstrip("/") or "/")
        except FileNotFoundError:
            return
        for entry in entries:
            name = f"{folder}{entry.filename}"
            about = self.client.stat(self._path(name)) if stat.S_ISLNK(entry.st_mode) else entry
            if stat.S_ISREG(about.st_mode):
                yield _found(name, about)
            elif (
                stat.S_ISDIR(entry.st_mode)
                and not entry.filename.startswith(".")
                and (deep or name.count("/") < depth)
            ):
                yield from self._walk(f"{name}/", depth, deep=deep)

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        import paramiko  # noqa: PLC0415 - it is there, or this could not have been opened

        try:
            yield
        except FileNotFoundError:
            raise
        except PermissionError as error:
            what = f"{self.url} refuses to have files listed or read there"
            raise CredentialsError.because(what, "the user has to be allowed to read them") from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            what = f"{self.url} can't be read: {type(error).__name__}"
            raise SourceError.because(what, "nothing was loaded; run again; the log has more") from error


@contextmanager
def open_sftp(url: str, values: Mapping[str, Any]) -> Iterator[RemoteFiles]:
    """Connect, and give the folder at a URL.

    Raises:
        ConfigError: paramiko is not installed, the URL has no host, or a key is none.
        CredentialsError: the server's key is not the configured one, or the server refuses the login.
        SourceError: there is no such server.

    """
    try:
        import paramiko  # noqa: PLC0415 - as above
    except ImportError as error:
        what = "files on an SFTP server need the package paramiko"
        raise ConfigError.because(what, "add the line `paramiko` to .dango/requirements.txt") from error

    address = urlsplit(url)
    if not address.hostname or address.password:
        what = "`bucket_url` has no host" if not address.hostname else "`bucket_url` holds a password"
        raise ConfigError.because(what, "write sftp://host/folder, and the login into `sftp_username`")
    place = f"sftp://{address.hostname}{address.path}".rstrip("/") + "/"
    transport = _transport(address.hostname, address.port or values.get("sftp_port") or 22, place)
    try:
        _log_in(transport, place, {**values, "user": address.username and unquote(address.username)})
        yield RemoteFiles(
            url=place,
            root=unquote(address.path).rstrip("/"),
            client=paramiko.SFTPClient.from_transport(transport),
        )
    finally:
        transport.close()


def _transport(host: str, port: int, place: str) -> Any:  # noqa: ANN401 - paramiko has no types
    import socket  # noqa: PLC0415 - as paramiko

    import paramiko  # noqa: PLC0415 - as above

    try:
        connection = socket.create_connection((host, port), _SECONDS)
        transport = paramiko.Transport(connection)
        transport.banner_timeout = transport.auth_timeout = _SECONDS
        transport.start_client(timeout=_SECONDS)
    except (OSError, paramiko.SSHException) as error:
        what = f"{place} can't be reached at port {port}: {type(error).__name__}"
        raise SourceError.because(what, "is it an SFTP server, and does it let this machine in?") from error
    return transport


def _log_in(transport: Any, place: str, values: Mapping[str, Any]) -> None:  # noqa: ANN401 - as above
    import paramiko  # noqa: PLC0415 - as above

    key = transport.get_remote_server_key()
    shown = f"{key.get_name()} {base64.b64encode(key.asbytes()).decode()}"
    known = str(values.get("sftp_host_key") or "")
    if f" {shown} " not in f" {' '.join(known.split())} ":
        transport.close()
        what = f"{place} has another key than `sftp_host_key`" if known else f"the key of {place} is not known"
        hint = f"ask its administrator for the key; if it is this one, set `sftp_host_key: {shown}`"
        raise CredentialsError.because(what, hint)
    user = values.get("sftp_username") or values.get("user") or ""
    try:
        if private := values.get("sftp_private_key"):
            transport.auth_publickey(user, _private_key(private, values.get("sftp_key_passphrase")))
        else:
            transport.auth_password(user, values.get("sftp_password") or "")
    except paramiko.AuthenticationException as error:
        what = f"{place} refuses the login"
        hint = "look at `sftp_username`, and `sftp_password` or `sftp_private_key`"
        raise CredentialsError.because(what, hint) from error
    except paramiko.SSHException as error:
        what = f"{place} has ended the login: {type(error).__name__}"
        raise SourceError.because(what, "run again; the log has more") from error


def _private_key(text: str, passphrase: str | None) -> Any:  # noqa: ANN401 - as above
    import paramiko  # noqa: PLC0415 - as above

    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text), password=passphrase)
        except (paramiko.SSHException, ValueError, TypeError):
            continue
    what = "`sftp_private_key` can't be read"
    raise CredentialsError.because(what, "it is the whole file, `-----BEGIN` to `-----END`; has it a passphrase?")


def _found(name: str, about: Any) -> Found:  # noqa: ANN401 - as above
    modified = float(about.st_mtime or 0)
    # seconds are coarse: what was written a moment ago may be written again within the same one
    settled = modified < time.time() - _UNSETTLED
    return Found(name=name, version=f"{about.st_mtime} {about.st_size}" if settled else None, modified=modified)
