"""The tree of a YAML document: values, the places where they stand, and what is wrong with them as YAML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dango_action.config.scalars import Value
    from dango_action.errors import Position, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """Text, a number, true, false or null. With problems, the value is a stand-in."""

    at: Position
    value: Value
    problems: tuple[Problem, ...] = ()
    size: int = 1
    height: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list. `size` and `height` count what aliases expand to."""

    at: Position
    items: tuple[Node, ...]
    problems: tuple[Problem, ...]
    size: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A key of a mapping, its place, and its value."""

    key: str
    at: Position
    node: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """A mapping; of a key that occurs twice it holds the first."""

    at: Position
    entries: Mapping[str, Entry]
    problems: tuple[Problem, ...]
    size: int
    height: int


Node: TypeAlias = "Scalar | Items | Keys"


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes right below this one."""
    if isinstance(node, Items):
        return node.items
    return tuple(entry.node for entry in node.entries.values()) if isinstance(node, Keys) else ()


def is_null(node: Node) -> bool:
    """Tell whether this is null, written or left out, and not the stand-in for something wrong."""
    return isinstance(node, Scalar) and node.value is None and not node.problems


def problems_in(node: Node) -> Iterator[Problem]:
    """Yield what is wrong with this node and everything below it, as YAML."""
    yield from node.problems
    for child in children(node):
        yield from problems_in(child)


def places(node: Node, depth: int, path: str = "") -> Iterator[tuple[str, Position]]:
    """Give where the keys and list items below a node stand, down to a depth: `checks[0].table`."""
    if depth and isinstance(node, Items):
        for index, item in enumerate(node.items):
            yield f"{path}[{index}]", item.at
            yield from places(item, depth - 1, f"{path}[{index}]")
    elif depth and isinstance(node, Keys):
        for entry in node.entries.values():
            below = f"{path}.{entry.key}" if path else entry.key
            yield below, entry.at
            yield from places(entry.node, depth - 1, below)


def plain(node: Node) -> Any:  # noqa: ANN401 - the document is of any shape until a model has seen it
    """Return the document as dicts, lists and scalars."""
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    if isinstance(node, Keys):
        return {key: plain(entry.node) for key, entry in node.entries.items()}
    return node.value
