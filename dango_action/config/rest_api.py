"""The words in which a REST API is described: dlt's own for its `rest_api` source, and some that it lacks.

A definition of a type and a source of the type `rest_api` share them. `${x}` stands for a parameter's value.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dango_action.config.fields import Count, Keys, OneOrMore, Text, Texts, own_error

Format = Literal["unix_seconds", "unix_milliseconds", "iso8601", "date", "integer", "text"]
"""How an API writes the values of a cursor."""
Disposition = Literal["append", "merge", "replace"]
Code = Annotated[str, Field(pattern=r"^systems\.[a-z_]+:[A-Za-z_]+$")]
"""Code that a packaged definition brings along: `systems.shop:rows`."""


class Words(BaseModel):
    """The base of all that stands in a definition."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Bearer(Words):
    """`Authorization: Bearer TOKEN`."""

    type: Literal["bearer"]
    token: Text


class Header(Words):
    """A header with a secret."""

    type: Literal["header"]
    name: Text
    value: Text


class Query(Words):
    """A secret in the query of each request."""

    type: Literal["query"]
    name: Text
    value: Text


class Basic(Words):
    """HTTP basic authentication."""

    type: Literal["basic"]
    username: str
    password: str


class ClientCredentials(Words):
    """A token that is got for a client's id and secret (RFC 6749, 4.4)."""

    type: Literal["client_credentials"]
    token_url: Text
    client_id: Text
    client_secret: Text
    scope: Text | None = None
    data: dict[str, Any] = {}
    header: Text = "Authorization"
    prefix: str = "Bearer "
    send: Literal["body", "basic"] = "body"


class RefreshToken(Words):
    """A token that is got for a refresh token (RFC 6749, 6), at the address of a provider that we know."""

    type: Literal["refresh_token"]
    provider: Text
    client_id: Text
    client_secret: Text
    refresh_token: Text


class PythonAuth(Words):
    """A `requests` authentication in Python."""

    type: Literal["python"]
    function: Code
    arguments: Annotated[dict[str, Any], Field(alias="with")] = {}


Auth: TypeAlias = Annotated[
    Bearer | Header | Query | Basic | ClientCredentials | RefreshToken | PythonAuth, Field(discriminator="type")
]
Auths: TypeAlias = Annotated[tuple[Auth, ...], Field(strict=False, min_length=1), OneOrMore()]


class SinglePage(Words):
    """All comes at once."""

    type: Literal["single_page"]


class JsonLink(Words):
    """The answer has the address of the next page."""

    type: Literal["json_link"]
    next_url_path: Text


class HeaderLink(Words):
    """The header `Link` has the address of the next page."""

    type: Literal["header_link"]
    links_next_key: Text = "next"


class Cursor(Words):
    """The answer has what the next request sends."""

    type: Literal["cursor"]
    cursor_path: Text
    cursor_param: Text | None = None
    cursor_body_path: Text | None = None
    has_more_path: Text | None = None
    stop_after_empty_page: bool = False


class HeaderCursor(Words):
    """A header of the answer has what the next request sends."""

    type: Literal["header_cursor"]
    cursor_key: Text
    cursor_param: Text


class Offset(Words):
    """The request says how many rows to leave out."""

    type: Literal["offset"]
    limit: Any
    offset: Count = 0
    offset_param: Text | None = None
    offset_body_path: Text | None = None
    limit_param: Text | None = None
    limit_body_path: Text | None = None
    total_path: Text | None = None
    maximum_offset: Count | None = None
    stop_after_empty_page: bool = True
    has_more_path: Text | None = None


class PageNumber(Words):
    """The request says the number of the page."""

    type: Literal["page_number"]
    base_page: Count = 0
    page: Count | None = None
    page_param: Text | None = None
    page_body_path: Text | None = None
    total_path: Text | None = None
    maximum_page: Count | None = None
    stop_after_empty_page: bool = True
    has_more_path: Text | None = None


class Windows(Words):
    """The API takes short spans of time only: the whole is asked for in slices of so many days."""

    type: Literal["windows"]
    days: Annotated[float, Field(gt=0)]
    start: Text
    end: Text
    format: Format = "iso8601"
    within: Paginator = SinglePage(type="single_page")


class Job(Words):
    """The first request starts a job, whose rows are there when it is done."""

    type: Literal["job"]
    id_path: Text
    status: Text
    status_path: Text
    done: Texts
    failed: Texts
    every: Annotated[float, Field(gt=0)] = 2.0
    result: Text
    result_params: dict[str, Any] = {}
    within: Paginator = SinglePage(type="single_page")


class PythonPaginator(Words):
    """A dlt paginator in Python."""

    type: Literal["python"]
    function: Code
    arguments: Annotated[dict[str, Any], Field(alias="with")] = {}


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


class RateLimit(Words):
    """How many requests the API takes in so many seconds."""

    requests: Annotated[int, Field(gt=0)]
    seconds: Annotated[float, Field(gt=0)] = 1.0


class Answer(Words):
    """What an answer means, beyond what its status says."""

    status: int | None = None
    path: Text | None = None
    equals: Annotated[tuple[Any, ...], Field(strict=False)] | None = None
    do: Literal["retry", "refuse", "fail", "ignore"]
    say: Text | None = None
    detail: Text | None = None


class Client(Words):
    """What all requests share."""

    base_url: Annotated[Text, Field(examples=["https://api.example.com/v1/"])]
    headers: dict[str, Any] = {}
    auth: Auths | None = None
    paginator: Paginator | None = None
    rate_limit: RateLimit | None = None
    answers: Annotated[tuple[Answer, ...], Field(strict=False)] = ()


class Incremental(Words):
    """The cursor of a resource; dlt's `Incremental`."""

    cursor_path: Text
    initial_value: Any = None
    start_param: Text | None = None
    end_param: Text | None = None
    format: Format = "iso8601"
    lag: float | str | None = None
    row_order: Literal["asc", "desc"] | None = None

    @model_validator(mode="after")
    def _start_needs_value(self) -> Self:
        if self.start_param and self.initial_value is None:
            raise own_error("`start_param` needs `initial_value`", "add what the first request sends")
        return self


class Endpoint(Words):
    """What is asked for, and where in the answer the rows are."""

    path: Text | None = None
    method: Literal["GET", "POST"] | None = None
    params: dict[str, Any] = {}
    json_body: Annotated[dict[str, Any] | None, Field(alias="json")] = None
    graphql: Text | None = None
    variables: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    data_selector: Text | None = None
    paginator: Paginator | None = None
    incremental: Incremental | None = None


class Defaults(Words):
    """What all resources share that do not say it themselves."""

    primary_key: Keys | None = None
    write_disposition: Disposition | None = None
    max_table_nesting: Count | None = None
    endpoint: Endpoint = Endpoint()


class Resource(Defaults):
    """A resource, and the table of its name."""

    name: Text
    description: str = ""
    merge_key: Keys | None = None
    selected: bool = True
    for_each: Text | None = None
    when: Text | None = None
    columns: dict[str, dict[str, Any]] = {}
    include_from_parent: Texts = ()
    rename: dict[str, str] = {}
    page: Code | None = None
    map: Code | None = None


class Api(Words):
    """A REST API as a whole."""

    client: Client
    resource_defaults: Defaults = Defaults()
    resources: Annotated[tuple[Resource, ...], Field(strict=False, min_length=1)]
