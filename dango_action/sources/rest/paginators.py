"""Pages: dlt's paginators, each with a guard; slices of time and jobs are our own."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from dlt.sources.helpers.rest_client.detector import PaginatorFactory
from dlt.sources.helpers.rest_client.paginators import BasePaginator, SinglePagePaginator
from dlt.sources.rest_api.config_setup import create_paginator

from dango_action.config import paging as words
from dango_action.errors import DangoError, SourceError
from dango_action.sources.rest.code import code
from dango_action.sources.rest.jobs import Job, first
from dango_action.sources.rest.references import moment
from dango_action.sources.rest.templates import render
from dango_action.sources.rest.windows import Windows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import Request, Response

_SAME_PAGES = 3
_SEEN_BEFORE = 20  # times, with others between them
_EMPTY_PAGES = 1_000


def paginator_of(asked: words.Paginator | None, values: Mapping[str, Any], base_url: str) -> BasePaginator:
    """Return the paginator that a definition asks for; without one, dlt's guess by the first answer."""
    match asked:
        case None:
            return Guarded(None)
        case words.Windows():
            return Windows(asked, paginator_of(asked.within, values, base_url), moment(values["now"]))
        case words.Job():
            return Job(asked, paginator_of(asked.within, values, base_url), base_url)
        case words.PythonPaginator():
            return Guarded(code(asked.function)(**render(asked.arguments, values)), asked)
        case words.SinglePage():
            return Guarded(SinglePagePaginator())
        case _:
            own = asked.model_dump(exclude_none=True, exclude=set(words.Pages.model_fields))
            if isinstance(asked, words.Offset | words.PageNumber):
                own.setdefault("total_path", None)  # dlt would look for a total, and fail where there is none
            return Guarded(create_paginator(render(own, values)), asked)


class Guarded(BasePaginator):
    """A paginator that can't go on for ever: not in a circle, and not over the same page again and again."""

    def __init__(self, inner: BasePaginator | None, pages: words.Pages | None = None) -> None:
        super().__init__()
        self._inner, self._pages = inner, pages or words.Pages()
        self._begin()

    def _begin(self) -> None:
        self._asked: set[str] = set()
        self._last, self._seen = 0, Counter[int]()
        self._same = self._empty = 0
        self._ended = False

    @property
    def has_next_page(self) -> bool:
        """Whether there is another page."""
        return self._inner is None or (self._inner.has_next_page and not self._ended)

    def init_request(self, request: Request) -> None:
        """Prepare the first request."""
        self._begin()
        if self._inner:
            self._inner.init_request(request)
        self._asked.add(_fingerprint(request))

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        """Learn from an answer.

        Raises:
            SourceError: the pages do not end.

        """
        if self._inner is None:
            self._inner = PaginatorFactory().create_paginator(response)[0] or SinglePagePaginator()
        self._inner.update_state(response, data)
        self._ended = self._is_last(response)
        # not the rows themselves: what follows changes them
        seen = hash(repr(data))
        self._same = self._same + 1 if data and seen == self._last else 1
        self._empty = 0 if data else self._empty + 1
        self._last = seen
        self._seen[seen] += len(data or ()) > 1  # one row may well be like another
        if self.has_next_page and self._same >= _SAME_PAGES:
            raise _endless(f"the last {self._same} pages are the same")
        if self.has_next_page and self._seen[seen] >= _SEEN_BEFORE:
            raise _endless(f"this page has come {self._seen[seen]} times")
        if self.has_next_page and self._empty >= _EMPTY_PAGES:
            raise _endless(f"the last {self._empty} pages are empty")

    def update_request(self, request: Request) -> None:
        """Prepare the next request.

        Raises:
            SourceError: it was sent before.

        """
        assert self._inner is not None  # noqa: S101 - update_state has been here
        self._inner.update_request(request)
        if not self.has_next_page:
            return
        if self._pages.replaces:
            request.params.pop(self._pages.replaces, None)
        print_ = _fingerprint(request)
        if print_ in self._asked:
            raise _endless("the next page would be one that was asked for already")
        self._asked.add(print_)

    def _is_last(self, response: Response) -> bool:
        """Return whether an answer is the last one by other signs than those that dlt knows."""
        end, more = self._pages.end_path, self._pages.more_path
        return bool((end and first(end, response)) or (more and not first(more, response)))


def _endless(how: str) -> DangoError:
    return SourceError.because(
        f"the pages of the API do not end: {how}", "is the pagination right? nothing of this run was loaded"
    )


def _fingerprint(request: Request) -> str:
    return json.dumps([request.method, request.url, request.params, request.json, str(request.data)], default=str)
