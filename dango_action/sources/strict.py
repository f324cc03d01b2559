"""Whether a value of YAML is of a type: as strict as a call that means what it says, and in words for people."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import PydanticUserError, TypeAdapter, ValidationError

if TYPE_CHECKING:
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


_NO_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def strict(value: Any, hint: Any) -> Any:  # noqa: ANN401 - a value of YAML, for a type hint of any form
    """Return a value as it is if it is of a type; else by JSON's rules: text stands for what YAML lacks.

    A type that is not known takes any value.

    Raises:
        MisfitError: it is not of that type.

    """
    try:
        adapter = TypeAdapter[Any](hint)
        with suppress(ValidationError):
            adapter.validate_python(value, strict=True)
            return value  # what is made of it has lost keys, of a `TypedDict`, or is a date for `date | str`
    except (PydanticUserError, TypeError):
        return value
    try:
        return adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        raise _misfit(error.errors(include_url=False), value) from None


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
    if wanted == "true or false" and isinstance(found, str) and found.lower() in _NO_BOOLEANS:
        return f"write `{_NO_BOOLEANS[found.lower()]}`: in YAML 1.2, `{found}` is text"
    if isinstance(found, str) and wanted in {"a whole number", "a number", "true or false"}:
        return "remove the quotes, if it is one"
    return f"write {wanted}"
