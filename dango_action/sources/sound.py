"""What is wrong with a definition that each of its words alone does not show; nothing is asked of an API."""

from __future__ import annotations

import string
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dango_action.config.logins import ClientCredentials
from dango_action.config.registered import parameters_of
from dango_action.config.words import did_you_mean
from dango_action.sources.rest.references import ALWAYS, FORMS, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dango_action.config.definition import Definition
    from dango_action.config.rest_api import Resource

_CODE = frozenset({"page", "map"})
_SECRETS = frozenset({"token", "value", "password", "client_secret", "refresh_token", "private_key"})


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong, what to do, and where below the definition, like `resources[0].endpoint`."""

    what: str
    hint: str
    where: str
    doubt: bool = False  # it may be meant so


def flaws(definition: Definition, *, packaged: bool) -> Iterator[Flaw]:
    """Give what is wrong. What is not packaged names no code, and gets tokens from its own host alone."""
    yield from _references(definition)
    yield from _names(definition)
    cursor = definition.resource_defaults.endpoint.incremental is not None
    for index, resource in enumerate(definition.resources):
        names = [one.name for one in definition.resources]
        yield from _placeholders(resource, names, f"resources[{index}]", moves=cursor)
    if not packaged:
        yield from _code(definition.model_dump(by_alias=True, exclude_unset=True), "")
        yield from _addresses(definition)
        yield from _in_the_open(definition)
        yield from _doubled(definition)


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - a part of a definition
    """Give each text below a value, keys among them, with its place."""
    match value:
        case str():
            yield value, where
        case dict():
            for key, below in value.items():
                yield str(key), where
                yield from _texts(below, f"{where}.{key}".lstrip("."))
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _texts(item, f"{where}[{index}]")


def _references(definition: Definition) -> Iterator[Flaw]:
    """Give the references to what is no parameter, or in a form that there is not."""
    known = {*parameters_of(definition), *ALWAYS}
    document = definition.model_dump(by_alias=True, exclude_unset=True, include={"client", "resource_defaults"})
    for text, where in _texts(document, ""):
        yield from _unknown(text, where, known)
    for index, resource in enumerate(definition.resources):
        own = known | ({"item"} if resource.for_each else set())
        job = {"id"} if resource.endpoint.paginator else set()
        for text, where in _texts(resource.model_dump(by_alias=True, exclude_unset=True), f"resources[{index}]"):
            yield from _unknown(text, where, own | job)


def _unknown(text: str, where: str, known: set[str]) -> Iterator[Flaw]:
    for name, form in REFERENCE.findall(text):
        head = name.partition(".")[0]
        if head not in known:
            near = did_you_mean(head, sorted(known))
            hint = f"{near}, or add it below `parameters:`, like `{head}: {{secret: true}}`"
            yield Flaw(f"`${{{name}}}` is no parameter", hint, where)
        if form and form not in FORMS:
            yield Flaw(f"`${{{name}|{form}}}` asks for a form that there is not", did_you_mean(form, FORMS), where)


def _names(definition: Definition) -> Iterator[Flaw]:
    for name, count in Counter(one.name for one in definition.resources).items():
        if count > 1:
            index = max(i for i, one in enumerate(definition.resources) if one.name == name)
            hint = "give each one a name, and so a table, of its own"
            yield Flaw(f"{count} resources are called `{name}`", hint, f"resources[{index}]")


def _placeholders(resource: Resource, names: list[str], where: str, *, moves: bool) -> Iterator[Flaw]:
    """Give the placeholders of dlt that it can't fill. `moves`: all resources have a cursor."""
    endpoint = resource.endpoint.model_dump(
        by_alias=True, exclude_unset=True, include={"path", "params", "json_body", "variables", "headers"}
    )
    for text, at in _texts(endpoint, f"{where}.endpoint"):
        for field in _fields(REFERENCE.sub("", text)):
            head, _, rest = field.partition(".")
            parent = rest.partition(".")[0]
            if head == "incremental" and (moves or resource.endpoint.incremental):
                continue
            if head == "resources" and parent in names and parent != resource.name:
                continue
            hint = "write `{resources.NAME.FIELD}` or `{incremental.start_value}`, and other braces doubled: `{{`"
            if head == "resources":
                others = [name for name in names if name != resource.name]
                hint = did_you_mean(parent, others) if others else "there is no other resource"
            elif head == "incremental":
                hint = "add `incremental:` to the endpoint"
            yield Flaw(f"nothing fills `{{{field}}}`", hint, at)


