"""The window of a backfill: what `since` and `until` say, and how it travels as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dango_action.errors import Problem

_NUMBER = re.compile(r"-?[0-9]{1,18}")
_AGO = re.compile(r"([0-9]{1,6})([hdw])")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_FORMS = "write a date, a time like 2024-01-01T10:00:00+02:00 (else UTC), an age like 7d, or a whole number"

Bound = datetime | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What lies at or after `since` and before `until`: times in UTC, or whole numbers.

    `until` is None for numbers alone, and means up to the stored cursor.
    """

    since: Bound
    until: Bound | None

    def __str__(self) -> str:
        return f"{_text(self.since)} to {'the stored cursor' if self.until is None else _text(self.until)}"

    @property
    def numeric(self) -> bool:
        """Whether the bounds are numbers."""
        return isinstance(self.since, int)

    def texts(self) -> tuple[str, str | None]:
        """Return both bounds as text, which `window_of` takes."""
        return _text(self.since), None if self.until is None else _text(self.until)


def window_of(
    since: str | None, until: str | None, now: datetime | None = None
) -> tuple[Window | None, list[Problem]]:
    """Return the window that two texts ask for, None if none is asked for, and all that is wrong with them.

    `now` has a zone; a window of times without `until` ends then.
    """
    now = now or datetime.now(UTC)
    if since is None and until is None:
        return None, []
    bounds = {name: _bound(text, now) for name, text in (("since", since), ("until", until)) if text is not None}
    problems = [
        Problem(what=f"`{name}` is no time and no number", hint=_FORMS)
        for name, bound in bounds.items()
        if bound is None
    ]
    if since is None:
        problems.append(Problem(what="`until` needs `since`", hint="a window has to begin somewhere"))
    first, last = bounds.get("since"), bounds.get("until")
    if problems or first is None:
        return None, problems
    if last is None and isinstance(first, datetime):
        last = now
    if wrong := _wrong(first, last, now):
        return None, [wrong]
    return Window(since=first, until=last), []


def _wrong(since: Bound, until: Bound | None, now: datetime) -> Problem | None:
    """Return what is wrong with two bounds that can be read."""
    if until is not None and isinstance(since, int) != isinstance(until, int):
        hint = "both are times, or both are numbers"
        return Problem(what="`since` and `until` don't go together: one is a number", hint=hint)
    if isinstance(since, datetime) and since >= now:
        return Problem(what=f"`since` lies in the future: {_text(since)}", hint=f"it is {_text(now)} now")
    if until is not None and since >= until:  # type: ignore[operator]  # both are of one kind
        what = f"`since` does not lie before `until`: {_text(since)} and {_text(until)}"
        return Problem(what=what, hint="the window holds what is at or after `since`, and before `until`")
    return None


def _bound(text: str, now: datetime) -> Bound | None:
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return int(text)
    try:
        if ago := _AGO.fullmatch(text):
            return now.astimezone(UTC) - int(ago[1]) * _UNITS[ago[2]]
        if not _TIME.fullmatch(text):
            return None
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):  # there is no such day, or none that a calendar has
        return None


def _text(bound: Bound) -> str:
    return str(bound) if isinstance(bound, int) else bound.astimezone(UTC).isoformat()
