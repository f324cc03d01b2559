"""The resources of a REST API, made of its definition by dlt's own `rest_api`."""

from __future__ import annotations

import datetime as dt
import functools
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import dlt
from dlt.sources.rest_api import rest_api_resources

from dango_action.config import paging as words
from dango_action.errors import ConfigError, SourceError
from dango_action.sources.rest.auth import auth_of
from dango_action.sources.rest.code import code
from dango_action.sources.rest.details import completed, fetcher
from dango_action.sources.rest.formats import FORMATS
from dango_action.sources.rest.noticed import NOTICED
from dango_action.sources.rest.paginators import paginator_of
from dango_action.sources.rest.references import iso8601, moment
from dango_action.sources.rest.session import ApiSession
from dango_action.sources.rest.templates import render, render_base, render_path
from dango_action.sources.rest.windows import last_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dlt.extract import DltResource
    from requests import Response

    from dango_action.config.definition import Definition
    from dango_action.config.rest_api import Client, Endpoint, Incremental, Resource
    from dango_action.sources.rest.formats import CursorFormat

_MERGED = ("params", "headers", "json_body", "variables")


def resources(definition: Definition, values: Mapping[str, Any]) -> list[DltResource]:
    """Return the resources of an API. Nothing is asked of it yet.

    Raises:
        ConfigError: a parameter's value can't be used.
        CredentialsError: what one of the API's logins needs is not complete.

    """
    client = definition.client
    assert client is not None  # noqa: S101 - the model of a definition holds it
    now = moment(iso8601(_now()))
    known = {**values, "now": now.isoformat(), "today": now.date().isoformat()}
    base_url = _base_url(client, values, known)
    scopes = [
        (resource, {**known, **more})
        for resource in definition.resources
        if not resource.when or _holds(render(resource.when, known))
        for more in _each(resource, known)
    ]
    made = [_Made(definition, resource, scope, base_url) for resource, scope in scopes]
    _hold_apart([one.name for one in made])
    addresses = [base_url, *(one.path for one in made if "://" in one.path)]
    session = ApiSession(addresses, client.answers, client.rate_limit)
    session.auth = auth_of(client, known)
    session.headers.update({key: str(value) for key, value in render(client.headers, known).items()})
    config: Any = {
        "client": {
            "base_url": base_url,
            "session": session,
        },
        "resources": [one.config(session) for one in made],
    }
    return rest_api_resources(config)


def _hold_apart(names: list[str]) -> None:
    """Refuse two resources of one name, of which one is an item of a user's list."""
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ConfigError.because(
            f"two resources would be called `{twice[0]}`", "each is a table of its own: give it another name"
        )


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())


