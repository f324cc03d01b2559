"""A setting that dlt has found nowhere: what it is called, where it was looked for, and what helps."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlt.common.configuration.exceptions import LookupTraces

from dango_action.credentials.environ import variable_name
from dango_action.credentials.names import path_of
from dango_action.credentials.sections import canonical, leaves
from dango_action.errors import Problem
from dango_action.sync.providers import CONFIG, FLAT, SECRETS, names_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlt.common.configuration.exceptions import ConfigFieldMissingException, LookupTrace

    from dango_action.protocol import Settings, Task

_MOST_PLACES = 12


@dataclass(frozen=True, slots=True)
class Missing:
    """A field that dlt has found nowhere, and where it was looked for."""

    path: tuple[str, ...]  # of the parameter: ("credentials", "client_id")
    traces: list[LookupTrace]


def missing(cause: ConfigFieldMissingException, task: Task) -> list[Problem]:
    """Return one problem for each setting that is missing; of alternatives, for the one of which most is there."""
    return [_problem(found, task) for found in fields(cause.traces, ())]


def fields(traces: Mapping[str, list[LookupTrace | LookupTraces]], below: tuple[str, ...]) -> Iterator[Missing]:
    """Give each field that is missing; of alternatives, those of the one of which most is there."""
    for field, found in traces.items():
        specs = [trace for trace in found if isinstance(trace, LookupTraces)]
        if specs:
            nearest = max(specs, key=lambda spec: len(spec.resolved_fields_set))
            yield from fields(nearest.traces, (*below, field))
        else:
            yield Missing((*below, field), [trace for trace in found if not isinstance(trace, LookupTraces)])


def _problem(missing: Missing, task: Task) -> Problem:
    path = _where(missing, task)
    # dlt asks config.toml for what is no secret, and only for that
    plain = any(trace.provider == CONFIG for trace in missing.traces)
    variable = _named(missing, task.settings)
    if variable and task.settings.remedy == "toml":
        hint = [f"put `{variable}=…` into .env, or set it in the environment"]
    elif variable and task.settings.remedy == "workflow":
        hint = [_line_of_env(variable)]
    else:
        hint = [_setting(path, CONFIG) if plain else remedy(path, task.settings)]
    if near := _near(path, task):
        hint.insert(0, near)
    if task.settings.lenders and missing.path[-1] in FLAT and not task.settings.lent.source:
        hint.append(f"or share them: `credentials_from: {task.settings.lenders[0]}` in sources.yml")
    looked = "; ".join(_places(missing, task.settings))
    what = f"`{'.'.join(path[2:])}` is missing for source `{task.name}`"
    return Problem(what=what, hint=f"{'; '.join(hint)}. It was looked for in {looked}")


def _where(missing: Missing, task: Task) -> tuple[str, ...]:
    """Return where the value would be found: below the source if dlt looks there, else where it looks first."""
    names = [name for trace in missing.traces for name in names_of(trace.key)]
    tried = [own for name in names if (own := canonical(path_of(name), task.name))]
    usual = ("sources", task.name, *missing.path)
    return usual if usual in tried or not tried else tried[0]


def remedy(path: tuple[str, ...], settings: Settings) -> str:
    """Return what to type, by the way that this project keeps its secrets."""
    variable = variable_name(path)
    match settings.remedy:
        case "sealed":
            return f"run `dango secrets set {'.'.join(path)}` and commit"
        case "workflow":
            return _line_of_env(variable)
        case _:
            return _setting(path, SECRETS)


def _line_of_env(variable: str) -> str:
    return f"add `{variable}: ${{{{ secrets.{variable} }}}}` below `env:` of this step"


def _setting(path: tuple[str, ...], file: str) -> str:
    return f"put `{path[-1]} = …` below `[{'.'.join(path[:-1])}]` in {file}"


def _named(missing: Missing, settings: Settings) -> str | None:
    """Return the variable that sources.yml names for this parameter."""
    return settings.named.get(missing.path[0]) if len(missing.path) == 1 else None


def _places(missing: Missing, settings: Settings) -> Iterator[str]:
    """Give each place that was looked at, in its order, with the names that were looked for."""
    if variable := _named(missing, settings):
        yield f"variable {variable} (`{missing.path[0]}_env`)"
    names: dict[str, dict[str, None]] = {}
    for trace in missing.traces:
        names.setdefault(trace.provider, {}).update(dict.fromkeys(names_of(trace.key)))
    for place, looked in names.items():
        if looked:
            yield f"{place} ({', '.join(list(looked)[:_MOST_PLACES])})"


def _near(path: tuple[str, ...], task: Task) -> str | None:
    """Say what is written like this, or nearly, and was meant, perhaps."""
    known = {variable_name(own): (own, place) for own, place in held(task)}
    near = difflib.get_close_matches(variable_name(path), known, 1, cutoff=0.85)
    if not near:
        return None
    own, place = known[near[0]]
    label = f"`{own[-1]}` below `[{'.'.join(own[:-1])}]`" if place.endswith(".toml") else near[0]
    return f"{label} in {place} has no value" if own == path else f"did you mean {label} in {place}?"


def held(task: Task) -> Iterator[tuple[tuple[str, ...], str]]:
    """Give each setting and secret of a source's own that has a value, with its place."""
    settings = task.settings
    for text, place in ((settings.secrets, ".dlt/secrets.toml"), (settings.config, ".dlt/config.toml")):
        for path, _ in leaves(tomllib.loads(text)):
            if own := canonical(path, task.name):
                yield own, place
    for name in settings.variables:
        own = canonical(path_of(name), task.name)
        if own:
            yield own, settings.places.get(name, "environment")
