"""The words in which a REST API is described: dlt's own for its `rest_api` source, and some that it lacks.

A definition of a type and a source of the type `rest_api` share them. `${x}` stands for a parameter's value.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from dango_action.config.fields import Count, Keys, Text, Texts, own_error
from dango_action.config.language import Code, Disposition, Format, Words
from dango_action.config.logins import Auths
from dango_action.config.paging import Paginator

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

    headers: dict[str, Any] = Field(default={})
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

    oldest: Annotated[float, Field(gt=0)] | None = None
    """Days for which the API keeps rows: it is asked for no older ones, however long ago the last run was."""

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

    params: dict[str, Any] = Field(default={})
    """The query."""

    json_body: Annotated[dict[str, Any] | None, Field(alias="json")] = None
    """The body."""

    graphql: Text | None = None
    """A query in GraphQL, as the body."""

    variables: dict[str, Any] = Field(default={})
    """The variables of that."""

    headers: dict[str, Any] = Field(default={})
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

    params: dict[str, Any] = Field(default={})
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

    columns: dict[str, dict[str, Any]] = Field(default={})
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

    rename: dict[str, str] = Field(default={})
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
