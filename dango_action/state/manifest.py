"""`manifest.json`: what a kept generation is, where it comes from, and what it was made of."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
from annotated_types import Ge
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from dango_action.errors import StateError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 16 * 1024 * 1024
"""Bytes; the cursors and row counts of a great many sources."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Natural = Annotated[int, Ge(0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class File(_Part):
    """The warehouse in the artifact; its size is in bytes."""

    size: Natural
    sha256: Sha256


class Parent(_Part):
    """The generation that this one was loaded on top of."""

    generation: Annotated[int, Ge(1)]
    sha256: Sha256


class Origin(_Part):
    """What may use a generation is decided by where it comes from."""

    repository_id: Natural
    workflow: str
    project: str
    branch: str
    target: str
    shard: Annotated[int, Ge(1)]


class SourceState(_Part):
    """What a source has in the warehouse: its cursors by resource and column, its rows by table."""

    cursors: dict[str, dict[str, Any]]
    rows: dict[str, Natural]


class Manifest(_Part):
    """A generation. `format` grows when a reader of an older one would go wrong."""

    format: Literal[1] = 1
    generation: Annotated[int, Ge(1)]
    parent: Parent | None
    origin: Origin
    run_id: Natural
    run_attempt: Annotated[int, Ge(1)]
    run: str  # the name of the run folder
    created_at: Annotated[AwareDatetime, Field(strict=False)]
    dango_version: str
    file: File
    datasets: dict[str, SourceState]

    def encode(self) -> bytes:
        """Return the JSON document."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_INDENT_2)


def decode(document: bytes) -> Manifest:
    """Return the manifest that a document holds.

    Raises:
        StateError: it is none, or one of a later version.

    """
    try:
        return Manifest.model_validate_json(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise StateError.because(
            f"the manifest of a kept generation is not one of this version: {where}: {first['msg']}",
            "if a later version of dango has written it, use that version; else see `state: new`",
        ) from None


def file_of(path: Path) -> File:
    """Return size and digest of a file."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return File(size=stream.tell(), sha256=digest)
