"""Patterns of paths, the same for every store: `*`, `?`, `[...]`, and `**` for any number of folders.

As in a shell, none of them matches a dot at the beginning of a name.
"""

from __future__ import annotations

import re

_MAGIC = re.compile(r"[*?\[]")
_TOKEN = re.compile(r"\*|\?|\[(!?)([^\]]+)\]|(.)", re.DOTALL)
_FOLDER = r"(?!\.)[^/]+"


def is_pattern(path: str) -> bool:
    """Tell whether a path is a pattern, and so may fit any number of files."""
    return bool(_MAGIC.search(path))


def folder_of(pattern: str) -> str:
    """Return the folder below which everything lies that fits; with a final slash, or empty."""
    plain = _MAGIC.split(pattern, maxsplit=1)[0]
    return plain[: plain.rfind("/") + 1]


def compiled(pattern: str) -> re.Pattern[str]:
    """Return the expression that fits whole paths."""
    *folders, name = pattern.split("/")
    above = "".join(f"(?:{_FOLDER}/)*" if part == "**" else f"{_segment(part)}/" for part in folders)
    last = f"(?:{_FOLDER}/)*{_FOLDER}" if name == "**" else _segment(name)
    return re.compile(rf"{above}{last}\Z")


def _segment(text: str) -> str:
    return (r"(?!\.)" if text[:1] in ("*", "?", "[") else "") + _TOKEN.sub(_translated, text)


def _translated(token: re.Match[str]) -> str:
    match token[0]:
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
    if token[2]:
        inside = token[2].replace("\\", r"\\").replace("^", r"\^")
        return f"[^/{inside}]" if token[1] else f"[{inside}]"
    return re.escape(token[0])
