"""dlt's TOML files as one source may see them: its own sections, and shared settings that are no secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Document = Mapping[str, Any]

# dlt's own settings in config.toml, for every source. What says where data goes is not a source's business.
_SHARED = frozenset({"data_writer", "extract", "load", "normalize", "runtime", "schema"})


def own_sections(document: Document, source: str) -> dict[str, Any]:
    """Return `[<source>]` and `[sources.<source>]` of a document, and nothing else of it."""
    own = {source: document[source]} if isinstance(document.get(source), Mapping) else {}
    below = _table(document, "sources").get(source)
    return {**own, "sources": {source: below}} if isinstance(below, Mapping) else own


def shared_settings(document: Document, source: str) -> dict[str, Any]:
    """Return what a source may see of config.toml: its own sections, dlt's settings, and values outside of any."""
    bare = {key: value for key, value in document.items() if not isinstance(value, Mapping)}
    for_all = {key: v for key, v in _table(document, "sources").items() if not isinstance(v, Mapping)}
    own = own_sections(document, source)
    if source in _table(document, "pipelines"):
        own["pipelines"] = {source: document["pipelines"][source]}
    own_settings = own.pop("sources", {})
    sources = {**for_all, **own_settings}
    return {
        **bare,
        **{key: value for key, value in document.items() if key in _SHARED},
        **own,
        **({"sources": sources} if sources else {}),
    }


def leaves(document: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401
    """Give every value of a document that is no table, with its path; a list is one value."""
    todo = [(path, document)]
    while todo:
        at, value = todo.pop()
        if isinstance(value, Mapping):
            todo += [((*at, key), below) for key, below in reversed(list(value.items()))]
        else:
            yield at, value


def at(document: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - whatever a document holds
    """Return what stands at a path; None if nothing does."""
    for key in path:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document


def canonical(path: tuple[str, ...], source: str) -> tuple[str, ...] | None:
    """Return the path that a source's own path stands for, below `sources.<source>`; None if it is not its own."""
    for prefix in ((source, "sources", source), ("sources", source), (source,)):
        if path[: len(prefix)] == prefix and len(path) > len(prefix):
            return ("sources", source, *path[len(prefix) :])
    return None


def lent_sections(documents: Iterable[Document], lender: str, borrower: str) -> dict[str, Any]:
    """Return the lender's own sections as the borrower's; the last document wins, and in it `[<lender>]`."""
    found: dict[str, Any] = {}
    for document in documents:
        own = leaves(own_sections(document, lender))
        for path, value in sorted(own, key=lambda leaf: leaf[0][0] == lender):
            if path_below := canonical(path, lender):
                _put(found, ("sources", borrower, *path_below[2:]), value)
    return found


def _put(document: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    table = document
    for key in path[:-1]:
        below = table.get(key)
        if not isinstance(below, dict):
            below = table[key] = {}
        table = below
    table[path[-1]] = value


def _table(document: Document, key: str) -> Document:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}
