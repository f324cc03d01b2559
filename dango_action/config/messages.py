"""What pydantic found, in our own words and with the place in the file. No value of `function_kwargs` appears."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dango_action.config.fields import CONTRACT_ERROR, OWN_ERROR, SchemaContract
from dango_action.config.misplaced import hint_for
from dango_action.config.model import Check, Config, DltNative, NativeSource, Options, SourceBase
from dango_action.config.nodes import Items, Keys, Node, Scalar, children, is_null
from dango_action.config.scalars import resolve
from dango_action.config.shapes import keys_at
from dango_action.config.words import did_you_mean, show
from dango_action.errors import Position, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

# Which keys a mapping may have, by the key that holds it.
KEYS: Mapping[str, tuple[str, ...]] = {
    "checks": tuple(Check.model_fields),
    "defaults": tuple(Options.model_fields),
    "dlt_native": tuple(DltNative.model_fields),
    "schema_contract": tuple(SchemaContract.__annotations__),
    "": tuple(Config.model_fields),
}

_MISSING = {
    "name": "add `name:` with a name of your choice, for example `name: shopee_sg`",
    "type": "add `type:`; `dango sources list` has all of them",
    "dlt_native": "add a block `dlt_native:` with `source_module:`, the Python module of the source",
    "source_module": "add `source_module:`, for example `shopee_api` for custom_sources/shopee_api.py",
    "table": "add `table:` with the name of the table that is checked",
}

# The wanted type, by pydantic's type of error
_WANTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    CONTRACT_ERROR: "a mode, or a mapping of modes",
}

# What is wrong and what to do, by pydantic's type of error; filled with its context
_LIMITS = {
    "greater_than": ("must be more than {gt:g}", "use a larger number"),
    "greater_than_equal": ("must be {ge:g} or more", "use a larger number"),
    "less_than_equal": ("must be {le:,} or less", "use a smaller number"),
    "string_too_short": ("must not be empty", "give it a value, or remove it"),
    "too_short": ("must not be an empty list", "list something, or remove the key"),
    "finite_number": ("must be a number that is not `.inf` or `.nan`", "use a finite number"),
}

# Below these, null is a value like any other.
_FREE = frozenset({"function_kwargs", "json", "params", "variables"})

_TRUTH = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def problems(error: ValidationError, root: Node, scope: str, model: type[BaseModel]) -> Iterator[Problem]:
    """Yield pydantic's errors about `root`, which is the value (or an item) of the key `scope`."""
    told = error.errors(include_url=False)
    for details in told:
        place = details["loc"]
        inside = any(len(other["loc"]) > len(place) and other["loc"][: len(place)] == place for other in told)
        if details["type"] == "too_short" and inside:
            continue  # pydantic does not count the items that are wrong
        found = _problem(details, root, scope, model)
        if found:
            yield found


def empties(root: Node) -> Iterator[Problem]:
    """Yield the keys and list items without a value; arguments of a function may be null."""
    if isinstance(root, Keys):
        for entry in root.entries.values():
            if is_null(entry.node):
                hint = "give it a value, or remove it"
                yield Problem(what=f"`{show(entry.key)}` has no value", hint=hint, at=entry.at)
            elif entry.key not in _FREE:
                yield from empties(entry.node)
    for node in children(root) if isinstance(root, Items) else ():
        if is_null(node):
            yield Problem(what="this list item has no value", hint="give it a value, or remove it", at=node.at)
        yield from empties(node)


def kind(node: Node) -> str:
    """Return the name of a node's type."""
    if isinstance(node, Items):
        return "a list"
    if isinstance(node, Keys):
        return "a mapping"
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    return names.get(type(node.value), "empty")


def _problem(details: ErrorDetails, root: Node, scope: str, model: type[BaseModel]) -> Problem | None:
    location = list(details["loc"])
    code = details["type"]
    last = location.pop() if code in {"missing", "extra_forbidden"} else None
    node, path = _walk(root, location)
    label, scope = _label(path), next((str(part) for part in reversed(path) if isinstance(part, str)), scope)
    if code == "missing":
        return Problem(what=f"`{last}` is missing", hint=_MISSING.get(str(last), f"add `{last}:`"), at=node.at)
    if code == "extra_forbidden":
        at = node.entries[str(last)].at if isinstance(node, Keys) else node.at
        if issubclass(model, SourceBase) and not location:
            return Problem(what=f"unknown key `{show(str(last))}`", hint=hint_for(str(last), model), at=at)
        known = keys_at(model, location) or KEYS.get(scope, ())
        return _unknown_key(str(last), scope, at, known)
    if isinstance(node, Scalar) and (node.problems or node.value is None):
        return None  # reported as YAML, or by `empties`
    what, hint = _sentence(details, node, label)
    return Problem(what=what, hint=hint, at=node.at)


