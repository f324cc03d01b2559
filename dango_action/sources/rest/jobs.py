"""Rows that a job at the server makes: it is started, asked after until it is done, and then they are read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin

from dlt.common import jsonpath
from dlt.sources.helpers.rest_client.paginators import BasePaginator

from dango_action.errors import SourceError

if TYPE_CHECKING:
    from requests import Request, Response

    from dango_action.config import paging as words

_LONGEST_POLL = 30.0


class Job(BasePaginator):
    """A job, as pages: its start, what it is doing, and its rows."""

    def __init__(self, asked: words.Job, inner: BasePaginator, base_url: str) -> None:
        super().__init__()
        self._asked, self._inner, self._base = asked, inner, f"{base_url.rstrip('/')}/"

    def init_request(self, request: Request) -> None:  # noqa: ARG002 - the request is the one that starts the job
        """Begin anew: a child's paginator serves all of its parents."""
        self._id, self._polls, self._begun = "", 0, time.monotonic()
        self._is_done = self._is_read = False
        self._has_next_page = True

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        """Learn what has become of the job.

        Raises:
            SourceError: it was never started, has failed, or does not end.

        """
        if self._is_read:
            self._inner.update_state(response, data)
            self._has_next_page = self._inner.has_next_page
        elif not self._id:
            self._id = str(self._told(self._asked.id_path, response))
        else:
            self._judge(str(self._told(self._asked.status_path, response)))

    def update_request(self, request: Request) -> None:
        """Ask after the job, or for its rows."""
        if self._is_read:
            self._inner.update_request(request)
            return
        where = self._asked.result if self._is_done else self._asked.status
        request.method, request.url = "GET", urljoin(self._base, where.replace("${id}", quote(self._id, safe="")))
        request.params, request.json, request.data = {}, None, None
        if self._is_done:
            self._is_read = True
            request.params = dict(self._asked.result_params)
            self._inner.init_request(request)
            return
        if self._polls:
            time.sleep(min(self._asked.every * 1.5 ** min(self._polls - 1, 20), _LONGEST_POLL))
        self._polls += 1

    def _judge(self, status: str) -> None:
        if status in self._asked.failed:
            raise SourceError.because(
                f"the job that makes the rows has ended as `{status}`", "run it again, or ask for less at once"
            )
        self._is_done = status in self._asked.done
        if not self._is_done and time.monotonic() - self._begun > self._asked.longest:
            raise SourceError.because(
                f"the job that makes the rows is still `{status}` after {self._asked.longest:.0f} seconds",
                "run it again, or ask for less at once",
            )

    def _told(self, path: str, response: Response) -> Any:  # noqa: ANN401 - whatever the API answers
        if (found := first(path, response)) in (None, ""):
            raise SourceError.because(
                f"the answer about a job that makes the rows has no `{path}`",
                "run it again; if it stays so, the API has changed",
            )
        return found


def first(path: str, response: Response) -> Any:  # noqa: ANN401 - whatever the API answers
    """Return what an answer has at a JSON path, or None."""
    return next(iter(jsonpath.find_values(path, response.json())), None)
