"""`${name}` in the texts of a definition: a parameter's value, in another form perhaps, as by `${name|date}`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from dango_action.errors import ConfigError, SourceError
from dango_action.sources.rest.references import FORMS, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PORTS = {"http": 80, "https": 443}
_OF_ROWS = re.compile(r"\{resources\.[^{}]+\}")
# Characters that stand in no address: dlt would put values into paths as they are.
_BEGIN, _END = "\x02", "\x03"
_MARKED = re.compile(f"{_BEGIN}([^{_END}]*){_END}")
_WHOLE = re.compile("https?://")
_HOST = re.compile(r"[A-Za-z0-9.\-]+(:[0-9]+)?")


def references(text: str) -> list[str]:
    """Return the names that a text refers to, without what follows a point."""
    return [name.partition(".")[0] for name, _ in REFERENCE.findall(text)]


def render(value: Any, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever a definition has
    """Return what a definition says with the parameters' values in it.

    A text that is one reference has the value with its type, and null takes its key, or its list item, away.
    Braces in values are doubled, since dlt has its own placeholders in single ones.
    """
    return _rendered(value, values, _braced)


def render_path(path: str, values: Mapping[str, Any]) -> str:
    """Return a path in which no value can add a part, a query or another host.

    What dlt will put into it, values of rows, is marked, for `with_parts` to look after when it is there.
    """
    path = _OF_ROWS.sub(f"{_BEGIN}\\g<0>{_END}", path)
    return str(REFERENCE.sub(lambda found: _braced(quote(_text(_value(found, values)), safe="")), path))


def with_parts(url: str) -> str:
    """Return an address in which each marked value is one part of a path, or a whole address at its beginning.

    Raises:
        SourceError: a value can be neither.

    """
    return _MARKED.sub(lambda found: found[1] if _WHOLE.match(found[1]) else _part(found[1]), url)


def render_base(url: str, values: Mapping[str, Any]) -> str:
    """Return the address that all requests begin with.

    Raises:
        ConfigError: a value does not belong into the address of a host.

    """
    if whole := REFERENCE.fullmatch(url):
        return str(_value(whole, values))
    host = url.partition("://")[2].partition("/")[0]
    for found in REFERENCE.finditer(host):
        if not _HOST.fullmatch(_text(_value(found, values))):
            raise ConfigError.because(
                f"`{found[1]}` is no part of a host's name", "write the name alone, without `https://` and `/`"
            )
    return REFERENCE.sub(lambda found: quote(_text(_value(found, values)), safe=":"), url)


def host_of(url: str) -> str:
    """Return the host of an address, with its port, in small letters."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def origin_of(url: str) -> str:
    """Return the scheme, host and port of an address, however they are written; empty if it is none."""
    try:
        split = urlsplit(url)
        port = split.port or _PORTS.get(split.scheme)
    except ValueError:
        return ""
    return f"{split.scheme}://{split.hostname}:{port}" if split.hostname and port else ""


def _part(value: str) -> str:
    if value in {"", ".", ".."}:
        what = f"a row has {value!r} where a path of its own needs a part"
        raise SourceError.because(what, "no address can hold that: is it the right field of the row?")
    return quote(value, safe="")


def _rendered(value: Any, values: Mapping[str, Any], clean: Callable[[Any], Any]) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        if whole := REFERENCE.fullmatch(value):
            return clean(_value(whole, values))
        return REFERENCE.sub(lambda found: clean(_text(_value(found, values))), value)
    if isinstance(value, dict):
        pairs = (
            (str(_rendered(key, values, clean)), _rendered(below, values, clean)) for key, below in value.items()
        )
        return {key: below for key, below in pairs if below is not None or value.get(key) is None}
    if isinstance(value, list | tuple):
        items = ((item, _rendered(item, values, clean)) for item in value)
        return [made for item, made in items if made is not None or item is None]
    return value


def _braced(value: Any) -> Any:  # noqa: ANN401 - whatever a parameter has
    if isinstance(value, str):
        return value.replace("{", "{{").replace("}", "}}")
    if isinstance(value, dict):
        return {_braced(key): _braced(below) for key, below in value.items()}
    return [_braced(item) for item in value] if isinstance(value, list) else value


def _value(found: re.Match[str], values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as above
    name, form = found.groups()
    value: Any = values
    for part in name.split("."):
        if not isinstance(value, dict) and value is not values:
            raise ConfigError.because(f"`{name}` is in no mapping", "look at the definition")
        value = value.get(part)
    return FORMS[form](value) if form and value is not None else value


def _text(value: Any) -> str:  # noqa: ANN401 - as above
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
