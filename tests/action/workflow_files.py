"""What workflow and action files name: other actions, and steps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

USES = re.compile(r"""uses:\s*['"]?([\w.-]+/[\w.-]+)(?:/[^@\s'"]*)?@([^\s'"#]+)""")


def files(folders: Iterable[Path]) -> list[Path]:
    """Return the action and the workflows in each of these folders."""
    return [
        path
        for folder in folders
        for path in (folder / "action.yml", *sorted((folder / ".github/workflows").glob("*.yml")))
        if path.is_file()
    ]


def uses(sources: Iterable[Path]) -> list[tuple[str, str]]:
    """Return each `owner/name` and ref that is used in these files."""
    return sorted({use for source in sources for use in USES.findall(source.read_text(encoding="utf-8"))})


def names(sources: Iterable[Path]) -> set[str]:
    """Return the ids and names of all steps in these files."""
    found: set[str] = set()
    waiting = [yaml.safe_load(source.read_text(encoding="utf-8")) for source in sources]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            found |= {node[key] for key in ("id", "name", "uses") if isinstance(node.get(key), str)}
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return found
