"""The types of sources that come with this project: one file of data each."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dango_action.config.definition import Definition

FOLDER = Path(__file__).parent.parent / "sources" / "definitions"
_OAUTH = "_oauth"


@functools.cache
def kinds() -> tuple[str, ...]:
    """Return the names of all types, sorted; no file is read."""
    return tuple(sorted(path.stem for path in FOLDER.glob("[a-z]*.yml")))


@functools.cache
def definition(kind: str) -> Definition:
    """Return the definition of a type.

    Raises:
        KeyError: there is no such type.

    """
    from dango_action.config.definition import Definition  # noqa: PLC0415 - most projects have few of them

    if kind not in kinds():
        raise KeyError(kind)
    return Definition.model_validate(_document(kind))


def token_url(provider: str) -> str:
    """Return where a provider gives tokens: never what a user's file says.

    Raises:
        KeyError: there is no such provider.

    """
    providers: Mapping[str, Any] = _document(_OAUTH)
    return str(providers[provider]["token_url"])


def _document(name: str) -> dict[str, Any]:
    from dango_action.config.lines import load  # noqa: PLC0415 - as above
    from dango_action.config.nodes import plain, problems_in  # noqa: PLC0415

    path = FOLDER / f"{name}.yml"
    document = load(path.read_bytes(), path.name)
    if document.root is None or document.problems or any(problems_in(document.root)):
        raise ValueError(path.name)
    return dict(plain(document.root))
