"""The format of `sources.yml` as JSON Schema, for editors: the parser's rules, from the same models."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from dango_action.config import databases, definition, fields, files, logins, model, paging, registered, rest_api
from dango_action.config.definition import Definition
from dango_action.config.model import TYPES, Config
from dango_action.config.target import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from pydantic_core import core_schema

_TITLE = "dango: .dango/sources.yml"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FORM = "Which of these kinds it is."
_EXAMPLE = {
    "version": "1.0",
    "target": "duckdb:.dango/warehouse.duckdb",
    "sources": [
        {
            "name": "shopee_sg",
            "type": "dlt_native",
            "dlt_native": {"source_module": "shopee_api", "source_function": "shopee_source"},
        }
    ],
}


def json_schema() -> dict[str, Any]:
    """Return the schema, draft 2020-12.

    It can't express what depends on two places of a file (names that collide, `credentials_from`), nor what YAML
    itself refuses (a key that occurs twice, tags, several documents).
    """
    refs, document = models_json_schema(
        [(Config, "validation"), *((source, "validation") for source in TYPES.values())],
        schema_generator=_Generator,
    )
    definitions = document["$defs"]
    _describe(definitions)
    definitions["Check"]["dependentRequired"] = {"max_age_hours": ["cursor"]}
    top = definitions.pop("Config")
    # Both keys may be left without a value: what was below them is commented out.
    top["properties"]["defaults"] = _or_null(top["properties"]["defaults"])
    top["properties"]["target"]["default"] = str(DEFAULT)
    top["properties"]["sources"] = {
        "type": ["array", "null"],
        "description": top["properties"]["sources"]["description"],
        "items": _source({kind: refs[source, "validation"] for kind, source in TYPES.items()}),
    }
    schema = {"$schema": _DIALECT, "title": _TITLE, **top, "examples": [_EXAMPLE], "$defs": definitions}
    return {**schema, "description": inspect.cleandoc(Config.__doc__ or "")}


def definition_schema() -> dict[str, Any]:
    """Return the schema of the file of a packaged type, draft 2020-12.

    What it can't express, references and placeholders among it, is what `dango_action.sources.sound` looks for.
    """
    refs, document = models_json_schema([(Definition, "validation")], schema_generator=_Generator)
    _describe(document["$defs"])
    [ref] = refs.values()
    return {
        "$schema": _DIALECT,
        "title": "dango: the definition of a type of sources",
        **ref,
        "$defs": document["$defs"],
    }


def _describe(definitions: dict[str, Any]) -> None:
    """Put the text under each key of the models into their schemas."""
    texts = _documentation()
    for name, described in definitions.items():
        # the model of a type's sources is made of its definition, and has the keys of every source
        known = {**(texts["SourceBase"] if name.endswith("Source") else {"type": _FORM}), **texts.get(name, {})}
        for key, schema in described.get("properties", {}).items():
            if text := known.get(key):
                schema["description"] = text


def _source(refs: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a source: its type decides which block it has."""
    return {
        "type": "object",
        "required": ["name", "type"],
        "properties": {"type": {"enum": list(TYPES)}},
        "allOf": [
            {"if": {"required": ["type"], "properties": {"type": {"const": kind}}}, "then": ref}
            for kind, ref in refs.items()
        ],
    }


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": schema["description"], "anyOf": [{"$ref": schema["$ref"]}, {"type": "null"}]}


class _Generator(GenerateJsonSchema):
    """Pydantic's schema without what helps nobody: titles made of names, and null for what is left out."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - pydantic's signature
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        made = super().default_schema(schema)
        return {key: value for key, value in made.items() if key != "default" or value is not None}

    def model_schema(self, schema: core_schema.ModelSchema) -> dict[str, Any]:
        return {key: value for key, value in super().model_schema(schema).items() if key != "title"}

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> dict[str, Any]:
        return {key: value for key, value in super().typed_dict_schema(schema).items() if key != "title"}


def _documentation() -> dict[str, dict[str, str]]:
    """Return the text under each key, by class; pydantic would look for them at each import, this at need."""
    found: dict[str, dict[str, str]] = {}
    for module in (fields, model, databases, files, logins, paging, rest_api, definition, registered):
        for name, bases, texts in _classes(module):
            inherited = {key: text for base in bases for key, text in found.get(base, {}).items()}
            found[name] = inherited | texts
    return found


def _classes(module: ModuleType) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    for node in ast.parse(inspect.getsource(module)).body:
        if not isinstance(node, ast.ClassDef):
            continue
        texts: dict[str, str] = {}
        for key, below in zip(node.body, node.body[1:], strict=False):
            match key, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    texts[_written(key) or name] = inspect.cleandoc(text)
        yield node.name, [base.id for base in node.bases if isinstance(base, ast.Name)], texts


def _written(field: ast.AnnAssign) -> str | None:
    """Return how the file calls a field that Python calls otherwise: `json`, `with`."""
    calls = (node for node in ast.walk(field.annotation) if isinstance(node, ast.Call))
    keywords = (keyword for call in calls for keyword in call.keywords if keyword.arg == "alias")
    return next((str(key.value.value) for key in keywords if isinstance(key.value, ast.Constant)), None)
