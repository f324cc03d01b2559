"""What this version of dango is made of: no requirement may ask for another version of it."""

from __future__ import annotations

from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OURS = "dango-action"


def locked() -> dict[str, str]:
    """Return the installed versions of dango and of all that it depends on, by canonical name.

    It is empty if dango runs from a folder of sources that was never installed.
    """
    versions: dict[str, str] = {}
    todo = [(OURS, frozenset[str]())]
    seen = set(todo)
    while todo:
        name, extras = todo.pop()
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # it is for another platform, or an extra that nobody has
            continue
        versions[name] = found.version
        for requirement in map(Requirement, found.requires or ()):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""}):
                needed = (canonicalize_name(requirement.name), frozenset(requirement.extras))
                if needed not in seen:
                    seen.add(needed)
                    todo.append(needed)
    return versions
