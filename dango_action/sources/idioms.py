"""Idioms that read well and that dlt cannot run: found in the source's text, answered with the exact fix."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dango_action.errors import Position, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Idiom:
    """One place that dlt can't run; `parameter` is empty for a function without a body."""

    kind: Literal["cursor", "default", "empty"]
    within: str  # the outermost function around it: its source, or itself
    function: str
    parameter: str
    problem: Problem


def find_idioms(text: str, file: str) -> list[Idiom]:
    """Return what dlt can't run in a module's text, in the order of its lines; a syntax error finds nothing."""
    return [idiom for within, function in functions(text) for idiom in _faults(within, function, file)]


def definitions(text: str, file: str) -> dict[str, Position]:
    """Return where each function of a module's text is defined, nested ones too; of two of a name the first."""
    found: dict[str, Position] = {}
    for _, function in functions(text):
        found.setdefault(function.name, _at(function, file))
    return found


def parsed(text: str) -> ast.Module | None:
    """Return a module's tree; None if it is no Python that this version reads."""
    try:
        with warnings.catch_warnings(action="ignore"):  # what is odd about a user's file is not what was asked
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def functions(text: str) -> list[tuple[str, Function]]:
    """Return every function of a module's text with the name of the outermost one around it."""
    tree = parsed(text)
    return list(_functions(tree)) if tree else []


def _functions(node: ast.AST, within: str | None = None) -> Iterator[tuple[str, Function]]:
    """Give every function with the name of the outermost one around it, in the order of their lines."""
    for child in ast.iter_child_nodes(node):
        outermost = within
        if isinstance(child, Function):
            outermost = within or child.name
            yield outermost, child
        yield from _functions(child, outermost)


def _faults(within: str, function: Function, file: str) -> Iterator[Idiom]:
    kind = _kind(function)
    if kind and _is_empty(function):
        hint = {"resource": "yield its rows, or take it out of the source", "source": "return its resources"}[kind]
        problem = Problem(
            what=f"`{function.name}` has no body, which dlt refuses", hint=hint, at=_at(function, file)
        )
        yield Idiom(kind="empty", within=within, function=function.name, parameter="", problem=problem)
    if kind:
        yield from _defaults(within, function, file)
    if kind == "resource":
        yield from _cursors(within, function, file)


def _defaults(within: str, function: Function, file: str) -> Iterator[Idiom]:
    """Give the lists and mappings among the defaults, which dlt's specs can't have."""
    for argument, default in parameters(function):
        name = argument.arg
        if isinstance(default, ast.List | ast.Dict):
            kind = "list" if isinstance(default, ast.List) else "mapping"
            what = f"`{function.name}`: dlt can't have a {kind} as the default of `{name}`"
            hint = f"write `{name}=None`, and `{name} = {name} or {ast.unparse(default)}` below"
            problem = Problem(what=what, hint=hint, at=_at(argument, file))
            yield Idiom(kind="default", within=within, function=function.name, parameter=name, problem=problem)


def _kind(function: Function) -> Literal["source", "resource"] | None:
    """Return how a function is decorated: `source`, `resource` (transformers are), or not by dlt."""
    for decorator in function.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = ast.unparse(target).rpartition(".")[2]
        if name in ("source", "resource", "transformer"):
            return "source" if name == "source" else "resource"
    return None


def _cursors(within: str, function: Function, file: str) -> Iterator[Idiom]:
    """Give the cursors that are declared in a way that dlt does not recognize as one."""
    for argument, default in parameters(function):
        annotation = argument.annotation
        if annotation is None or ast.unparse(annotation).rpartition(".")[2] in ("Any", "object"):
            continue  # dlt then takes the default's type
        if is_cursor(default) and not _names_incremental(annotation):
            kind = ast.unparse(annotation)
            what = f"dlt takes `{argument.arg}: {kind}` for a setting of that name, not for a cursor"
            fixed = f"{argument.arg}=" + ast.unparse(default)  # type: ignore[arg-type]
        elif is_cursor(annotation):
            what = f"a cursor in the annotation of `{argument.arg}` is ignored, and the function receives None"
            fixed = f"{argument.arg}=" + ast.unparse(annotation)
        else:
            continue
        problem = Problem(what=f"`{function.name}`: {what}", hint=f"write `{fixed}`", at=_at(argument, file))
        yield Idiom(kind="cursor", within=within, function=function.name, parameter=argument.arg, problem=problem)


def parameters(function: Function) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """Give each parameter with its default."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    without = [None] * (len(positional) - len(arguments.defaults))
    yield from zip(positional, [*without, *arguments.defaults], strict=True)
    yield from zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)


def _is_empty(function: Function) -> bool:
    body = [statement for statement in function.body if not isinstance(statement, ast.Pass)]
    return all(isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) for statement in body)


def is_cursor(node: ast.expr | None) -> bool:
    """Tell whether an expression makes a cursor of dlt's."""
    return isinstance(node, ast.Call) and _names_incremental(node.func)


def _names_incremental(node: ast.expr) -> bool:
    return any(
        (isinstance(part, ast.Attribute) and part.attr == "incremental")
        or (isinstance(part, ast.Name) and part.id in ("incremental", "Incremental"))
        or (isinstance(part, ast.Constant) and "incremental" in str(part.value).lower())
        for part in ast.walk(node)
    )


def _at(node: ast.arg | Function, file: str) -> Position:
    return Position(file=file, line=node.lineno, column=node.col_offset + 1)
