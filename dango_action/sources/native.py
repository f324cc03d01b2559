"""`dlt_native`: any dlt source in `custom_sources/` or in an installed package, unchanged.

It runs in the worker. Every source gets its own name as dlt's source name and configuration section, so
`[sources.<name>]` and `SOURCES__<NAME>__*` resolve for third-party code too.
"""

from __future__ import annotations

import asyncio
import difflib
import functools
import importlib
import importlib.machinery
import inspect
import sys
import types
from typing import TYPE_CHECKING, Any

import dlt
from dlt.extract import DltResource, DltSource
from dlt.extract.decorators import SourceFactory  # type: ignore[attr-defined]

from dango_action.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

FOLDER = "custom_sources"


def build(name: str, made: Any, kwargs: dict[str, Any]) -> DltSource:  # noqa: ANN401 - user code
    """Call a source function and return its dlt source under the name of the configured source.

    Raises:
        ConfigError: it does not take these arguments.

    """
    _check_arguments(made, kwargs)
    source = _factory(name, made, kwargs)()
    if inspect.iscoroutine(source):
        source = asyncio.run(source)
    if not isinstance(source, DltSource):
        raise SourceError.because(
            f"`{made.__name__}` returned {type(source).__name__}, not a dlt source",
            "decorate it with @dlt.source, or @dlt.resource if it yields rows",
        )
    return source


def select(source: DltSource, resources: list[str] | None) -> DltSource:
    """Return the source with only these resources selected; None selects what it selects itself.

    Raises:
        ConfigError: it has no resource of that name.

    """
    if resources is None:
        return source
    known = list(source.resources)
    for resource in resources:
        if resource not in known:
            raise ConfigError.because(f"the source has no resource `{resource}`", _near(resource, known))
    return source.with_resources(*resources)


def load_module(project: Path, dotted: str) -> types.ModuleType:
    """Import a source module from `custom_sources/`, or else from an installed package.

    A file there may be called like a standard or an installed module: it is then imported below
    `custom_sources.`, so that it shadows nothing, and the file itself can import its namesake.

    Raises:
        ConfigError: there is no such module, or it needs one that is not installed.

    """
    folder = project / FOLDER
    top = dotted.partition(".")[0]
    mine = _in_folder(folder, top)
    taken = mine and (top in sys.stdlib_module_names or top in sys.modules or _importable(top))
    if folder.is_dir():
        _add_package(folder)
        sys.path.append(str(folder))
    try:
        return importlib.import_module(f"{FOLDER}.{dotted}" if taken else dotted)
    except ModuleNotFoundError as error:
        missing = (error.name or "").removeprefix(f"{FOLDER}.")
        if dotted == missing or dotted.startswith(f"{missing}."):
            raise ConfigError.because(f"there is no module `{dotted}`", _where_to_put(folder, dotted)) from error
        raise SourceError.because(
            f"`{dotted}` needs the module `{missing}`, which is not installed",
            "install the package that holds it beside dango; the Action can't install packages yet",
        ) from error


def find(module: types.ModuleType, function: str | None) -> Any:  # noqa: ANN401 - user code
    """Return the source function of this name, or the only one of the module.

    Raises:
        ConfigError: there is none, or more than one to choose from.

    """
    candidates = _candidates(module)
    if function is None:
        if len(candidates) == 1:
            return next(iter(candidates.values()))
        raise ConfigError.because(
            f"`{module.__name__}` has {len(candidates) or 'no'} sources",
            f"set `source_function` to one of: {', '.join(sorted(candidates))}"
            if candidates
            else "decorate a function in it with @dlt.source or @dlt.resource",
        )
    found = getattr(module, function, None)
    if found is None:
        callables = {key for key, value in vars(module).items() if callable(value) and not key.startswith("_")}
        raise ConfigError.because(
            f"`{module.__name__}` has no function `{function}`", _near(function, set(candidates) or callables)
        )
    if not callable(found):
        raise ConfigError.because(
            f"`{function}` in `{module.__name__}` is {type(found).__name__}, not a function",
            "name the function that is decorated with @dlt.source or @dlt.resource",
        )
    return found


def _candidates(module: types.ModuleType) -> dict[str, Any]:
    """Return what a source function can be when none is named: a module's own sources, else its resources."""
    values = vars(module).items()
    own = {key: v for key, v in values if isinstance(v, SourceFactory) and v.__module__ == module.__name__}
    return own or {key: v for key, v in values if isinstance(v, DltResource) and not v.is_transformer}


def _factory(name: str, made: Any, kwargs: dict[str, Any]) -> Callable[..., Any]:  # noqa: ANN401 - user code
    """Return what makes the source, with its arguments, under our name and section."""
    if isinstance(made, DltResource):  # it has no `clone`, so it goes into a source of ours
        return dlt.source(lambda: made(**kwargs) if kwargs else made, name=name, section=name)
    if isinstance(made, SourceFactory):
        return functools.partial(made.clone(name=name, section=name), **kwargs)
    if inspect.isgeneratorfunction(made) or inspect.isasyncgenfunction(made):
        resource = dlt.resource(made, name=made.__name__, section=name)
        return dlt.source(lambda: resource(**kwargs), name=name, section=name)
    return functools.partial(dlt.source(made, name=name, section=name), **kwargs)


def _check_arguments(made: Any, kwargs: dict[str, Any]) -> None:  # noqa: ANN401 - user code
    parameters = inspect.signature(made).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    names = [parameter.name for parameter in parameters]
    for key in kwargs:
        if key not in names:
            raise ConfigError.because(f"`{made.__name__}` takes no argument `{key}`", _near(key, names))


def _in_folder(folder: Path, top: str) -> bool:
    return (folder / f"{top}.py").is_file() or (folder / top).is_dir()


def _importable(top: str) -> bool:
    return importlib.machinery.PathFinder.find_spec(top) is not None


def _add_package(folder: Path) -> None:
    """Make `custom_sources` importable as a package without putting the project on the path."""
    package = types.ModuleType(FOLDER)
    package.__path__ = [str(folder)]
    sys.modules.setdefault(FOLDER, package)


def _where_to_put(folder: Path, dotted: str) -> str:
    here = sorted(
        path.stem for path in folder.glob("*") if path.suffix == ".py" or (path / "__init__.py").exists()
    )
    path = f"{FOLDER}/{dotted.replace('.', '/')}.py"
    near = difflib.get_close_matches(dotted, here, 1)
    if near:
        return f"did you mean `{near[0]}`?"
    listed = f" (there are: {', '.join(here)})" if here else ""
    return f"create {path}{listed}, or install the package that has it"


def _near(name: str, known: Iterable[str]) -> str:
    known = sorted(known)
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"use one of: {', '.join(known)}" if known else "it has none"
