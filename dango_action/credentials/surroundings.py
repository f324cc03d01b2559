"""What a run is given beside its project."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Variables, and for sealed secrets: private keys, one a line, the folder of the user's own, a bundle."""

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    keys: str = field(default="", repr=False)
    folder: Path | None = None
    bundle: str = field(default="", repr=False)
    on_runner: bool = False
