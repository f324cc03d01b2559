"""`dango sources show`, for a source and for a type."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click
import orjson

from dango_action.cli.answer import answer
from dango_action.cli.told import log_lines, problem_lines
from dango_action.config.json_schema import json_schema
from dango_action.config.registry import kinds
from dango_action.credentials.gather import gather_names
from dango_action.environment import surroundings
from dango_action.errors import ConfigError, ExitCode, Problem
from dango_action.github.commands import inert
from dango_action.results import problem_document
from dango_action.scaffold.addition import example_of
from dango_action.sources_overview import summary_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dango_action.config.parse import Parsed
    from dango_action.explain import Answer
    from dango_action.explained import Resource


def show_type(kind: str, *, as_json: bool) -> int:
    """Print what a type needs: from its definition, or from the schema of the configuration; and an example."""
    if kind in kinds():
        _show_registered(kind, as_json=as_json)
        return ExitCode.OK
    keys = list(_keys(kind))
    example = example_of(kind)
    if as_json:
        document = {"type": kind, "summary": summary_of(kind), "keys": keys, "example": example}
        answer(document, (), ExitCode.OK)
        return ExitCode.OK
    click.echo(f"{kind}: {summary_of(kind)}\n\nIts block `{kind}:` has")
    for key in keys:
        click.echo(f"  {key['name']}{' (required)' if key['required'] else ''}: {key['description']}".rstrip(": "))
    click.echo(f"\nBelow `sources:` in .dango/sources.yml:\n{example}")
    click.echo(f"or: dango sources add {kind} NAME")
    return ExitCode.OK


def _show_registered(kind: str, *, as_json: bool) -> None:
    from dango_action.reference import adding, lines, reference  # noqa: PLC0415 - no other type needs it

    if as_json:
        answer(reference(kind), (), ExitCode.OK)
        return
    for line in lines(kind):
        click.echo(line)
    click.echo(f"or: {adding(kind)}")


def show_source(project: Path, parsed: Parsed, name: str, *, as_json: bool) -> int:
    """Print a source's options, parameters and resources.

    Raises:
        ConfigError: the source can't be used; all of its problems.

    """
    from dango_action.explain import explain  # noqa: PLC0415 - a type needs none of it

    if name in parsed.broken or parsed.config is None:
        raise ConfigError(*parsed.broken.get(name, parsed.problems))
    config = parsed.config.model_copy(update={"sources": parsed.config.effective_sources()})
    source = next(source for source in config.sources if source.name == name)
    credentials = gather_names(project, config, surroundings(os.environ))
    [told] = explain(project, [source], credentials, parsed.places([name]), describe=True)
    dumped = source.model_dump(mode="json", exclude_none=True)
    options = {key: dumped.pop(key) for key in ("name", "type")} | dumped
    if as_json:
        answer(_document(options, told), told.source.problems, told.exit_code)
        return told.exit_code
    for line in _option_lines(options):
        click.echo(inert(line))
    from dango_action.cli.explained import show  # noqa: PLC0415 - it imports rich

    click.echo()
    show([told.source], [])
    for line in (*_resource_lines(told), *log_lines({name: list(told.log)} if told.log else {})):
        click.echo(line)
    return told.exit_code


def _keys(kind: str) -> Iterator[dict[str, Any]]:
    """Give the keys of a type's block as the schema has them."""
    schema = json_schema()
    model = next(
        one["then"]
        for one in schema["properties"]["sources"]["items"]["allOf"]
        if one["if"]["properties"]["type"]["const"] == kind
    )
    source = _resolved(schema, model)
    block = _resolved(schema, source["properties"][kind])
    for key, declared in block["properties"].items():
        text = " ".join(_resolved(schema, declared).get("description", declared.get("description", "")).split())
        yield {"name": key, "required": key in block.get("required", ()), "description": text}


def _resolved(schema: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    name = part.get("$ref", "").rpartition("/")[2]
    return {**schema["$defs"][name], **part} if name else dict(part)


def _document(options: dict[str, Any], told: Answer) -> dict[str, Any]:
    document = {**told.source.document(), "options": options, "log": list(told.log)}
    del document["problems"]  # the answer has them
    if isinstance(told.resources, Problem):
        return {**document, "resources": None, "not_built": problem_document(told.resources)}
    found = [_resource_document(resource) for resource in told.resources or ()]
    return {**document, "resources": None if told.resources is None else found, "not_built": None}


def _resource_document(resource: Resource) -> dict[str, Any]:
    return {
        "name": resource.name,
        "write_disposition": resource.write_disposition,
        "primary_key": resource.primary_key,
        "cursor": resource.cursor,
        "selected": resource.selected,
    }


def _option_lines(options: Mapping[str, Any]) -> Iterator[str]:
    for key, value in options.items():
        if isinstance(value, dict):
            yield f"{key}:"
            yield from (f"  {below}: {_written(one)}" for below, one in value.items())
        elif value not in ("", [], ()):
            yield f"{key}: {_written(value)}"


def _written(value: object) -> str:
    """Return a value as sources.yml may have it: text as it is, all else as JSON, which is YAML."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _resource_lines(told: Answer) -> Iterator[str]:
    if isinstance(told.resources, Problem):
        yield "its resources can't be told, because it can't be built:"
        yield from problem_lines([told.resources])
    elif told.resources is not None:
        yield "resources:" if told.resources else "it has no resources"
        yield from (inert(f"  {', '.join(_facts(resource))}") for resource in told.resources)


def _facts(resource: Resource) -> Iterator[str]:
    yield resource.name
    yield resource.write_disposition or "loaded as its rows say"
    if resource.primary_key:
        yield f"key {' + '.join(resource.primary_key)}"
    if resource.cursor:
        yield f"cursor {resource.cursor}"
    if not resource.selected:
        yield "not selected"
