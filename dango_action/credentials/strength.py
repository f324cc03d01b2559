"""Which texts are words that stand everywhere, and so no proof that a secret has got out."""

from __future__ import annotations

import re

_LONGEST = 15  # characters of a word
# `customers`, `eu-west-1`, `shop_2`: letters with two digits at most, or four digits at most, between separators
_PART = r"(?:[A-Za-z]+[0-9]{0,2}|[0-9]{1,4})"
_WORDS = re.compile(rf"{_PART}(?:[ _.,:/-]{_PART})*")
# the name of a host or a mailbox
_ADDRESS = re.compile(r"(?:[a-z0-9._+-]+@)?[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}")


def is_word(text: str) -> bool:
    """Tell whether a text is a short word, or the name of a host or a mailbox: what anybody could guess."""
    stripped = text.strip()
    return (len(stripped) <= _LONGEST and bool(_WORDS.fullmatch(stripped))) or bool(_ADDRESS.fullmatch(stripped))
