"""Text as it may stand in a YAML file that people read."""

from __future__ import annotations

import json
import re
import unicodedata

# What YAML 1.1, which runners and editors still speak, takes for something else than text.
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", ".inf", ".nan"})
_PLAIN = re.compile(r"(?:[A-Za-z_]|\.[A-Za-z])[A-Za-z0-9_./*-]*")
_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
_NO_CHARACTERS = "\ufffe\uffff"


def scalar(text: str) -> str:
    """Return the text as a YAML scalar, in quotes only where it needs them.

    It takes any text that `writable` allows.
    """
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)


def writable(text: str) -> bool:
    """Tell whether a workflow can hold this text: GitHub reads `${{`, and no YAML holds half a character."""
    refused = any(unicodedata.category(char) in _CONTROL or char in _NO_CHARACTERS for char in text)
    return "${{" not in text and not refused
