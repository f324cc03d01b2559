"""What Stripe's definition can't say in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def named(row: dict[str, Any], _: Mapping[str, Any]) -> dict[str, Any]:
    """Return of an object what tells it from others, and when it was made."""
    return {"id": row["id"], "created": row["created"]}
