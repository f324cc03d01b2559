"""The entry of a further source: from the words of a command to what stands in sources.yml."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from dango_action.config.lines import load
from dango_action.config.model import TYPES
from dango_action.config.nodes import plain, problems_in
from dango_action.config.registry import definition, kinds
from dango_action.config.words import did_you_mean, show
from dango_action.errors import Problem, UsageError
from dango_action.scaffold.facts import SOURCES_FOLDER, found_in
from dango_action.scaffold.insertion import snippet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from dango_action.sources.factories import Factory

_ARGUMENTS = "function_kwargs"
_PYTHON = {"module": "source_module", "function": "source_function", "path": "source_path"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for. `python` has `module`, `function` and `path`, for types that have them."""

    kind: str
    name: str
    python: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


def values_of(words: Sequence[str], kind: str = "") -> dict[str, Any]:
    """Return the values of `KEY=VALUE`, each read as YAML: `2`, `true`, `[a, b]` are no text.

    But where a parameter of the type is text, `00123` is text.

    Raises:
        UsageError: some are not of this form; the values are not shown.

    """
    found: dict[str, Any] = {}
    texts = _texts_of(kind)
    problems = []
    for number, word in enumerate(words, 1):
        key, equals, text = word.partition("=")
        document = load(text.encode(), "--set")
        if not (key and equals) or document.root is None or document.problems or [*problems_in(document.root)]:
            what = f"--set number {number} can't be used"
            problems.append(Problem(what=what, hint="write it like --set region=eu; its value is YAML"))
        else:
            value = plain(document.root)
            numeric = isinstance(value, int | float) and not isinstance(value, bool)
            found[key] = text.strip() if numeric and key in texts else value
    if problems:
        raise UsageError(*problems)
    return found


def _texts_of(kind: str) -> set[str]:
    """Return the keys of a type's block that are text and nothing else."""
    known = definition(kind).parameters.items() if kind in kinds() else ()
    return {key for name, each in known if each.type == "text" for key in (name, *each.aliases)}


def entry_of(project: Path, wish: Wish) -> dict[str, Any]:
    """Return the entry. What is left out is found in the project, as far as there is no choice.

    Raises:
        UsageError: there is no such type, or it needs something that was not given.

    """
    if wish.kind not in TYPES:
        raise UsageError.because(f"there is no type `{show(wish.kind)}`", _instead_of(wish))
    keys = block_of(wish.kind).model_fields
    block: dict[str, Any] = {}
    for option, value in wish.python.items():
        if _PYTHON[option] not in keys:
            what = f"--{option} is for sources in Python, and the type `{wish.kind}` has no `{_PYTHON[option]}`"
            raise UsageError.because(what, f"its keys are given by --set: {', '.join(keys)}")
        block[_PYTHON[option]] = value
    if _PYTHON["module"] in keys:
        block = _python(project, wish, block)
    # the arguments of a function have a place of their own below the block
    block |= {_ARGUMENTS: dict(wish.values)} if _ARGUMENTS in keys and wish.values else {}
    beside = {} if _ARGUMENTS in keys else {key: wish.values[key] for key in _beside(wish)}
    block |= {} if _ARGUMENTS in keys else {key: each for key, each in wish.values.items() if key not in beside}
    _refuse_missing(wish.kind, block)
    own = {wish.kind: block} if block or wish.kind not in kinds() else {}
    return {"name": wish.name, "type": wish.kind, **own, **beside}


def _beside(wish: Wish) -> list[str]:
    """Return the keys that are not the block's but stand beside it, like `resources` of a type that is data."""
    own = TYPES[wish.kind].model_fields.keys() - block_of(wish.kind).model_fields.keys()
    return [key for key in wish.values if key in own - {"name", "type", wish.kind}]


def _instead_of(wish: Wish) -> str:
    """Return the hint for a type that there is none of: what was meant, or what takes anything."""
    if wish.name in TYPES:
        return f"the type comes first: dango sources add {wish.name} {show(wish.kind)}"
    word = re.compile(rf"\b{re.escape(wish.kind.replace('_', ' '))}\b", re.IGNORECASE)
    about = {kind: definition(kind) for kind in kinds()}
    told = [kind for kind, made in about.items() if word.search(made.title)]
    told = told or [kind for kind, made in about.items() if word.search(made.description)]
    if told:
        return f"did you mean {' or '.join(f'`{kind}`' for kind in told)}?"
    hint = did_you_mean(wish.kind, TYPES)
    if hint.startswith("did"):
        return hint
    return f"{hint}; `rest_api` takes any REST API, `dlt_native` any dlt source"


def block_of(kind: str) -> type[BaseModel]:
    """Return the model of a type's block."""
    model = TYPES[kind].model_fields[kind].annotation
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError(kind)
    return model


