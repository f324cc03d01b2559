"""How resources ask for pages, found in their text: one page only, or each page from another beginning."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dango_action.errors import Position, Problem
from dango_action.sources.idioms import Function, functions, is_cursor, parameters

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


def find_moving(text: str, file: str) -> list[Problem]:
    """Return where a resource asks for each page from where its cursor is by then, which leaves rows out."""
    found: dict[Position, Problem] = {}
    for _, function in functions(text):
        cursors = {argument.arg for argument, default in parameters(function) if is_cursor(default)}
        for loop in (node for node in ast.walk(function) if cursors and _yields(node)):
            for cursor in _moving(loop, cursors):
                name = ast.unparse(cursor)
                at = Position(file=file, line=cursor.lineno, column=cursor.col_offset + 1)
                what = f"`{function.name}` asks for each page from `{name}`, which moves with its rows"
                found[at] = Problem(what=what, hint=f"take it before the loop: `since = {name}`", at=at)
    return list(found.values())


def _yields(node: ast.AST) -> bool:
    """Tell whether this is a loop that yields."""
    if not isinstance(node, ast.While | ast.For | ast.AsyncFor):
        return False
    return any(isinstance(below, ast.Yield | ast.YieldFrom) for below in ast.walk(node))


def _moving(loop: ast.AST, cursors: set[str]) -> Iterator[ast.Attribute]:
    """Give each `cursor.last_value` that stands in a request beside something that the loop changes, like a page.

    Alone it is another way to ask for pages.
    """
    changed = {
        node.id for node in ast.walk(loop) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    for request in (node for node in ast.walk(loop) if isinstance(node, ast.Call | ast.Dict)):
        inside = list(ast.walk(request))
        if not any(isinstance(node, ast.Name) and node.id in changed for node in inside):
            continue
        for node in inside:
            match node:
                case ast.Attribute(value=ast.Name(id=name), attr="last_value") if name in cursors:
                    yield node


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