def _walk(root: Node, location: list[str | int]) -> tuple[Node, list[str | int]]:
    """Follow a location of pydantic, which also names the forms of a union, to a node."""
    node, path = root, list[str | int]()
    for part in location:
        if isinstance(node, Keys) and part in node.entries:
            node = node.entries[str(part)].node
        elif isinstance(node, Items) and isinstance(part, int):
            node = node.items[part]
        else:
            continue
        path.append(part)
    return node, path


def _label(path: list[str | int]) -> str:
    """Return the last key, with the number of the list item if it is one: `tags[0]`."""
    if not path:
        return "it"
    if isinstance(path[-1], str):
        return f"`{path[-1]}`"
    return f"`{path[-2]}[{path[-1]}]`" if len(path) > 1 else f"item {path[-1]}"


def _unknown_key(key: str, scope: str, at: Position, known: Sequence[str]) -> Problem:
    hint = did_you_mean(key, known)
    if hint.startswith("use"):
        keys = {**KEYS, "sources": tuple(NativeSource.model_fields)}
        home = next((name for name in _homes(scope) if key in keys[name]), None)
        hint = f"it belongs under `{home}:`" if home else hint
    return Problem(what=f"unknown key `{show(key)}`", hint=hint, at=at)


def _homes(scope: str) -> tuple[str, ...]:
    """Return where a key may belong that was found in the wrong place, the likeliest first."""
    return {"": ("defaults", "sources"), "sources": ("dlt_native", "checks"), "defaults": ("sources",)}.get(
        scope, ("sources",)
    )


def _sentence(details: ErrorDetails, node: Node, label: str) -> tuple[str, str]:
    code, context = details["type"], details.get("ctx", {})
    if code == OWN_ERROR:
        return context["what"], context["hint"]
    if code in {"union_tag_invalid", "union_tag_not_found", "model_attributes_type"}:
        return _no_such_form(context, node, label)
    if code == "literal_error":
        return _no_such_word(re.findall(r"'([^']*)'", context["expected"]), node, label)
    if code in _LIMITS:
        what, hint = _LIMITS[code]
        return f"{label} {what.format(**context)}", hint
    if code in _WANTED:
        return _wrong_type(code, node, label)
    return f"{label} can't be used like this", "see the format of the file: `dango config schema`"


def _no_such_form(context: Mapping[str, Any], node: Node, label: str) -> tuple[str, str]:
    """Say that a mapping's `type` is none of those that there are."""
    if isinstance(node, Scalar):
        return f"{label} must be a mapping, not {kind(node)}", f"write it like `{{type: {show(str(node.value))}}}`"
    known = re.findall(r"'([^']*)'", context.get("expected_tags", ""))
    if "tag" in context and isinstance(node, Keys):
        return f"{label} can't be of the type `{show(str(context['tag']))}`", did_you_mean(context["tag"], known)
    return f"{label} must say its `type`", "write it like `{type: …}`; `dango config schema` has the types"


def _no_such_word(allowed: list[str], node: Node, label: str) -> tuple[str, str]:
    value = node.value if isinstance(node, Scalar) else None
    if not isinstance(value, str):
        return f"{label} must be text, not {kind(node)}", f"use one of: {', '.join(allowed)}"
    return f"{label} can't be `{show(value)}`", did_you_mean(value, allowed)


def _wrong_type(code: str, node: Node, label: str) -> tuple[str, str]:
    found, wanted = kind(node), _WANTED[code]
    value: Any = node.value if isinstance(node, Scalar) else None
    if code == "float_type" and found == "a whole number":
        return f"{label} is too large", "use a smaller number"
    hint = f"write {wanted}"
    if code == "string_type" and isinstance(node, Scalar):
        hint = "put it in quotes"
    elif code == "tuple_type":
        hint = f"write `{label.strip('`')}: [one, two]`, or a line with `- ` for each"
    elif code == "bool_type" and str(value).lower() in _TRUTH:
        hint = f"write `{_TRUTH[str(value).lower()]}`: in YAML 1.2, `{value}` is text"
    elif isinstance(value, str) and not isinstance(_resolved(value), str):
        hint = "remove the quotes"
    return f"{label} must be {wanted}, not {found}", hint


def _resolved(text: str) -> object:
    try:
        return resolve(text)
    except ValueError:
        return text