def _fields(text: str) -> Iterator[str]:
    try:
        yield from (field for _, field, _, _ in string.Formatter().parse(text) if field is not None)
    except ValueError:
        yield text


def _code(value: Any, where: str) -> Iterator[Flaw]:  # noqa: ANN401 - a part of a definition
    if isinstance(value, dict):
        for key, below in value.items():
            at = f"{where}.{key}".lstrip(".")
            of_rows = where == "resource_defaults" or where.rpartition("[")[0] == "resources"
            if (key in _CODE and of_rows) or (key, below) == ("type", "python"):
                yield Flaw(
                    "code belongs into Python", "write the source in custom_sources/, type `dlt_native`", at
                )
            yield from _code(below, at)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _code(item, f"{where}[{index}]")


def _addresses(definition: Definition) -> Iterator[Flaw]:
    """Give what is no address, and what is not at the API's own host: secrets would go there."""
    client = definition.client
    if client and not client.base_url.startswith(("https://", "http://", "${")):
        yield Flaw("`base_url` is no address of the web", "begin it with https://", "client.base_url")
    for choice in client.auth or () if client else ():
        if not isinstance(choice, ClientCredentials) or client is None:
            continue
        if urlsplit(choice.token_url)[:2] != urlsplit(client.base_url)[:2]:
            what = "`token_url` is at another host than `base_url`, and the client's secret would go there"
            hint = "write one at the API's own host; for another one, a source in Python, type `dlt_native`"
            yield Flaw(what, hint, "client.auth")


def _doubled(definition: Definition) -> Iterator[Flaw]:
    """Give the resources that add in each sync what is there already."""
    defaults = definition.resource_defaults
    cursors = {one.name: one.endpoint.incremental or defaults.endpoint.incremental for one in definition.resources}
    for index, resource in enumerate(definition.resources):
        written = resource.write_disposition or defaults.write_disposition
        cursor, at = cursors[resource.name], f"resources[{index}]"
        if cursor and cursor.lag and written in (None, "append"):
            what = f"`{resource.name}` adds the rows again that `lag` asks for"
            yield Flaw(what, "write `write_disposition: merge`, and its `primary_key`", at, doubt=True)
        texts = [text for text, _ in _texts(resource.endpoint.model_dump(exclude_unset=True), "")]
        fed = any(f"{{resources.{name}." in text for name, moves in cursors.items() if moves for text in texts)
        if not written and not cursor and not fed:
            what = f"`{resource.name}` adds all of its rows again in each sync: it has no cursor"
            hint = "write `write_disposition: replace`, or `merge` with its `primary_key`; `append` keeps them all"
            yield Flaw(what, hint, at, doubt=True)


def _in_the_open(definition: Definition) -> Iterator[Flaw]:
    """Give the secrets that stand in the text itself."""
    client = definition.client
    for choice in client.auth or () if client else ():
        for key, value in choice.model_dump(exclude={"type"}).items():
            if key in _SECRETS and isinstance(value, str) and value and not REFERENCE.search(value):
                what = f"`{key}` of `auth` stands in sources.yml, which is committed"
                hint = f"write `{key}: ${{{key}}}`, and `{key}: {{secret: true}}` below `parameters:`"
                yield Flaw(what, hint, "client.auth", doubt=True)
