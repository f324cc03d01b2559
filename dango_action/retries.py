"""When a source is tried again: a server that is overloaded is not asked by everybody in the same second."""

from __future__ import annotations

BUDGET = 300.0
"""Seconds that the pauses of one source may take in all."""
LONGEST = 30.0
"""Seconds of a pause that no server has asked for."""


def pause(attempt: int, *, draw: float, asked: float | None, left: float) -> float | None:
    """Return the seconds between an attempt, the first is 1, and the next; None if there is no time for them.

    `draw` is a random number from 0 to 1: the pause is that part of 1, 2, 4, … up to `LONGEST` seconds
    exponential backoff with full jitter, on top of what the server has asked for. It is never longer than `left`.
    """
    if left <= 0 or (asked or 0) > left:
        return None
    return min(left, (asked or 0) + draw * min(LONGEST, 2.0 ** (attempt - 1)))
