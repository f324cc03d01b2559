"""A connection to MySQL or MariaDB, and why there is none, by the server's and the driver's numbers."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.constants import CR, ER
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from dango_action.config.words import did_you_mean
from dango_action.errors import CredentialsError, SourceError

if TYPE_CHECKING:
    from dango_action.sources.sql.address import Address

PASSING = frozenset(
    {
        ER.CON_COUNT_ERROR,
        ER.SERVER_SHUTDOWN,
        ER.LOCK_WAIT_TIMEOUT,
        ER.LOCK_DEADLOCK,
        ER.QUERY_INTERRUPTED,
        CR.CR_CONN_HOST_ERROR,
        CR.CR_SERVER_GONE_ERROR,
        CR.CR_SERVER_LOST,
    }
)
"""What may go well another time."""
_PATIENCE = 15
"""Seconds for a connection."""
_NO_PASSWORD = 1698  # ER_ACCESS_DENIED_NO_PASSWORD_ERROR, which the driver has no name for


@dataclass(frozen=True, slots=True)
class Login:
    """The login of an address."""

    address: Address

    def open(self) -> Any:  # noqa: ANN401 - the driver has no types
        """Return a connection.

        Raises:
            CredentialsError: the server refuses the login.
            SourceError: there is no such host or database.
            ConnectionError: it can't be reached now.

        """
        try:
            return self._opened(self.address.database)
        except (pymysql.Error, OSError) as error:
            raise self._refused(error) from error

    def _opened(self, database: str | None) -> Any:  # noqa: ANN401 - as above
        address = self.address
        where = {"unix_socket": address.host} if address.host.startswith("/") else {"host": address.host}
        return pymysql.connect(
            **where,
            port=address.port,
            user=address.username,
            password=address.password or "",
            database=database,
            charset="utf8mb4",
            connect_timeout=_PATIENCE,
            **self._tls(),
        )

    def _tls(self) -> dict[str, Any]:
        mode = self.address.ssl_mode
        if mode in {"disable", "prefer"}:  # the driver's own way is to prefer it
            return {"ssl_disabled": True} if mode == "disable" else {}
        context = ssl.create_default_context(cafile=self.address.ssl_root_cert or DEFAULT_CA_BUNDLE_PATH)
        context.check_hostname = mode == "verify-full"
        if mode == "require":
            context.verify_mode = ssl.CERT_NONE
        return {"ssl": context}

    def _refused(self, error: Exception) -> Exception:
        address, shown, code = self.address, self.address.shown, code_of(error)
        cause = getattr(error, "original_exception", error)
        if isinstance(cause, socket.gaierror):
            hint = "look at `host`: it is a name or an IP address, without `https://` and without a port"
            return SourceError.because(f"there is no host `{address.host}`", hint)
        if isinstance(cause, ssl.SSLError) or code == CR.CR_SSL_CONNECTION_ERROR:
            what = f"{shown} gives no TLS as `ssl_mode: {address.ssl_mode}` wants it"
            hint = "turn it on there, or give its CA as `ssl_root_cert`; `ssl_mode: disable` goes without"
            return CredentialsError.because(what, hint)
        if isinstance(cause, OSError) or code in PASSING:
            what = f"{shown} does not answer: look at `host` and `port`, and whether a firewall is between"
            return ConnectionError(what)
        return self._answered(code)

    def _answered(self, code: int | None) -> Exception:
        """Return what a server means that refuses a login with this number."""
        address, shown = self.address, self.address.shown
        if code == ER.BAD_DB_ERROR:
            hint = did_you_mean(address.database, self._databases())
            return SourceError.because(f"{shown} has no database `{address.database}`", hint)
        if code == ER.DBACCESS_DENIED_ERROR:
            what = f"`{address.username}` may not use the database `{address.database}` of {shown}"
            hint = "look whether there is one of this name, and `GRANT SELECT` on it to this user"
            return CredentialsError.because(what, hint)
        if code in {ER.ACCESS_DENIED_ERROR, _NO_PASSWORD}:
            hint = "look at `username` and `password`, and whether this user may log in from here"
            return CredentialsError.because(f"{shown} refuses the login of `{address.username}`", hint)
        return SourceError.because(f"{shown} refuses the connection (error {code})", "the log has its words")

    def _databases(self) -> list[str]:
        with self._opened(None) as connection, connection.cursor() as cursor:
            cursor.execute("show databases")
            return [name for (name,) in cursor.fetchall()]


def code_of(error: object) -> int | None:
    """Return the number of an error of the driver or the server."""
    arguments = getattr(error, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None
