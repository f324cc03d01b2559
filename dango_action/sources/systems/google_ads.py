"""Rows of Google Ads in columns, with the types that their JSON hides."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Elsewhere `id` is a 64-bit integer.
_TEXT_IDS = {"dynamic_custom_asset", "lead_form_submission_data", "video"}


def flat(row: Mapping[str, Any], _values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with a column for each field of the query: `campaign.id` as `campaign_id`."""
    return dict(_columns(row, ()))


def _columns(part: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for key, value in part.items():
        path = (*above, _WORDS.sub("_", key).lower())
        if isinstance(value, dict):
            yield from _columns(value, path)
        else:
            yield "_".join(path), _typed(value, path)


def _typed(value: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return 64-bit integers as such, which JSON has as texts, and the other metrics as numbers with fractions."""
    if path[0] == "metrics" and isinstance(value, int):  # a whole number of conversions is written without a point
        return float(value)
    whole = path[0] == "metrics" or path[-1] in {"id", "criterion_id"} or path[-1].endswith("_micros")
    if whole and isinstance(value, str) and value.lstrip("-").isdecimal() and path[-2] not in _TEXT_IDS:
        return int(value)
    return value
