"""A span of time in slices, for an API that takes short ones only."""

from __future__ import annotations

import copy
import datetime as dt
from typing import TYPE_CHECKING, Any

from dlt.sources.helpers.rest_client.paginators import BasePaginator

from dango_action.sources.rest.formats import FORMATS

if TYPE_CHECKING:
    from requests import Request, Response

    from dango_action.config import paging as words

_DAY = dt.timedelta(days=1)
_INSTANT = dt.timedelta(seconds=1)


class Windows(BasePaginator):
    """A span of time in slices: each one has pages of its own.

    Two slices share their seam, which is loaded twice and merged. Slices of days, which include both ends, do not.
    """

    def __init__(self, asked: words.Windows, inner: BasePaginator, now: dt.datetime) -> None:
        super().__init__()
        self._asked, self._inner, self._now = asked, inner, now
        self._format = FORMATS[asked.format]
        self._of_days = asked.format == "date"

    def init_request(self, request: Request) -> None:
        """Ask for the first slice; the request has the start of the whole, and perhaps its end, in its query."""
        params = dict(request.params or {})
        begin, end = (self._read(params.pop(name, None)) for name in (self._asked.start, self._asked.end))
        latest = last_moment(self._asked, self._now)
        self._end = self._whole(min(end, latest) if end else latest)
        least = dt.timedelta() if self._of_days else _INSTANT  # an empty slice is refused
        self._begin = min(self._whole(begin or self._end), self._end - least)
        request.params = params
        self._first = _parts(request)
        self._slice(request)

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        """Learn from an answer whether its slice, and the whole, have more."""
        self._inner.update_state(response, data)
        self._has_next_page = self._inner.has_next_page or self._until < self._end

    def update_request(self, request: Request) -> None:
        """Ask for the next page of the slice, or for the next slice."""
        if self._inner.has_next_page:
            self._inner.update_request(request)
        elif self._has_next_page:
            self._begin = self._until + (_DAY if self._of_days else dt.timedelta())
            self._slice(request)

    def _slice(self, request: Request) -> None:
        step = dt.timedelta(days=self._asked.days) - (_DAY if self._of_days else dt.timedelta())
        self._until = min(self._begin + step, self._end)
        _restore(request, self._first)
        for name, moment in ((self._asked.start, self._begin), (self._asked.end, self._until)):
            self._put(request, name, self._format.write(self._format.held(moment)))
        self._inner.init_request(request)

    def _put(self, request: Request, name: str, value: Any) -> None:  # noqa: ANN401 - as the API writes times
        if not self._asked.body:
            request.params[name] = value
            return
        *folders, last = name.split(".")
        below = request.json = request.json or {}
        for folder in folders:
            below = below.setdefault(folder, {})
        below[last] = value

    def _read(self, value: Any) -> dt.datetime | None:  # noqa: ANN401 - of a query
        return None if value in (None, "") else self._format.moment(value)

    def _whole(self, moment: dt.datetime) -> dt.datetime:
        """Return a moment, or for a span of days the beginning of its day."""
        return moment.replace(hour=0, minute=0, second=0, microsecond=0) if self._of_days else moment


def last_moment(asked: words.Windows, now: dt.datetime) -> dt.datetime:
    """Return the end of the last slice, if nobody asks for less."""
    return now - dt.timedelta(seconds=asked.settle)


def _parts(request: Request) -> tuple[Any, ...]:
    return request.method, request.url, request.params, request.json, request.data


def _restore(request: Request, parts: tuple[Any, ...]) -> None:
    request.method, request.url, request.params, request.json, request.data = copy.deepcopy(parts)
