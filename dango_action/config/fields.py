"""The types of single values, each with the same rule for pydantic and for JSON Schema."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    PlainValidator,
    Tag,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from dango_action.config import names
from dango_action.config import target as targets
from dango_action.config.target import Target

# The type of our own errors; their context holds `what` and `hint`.
OWN_ERROR = "dango"
CONTRACT_ERROR = "contract_form"


def own_error(what: str, hint: str) -> PydanticCustomError:
    """Return an error whose words are ours."""
    return PydanticCustomError(OWN_ERROR, "{what}", {"what": what, "hint": hint})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Text has to match the pattern. The problem never shows the text: it may be a secret in the wrong place."""

    pattern: str
    what: str
    hint: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern}

    def _check(self, text: str) -> str:
        if re.fullmatch(self.pattern, text) is None:
            raise own_error(self.what, self.hint)
        return text


def _check_name(text: str) -> str:
    wrong = names.flaw(text)
    if wrong:
        raise own_error(*wrong)
    return text


def _to_target(value: object) -> Target:
    if not isinstance(value, str):
        raise PydanticKnownError("string_type")
    wrong = targets.flaw(value)
    if wrong:
        raise own_error(*wrong)
    return Target.parse(value)


def _to_version(value: object) -> object:
    """Accept 1.0 without quotes, which YAML reads as a number."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value == "1.0" or (number and value == 1):
        return "1.0"
    raise own_error("this version of the format is not known", 'write `version: "1.0"`')


def _to_whole(value: object) -> object:
    """Accept 2.0 as 2, as JSON Schema does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _contract_form(value: object) -> str | None:
    return "modes" if isinstance(value, Mapping) else "mode" if isinstance(value, str) else None


_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
VARIABLE = re.compile(_IDENTIFIER)


class OneOrMore:
    """One item may stand where a list of them is wanted."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._listed, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        several = handler(schema)
        return {"anyOf": [several["items"], several]}

    @staticmethod
    def _listed(value: object) -> object:
        return value if isinstance(value, list | tuple) else [value]


Text: TypeAlias = Annotated[str, Field(min_length=1)]
Texts: TypeAlias = Annotated[tuple[Text, ...], Field(strict=False)]
# The bounds are inside of the validator, where pydantic knows their names in JSON Schema.
Count: TypeAlias = Annotated[int, Field(ge=0), BeforeValidator(_to_whole)]
Retries: TypeAlias = Annotated[int, Field(ge=0, le=10), BeforeValidator(_to_whole)]
# The upper bound (minutes of a year) is there to refuse `.inf` in a way that JSON Schema can express.
Duration: TypeAlias = Annotated[float, Field(gt=0, le=525_600, allow_inf_nan=False)]

Name: TypeAlias = Annotated[
    str,
    AfterValidator(_check_name),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": names.RULE,
            "maxLength": names.LONGEST,
            "not": {"enum": sorted(names.RESERVED)},
        }
    ),
]
Module: TypeAlias = Annotated[
    str,
    Shape(
        # `.py` is no identifier that anybody means: it is a file's name.
        pattern=rf"^(?!.*\.py$){_IDENTIFIER}(\.{_IDENTIFIER})*$",
        what="this is not the name of a Python module",
        hint="write `shopee_api` for custom_sources/shopee_api.py, or `package.module` for an installed one",
    ),
]
Function: TypeAlias = Annotated[
    str,
    Shape(
        pattern=f"^{_IDENTIFIER}$",
        what="this is not the name of a Python function",
        hint="write the name alone, for example `shopee_source`",
    ),
]
Keys: TypeAlias = Annotated[Texts, Field(min_length=1), OneOrMore()]
Variables: TypeAlias = Annotated[
    tuple[
        Annotated[
            str,
            Shape(
                pattern=f"^{_IDENTIFIER}$",
                what="this is not the name of an environment variable",
                hint="a name has letters, digits and `_`, and no value behind it",
            ),
        ],
        ...,
    ],
    Field(strict=False),
]
Version: TypeAlias = Annotated[
    Literal["1.0"], BeforeValidator(_to_version), WithJsonSchema({"enum": ["1.0", 1.0]})
]
TargetWord: TypeAlias = Annotated[
    Target,
    PlainValidator(_to_target),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": targets.PATTERN}),
]

# https://dlthub.com/docs/general-usage/schema-contracts
Mode: TypeAlias = Literal["evolve", "freeze", "discard_row", "discard_value"]


class SchemaContract(TypedDict, total=False):
    """What may change, by kind of change. What is not named evolves."""

    __pydantic_config__ = {"extra": "forbid"}  # type: ignore[misc]  # noqa: RUF012 - where pydantic looks for it

    tables: Mode
    """New tables."""

    columns: Mode
    """New columns."""

    data_type: Mode
    """A value that does not fit the type of its column."""


Contract: TypeAlias = Annotated[
    Annotated[Mode, Tag("mode")] | Annotated[SchemaContract, Tag("modes")],
    Discriminator(
        _contract_form,
        custom_error_type=CONTRACT_ERROR,
        custom_error_message="a mode, or modes by kind of change",
    ),
]
