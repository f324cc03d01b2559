"""Whether a value of sources.yml fits a parameter's type: what YAML has is held to it, what YAML lacks is text."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any, get_type_hints

from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException
from dlt.common.configuration.specs.base_configuration import BaseConfiguration, extract_inner_hint
from dlt.common.configuration.utils import deserialize_value
from dlt.common.typing import is_subclass, is_union_type
from pydantic import PydanticUserError, TypeAdapter, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_core import ErrorDetails

# What is wanted, by pydantic's type of error
_WANTED = {
    "bool_type": "true or false",
    "dataclass_type": "a mapping",
    "dict_type": "a mapping",
    "float_type": "a number",
    "frozen_set_type": "a list",
    "int_type": "a whole number",
    "iterable_type": "a list",
    "list_type": "a list",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "none_required": "null",
    "set_type": "a list",
    "string_type": "text",
    "tuple_type": "a list",
}
_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
    type(None): "null",
}


class MisfitError(Exception):
    """A value that is not of a type: `what` comes after the parameter's name; neither holds the value."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


def hints_of(made: Callable[..., Any]) -> dict[str, Any]:
    """Return the type hints of a function; none at all if one can't be resolved at run time."""
    try:
        return get_type_hints(inspect.unwrap(made), include_extras=True)
    except (AttributeError, NameError, TypeError):
        return {}


def fitted(value: Any, hint: Any) -> Any:  # noqa: ANN401 - a value of YAML, for a type hint of any form
    """Return a value as a type has it: a list for a tuple, text for a date. A type that is not known takes any.

    Raises:
        MisfitError: it is not of that type.

    """
    inner = extract_inner_hint(hint, preserve_literal=True)
    if isinstance(value, str) and is_subclass(inner, date):  # dlt reads the same in its settings
        try:
            return deserialize_value("", value, inner)
        except (ConfigValueCannotBeCoercedException, ValueError):
            raise MisfitError(f"holds no {inner.__name__}", "write it like 2024-01-31") from None
    if _is_spec(hint):
        return value  # dlt reads credentials itself, from a mapping or a connection string
    try:
        adapter = TypeAdapter[Any](hint)
    except (PydanticUserError, TypeError):
        return value
    try:
        # JSON's rules: as strict as a call that means what it says, but for text that stands for what JSON lacks
        made = adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        raise _misfit(error.errors(include_url=False), value) from None
    return value if isinstance(made, Iterator) else made


def _is_spec(hint: Any) -> bool:  # noqa: ANN401 - a type hint of any form
    if is_union_type(hint):
        return any(_is_spec(each) for each in hint.__args__)
    return is_subclass(extract_inner_hint(hint), BaseConfiguration)


def _misfit(errors: list[ErrorDetails], value: object) -> MisfitError:
    """Return what is wrong in one sentence; a union names all of its types."""
    first = errors[0]
    within, path = _part(value, first["loc"])
    part = f"({path}) " if path else ""
    if first["type"] == "literal_error":
        return MisfitError(f"{part}can't be this", f"use one of: {first['ctx']['expected']}")
    wanted = " or ".join(dict.fromkeys(_WANTED[each["type"]] for each in errors if each["type"] in _WANTED))
    if not wanted:
        return MisfitError(f"{part}can't be used: {first['msg']}", "write what the parameter's type names")
    found = _KINDS.get(type(within), "such a value")
    return MisfitError(f"{part}must be {wanted}, not {found}", _remedy(wanted, within))


def _part(value: Any, location: tuple[int | str, ...]) -> tuple[Any, str]:  # noqa: ANN401 - a value of YAML
    """Follow a location of pydantic, which also names the forms of a union, to a part of the value."""
    path = ""
    for key in location:
        if isinstance(value, list) and isinstance(key, int):
            value, path = value[key], f"{path}[{key}]"
        elif isinstance(value, dict) and key in value:
            value, path = value[key], f"{path}.{key}"
    return value, path.removeprefix(".")


def _remedy(wanted: str, found: object) -> str:
    if wanted == "text" and isinstance(found, int | float):
        return "put it in quotes"
    if isinstance(found, str) and wanted in {"a whole number", "a number", "true or false"}:
        return "remove the quotes, if it is one"
    return f"write {wanted}"
