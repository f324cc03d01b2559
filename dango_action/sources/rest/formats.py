"""How an API writes the values of a cursor, and what they are for dlt, which compares them.

Texts of one moment differ (`Z`, `+00:00`), so times are compared as times.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dlt.common.time import ensure_datetime_in_tz

from dango_action.sources.rest.references import iso8601, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dango_action.config.language import Format

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class CursorFormat:
    """`held` makes what dlt compares of an API's value, a date or a time; `write` what the API is sent of that.

    `moment` returns the time that a sent value stands for.
    """

    held: Callable[[Any], Any]
    write: Callable[[Any], Any]
    moment: Callable[[Any], dt.datetime]


def _unix(unit: dt.timedelta) -> CursorFormat:
    """Return the form of numbers that count from 1970 on; for dlt they are times, as a backfill's window is."""

    def held(value: Any) -> dt.datetime:  # noqa: ANN401 - a number, a date or a time, as text or not
        if isinstance(value, int | float) or (isinstance(value, str) and value.isdecimal()):
            return _EPOCH + (value if isinstance(value, float) else int(value)) * unit
        return moment(value).astimezone(dt.UTC)

    return CursorFormat(held, lambda value: (value - _EPOCH) // unit, held)


def _time(value: Any) -> dt.datetime:  # noqa: ANN401 - as above
    try:
        return moment(value).astimezone(dt.UTC)
    except ValueError:  # dlt knows more forms
        return ensure_datetime_in_tz(value, dt.UTC)


def _date(value: Any) -> str:  # noqa: ANN401 - as above
    return moment(value).date().isoformat()


def _same(value: Any) -> Any:  # noqa: ANN401 - as above
    return value


FORMATS: Mapping[Format, CursorFormat] = MappingProxyType(
    {
        "unix_seconds": _unix(dt.timedelta(seconds=1)),
        "unix_milliseconds": _unix(dt.timedelta(milliseconds=1)),
        "iso8601": CursorFormat(_time, iso8601, moment),
        "date": CursorFormat(_date, _date, moment),
        "integer": CursorFormat(int, _same, lambda value: dt.datetime.fromtimestamp(int(value), dt.UTC)),
        "text": CursorFormat(_same, _same, moment),
    }
)
