"""Keys that stand beside a source's block, or in place of it, and belong elsewhere."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING

from pydantic import BaseModel

from dango_action.config.model import TYPES, Check, SourceBase
from dango_action.config.registry import definition, kinds
from dango_action.config.words import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator


def hint_for(key: str, model: type[SourceBase]) -> str:
    """Return what to do with a key that no source of this model has."""
    kind = next(iter(typing.get_args(model.model_fields["type"].annotation)), "")
    if kind and key in TYPES:
        return f"this is the block of another type: the one of `type: {kind}` is called `{kind}:`"
    if secret := _secret(kind, key):
        return f"remove it, it is a secret: `dango secrets set sources.<name>.{secret}`, or .dlt/secrets.toml"
    if key in (block := tuple(_keys_of(model, kind))):
        return f"it belongs under `{kind}:`"
    if key in Check.model_fields and key not in block:
        return "it belongs under `checks:`"
    own = dict.fromkeys((*((kind,) if kind else ()), *model.model_fields))
    hint, below = did_you_mean(key, (one for one in own if one != kind)), did_you_mean(key, block)
    if not hint.startswith("did"):
        hint = f"{below} It belongs under `{kind}:`" if below.startswith("did") else did_you_mean("", own)
    return hint


def _secret(kind: str, key: str) -> str | None:
    """Return the name of the secret parameter that a key means."""
    known = definition(kind).parameters.items() if kind in kinds() else ()
    return next((name for name, each in known if each.secret and key in (name, *each.aliases)), None)


def _keys_of(model: type[SourceBase], kind: str) -> Iterator[str]:
    block = model.model_fields[kind].annotation if kind else None
    if isinstance(block, type) and issubclass(block, BaseModel):
        yield from block.model_fields