def _base_url(client: Client, values: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """Return the address of the API; another one than the definition's only if the user has allowed it."""
    other = values.get("base_url")
    if other and values.get("allow_base_url") is not True:
        raise ConfigError.because(
            "`base_url` would send the credentials to another address",
            "remove it, or add `allow_base_url: true` if that is what you want",
        )
    return str(other) if other else render_base(client.base_url, known)


def _holds(value: object) -> bool:
    return value not in (None, "", [], {}) and value is not False


def _each(resource: Resource, known: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give what a resource's text may refer to beyond the parameters: the items that it is repeated for."""
    if resource.for_each is None:
        yield {}
        return
    for item in render(resource.for_each, known) or []:
        yield {"item": item}


class _Made:
    """A resource on its way to dlt's configuration."""

    def __init__(
        self, definition: Definition, resource: Resource, scope: Mapping[str, Any], base_url: str
    ) -> None:
        self._resource, self._scope, self._base_url = resource, scope, base_url
        self._defaults, self._own = definition.resource_defaults, definition.is_own
        self._endpoint = _merged(self._defaults.endpoint, resource.endpoint)
        self._paginator = self._endpoint.paginator or (definition.client.paginator if definition.client else None)
        self.path = render_path(self._endpoint.path or resource.name, scope)
        self.name = str(render(resource.name, scope))

    def config(self, session: ApiSession) -> dict[str, Any]:
        """Return dlt's configuration of the resource."""
        resource, cursor = self._resource, self._endpoint.incremental
        given = {
            "primary_key": _columns_of(self._setting("primary_key"), self._scope),
            "merge_key": _columns_of(self._setting("merge_key"), self._scope),
            "write_disposition": self._setting("write_disposition"),
            "max_table_nesting": self._setting("max_table_nesting"),
            "columns": self._columns(cursor),
            "include_from_parent": list(resource.include_from_parent),
            "processing_steps": list(self._processing(cursor)),
        }
        return {
            "name": self.name,
            "selected": resource.selected,
            "endpoint": self._endpoint_config(cursor, session),
            **{key: render(value, self._scope) for key, value in given.items() if value not in (None, [], {})},
        }

    def _setting(self, name: str) -> Any:  # noqa: ANN401 - of a resource
        own = getattr(self._resource, name)
        return getattr(self._defaults, name) if own is None else own

    def _columns(self, cursor: Incremental | None) -> dict[str, Any]:
        """Return the hints; of rows with one key in a load, dlt is to keep the one with the newest cursor."""
        both = {**self._defaults.columns, **self._resource.columns}
        columns = {name: dict(hints) for name, hints in both.items()}
        merges = self._setting("write_disposition") == "merge" and self._setting("primary_key")
        if cursor and merges and "." not in cursor.cursor_path and "[" not in cursor.cursor_path:
            columns.setdefault(cursor.cursor_path, {}).setdefault("dedup_sort", "desc")
        return columns

    def _steps(self, cursor: Incremental | None) -> Iterator[Callable[[Any], Any]]:
        resource, scope = self._resource, self._scope
        if self._own and cursor:
            yield functools.partial(NOTICED.row, self.name, cursor.cursor_path)
        if named := self._setting("map"):
            yield functools.partial(_mapped, code(named), scope)
        if resource.rename:
            yield functools.partial(_renamed, dict(resource.rename))
        if cursor and cursor.format not in {"integer", "text"}:
            yield functools.partial(_timed, cursor.cursor_path.split("."), FORMATS[cursor.format].held)

    def _endpoint_config(self, cursor: Incremental | None, session: ApiSession) -> dict[str, Any]:
        endpoint, scope = self._endpoint, self._scope
        params = render(endpoint.params, scope)
        body = render(endpoint.json_body, scope) if endpoint.json_body else None
        if endpoint.graphql:
            query = endpoint.graphql.replace("{", "{{").replace("}", "}}")
            body = {**(body or {}), "query": query, "variables": render(endpoint.variables, scope)}
        made: dict[str, Any] = {
            "path": self.path,
            "method": endpoint.method or ("POST" if body is not None else "GET"),
            "params": params,
            "headers": {key: str(value) for key, value in render(endpoint.headers, scope).items()},
            "paginator": paginator_of(self._paginator, scope, self._base_url),
        }
        if cursor:
            made["incremental"], start = self._incremental(cursor)
            params |= start
        if body is not None:
            made["json"] = body
        if endpoint.data_selector:
            made["data_selector"] = render(endpoint.data_selector, scope)
        if changes := list(self._changes(session)):
            made["response_actions"] = [functools.partial(_changed, change) for change in changes]
        return made

    def _changes(self, session: ApiSession) -> Iterator[Callable[[Any], Any]]:
        """Give what is done with an answer before its rows are taken out of it."""
        resource, scope, selector = self._resource, self._scope, self._endpoint.data_selector
        if self._own and selector and not isinstance(self._paginator, words.Job):
            yield functools.partial(NOTICED.answer, name=self.name, selector=str(render(selector, scope)))
        if page := self._setting("page"):
            function = code(page)
            yield lambda document: function(document, scope)
        if resource.details:
            fetch = fetcher(resource.details, session, self._base_url, render(resource.details.params, scope))
            yield functools.partial(completed, details=resource.details, selector=selector or "$", fetch=fetch)

    def _processing(self, cursor: Incremental | None) -> Iterator[dict[str, Any]]:
        """Give what is done with each row; those that have changed since the last slice of time are left out."""
        yield from ({"map": step} for step in self._steps(cursor))
        if cursor and isinstance(self._paginator, words.Windows) and self._paginator.settle:
            last = last_moment(self._paginator, moment(self._scope["now"]))
            yield {"filter": functools.partial(_settled, cursor, last)}
        if self._resource.table:
            yield {"yield_map": functools.partial(_to_table, self._resource.table)}

    def _incremental(self, cursor: Incremental) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return dlt's cursor, and the parameter with its start, which dlt would take from a cursor that moves."""
        form = FORMATS[cursor.format]
        initial = render(cursor.initial_value, self._scope)
        lag = render(cursor.lag, self._scope)
        made: dict[str, Any] = {
            "cursor_path": cursor.cursor_path,
            "initial_value": None if initial is None else form.held(initial),
            "end_param": cursor.end_param,
            "lag": lag or None,
            "row_order": cursor.row_order,
            # a row without a day would be in no group that is replaced, and be added by every run
            "on_cursor_value_missing": "raise" if self._setting("merge_key") else "include",
            "convert": functools.partial(
                _sent, FORMATS[cursor.param_format or cursor.format], self._oldest(cursor)
            ),
            "primary_key": self._boundary(),
        }
        start = (
            {cursor.start_param: "{incremental.start_value}"} if cursor.start_param and initial is not None else {}
        )
        return {key: value for key, value in made.items() if value is not None}, start

    def _oldest(self, cursor: Incremental) -> dt.datetime | None:
        days = cursor.oldest
        return None if days is None else moment(self._scope["now"]) - dt.timedelta(days=days)

    def _boundary(self) -> Any:  # noqa: ANN401 - a key, or what makes one of a row
        """Return what tells the rows of the cursor's last value that were there from those that are new."""
        if self._setting("merge_key"):
            return []  # rows that are replaced as a group have to come as one
        if self._setting("primary_key") and self._setting("write_disposition") != "merge":
            return None  # the key of the resource: what is added is added once, even if it has changed since
        return _whole  # a row may change again at the same moment: only an equal one is old


def _whole(row: Any) -> Any:  # noqa: ANN401 - a row
    """Return what tells a row of the cursor's last value from others of it."""
    return row


def _sent(form: CursorFormat, oldest: dt.datetime | None, value: Any) -> Any:  # noqa: ANN401 - of a cursor
    """Return a cursor's value as a request has it; dlt asks for that of the end, too, where there is none."""
    if value is not None and oldest and form.moment(value) < oldest:
        value = oldest
    return None if value is None else form.write(form.held(value))


def _merged(defaults: Endpoint, own: Endpoint) -> Endpoint:
    """Return a resource's endpoint with what the defaults add to it."""
    kept = {name: getattr(defaults, name) for name in defaults.model_fields_set - own.model_fields_set}
    both = {
        name: {**(getattr(defaults, name) or {}), **(getattr(own, name) or {})}
        for name in _MERGED
        if name in defaults.model_fields_set & own.model_fields_set
    }
    return own.model_copy(update={**kept, **both})


def _columns_of(key: Any, scope: Mapping[str, Any]) -> list[str]:  # noqa: ANN401 - a key, or nothing
    """Return the columns of a key, in which a reference may stand for several."""
    made = render(list(key or ()), scope)
    return [column for one in made for column in (one if isinstance(one, list) else [one])]


def _mapped(function: Callable[[Any, Mapping[str, Any]], Any], scope: Mapping[str, Any], row: Any) -> Any:  # noqa: ANN401
    return function(row, scope)


def _renamed(names: Mapping[str, str], row: Any) -> Any:  # noqa: ANN401 - a row
    return {names.get(key, key): value for key, value in row.items()} if isinstance(row, dict) else row


def _timed(path: list[str], held: Callable[[Any], Any], row: Any) -> Any:  # noqa: ANN401 - a row
    """Return the row with the cursor's value as dlt is to compare it."""
    below = _below(path[:-1], row)
    if isinstance(below, dict) and below.get(path[-1]) is not None:
        below[path[-1]] = _held(below[path[-1]], held, ".".join(path))
    return row


def _held(value: Any, held: Callable[[Any], Any], path: str) -> Any:  # noqa: ANN401 - as an API writes it
    if value == "":  # how some write that there is none
        return None
    try:
        return held(value)
    except (ValueError, TypeError, OverflowError):
        what = f"a row has a `{path}` that is no time, or not written as `format` says"
        raise SourceError.because(what, "say by `format` of `incremental` how the API writes it") from None


def _below(path: list[str], row: Any) -> Any:  # noqa: ANN401 - a row
    for part in path:
        row = row.get(part) if isinstance(row, dict) else None
    return row


def _settled(cursor: Incremental, last: dt.datetime, row: Any) -> bool:  # noqa: ANN401 - a row
    """Return whether a row is no newer than what was asked for: its cursor would skip others of its time."""
    value = _below(cursor.cursor_path.split("."), row)
    return value is None or FORMATS[cursor.format].moment(value) <= last


def _to_table(key: str, row: dict[str, Any]) -> Iterator[Any]:
    """Give the row to the table that it names."""
    yield dlt.mark.with_table_name({name: value for name, value in row.items() if name != key}, row[key])


def _changed(
    change: Callable[[Any], Any],
    response: Response,
    *_: Any,  # noqa: ANN401 - of a hook
    **__: Any,  # noqa: ANN401
) -> Response:
    document = change(response.json())
    vars(response)["json"] = lambda **_: document  # for all that read it from here on
    return response
