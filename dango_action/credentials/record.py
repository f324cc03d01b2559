"""What a source's process has asked for: it tells secrets from settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dango_action.protocol import Asked

if TYPE_CHECKING:
    from dango_action.explained import Try


@dataclass(slots=True, kw_only=True)
class Record:
    """The names of what was found: as secrets, and as settings; and if it explains, every place that was tried."""

    explains: bool = False
    tries: list[Try] = field(default_factory=list)
    secret: set[str] = field(default_factory=set)
    plain: set[str] = field(default_factory=set)

    def asked(self) -> Asked:
        """Return the names; what was asked for as both is a secret."""
        return Asked(secret=sorted(self.secret), plain=sorted(self.plain - self.secret))
