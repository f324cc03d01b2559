"""The models of the sources whose types are data: what their blocks may have follows from the definition."""

from __future__ import annotations

import functools
import warnings
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, create_model, model_validator

from dango_action.config.definition import Definition, Parameter, RestApi
from dango_action.config.fields import VARIABLE, Shape, own_error
from dango_action.config.model import SourceBase
from dango_action.config.registry import definition

BASE_URL = "base_url"
ALLOW_BASE_URL = "allow_base_url"

_SCHEMAS: dict[str, dict[str, Any]] = {
    "text": {"type": "string", "minLength": 1},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "list": {"type": "array"},
    "object": {"type": "object"},
    "any": {},
}
# Small letters are a secret itself rather than the name of its variable, and such a name would be told in errors.
_SecretVariable = Annotated[
    str,
    Shape(
        pattern="^[A-Z_][A-Z0-9_]*$",
        what="this is not the name of a variable with a secret: such a name has capitals, digits and `_`",
        hint="name the variable here, and set it to the secret",
    ),
]
_Variable = Annotated[
    str,
    Shape(
        pattern=f"^{VARIABLE.pattern}$",
        what="this is not the name of an environment variable",
        hint="a name has letters, digits and `_`, and no value behind it",
    ),
]


def _with_permission(schema: dict[str, Any]) -> None:
    """Say in JSON Schema that the address needs the permission."""
    if BASE_URL in schema["properties"]:
        schema["dependentSchemas"] = {
            BASE_URL: {"properties": {ALLOW_BASE_URL: {"const": True}}, "required": [ALLOW_BASE_URL]}
        }


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, json_schema_extra=_with_permission)

    @model_validator(mode="after")
    def _address_is_allowed(self) -> Self:
        if getattr(self, BASE_URL, None) and not getattr(self, ALLOW_BASE_URL, None):
            raise own_error(
                f"`{BASE_URL}` would send the credentials to another address",
                f"remove it, or add `{ALLOW_BASE_URL}: true` if that is what you want",
            )
        return self


class RegisteredSource(SourceBase):
    """A source of a type that a definition describes."""

    @property
    def arguments(self) -> dict[str, Any]:
        """The parameters that the block gives, each by its own name and not by an alias."""
        block: BaseModel = getattr(self, self.type)
        known = _canonical(definition(self.type))
        return {known[key]: value for key, value in block if key in block.model_fields_set}


class InlineSource(SourceBase):
    """A source of the type `rest_api`, which describes the API itself."""

    type: Literal["rest_api"]
    """What kind of source this is. A block of the same name has what this kind needs."""

    rest_api: RestApi
    """The API: its address, its login, its resources."""

    @property
    def arguments(self) -> dict[str, Any]:
        """The variables that parameters name."""
        return {f"{key}_env": each.env for key, each in self.rest_api.parameters.items() if each.env}

    @property
    def definition(self) -> dict[str, Any]:
        """The block, as a worker takes it."""
        return self.rest_api.definition.model_dump(mode="json", by_alias=True, exclude_unset=True)


def definition_of(source: SourceBase) -> Definition:
    """Return what describes a source whose type is data."""
    return source.rest_api.definition if isinstance(source, InlineSource) else definition(source.type)


@functools.cache
def source_model(kind: str) -> type[RegisteredSource]:
    """Return the model of the sources of a type.

    Raises:
        KeyError: there is no such type.

    """
    made = definition(kind)
    block = _block_model(made)
    about = "The parameters of the type."
    fields: dict[str, Any] = {
        "type": (Literal[kind], ...),
        kind: (block, Field(default_factory=block, description=about)),
    }
    return create_model(
        f"{kind.title().replace('_', '')}Source", __base__=RegisteredSource, __doc__=made.description, **fields
    )


def _block_model(made: Definition) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name, parameter in parameters_of(made).items():
        for key in (name, *parameter.aliases):
            fields[key] = (_value_type(key, name, parameter), Field(default=None, description=parameter.help))
            about = f"The environment variable with `{key}`."
            variable = _SecretVariable if parameter.secret else _Variable
            fields[f"{key}_env"] = (variable, Field(default=None, description=about))
    with warnings.catch_warnings(action="ignore"):  # a parameter may be called `schema`, as an old method is
        return create_model(
            f"{made.type.title().replace('_', '')}Block", __base__=_Block, __doc__=made.title, **fields
        )


def parameters_of(made: Definition) -> dict[str, Parameter]:
    """Return the parameters of a type, those among them that every REST API has."""
    if made.engine != "rest_api" or made.is_own:
        return made.parameters
    address = Parameter(
        required=False,
        help=f"Another address of the API, for tests and proxies; only with `{ALLOW_BASE_URL}`",
        example="http://127.0.0.1:8080/",
    )
    allow = Parameter(type="boolean", default=False, help=f"Lets `{BASE_URL}` send the secrets elsewhere")
    return {**made.parameters, BASE_URL: address, ALLOW_BASE_URL: allow}


def _canonical(made: Definition) -> dict[str, str]:
    return {
        f"{key}{end}": f"{name}{end}"
        for name, parameter in parameters_of(made).items()
        for key in (name, *parameter.aliases)
        for end in ("", "_env")
    }


def _value_type(key: str, name: str, parameter: Parameter) -> Any:  # noqa: ANN401 - a type
    if parameter.secret:
        return Annotated[Any, BeforeValidator(functools.partial(_refuse, key, name)), WithJsonSchema({"not": {}})]
    schema = dict(_SCHEMAS[parameter.type])
    schema |= {"enum": list(parameter.choices)} if parameter.choices else {}
    schema |= {"pattern": f"^(?:{parameter.pattern})$"} if parameter.pattern and parameter.type == "text" else {}
    schema |= {"examples": [parameter.example]} if parameter.example is not None else {}
    return Annotated[Any, BeforeValidator(functools.partial(_held, key, parameter)), WithJsonSchema(schema)]


def _refuse(key: str, name: str, _: object) -> object:
    ways = f"`dango secrets set sources.<name>.{name}`, .dlt/secrets.toml, or its variable: `{key}_env: NAME`"
    raise own_error(f"`{key}` is a secret, and sources.yml is committed", f"take one of: {ways}")


def _held(name: str, parameter: Parameter, value: object) -> object:
    if parameter.type == "text" and value == "":
        raise own_error(f"`{name}` must not be empty", "give it a value, or remove it")
    if flaw := parameter.flaw(value):
        raise own_error(f"`{name}` {flaw[0]}", flaw[1])
    return value
