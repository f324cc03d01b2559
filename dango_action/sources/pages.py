"""Resources that ask once for a page of so many rows: found in the text, so that a full page can be doubted."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dango_action.errors import Position
from dango_action.sources.idioms import Function, functions

if TYPE_CHECKING:
    from collections.abc import Iterator

# How APIs call the number of rows in a page, without the signs between the words.
_NAMES = frozenset({"pagesize", "perpage", "limit", "maxresults", "top", "first", "take", "resultsperpage"})
_FEWEST = 2
_LOOPS = (ast.While, ast.For, ast.AsyncFor, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A request of `function` for `size` rows, outside of any loop; `name` is what it calls them."""

    function: str
    name: str
    size: int
    at: Position


def find_pages(text: str, file: str) -> list[Page]:
    """Return the pages that functions ask for once, in the order of their lines."""
    return [page for _, function in functions(text) for page in _pages(function, function, file)]


def _pages(function: Function, node: ast.AST, file: str) -> Iterator[Page]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*_LOOPS, Function, ast.Lambda)):
            continue  # a loop may well be for the pages; a function inside is looked at for itself
        for name, value in _named_values(child):
            size = value.value if isinstance(value, ast.Constant) else None
            if re.sub(r"[^a-z]", "", name.lower()) in _NAMES and type(size) is int and size >= _FEWEST:
                at = Position(file=file, line=value.lineno, column=value.col_offset + 1)
                yield Page(function=function.name, name=name, size=size, at=at)
        yield from _pages(function, child, file)


def _named_values(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Give the entries of a mapping and the keywords of a call."""
    match node:
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value
        case ast.keyword(arg=str(name), value=value):
            yield name, value
