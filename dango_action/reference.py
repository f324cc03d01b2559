"""What a packaged type of sources is, for people: from its definition, as data, as text and as a page of docs/."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dango_action.config.registered import ALLOW_BASE_URL, BASE_URL, parameters_of
from dango_action.config.registry import definition, kinds
from dango_action.scaffold.addition import example_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dango_action.config.definition import Definition, Parameter
    from dango_action.config.rest_api import Resource

_OF_TESTS = frozenset({BASE_URL, ALLOW_BASE_URL})  # no one needs them to begin with
INDEX = """\
# Types of sources

A type is a system that `dango` knows: name it in `.dango/sources.yml`, give it its credentials, and it syncs. Each
page is made of the type's definition, as is `dango sources show TYPE`.

| type | what it syncs |
|---|---|
"""
_VALUES = """\
Values come from the block in sources.yml, from `[sources.<name>]` of `.dlt/secrets.toml` and `.dlt/config.toml`,
from sealed secrets, or from variables like `SOURCES__<NAME>__{variable}`; see [credentials](../credentials.md).
Other names of a parameter (*also*) count in the block alone.
"""
_SECRETS = """\
A secret never stands in sources.yml: `{secret}_env: NAME` there names the variable that has it, or
`dango secrets set sources.<name>.{secret}` seals it.
"""
_SELECTED = """\
All are synced but those that are *not selected*; with `resources: [{first}, …]` beside the block, those that it
names and no others."""


def reference(kind: str) -> dict[str, Any]:
    """Return all that is known of a type, as `dango sources show TYPE --json` prints it.

    Raises:
        KeyError: there is no such type.

    """
    made = definition(kind)
    return {
        "type": kind,
        "title": made.title,
        "summary": made.description,
        "docs": made.docs,
        "setup": made.setup,
        "parameters": [_parameter_document(name, each) for name, each in parameters_of(made).items()],
        "resources": [_resource_document(made, resource) for resource in made.resources],
        "example": example_of(kind),
    }


def lines(kind: str) -> Iterator[str]:
    """Give it for a terminal."""
    known = reference(kind)
    yield f"{known['title']}: {known['summary']}"
    if known["docs"]:
        yield known["docs"]
    yield from ("", *known["setup"].splitlines()) if known["setup"] else ()
    yield "\nParameters:"
    for one in known["parameters"]:
        if one["name"] not in _OF_TESTS:
            yield f"  {one['name']}  ({', '.join(_facts(one))})"
            yield f"      {one['help']}"
    if known["resources"]:
        yield f"\nResources: {_SELECTED.format(first=known['resources'][0]['name'])}"
        for one in known["resources"]:
            yield f"  {one['name']}  ({', '.join(_ways(one))})"
            yield from (f"      {one['description']}",) if one["description"] else ()
    yield f"\nBelow `sources:` in .dango/sources.yml:\n{known['example']}"
    secrets = [one for one in known["parameters"] if one["secret"]]
    other = "if wanted" if any(one["required"] for one in secrets) else "or"
    for one in secrets:
        yield f"  {'and' if one['required'] else other}: dango secrets set sources.{kind}.{one['name']}"


def adding(kind: str) -> str:
    """Return the command that adds a source of the type, with all that it needs."""
    made = definition(kind)
    needed = (key for key, each in made.parameters.items() if each.needed and not each.secret)
    return " ".join([f"dango sources add {kind} NAME", *(f"--set {key}=…" for key in needed)])


def page(kind: str) -> str:
    """Return it as a page of Markdown."""
    known = reference(kind)
    secret = next((one["name"] for one in known["parameters"] if one["secret"]), None)
    variable = (secret or known["parameters"][0]["name"]).upper()
    parts = [f"# {known['title']}", "", known["summary"]]
    parts += ["", f"The vendor's reference: <{known['docs']}>"] if known["docs"] else []
    parts += ["", "```yaml", "sources:", known["example"].rstrip(), "```"]
    parts += [
        "",
        f"Or let `{adding(kind)}` write it, and look at some rows: `dango sync --source NAME --limit 5`.",
    ]
    parts += ["", "## Credentials", "", known["setup"].rstrip()] if known["setup"] else []
    values = _VALUES.format(variable=variable) + (_SECRETS.format(secret=secret) if secret else "")
    parts += ["", "## Parameters", "", values]
    parts += ["| parameter | | what |", "|---|---|---|"]
    parts += [
        f"| `{one['name']}` | {_cell(', '.join(_facts(one)))} | {_cell(one['help'])} |"
        for one in known["parameters"]
    ]
    if known["resources"]:
        parts += ["", "## Resources", "", _SELECTED.format(first=known["resources"][0]["name"]), ""]
        parts += ["| table | how | what |", "|---|---|---|"]
        parts += [
            f"| `{one['name']}` | {_cell(', '.join(_ways(one)))} | {_cell(one['description'])} |"
            for one in known["resources"]
        ]
    return "\n".join(parts) + "\n"


def pages() -> dict[str, str]:
    """Return the pages of all types, and the one that lists them, by file name."""
    listed = "".join(f"| [{kind}]({kind}.md) | {_cell(definition(kind).description)} |\n" for kind in kinds())
    return {"README.md": INDEX + listed, **{f"{kind}.md": page(kind) for kind in kinds()}}


def _parameter_document(name: str, parameter: Parameter) -> dict[str, Any]:
    return {
        "name": name,
        "type": parameter.type,
        "secret": parameter.secret,
        "required": parameter.needed,
        "default": None if parameter.secret else parameter.default,
        "aliases": list(parameter.aliases),
        "choices": list(parameter.choices),
        "example": None if parameter.secret else parameter.example,
        "help": " ".join(parameter.help.split()),
    }


def _resource_document(made: Definition, resource: Resource) -> dict[str, Any]:
    defaults = made.resource_defaults
    cursor = resource.endpoint.incremental or defaults.endpoint.incremental
    return {
        "name": resource.name,
        "description": " ".join(resource.description.split()),
        "write_disposition": resource.write_disposition or defaults.write_disposition or "append",
        "primary_key": list(resource.primary_key or defaults.primary_key or ()),
        "cursor": cursor.cursor_path if cursor else None,
        "selected": resource.selected,
    }


def _facts(one: dict[str, Any]) -> Iterator[str]:
    """Give what is known of a parameter in a few words."""
    yield "secret" if one["secret"] else one["type"]
    if one["required"]:
        yield "required"
    if one["default"] not in (None, ""):
        yield f"default {_written(one['default'])}"
    if one["choices"]:
        yield f"one of {' '.join(map(str, one['choices']))}"
    if one["aliases"]:
        yield f"also {' '.join(one['aliases'])}"
    if one["example"] is not None:
        yield f"like {_written(one['example'])}"


def _ways(one: dict[str, Any]) -> Iterator[str]:
    """Give how the rows of a resource come into its table."""
    yield str(one["write_disposition"])
    if one["primary_key"]:
        yield f"key {' + '.join(one['primary_key'])}"
    if one["cursor"]:
        yield f"cursor {one['cursor']}"
    if not one["selected"]:
        yield "not selected"


def _written(value: object) -> str:
    """Return a value as YAML may have it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
