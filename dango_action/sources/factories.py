"""The dlt sources of a Python file, found by reading it: nothing of it runs."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_IDENTIFIER = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_KINDS = ("source", "resource")
_DECORATORS = ("dlt.source", "dlt.resource", "dlt.transformer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Factory:
    """A function that makes a dlt source: what an entry of sources.yml names.

    `needs` are the parameters that `function_kwargs` has to give, `secrets` those that dlt looks up as secrets.
    """

    module: str
    function: str
    needs: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


def factories(code: bytes, module: str) -> tuple[Factory, ...]:
    """Return the functions with `@dlt.source` at the top of the module, or else those with `@dlt.resource`.

    Which of them a sync takes if none is named is decided the same way. A transformer is none.

    Raises:
        SyntaxError: this is no Python that this version of Python reads.
        ValueError: this is no text.

    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is odd about a user's file is not what was asked
        try:
            tree = ast.parse(code)
        except (RecursionError, MemoryError):  # nested too deeply, see the documentation of `ast.parse`
            raise ValueError("it is nested too deeply") from None
    names = _names(tree)
    found: dict[str, list[Factory]] = {kind: [] for kind in _KINDS}
    for function in tree.body:
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and _IDENTIFIER.fullmatch(function.name):
            for kind in _kinds(function, names):
                found[kind].append(factory(function, module))
    return tuple(found["source"] or found["resource"])


def decorators(function: ast.FunctionDef | ast.AsyncFunctionDef, tree: ast.Module) -> list[str]:
    """Return those of a function's decorators that are dlt's, like `dlt.source`."""
    names = _names(tree)
    nodes = (node.func if isinstance(node, ast.Call) else node for node in function.decorator_list)
    return [name for node in nodes if (name := _dotted(node, names)) in _DECORATORS]


def _names(tree: ast.Module) -> dict[str, str]:
    """Return what the module calls dlt and its decorators: `{"dlt": "dlt", "source": "dlt.source"}`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or "dlt": "dlt" for alias in node.names if alias.name == "dlt"}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module == "dlt":
            names |= {alias.asname or alias.name: f"dlt.{alias.name}" for alias in node.names}
    return names


def _kinds(function: ast.FunctionDef | ast.AsyncFunctionDef, names: Mapping[str, str]) -> Iterator[str]:
    for decorator in function.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        name = _dotted(call.func if call else decorator, names)
        transforms = call is not None and any(keyword.arg == "data_from" for keyword in call.keywords)
        if name in ("dlt.source", "dlt.resource") and not transforms:
            yield name.removeprefix("dlt.")


def _dotted(node: ast.expr | None, names: Mapping[str, str]) -> str:
    """Return a dotted name as dlt's documentation writes it; "" if the node is none of dlt's."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    top = names.get(node.id, "") if isinstance(node, ast.Name) else ""
    return ".".join([top, *reversed(parts)]) if top else ""


def factory(function: ast.FunctionDef | ast.AsyncFunctionDef, module: str) -> Factory:
    """Return what a function's text says of it, whatever decorates it."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    without = len(positional) - len(arguments.defaults)
    needs = [
        *positional[:without],
        *(a for a, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value is None),
    ]
    defaults = [
        *zip(positional[without:], arguments.defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return Factory(
        module=module,
        function=function.name,
        needs=tuple(argument.arg for argument in needs),
        secrets=tuple(argument.arg for argument, value in defaults if value and _is_secret(value)),
    )


def _is_secret(default: ast.expr) -> bool:
    """Tell whether this is `dlt.secrets.value`, whatever dlt is called."""
    return ast.unparse(default).endswith("secrets.value")
