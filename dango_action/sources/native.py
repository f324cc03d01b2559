"""`dlt_native`: any dlt source in the project or in an installed package, unchanged.

It runs in the worker. Every source gets its own name as dlt's source name and configuration section, so
`[sources.<name>]` and `SOURCES__<NAME>__*` resolve for third-party code too.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dlt
from dlt.common.storages import SchemaStorage
from dlt.common.storages.exceptions import SchemaNotFoundError
from dlt.extract import DltResource, DltSource
from dlt.extract.decorators import SourceFactory  # type: ignore[attr-defined]

from dango_action.config.words import did_you_mean
from dango_action.errors import ConfigError, Problem, SourceError
from dango_action.sources.arguments import name_of
from dango_action.sources.loading import load
from dango_action.sources.lookalikes import CORE, modules_in
from dango_action.sources.modules import locate

if TYPE_CHECKING:
    import types
    from collections.abc import Callable

    from dlt.common.schema import Schema

    from dango_action.protocol import Task

_LISTED = 20


def function_of(task: Task) -> Any:  # noqa: ANN401 - user code
    """Import a source's module and return its function, the only one if none is named.

    Raises:
        ConfigError: there is no such module or function, or more than one to choose from.

    """
    project = Path(task.project)
    at = task.places.get("dlt_native.source_module")
    module = load(locate(project, task.source_path, task.module, task.places), project, at)
    return _named(module, task) if task.function else _only_one(module, task)


def build(name: str, made: Any, kwargs: dict[str, Any]) -> DltSource:  # noqa: ANN401 - user code
    """Call a source function and return its dlt source under the name of the configured source.

    Raises:
        SourceError: what it returns is no source.

    """
    source = made if isinstance(made, DltSource) else _factory(name, made, kwargs)()
    if inspect.iscoroutine(source):
        source = asyncio.run(source)
    if not isinstance(source, DltSource):
        what = f"`{name_of(made)}` returned {type(source).__name__}, not a dlt source"
        raise SourceError.because(what, "decorate it with @dlt.source, or @dlt.resource if it yields rows")
    for resource in source.resources.values():
        if resource.incremental is not None:
            # there is no scheduler here: the cursor in dlt's state says from where on
            resource.incremental.allow_external_schedulers = False
    return source


def select(source: DltSource, task: Task) -> DltSource:
    """Return the source with only the configured resources selected; without any, with those that it selects.

    Raises:
        ConfigError: it has no resource of such a name; all of these names.

    """
    if task.resources is None:
        return source
    known = list(source.resources)
    problems = [
        Problem(
            what=f"the source has no resource `{resource}`",
            hint=did_you_mean(resource, known) if known else "it has none: does its function return them?",
            at=task.places.get(f"resources[{index}]"),
        )
        for index, resource in enumerate(task.resources)
        if resource not in known
    ]
    if problems:
        raise ConfigError(*problems)
    return source.with_resources(*task.resources)


def _named(module: types.ModuleType, task: Task) -> Any:  # noqa: ANN401 - user code
    function, at = task.function or "", task.places.get("dlt_native.source_function")
    found = getattr(module, function, None)
    if found is None:
        known = _candidates(module) or {
            key for key, value in vars(module).items() if _is_own_function(value, module)
        }
        hint = did_you_mean(function, sorted(known)) if known else "it has no function at all"
        raise ConfigError.because(f"`{task.module}` has no function `{function}`", hint, at)
    if inspect.isclass(found) or not (callable(found) or isinstance(found, DltSource)):
        kind = "a class" if inspect.isclass(found) else type(found).__name__
        hint = "name the function that is decorated with @dlt.source or @dlt.resource"
        raise ConfigError.because(f"`{function}` in `{task.module}` is {kind}, not a function", hint, at)
    if isinstance(found, DltResource) and _is_unfed(found):
        raise ConfigError.because(
            f"`{function}` is a transformer: it needs a resource that feeds it",
            f"return both from a @dlt.source, like `orders | {function}`, and name that one",
            at,
        )
    return found


def _only_one(module: types.ModuleType, task: Task) -> Any:  # noqa: ANN401 - user code
    candidates = _candidates(module)
    if len(candidates) == 1:
        return next(iter(candidates.values()))
    hint = f"set `source_function` to one of: {', '.join(sorted(candidates))}"
    raise ConfigError.because(
        f"`{task.module}` has {len(candidates) or 'no'} sources",
        hint if candidates else _without_sources(module, task.module),
        task.places.get("dlt_native.source_module"),
    )


def _without_sources(module: types.ModuleType, dotted: str) -> str:
    if dotted in CORE:  # the repository of verified sources has a folder for each of them, with nothing in it
        return f"dlt itself has it: write `source_module: dlt.sources.{dotted}`, and no `source_path`"
    below = sorted({name for folder in getattr(module, "__path__", ()) for name in modules_in(Path(folder))})
    if below:
        return f"name one of its modules: {', '.join(f'{dotted}.{name}' for name in below[:_LISTED])}"
    return "decorate a function in it with @dlt.source or @dlt.resource"


def _candidates(module: types.ModuleType) -> dict[str, Any]:
    """Return what can be meant if no function is named: sources, else resources, else functions that yield.

    Those of the module itself, or of the modules of its package, come before what it has from elsewhere.
    """
    values = {key: value for key, value in vars(module).items() if not key.startswith("_")}
    sources = {key: value for key, value in values.items() if isinstance(value, SourceFactory | DltSource)}
    own = {key: value for key, value in sources.items() if _is_own(getattr(value, "__module__", ""), module)}
    resources = {key: v for key, v in values.items() if isinstance(v, DltResource) and not _is_unfed(v)}
    yielding = {key: v for key, v in values.items() if _is_own_function(v, module) and _yields(v)}
    found = own or sources or resources or yielding
    return {key: value for key, value in found.items() if next(k for k, v in found.items() if v is value) == key}


def _is_own(name: str, module: types.ModuleType) -> bool:
    return name == module.__name__ or name.startswith(f"{module.__name__}.")


def _is_own_function(value: object, module: types.ModuleType) -> bool:
    return inspect.isfunction(value) and value.__module__ == module.__name__


def _is_unfed(resource: DltResource) -> bool:
    """Tell whether this is a transformer that no resource feeds yet."""
    parent = resource._pipe.parent  # noqa: SLF001 - nothing public tells it
    return parent is not None and parent.is_empty


def _yields(function: object) -> bool:
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def _factory(name: str, made: Any, kwargs: dict[str, Any]) -> Callable[..., Any]:  # noqa: ANN401 - user code
    """Return what makes the source, with its arguments, under our name and section."""
    if isinstance(made, DltResource):  # it has no `clone`, so it goes into a source of ours
        return dlt.source(lambda: made if made.args_bound else made(**kwargs), name=name, section=name)
    if isinstance(made, SourceFactory):
        clone = made.clone(name=name, section=name, schema=_schema(name, made))  # type: ignore[arg-type]
        return functools.partial(clone, **kwargs)
    if _yields(made):
        function = getattr(made, "func", made)  # of a partial function
        resource = dlt.resource(function, name=function.__name__, section=name)
        given = {**getattr(made, "keywords", {}), **kwargs}
        return dlt.source(lambda: resource(*getattr(made, "args", ()), **given), name=name, section=name)
    if not inspect.isfunction(made):  # an object that can be called, or a partial function
        return dlt.source(lambda: made(**kwargs), name=name, section=name)
    return functools.partial(dlt.source(made, name=name, section=name), **kwargs)


def _schema(name: str, made: SourceFactory[..., DltSource]) -> Schema | None:
    """Return the schema that a source brings with it, an object or a file beside its code, under our name."""
    schema: Schema | None = made.schema
    function = inspect.unwrap(made)
    if schema is None and (file := inspect.getsourcefile(function)):
        with suppress(SchemaNotFoundError):
            theirs = made.name or function.__name__
            schema = SchemaStorage.load_schema_file(str(Path(file).parent), theirs, remove_processing_hints=True)
    return schema.clone(with_name=name, update_normalizers=True) if schema else None
