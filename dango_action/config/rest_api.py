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


_CLIENT = {"base_url": "https://api.example.com/v1/", "auth": {"type": "bearer", "token": "${token}"}}
_RESOURCES = [
    {
        "name": "orders",
        "primary_key": "id",
        "write_disposition": "merge",
        "endpoint": {
            "path": "orders",
            "incremental": {
                "cursor_path": "updated_at",
                "start_param": "updated_since",
                "initial_value": "2024-01-01T00:00:00Z",
            },
        },
    }
]


class Words(BaseModel):
    """The base of all that stands in a definition."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Bearer(Words):
    """`Authorization: Bearer TOKEN`."""

    type: Literal["bearer"]
    token: Text
    """The token, as `${x}` of a parameter."""


class Header(Words):
    """A header with a secret."""

    type: Literal["header"]
    name: Text
    """The name of the header."""

    value: Text
    """What it holds, as `${x}` of a parameter."""


class Query(Words):
    """A secret in the query of each request."""

    type: Literal["query"]
    name: Text
    """The name in the query."""

    value: Text
    """What it holds, as `${x}` of a parameter."""


class Basic(Words):
    """HTTP basic authentication."""

    type: Literal["basic"]
    username: str
    """The name of the user."""

    password: str
    """The password; empty where the API wants the key as the name alone."""


class ClientCredentials(Words):
    """A token that is got for a client's id and secret (RFC 6749, 4.4)."""

    type: Literal["client_credentials"]
    token_url: Text
    """Where the token is got."""

    client_id: Text
    """The client's id."""

    client_secret: Text
    """The client's secret."""

    scope: Text | None = None
    """What the token is to be good for."""

    data: dict[str, Any] = {}
    """More that the request for a token sends."""

    header: Text = "Authorization"
    """The header that the token goes into."""

    prefix: str = "Bearer "
    """What stands before it there."""

    send: Literal["body", "basic", "json"] = "body"
    """How id and secret are sent: in a form, as HTTP basic authentication, or as JSON."""


class RefreshToken(Words):
    """A token that is got for a refresh token (RFC 6749, 6), at the address of a provider that we know."""

    type: Literal["refresh_token"]
    provider: Text
    """Who gives the tokens: `google`."""

    client_id: Text
    """The client's id."""

    client_secret: Text
    """The client's secret."""

    refresh_token: Text
    """What a person has got by signing in."""


class ServiceAccount(Words):
    """A token that is got for what a service account signs (RFC 7523), at a provider that we know."""

    type: Literal["service_account"]
    provider: Text
    """Who gives the tokens: `google`."""

    client_email: Text
    """The name of the service account."""

    private_key: Text
    """Its private key, in PEM."""

    scope: Text
    """What the token is to be good for."""


class PythonAuth(Words):
    """A `requests` authentication in Python."""

    type: Literal["python"]
    function: Code
    """What makes it, of a packaged definition alone."""

    arguments: Annotated[dict[str, Any], Field(alias="with")] = {}
    """What it is called with."""


Auth: TypeAlias = Annotated[
    Bearer | Header | Query | Basic | ClientCredentials | RefreshToken | ServiceAccount | PythonAuth,
    Field(discriminator="type"),
]
Auths: TypeAlias = Annotated[tuple[Auth, ...], Field(strict=False, min_length=1), OneOrMore()]


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

    oldest: Annotated[float, Field(gt=0)] | None = None
    """So many days the API looks back; an earlier start is moved up to that."""

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

    result_params: dict[str, Any] = {}
    """The parameters of that request."""

    within: Paginator = SinglePage(type="single_page")
    """The pages of its rows."""


class PythonPaginator(Pages):
    """A dlt paginator in Python."""

    type: Literal["python"]
    function: Code
    """What makes it, of a packaged definition alone."""

    arguments: Annotated[dict[str, Any], Field(alias="with")] = {}
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


class RateLimit(Words):
    """How many requests the API takes in so many seconds."""

    requests: Annotated[int, Field(gt=0)]
    """So many."""

    seconds: Annotated[float, Field(gt=0)] = 1.0
    """In so many seconds."""


class Answer(Words):
    """What an answer means, beyond what its status says."""

    status: int | None = None
    """The status that it holds for; without it, any."""

    path: Text | None = None
    """JSON path of a value that has to be there, and not be empty."""

    equals: Annotated[tuple[Any, ...], Field(strict=False)] | None = None
    """What that value is one of."""

    do: Literal["retry", "refuse", "fail", "ignore"]
    """`retry` asks again, `refuse` means the credentials, `fail` stops, `ignore` takes it for no rows."""

    say: Text | None = None
    """What it means, in words."""

    detail: Text | None = None
    """JSON path of the API's own words."""


