"""Where a database is, of parts or of one connection string, and how it is talked to. Nothing is opened here."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from dango_action.config.words import did_you_mean
from dango_action.errors import CredentialsError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dango_action.config.databases import Dialect

TITLES: dict[Dialect, str] = {"postgresql": "PostgreSQL", "mysql": "MySQL"}
_PORTS: dict[Dialect, int] = {"postgresql": 5432, "mysql": 3306}
_SCHEMES: dict[Dialect, tuple[str, ...]] = {
    "postgresql": ("postgresql", "postgres"),
    "mysql": ("mysql", "mariadb"),
}
_SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
_NEEDED = ("host", "database", "username")
# How connection strings of the vendors write what we call by one name.
_OPTIONS = {
    "sslmode": "ssl_mode",
    "ssl-mode": "ssl_mode",
    "sslrootcert": "ssl_root_cert",
    "ssl_ca": "ssl_root_cert",
    "ssl-ca": "ssl_root_cert",
}
_MYSQL_MODES = {
    "disabled": "disable",
    "preferred": "prefer",
    "required": "require",
    "verify_ca": "verify-ca",
    "verify_identity": "verify-full",
}
_ENCODE = "percent-encode what has a meaning in an address, like `%40` for `@`, `%2F` for `/` and `%23` for `#`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A database and the login for it; `options` are further words of a connection string, for the driver."""

    dialect: Dialect
    host: str
    port: int
    database: str
    username: str
    password: str | None = field(default=None, repr=False)
    ssl_mode: str
    ssl_root_cert: str | None = None
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def shown(self) -> str:
        """What a message calls it: nothing that is secret."""
        return f"{TITLES[self.dialect]} at {self.host}:{self.port}"


def address_of(dialect: Dialect, values: Mapping[str, Any]) -> Address:
    """Return the address that parameters give; what a connection string lacks comes from the other ones.

    Raises:
        CredentialsError: something is missing, or the connection string can't be read. It is never shown.

    """
    given = {key: values.get(key) for key in (*_NEEDED, "port", "password", "ssl_mode", "ssl_root_cert")}
    found = {**given, **_parts(dialect, values.get("credentials"))}
    missing = [key for key in _NEEDED if not found.get(key)]
    if missing:
        names = " and ".join(f"`{key}`" for key in missing)
        hint = "set it by its own name, or all of it in one secret, `credentials`: " + _example(dialect)
        raise CredentialsError.because(f"{names} of {TITLES[dialect]} is missing", hint)
    mode = found["ssl_mode"] or ("prefer" if _is_here(found["host"]) else "require")
    if mode not in _SSL_MODES:
        raise CredentialsError.because("`ssl_mode` can't have this value", f"use one of: {', '.join(_SSL_MODES)}")
    return Address(
        dialect=dialect,
        host=found["host"],
        port=found["port"] or _PORTS[dialect],
        database=found["database"],
        username=found["username"],
        password=found["password"],
        ssl_mode=mode,
        ssl_root_cert=found["ssl_root_cert"],
        options=found.get("options", {}),
    )


def _parts(dialect: Dialect, credentials: object) -> dict[str, Any]:
    """Return what `credentials` say: a connection string, or dlt's mapping of its parts."""
    if not credentials:
        return {}
    if isinstance(credentials, dict):
        _check_scheme(dialect, str(credentials.get("drivername") or dialect))
        options = _options(dialect, credentials.get("query") or {})
        known = {key: credentials.get(key) for key in (*_NEEDED, "port", "password")}
        return {key: value for key, value in {**known, **options}.items() if value}
    if not isinstance(credentials, str):
        raise CredentialsError.because("`credentials` is no text", f"write it like {_example(dialect)}")
    try:
        split = urlsplit(credentials.strip())
        port = split.port
    except ValueError:
        raise CredentialsError.because("`credentials` is no connection string", _ENCODE) from None
    _check_scheme(dialect, split.scheme)
    parts = _split(split) | {"port": port} | _options(dialect, dict(parse_qsl(split.query)))
    return {key: value for key, value in parts.items() if value}


def _split(split: SplitResult) -> dict[str, Any]:
    if split.fragment:  # what follows a `#`, which is most likely a part of the password
        raise CredentialsError.because("`credentials` has a `#`, which ends an address", _ENCODE)
    return {
        "host": unquote(split.hostname or ""),
        "database": unquote(split.path.removeprefix("/")),
        "username": unquote(split.username or ""),
        "password": unquote(split.password or ""),
    }


def _check_scheme(dialect: Dialect, scheme: str) -> None:
    if scheme.partition("+")[0].lower() not in _SCHEMES[dialect]:
        what = f"`credentials` is no connection string of {TITLES[dialect]}"
        raise CredentialsError.because(what, f"write it like {_example(dialect)}")


def _options(dialect: Dialect, query: Mapping[str, Any]) -> dict[str, Any]:
    options = {_OPTIONS.get(key.lower(), key): str(value) for key, value in query.items()}
    named: dict[str, Any] = {key: options.pop(key) for key in ("ssl_mode", "ssl_root_cert") if key in options}
    if "ssl_mode" in named:
        mode = named["ssl_mode"].lower()
        named["ssl_mode"] = _MYSQL_MODES.get(mode, mode)
    if dialect == "mysql":
        options.pop("charset", None)  # it is utf8mb4, always
        if options:
            known = [*_OPTIONS, "charset"]
            problems = (
                Problem(what=f"`credentials` has an unknown option `{key}`", hint=did_you_mean(key, known))
                for key in options
            )
            raise CredentialsError(*problems)
    return {**named, "options": options}


def _example(dialect: Dialect) -> str:
    return f"{dialect}://user:password@host:{_PORTS[dialect]}/database"


def _is_here(host: str) -> bool:
    """Tell whether a host is this machine, where nobody listens between the two."""
    if host == "localhost" or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
