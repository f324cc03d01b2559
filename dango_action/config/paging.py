"""The words for how the pages of an API follow each other: dlt's paginators, and some that it lacks."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from dango_action.config.fields import Count, Text, Texts
from dango_action.config.language import Code, Format, Words


class Pages(Words):
    """What a paginator may have beyond dlt's words."""

    end_path: Text | None = None
    """An answer with a true value there is the last one, whatever it says of a next one."""

    more_path: Text | None = None
    """An answer without a value there is the last one."""

    replaces: Text | None = None
    """The parameter of the first request that the others must not have."""


class SinglePage(Words):
    """All comes at once."""

    type: Literal["single_page"]


class JsonLink(Pages):
    """The answer has the address of the next page."""

    type: Literal["json_link"]
    next_url_path: Text
    """JSON path of the next address."""


class HeaderLink(Pages):
    """The header `Link` has the address of the next page."""

    type: Literal["header_link"]
    links_next_key: Text = "next"
    """The relation of the link."""


class Cursor(Pages):
    """The answer has what the next request sends."""

    type: Literal["cursor"]
    cursor_path: Text
    """JSON path of the cursor in the answer."""

    cursor_param: Text | None = None
    """The parameter that sends it."""

    cursor_body_path: Text | None = None
    """Where in the body it is sent, instead."""

    has_more_path: Text | None = None
    """JSON path of true or false: whether there is more."""

    stop_after_empty_page: bool = False
    """Whether a page without rows is the last one."""


class HeaderCursor(Pages):
    """A header of the answer has what the next request sends."""

    type: Literal["header_cursor"]
    cursor_key: Text
    """The header of the answer."""

    cursor_param: Text
    """The parameter that sends it."""


class Offset(Pages):
    """The request says how many rows to leave out."""

    type: Literal["offset"]
    limit: Any
    """Rows of a page."""

    offset: Count = 0
    """Where the first page begins."""

    offset_param: Text | None = None
    """The parameter with the offset."""

    offset_body_path: Text | None = None
    """Where in the body it is, instead."""

    limit_param: Text | None = None
    """The parameter with the limit."""

    limit_body_path: Text | None = None
    """Where in the body it is, instead."""

    total_path: Text | None = None
    """JSON path of the number of all rows."""

    maximum_offset: Count | None = None
    """Where to stop."""

    stop_after_empty_page: bool = True
    """Whether a page without rows is the last one."""

    has_more_path: Text | None = None
    """JSON path of true or false: whether there is more."""


class PageNumber(Pages):
    """The request says the number of the page."""

    type: Literal["page_number"]
    base_page: Count = 0
    """The number of the first page."""

    page: Count | None = None
    """The page to begin with."""

    page_param: Text | None = None
    """The parameter with the number."""

    page_body_path: Text | None = None
    """Where in the body it is, instead."""

    total_path: Text | None = None
    """JSON path of the number of all pages."""

    maximum_page: Count | None = None
    """Where to stop."""

    stop_after_empty_page: bool = True
    """Whether a page without rows is the last one."""

    has_more_path: Text | None = None
    """JSON path of true or false: whether there is more."""


class Windows(Words):
    """The API takes short spans of time only: the whole is asked for in slices of so many days."""

    type: Literal["windows"]
    days: Annotated[float, Field(gt=0)]
    """Days of a slice."""

    start: Text
    """The parameter with its start."""

    end: Text
    """The parameter with its end."""

    body: bool = False
    """Whether `start` and `end` are paths in the JSON body, like `range.since`, and no parameters of the query."""

    format: Format = "iso8601"
    """How the API writes both."""

    settle: Annotated[float, Field(ge=0)] = 0.0
    """So many seconds before now the last slice ends; what changes after that is left to the next run."""

    within: Paginator = SinglePage(type="single_page")
    """The pages of a slice."""


class Job(Words):
    """The first request starts a job, whose rows are there when it is done."""

    type: Literal["job"]
    id_path: Text
    """JSON path of the job's id, in the answer to the first request."""

    status: Text
    """Where to ask after it; `${id}` is its id."""

    status_path: Text
    """JSON path of how it stands."""

    done: Texts
    """What stands there when it is done."""

    failed: Texts
    """What stands there when it has failed."""

    every: Annotated[float, Field(gt=0)] = 2.0
    """Seconds between two questions; they grow."""

    longest: Annotated[float, Field(gt=0)] = 3600.0
    """Seconds after which a job is given up."""

    result: Text
    """Where its rows are; `${id}` is its id."""

    result_params: dict[str, Any] = Field(default={})
    """The parameters of that request."""

    within: Paginator = SinglePage(type="single_page")
    """The pages of its rows."""


class PythonPaginator(Pages):
    """A dlt paginator in Python."""

    type: Literal["python"]
    function: Code
    """What makes it, of a packaged definition alone."""

    arguments: Annotated[dict[str, Any], Field(alias="with")] = Field(default={})
    """What it is called with."""


Paginator: TypeAlias = Annotated[
    SinglePage
    | JsonLink
    | HeaderLink
    | Cursor
    | HeaderCursor
    | Offset
    | PageNumber
    | Windows
    | Job
    | PythonPaginator,
    Field(discriminator="type"),
]