class Client(Words):
    """What all requests share."""

    base_url: Annotated[Text, Field(examples=["https://api.example.com/v1/"])]
    """What all paths follow."""

    headers: dict[str, Any] = {}
    """Headers of all requests."""

    auth: Auths | None = None
    """The login; of a list, the first one whose parameters all have values."""

    paginator: Paginator | None = None
    """How pages follow, for all resources; without one, the first answer tells."""

    rate_limit: RateLimit | None = None
    """How many requests are sent at most."""

    answers: Annotated[tuple[Answer, ...], Field(strict=False)] = ()
    """What answers mean; the first one that fits counts."""


class Incremental(Words):
    """The cursor of a resource; dlt's `Incremental`."""

    cursor_path: Text
    """Where in a row the cursor is."""

    initial_value: Any = None
    """Where the first run begins."""

    start_param: Text | None = None
    """The parameter with the start."""

    end_param: Text | None = None
    """The parameter with the end, which a backfill has."""

    format: Format = "iso8601"
    """How rows write the cursor."""

    param_format: Format | None = None
    """How requests write it, if not like rows."""

    lag: float | str | None = None
    """How much of what is there is asked for again: seconds of times, days of dates."""

    row_order: Literal["asc", "desc"] | None = None
    """How rows come, if they come in the order of the cursor."""

    @model_validator(mode="after")
    def _start_needs_value(self) -> Self:
        if self.start_param and self.initial_value is None:
            raise own_error("`start_param` needs `initial_value`", "add what the first request sends")
        return self


class Endpoint(Words):
    """What is asked for, and where in the answer the rows are."""

    path: Text | None = None
    """What follows the API's address; without it, the resource's name."""

    method: Literal["GET", "POST"] | None = None
    """`POST` where there is a body, else `GET`."""

    params: dict[str, Any] = {}
    """The query."""

    json_body: Annotated[dict[str, Any] | None, Field(alias="json")] = None
    """The body."""

    graphql: Text | None = None
    """A query in GraphQL, as the body."""

    variables: dict[str, Any] = {}
    """The variables of that."""

    headers: dict[str, Any] = {}
    """Headers of these requests."""

    data_selector: Text | None = None
    """JSON path of the rows; without it, the answer tells."""

    paginator: Paginator | None = None
    """How pages follow."""

    incremental: Incremental | None = None
    """What only new rows are asked for by."""


class Details(Words):
    """A second request, which completes several rows of a list at once: those have hardly more than ids."""

    path: Text
    """Where the details are, below `base_url`."""

    method: Literal["GET", "POST"] = "GET"
    """How they are asked for."""

    params: dict[str, Any] = {}
    """What the query has beside the ids."""

    of: Text
    """The key of a row with its id, in the list and in the details."""

    name: Annotated[Text, Field(alias="as")]
    """The parameter for the ids: of the query, joined by commas, or with POST of the JSON body, as a list."""

    size: Annotated[int, Field(gt=0)]
    """How many ids one request may have."""

    data_selector: Text
    """Where in the answer the details are (JSONPath)."""

    absent: Literal["fail", "skip"] = "fail"
    """What becomes of a row without details: `skip` it only if it may have been deleted since it was listed."""


class Defaults(Words):
    """What all resources share that do not say it themselves."""

    primary_key: Keys | None = None
    """The columns that tell one row from another."""

    merge_key: Keys | None = None
    """Columns whose rows are replaced together."""

    write_disposition: Disposition | None = None
    """What is done with rows that are there already."""

    max_table_nesting: Count | None = None
    """How deep lists of lists become tables of their own."""

    columns: dict[str, dict[str, Any]] = {}
    """Hints for columns, in the words of dlt."""

    page: Code | None = None
    """Code that changes an answer, of a packaged definition alone."""

    map: Code | None = None
    """Code that changes a row, of a packaged definition alone."""

    endpoint: Endpoint = Endpoint()
    """What is asked for."""


class Resource(Defaults):
    """A resource, and the table of its name."""

    name: Text
    """The name of the resource, and of its table."""

    description: str = ""
    """What it has."""

    selected: bool = True
    """Whether it is synced if nothing is said."""

    for_each: Text | None = None
    """A list, for each item of which there is such a resource; `${item.x}` is of the item."""

    when: Text | None = None
    """A parameter without which there is no such resource."""

    include_from_parent: Texts = ()
    """Fields of the row that this one is asked for by."""

    table: Text | None = None
    """The key of rows that names their table, and is taken out of them; without it, all go to the resource's."""

    rename: dict[str, str] = {}
    """Keys of rows, and what they are to be called."""

    details: Details | None = None
    """What completes the rows, which have hardly more than ids."""


class Api(Words):
    """A REST API as a whole."""

    client: Annotated[Client, Field(examples=[_CLIENT])]
    """What all requests share."""

    resource_defaults: Defaults = Defaults()
    """What all resources share that do not say it themselves."""

    resources: Annotated[tuple[Resource, ...], Field(strict=False, examples=[_RESOURCES])]
    """What is synced."""
