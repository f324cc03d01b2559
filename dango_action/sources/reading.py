"""What the text of a module says of a source before anything runs: that it is there, and what it takes."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dango_action.config.model import NativeSource
from dango_action.config.words import did_you_mean
from dango_action.credentials.sections import at as at_path
from dango_action.errors import ConfigError, Problem
from dango_action.requirements.asked import FILE as REQUIREMENTS_FILE
from dango_action.sources.factories import decorators, factory
from dango_action.sources.idioms import Function, Idiom, find_idioms, parsed
from dango_action.sources.modules import locate
from dango_action.sources.pages import find_moving
from dango_action.sources.strict import MisfitError, strict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from dango_action.config.model import Source
    from dango_action.errors import Position

_KWARGS = "dlt_native.function_kwargs"
_REST_API = "dlt.sources.rest_api"
_LOGINS = frozenset({"api_key", "client_secret", "password", "token"})  # of dlt's kinds of `auth`
_LARGEST = 2 * 1024 * 1024  # bytes; more is data, or made by a program, and takes many seconds
_NAMING = frozenset({"exec", "globals", "locals", "setattr", "vars"})
_TYPES: dict[str, type] = {kind.__name__: kind for kind in (bool, dict, float, int, list, str)}


@dataclass(slots=True)
class Findings:
    """What is wrong for certain, and what may be meant so."""

    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)


def look(project: Path, sources: Iterable[Source], places: Mapping[str, Mapping[str, Position]]) -> Findings:
    """Read the modules of sources. Nothing is imported, so what only shows at run time is not found."""
    found = Findings()
    texts: dict[Path, _Text | None] = {}  # any number of sources may have the same module
    for source in sources:
        if not isinstance(source, NativeSource):
            _judge_data(source, places.get(source.name, {}), found)
            continue
        native, own = source.dlt_native, places.get(source.name, {})
        try:
            located = locate(project, native.source_path, native.source_module, own)
        except ConfigError as error:
            # what requirements.txt names need not be installed where a project is only looked at
            foreign = native.source_path is None and (project / REQUIREMENTS_FILE).is_file()
            (found.notices if foreign else found.problems).extend(error.problems)
            continue
        if native.source_module == _REST_API:
            found.notices += _login_in_the_open(source, own)
        if located.folder is None or located.file is None or not located.file.is_file():
            continue  # an installed package, or a folder of modules: there is no text of the user's
        if located.file not in texts:
            texts[located.file] = _text(located.file, located.file.relative_to(project).as_posix())
        if text := texts[located.file]:
            _judge(source, text, own, found)
    found.notices = list(dict.fromkeys(found.notices))
    return found


def _judge_data(source: Source, places: Mapping[str, Position], found: Findings) -> None:
    """Hold a source whose type is data against its definition."""
    from dango_action.config.registered import definition_of  # noqa: PLC0415 - a project of Python needs none of it
    from dango_action.sources.sound import flaws  # noqa: PLC0415 - as above

    made = definition_of(source)
    if source.definition is not None:
        for flaw in flaws(made, packaged=False):
            problem = Problem(what=flaw.what, hint=flaw.hint, at=_nearest(places, f"{source.type}.{flaw.where}"))
            (found.notices if flaw.doubt else found.problems).append(problem)
    names = [resource.name for resource in made.resources]
    if any(resource.for_each for resource in made.resources) or not names:
        return  # what there is depends on the parameters
    for index, name in enumerate(source.resources or ()):
        if name not in names:
            what, at = f"the source has no resource `{name}`", places.get(f"resources[{index}]")
            found.problems.append(Problem(what=what, hint=did_you_mean(name, names), at=at))


def _nearest(places: Mapping[str, Position], where: str) -> Position | None:
    """Return the position of a place, or of what it is in."""
    while where not in places and where:
        where = where[: max(where.rfind("."), where.rfind("["), 0)]
    return places.get(where)


@dataclass(frozen=True, slots=True)
class _Text:
    """What a module's text has: its functions at the top, how often each name is bound, and what dlt can't run."""

    tree: ast.Module
    functions: dict[str, Function]
    names: Counter[str]
    idioms: list[Idiom]
    moving: list[Problem]
    is_open: bool  # it may have names that its text lacks

    @property
    def only(self) -> str | None:
        """The only function with `@dlt.source`, which a sync takes if none is named."""
        if self.is_open:
            return None
        made = [
            name for name, function in self.functions.items() if "dlt.source" in decorators(function, self.tree)
        ]
        return made[0] if len(made) == 1 and not made[0].startswith("_") else None


def _text(file: Path, shown: str) -> _Text | None:
    """Read a module; None if it is no Python, which its sync says, or more than one reads for a look."""
    if file.stat().st_size > _LARGEST:
        return None
    text = file.read_text(encoding="utf-8", errors="replace")
    tree = parsed(text)
    if tree is None:
        return None
    functions = {node.name: node for node in tree.body if isinstance(node, Function)}
    idioms, moving = find_idioms(text, shown), find_moving(text, shown)
    return _Text(tree, functions, Counter(_bound(tree)), idioms, moving, _is_open(tree))


def _judge(source: NativeSource, text: _Text, places: Mapping[str, Position], found: Findings) -> None:
    native, name = source.dlt_native, source.dlt_native.source_function or text.only
    found.notices += [
        each.problem for each in text.idioms if name is None or _concerns(each, name, text.functions)
    ]
    found.notices += text.moving
    if name in text.functions:
        found.notices += _in_the_open(text.functions[name], source, places)
        if text.names[name] == 1:  # else it may be wrapped below, or there are two of it
            found.problems += _arguments(text.functions[name], text.tree, source, places)
    elif name is not None and name not in text.names and not text.is_open:
        hint = did_you_mean(name, text.functions) if text.functions else "it has no function at all"
        what, at = f"`{native.source_module}` has no function `{name}`", places.get("dlt_native.source_function")
        found.problems.append(Problem(what=what, hint=hint, at=at))


def _in_the_open(function: Function, source: NativeSource, places: Mapping[str, Position]) -> Iterator[Problem]:
    """Give the secrets that stand in sources.yml itself."""
    for key in factory(function, source.dlt_native.source_module).secrets:
        if source.dlt_native.function_kwargs.get(key):
            yield Problem(
                what=f"`{key}` is a secret of `{function.name}`, and sources.yml is committed",
                hint=f"put it into .dlt/secrets.toml, `{key}` in `[sources.{source.name}]`, or seal it",
                at=places.get(f"{_KWARGS}.{key}"),
            )


def _login_in_the_open(source: NativeSource, places: Mapping[str, Position]) -> Iterator[Problem]:
    """Give what stands in sources.yml of the login of a REST API; dlt finds it in the settings, too."""
    auth: Any = at_path(source.dlt_native.function_kwargs, ("config", "client", "auth"))
    for key in sorted(_LOGINS & set(auth if isinstance(auth, dict) else ())):
        if isinstance(auth[key], str) and auth[key]:
            yield Problem(
                what=f"`{key}` of `auth` stands in sources.yml, which is committed",
                hint=f"put `{key}` into `[sources.{source.name}.credentials]` of .dlt/secrets.toml, or seal it",
                at=places.get(f"{_KWARGS}.config"),
            )


def _concerns(idiom: Idiom, name: str, functions: Mapping[str, Function]) -> bool:
    """Tell whether an idiom is in a source's function, or at the top of its module, where it may be used."""
    return idiom.within == name or idiom.within not in functions or idiom.within == idiom.function


