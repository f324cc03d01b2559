"""`g<number>.json` in a bucket: that it was created is the commit of a generation, whose data lies beside it."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import orjson
from annotated_types import Ge
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from dango_action.errors import StateError
from dango_action.state.manifest import Natural, Parent, Sha256

LARGEST = 64 * 1024
"""Bytes; one has about 500."""

_NAME = re.compile(r"g([1-9]\d{0,8})\.json", re.ASCII)


class Pointer(BaseModel):
    """A generation, and the zip file that holds it; `parent` is the one that it was loaded on top of."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal[1] = 1
    generation: Annotated[int, Ge(1)]
    data: Annotated[str, StringConstraints(pattern=r"^g[1-9][0-9]{0,8}-[0-9a-f]{32}\.zip$")]
    size: Natural
    sha256: Sha256
    run_id: Natural
    run_attempt: Annotated[int, Ge(1)]
    created_at: Annotated[AwareDatetime, Field(strict=False)]
    parent: Parent | None
    sealed: bool

    def encode(self) -> bytes:
        """Return the JSON document."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_INDENT_2)


def name_of(generation: int) -> str:
    """Return the name of a generation's pointer."""
    return f"g{generation}.json"


def generation_of(name: str) -> int | None:
    """Return the generation that a pointer's name says; None if it is not one of ours."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


def decode(document: bytes, generation: int, where: str) -> Pointer:
    """Return the pointer that a document holds.

    Raises:
        StateError: it is none of this version, or one of another generation.

    """
    try:
        pointer = Pointer.model_validate_json(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        reason = f"{'.'.join(map(str, first['loc'])) or 'the document'}: {first['msg']}"
    else:
        before = pointer.parent.generation if pointer.parent else 0
        if pointer.generation == generation and before < generation:
            return pointer
        reason = f"it is of generation {pointer.generation}"
        if before >= generation:  # who follows the parents would never get to the end
            reason = f"it says that generation {before} came before it"
    raise StateError.because(
        f"{where} is no pointer to a generation of this version: {reason}",
        "if a later version of dango has written it, use that version; else delete it to go on from before it",
    )