def secrets_of(project: Path, entry: Mapping[str, Any]) -> list[str]:
    """Return the variables that hold the secrets of a new source, as far as its Python shows them."""
    kind = entry["type"]
    if kind in kinds():
        known, given = definition(kind).parameters, entry.get(kind, {})
        secrets = (
            name
            for name, each in known.items()
            if each.secret and not {f"{key}_env" for key in (name, *each.aliases)} & given.keys()
        )
        return [variable_of(entry["name"], name) for name in secrets]
    block = entry[kind]
    found, _ = found_in(project, block.get(_PYTHON["path"], SOURCES_FOLDER))
    module, function = (block.get(_PYTHON[part]) for part in ("module", "function"))
    given = {key.removesuffix("_env") for key in block.get(_ARGUMENTS, {})}
    return [
        variable_of(entry["name"], secret)
        for factory in found
        if (factory.module, factory.function) == (module, function)
        for secret in factory.secrets
        if secret not in given
    ]


def variable_of(name: str, parameter: str) -> str:
    """Return the variable with a parameter of a source."""
    return f"SOURCES__{name}__{parameter}".upper()


def example_of(kind: str) -> str:
    """Return an entry of a type to paste below `sources:`, with an example for each key that has to be there."""
    if kind in kinds():
        made = definition(kind)
        needed = {k: each.sample for k, each in made.parameters.items() if each.needed and not each.secret}
        block = made.example or needed
        return snippet({"name": kind, "type": kind, **({kind: block} if block else {})})
    block = {
        key: (declared.examples or ["…"])[0]
        for key, declared in block_of(kind).model_fields.items()
        if declared.is_required() or key in (_PYTHON["function"], "parameters")
    }
    name = (TYPES[kind].model_fields["name"].examples or ["shop"])[0] if _PYTHON["module"] in block else kind
    return snippet({"name": name, "type": kind, kind: block})


def _refuse_missing(kind: str, block: Mapping[str, Any]) -> None:
    problems = [
        Problem(
            what=f"a source of the type `{kind}` needs `{key}`",
            hint=f"add --set {key}=VALUE; `dango sources show {kind}` says what it is",
        )
        for key in _needed(kind)
        if not {key, f"{key}_env"} & block.keys()
    ]
    if problems:
        raise UsageError(*problems)


def _needed(kind: str) -> Iterator[str]:
    """Give the keys without which there is no source, and which no other place is meant for."""
    if kind in kinds():
        yield from (key for key, each in definition(kind).parameters.items() if each.needed and not each.secret)
    else:
        yield from (key for key, declared in block_of(kind).model_fields.items() if declared.is_required())


def _python(project: Path, wish: Wish, block: dict[str, Any]) -> dict[str, Any]:
    """Return the block with the module and the function, where the project leaves no choice."""
    folder = block.get(_PYTHON["path"], SOURCES_FOLDER)
    if not (project / folder).resolve().is_relative_to(project.resolve()):
        hint = "sources run from the project's own folders: put a copy there"
        raise UsageError.because(f"the folder {show(folder)} leads out of the project", hint)
    found, _ = found_in(project, folder)
    module = block.get(_PYTHON["module"]) or _module(wish.name, found, folder)
    here = [factory for factory in found if factory.module == module]
    function = block.get(_PYTHON["function"]) or _function(module, here)
    for factory in here:
        if factory.function == function:
            _refuse_arguments(factory, wish)
    given = {_PYTHON["module"]: module, **({_PYTHON["function"]: function} if function else {})}
    return {**given, **{key: value for key, value in block.items() if key not in given}}


def _refuse_arguments(factory: Factory, wish: Wish) -> None:
    """Raise if an argument is missing that nothing else gives, or one is there that does not belong into git."""
    problems = [
        Problem(what=f"`{factory.function}` needs the argument `{key}`", hint=f"add --set {key}=VALUE")
        for key in factory.needs
        if not {key, f"{key}_env"} & wish.values.keys()
    ]
    problems += [
        Problem(
            what=f"`{key}` is a secret of `{factory.function}`, and sources.yml is committed",
            hint=f"leave it out, and put it into .dlt/secrets.toml: `{key}` in `[sources.{show(wish.name)}]`",
        )
        for key in factory.secrets
        if key in wish.values
    ]
    if problems:
        raise UsageError(*problems)


def _module(name: str, found: Sequence[Factory], folder: str) -> str:
    known = list(dict.fromkeys(factory.module for factory in found))
    if name in known:
        return name
    what = f"which module? {folder}/ has no dlt source `{show(name)}`"
    write = f"write {folder}/{show(name)}.py, or add --module with an installed package"
    raise UsageError.because(what, f"add --module; {did_you_mean(name, known)}" if known else write)


def _function(module: str, here: Sequence[Factory]) -> str | None:
    if len(here) > 1:
        names = ", ".join(factory.function for factory in here)
        raise UsageError.because(f"`{module}` has {len(here)} sources", f"add --function with one of: {names}")
    return here[0].function if here else None
