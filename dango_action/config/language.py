"""What all words of a definition share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Format = Literal["unix_seconds", "unix_milliseconds", "iso8601", "date", "integer", "text"]
"""How an API writes the values of a cursor."""
Disposition = Literal["append", "merge", "replace"]
Code = Annotated[str, Field(pattern=r"^systems\.[a-z_]+:[A-Za-z_]+$")]
"""Code that a packaged definition brings along: `systems.shop:rows`."""


class Words(BaseModel):
    """The base of all that stands in a definition."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
