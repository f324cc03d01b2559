"""The form of a reference to a parameter, `${name}` or `${name|form}`, and the forms that there are."""

from __future__ import annotations

import datetime as dt
import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REFERENCE = re.compile(r"\$\{([a-z_][a-z0-9_.]*)(?:\|([a-z0-9_]+))?\}")
ALWAYS = frozenset({"now", "today"})
"""What can be referred to without being a parameter."""


def moment(value: str | dt.date) -> dt.datetime:
    """Return a date or time, text or not, as a time with its zone; UTC if it names none."""
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    if not isinstance(value, dt.datetime):
        value = dt.datetime.combine(value, dt.time())
    return value if value.tzinfo else value.replace(tzinfo=dt.UTC)


def iso8601(value: str | dt.date) -> str:
    """Return a time as most APIs write it: in UTC, with `Z`, and with fractions only where there are some."""
    return moment(value).astimezone(dt.UTC).replace(tzinfo=None).isoformat() + "Z"


FORMS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "csv": lambda value: ",".join(map(str, value)) if isinstance(value, list) else str(value),
        "date": lambda value: moment(value).date().isoformat(),
        "days": lambda value: int(value) * 86_400,
        "digits": lambda value: re.sub(r"\D", "", str(value)),
        "iso8601": iso8601,
        "json": lambda value: json.dumps(value, ensure_ascii=False),
        "lower": lambda value: str(value).lower(),
        "unix_seconds": lambda value: int(moment(value).timestamp()),
    }
)
"""What a reference can ask for; `days` makes seconds of them."""