def _bound(tree: ast.Module) -> Iterator[str]:
    """Give the names that a module's text binds, as often as it does."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(names=aliases) | ast.Import(names=aliases):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in aliases)
            case ast.Name(id=name, ctx=ast.Store()) | ast.ClassDef(name=name) | ast.MatchAs(name=str(name)):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name


def _is_open(tree: ast.Module) -> bool:
    """Tell whether a module may have names that its text lacks: by `import *`, or since code makes them."""
    return any(
        (isinstance(node, ast.alias) and node.name == "*")
        or (isinstance(node, Function) and node.name == "__getattr__")
        or (isinstance(node, ast.Name) and node.id in _NAMING)
        for node in ast.walk(tree)
    )


def _arguments(
    function: Function, tree: ast.Module, source: NativeSource, places: Mapping[str, Position]
) -> Iterator[Problem]:
    """Give what a function does not take, and what it needs, as far as its text alone decides it."""
    if len(decorators(function, tree)) < len(function.decorator_list):
        return  # a decorator of somebody else's may change what it takes
    has_spec = any(key.arg == "spec" for call in function.decorator_list for key in getattr(call, "keywords", ()))
    taken = [argument.arg for argument in _by_name(function)]
    needed = list(factory(function, source.dlt_native.source_module).needs)
    if "dlt.transformer" in decorators(function, tree) and needed:
        taken, needed = [key for key in taken if key != needed[0]], needed[1:]  # the first one receives the rows
    named = {key for key in source.named if f"{key}_env" not in taken}
    given = {key for key in source.dlt_native.function_kwargs if key.removesuffix("_env") not in named} | named
    block = places.get(_KWARGS, places.get("dlt_native"))
    if function.args.kwarg is None:
        for key in sorted(given - set(taken)):
            at = places.get(f"{_KWARGS}.{key}", places.get(f"{_KWARGS}.{key}_env", block))
            hint = did_you_mean(key, taken) if taken else "it takes none: remove it"
            yield Problem(what=f"`{function.name}` takes no argument `{key}`", hint=hint, at=at)
    yield from _misfits(function, source, places)
    for key in () if has_spec else needed:
        if key not in given:
            hint = "add it below `function_kwargs:`"
            yield Problem(what=f"`{function.name}` needs the argument `{key}`", hint=hint, at=block)


def _misfits(function: Function, source: NativeSource, places: Mapping[str, Position]) -> Iterator[Problem]:
    """Give the values that are not of the parameter's type, where that is one of Python's own, written out."""
    hints = {argument.arg: argument.annotation for argument in _by_name(function)}
    for key, value in source.dlt_native.function_kwargs.items():
        annotation = hints.get(key)
        if value is None or not isinstance(annotation, ast.Name) or annotation.id not in _TYPES:
            continue  # null is for its default to decide
        try:
            strict(value, _TYPES[annotation.id])
        except MisfitError as misfit:
            yield Problem(what=f"`{key}` {misfit.what}", hint=misfit.hint, at=places.get(f"{_KWARGS}.{key}"))


def _by_name(function: Function) -> list[ast.arg]:
    """Return the parameters that can be given by name."""
    return [*function.args.args, *function.args.kwonlyargs]
