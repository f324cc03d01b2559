"""A connection to PostgreSQL, and why there is none."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from dango_action.config.words import did_you_mean
from dango_action.errors import CredentialsError, SourceError

if TYPE_CHECKING:
    from dango_action.sources.sql.address import Address

_PATIENCE = 15
"""Seconds for a connection."""
_DATABASES = "select datname from pg_catalog.pg_database where not datistemplate order by datname"
_EVERYWHERE = ("postgres", "template1")
"""Databases that every server has."""


@dataclass(frozen=True, slots=True)
class Login:
    """The login of an address. libpq has no code for why one fails, so what else works is tried."""

    address: Address

    def open(self) -> psycopg.Connection[Any]:
        """Return a connection.

        Raises:
            CredentialsError: the server refuses the login.
            SourceError: there is no such host or database.
            ConnectionError: it can't be reached now.

        """
        conninfo = self._conninfo(self.address.database)
        try:
            # without prepared statements, which a pooler between the two may not know
            return psycopg.connect(conninfo, prepare_threshold=None)
        except psycopg.Error as error:
            if self._is_unknown_host():
                hint = "look at `host`: it is a name or an IP address, without `https://` and without a port"
                raise SourceError.because(f"there is no host `{self.address.host}`", hint) from error
            state = pq.PGconn.ping(conninfo.encode())
            found = self._refused(error) if state == pq.Ping.OK else self._closed(state)
            raise found from error

    def _conninfo(self, database: str, **changed: str) -> str:
        address = self.address
        words: dict[str, Any] = {
            "connect_timeout": _PATIENCE,
            "application_name": "dango",
            **address.options,
            "host": address.host,
            "port": address.port,
            "dbname": database,
            "user": address.username,
            "password": address.password,
            "sslmode": address.ssl_mode,
            "client_encoding": "UTF8",
        }
        if address.ssl_mode.startswith("verify"):
            words["sslrootcert"] = address.ssl_root_cert or DEFAULT_CA_BUNDLE_PATH
        try:
            return make_conninfo("", **{**words, **changed})
        except psycopg.ProgrammingError:  # its text has the option, and what else is wrong with it
            hint = "use what PostgreSQL's documentation has as parameter key words of a connection"
            raise CredentialsError.because("`credentials` has an option that is not known", hint) from None

    def _is_unknown_host(self) -> bool:
        if self.address.host.startswith("/"):
            return False
        try:
            socket.getaddrinfo(self.address.host, self.address.port)
        except OSError:
            return True
        return False

    def _refused(self, error: psycopg.Error) -> Exception:
        """Return why a server that listens has closed the connection."""
        address, shown = self.address, self.address.shown
        if getattr(error.pgconn, "needs_password", False):
            return CredentialsError.because(f"{shown} wants a password, and there is none", "set `password`")
        databases = self._elsewhere()
        if address.database in databases:
            what = f"`{address.username}` may not use the database `{address.database}` of {shown}"
            return CredentialsError.because(what, "`GRANT CONNECT` on it to this user")
        if databases:
            what = f"{shown} has no database `{address.database}`"
            return SourceError.because(what, did_you_mean(address.database, databases))
        what = f"{shown} refuses the login of `{address.username}`"
        hint = "look at `username` and `password`, and whether this user may log in from here"
        return CredentialsError.because(what, f"{hint}; the log has the server's words")

    def _elsewhere(self) -> list[str]:
        """Return the databases that the same login sees from another one; none if it is refused there, too."""
        for database in _EVERYWHERE:
            try:
                with psycopg.connect(self._conninfo(database)) as connection:
                    return [name for (name,) in connection.execute(_DATABASES)]
            except psycopg.Error:
                continue
        return []

    def _closed(self, state: int) -> Exception:
        """Tell a server that is not ready, and one without TLS or with a certificate of its own, from none."""
        shown, mode = self.address.shown, self.address.ssl_mode
        if state == pq.Ping.REJECT:
            return ConnectionError(f"{shown} accepts no connections now: it starts, stops or recovers")
        clear = self._conninfo(self.address.database, sslmode="disable", sslrootcert="")
        if mode != "disable" and pq.PGconn.ping(clear.encode()) == pq.Ping.OK:
            what = f"{shown} gives no TLS as `ssl_mode: {mode}` wants it"
            hint = "turn it on there, or give its CA as `ssl_root_cert`; `ssl_mode: disable` goes without"
            return CredentialsError.because(what, hint)
        what = f"{shown} does not answer: look at `host` and `port`, and whether a firewall is between"
        return ConnectionError(what)
