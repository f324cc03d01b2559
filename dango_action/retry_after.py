"""The header `Retry-After`: how long a server asks to wait (RFC 9110, 10.2.3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MOST = 1e9


def seconds_of(text: object) -> float | None:
    """Return the seconds of a number or a date, 0 for a time that has passed; None for anything else."""
    if not isinstance(text, str):
        return None
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", text.strip()):  # some send decimals
        return float(text)
    try:
        seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError, OverflowError):  # no date, one without a time zone, or none that there will be
        return None
    return min(max(0.0, seconds), _MOST)
