"""Which keys may stand at a place of the file, by the models that read it."""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def keys_at(model: type[BaseModel], location: Sequence[str | int]) -> tuple[str, ...]:
    """Return the keys of the mapping at a location of pydantic's, which also names the forms of a union."""
    found: list[Any] = [model]
    for part in location:
        below = [kind for shape in found for kind in _below(shape, part)]
        found = below or found
    return tuple(dict.fromkeys(key for shape in found for key in _keys(shape)))


def _below(shape: Any, part: str | int) -> Iterator[Any]:  # noqa: ANN401 - any type
    """Give the shapes that the value at a part may have, or of a union, the one that the part names."""
    for kind in _forms(shape):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields = kind.model_fields
            named = [field.annotation for name, field in fields.items() if part in (name, field.alias)]
            tagged = "type" in fields and part in typing.get_args(fields["type"].annotation)
            yield from named or ([kind] if tagged else ())  # the tag of a union
        elif typing.get_origin(kind) is dict:
            yield typing.get_args(kind)[1]
        elif isinstance(part, int) and typing.get_args(kind):
            yield typing.get_args(kind)[0]


def _keys(shape: Any) -> Iterator[str]:  # noqa: ANN401 - any type
    for kind in _forms(shape):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (field.alias or name for name, field in kind.model_fields.items())


def _forms(shape: Any) -> Iterator[Any]:  # noqa: ANN401 - any type
    """Give the types that a type stands for, without what annotates it."""
    origin = typing.get_origin(shape)
    if isinstance(shape, typing.ForwardRef):
        return
    if origin is typing.Annotated:
        yield from _forms(typing.get_args(shape)[0])
    elif origin in {typing.Union, types.UnionType}:
        for one in typing.get_args(shape):
            yield from _forms(one)
    else:
        yield shape
