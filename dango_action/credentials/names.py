"""The names under which people find a setting, and the path that one stands for."""

from __future__ import annotations

import re
from functools import cache

_TOML = re.compile(r"\[(.*)\] (.*)")


@cache
def toml_name(path: tuple[str, ...]) -> str:
    """Return how people find a path in a TOML file: `[sources.shop] api_key`."""
    return f"[{'.'.join(path[:-1])}] {path[-1]}" if len(path) > 1 else path[-1]


def path_of(name: str) -> tuple[str, ...]:
    """Return the path of a name in a TOML file, or of a variable, whose parts it takes in small letters."""
    if found := _TOML.fullmatch(name):
        return (*found[1].split("."), found[2])
    return tuple(part.lower() for part in name.split("__"))
