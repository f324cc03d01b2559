"""Where a source's parameters come from, in words and as data; never a value."""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING, Any

from dango_action.credentials.environ import variable_name
from dango_action.credentials.files import SECRETS_TOML
from dango_action.credentials.held import BUNDLE, SEALED, own_name
from dango_action.credentials.names import path_of
from dango_action.credentials.sections import canonical, leaves
from dango_action.results import problem_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dango_action.config.model import Source
    from dango_action.credentials.held import Credentials
    from dango_action.errors import Problem
    from dango_action.explained import Parameter, Try

_NEAR = 0.85
# What dlt reads beside sources.
_SECTIONS = frozenset({"destination", "extract", "load", "normalize", "data_writer", "runtime", "schema"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """A value that no parameter takes, and the missing parameter that it may be meant for."""

    label: str
    meant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceExplained:
    """The parameters of a source, and what stands in its sections that none of them takes."""

    name: str
    parameters: tuple[Parameter, ...] = ()
    unused: tuple[Unused, ...] = ()
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, source: Source, parameters: Sequence[Parameter], credentials: Credentials) -> SourceExplained:
        """Return what is known of a source whose process has told its parameters."""
        unused = tuple(_unused(source, parameters, credentials))
        return cls(name=source.name, parameters=tuple(parameters), unused=unused)

    @property
    def missing(self) -> tuple[Parameter, ...]:
        """What the source can't start without; of alternatives, what the one of which most is there lacks."""
        return tuple(_needed(self.parameters))

    def document(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "name": self.name,
            "parameters": [_parameter_document(parameter) for parameter in self.parameters],
            "missing": [parameter.name for parameter in self.missing],
            "unused": [asdict(unused) for unused in self.unused],
            "problems": [problem_document(problem) for problem in self.problems],
        }


def _parameter_document(parameter: Parameter) -> dict[str, Any]:
    winner = parameter.winner
    return asdict(parameter) | {
        "winner": {"place": winner.place, "name": winner.name} if winner else None,
        "missing": parameter.missing,
    }


def _needed(parameters: Sequence[Parameter]) -> Iterator[Parameter]:
    yield from (parameter for parameter in parameters if parameter.missing and not parameter.alternative)
    groups: dict[str, dict[str, list[Parameter]]] = {}
    for parameter in parameters:
        if parameter.alternative:
            spec = parameter.name.rpartition(".")[0]
            groups.setdefault(spec, {}).setdefault(parameter.alternative, []).append(parameter)
    for alternatives in groups.values():
        lacking = [[p for p in fields if p.missing] for fields in alternatives.values()]
        held = [sum(p.winner is not None for p in fields) for fields in alternatives.values()]
        if all(lacking):
            yield from lacking[held.index(max(held))]


def _unused(source: Source, parameters: Sequence[Parameter], credentials: Credentials) -> Iterator[Unused]:
    """Give what stands in the source's sections, and that no parameter of its function asks for."""
    used = {_own(attempt, source.name) for parameter in parameters for attempt in parameter.tries if attempt.found}
    lacking = {variable_name(("sources", source.name, *p.name.split("."))): p.name for p in _needed(parameters)}
    # what has a value as a whole, like a connection string
    wholes = (p.name.rpartition(".")[0] for p in parameters if p.given)
    used |= {variable_name(("sources", source.name, *whole.split("."))) for whole in wholes if whole}
    listed = {*source.env, *source.named.values()}
    for name, held in credentials.settings_held(source).items():
        above = any(other.startswith(f"{name}__") for other in used)
        if name in used or name in listed or above or any(name.startswith(f"{table}__") for table in used):
            continue
        near = difflib.get_close_matches(name, lacking, 1, cutoff=_NEAR)
        for one in held:
            yield Unused(label=one.label, meant=lacking[near[0]] if near else None)


def _own(attempt: Try, source: str) -> str:
    return own_name(variable_name(path_of(attempt.name)), source)


def strangers(credentials: Credentials, asked: str | None = None) -> Iterator[str]:
    """Give what is written for a source that the project does not have, or for none, and so reaches nobody.

    Of what is nearly the name of a source, only that of the source that is `asked` for.
    """
    names = [source.name for source in credentials.config.sources]
    for path, label in _written(credentials):
        own = [name for name in names if canonical(path, name)]
        if own or path[0] in _SECTIONS:
            continue
        below = path[1:] if path[0] == "sources" else path
        near = difflib.get_close_matches(below[0], names, 1) if len(below) > 1 else []
        if asked and near and asked not in near:
            continue
        yield f"{label}: {f'did you mean `{near[0]}`?' if near else 'no source of this project sees it'}"


def _written(credentials: Credentials) -> Iterator[tuple[tuple[str, ...], str]]:
    """Give the path and the place of all that is meant for a source, by its form."""
    for path, _ in leaves(credentials.files.secrets):
        yield path, f"`{'.'.join(path)}` in {SECRETS_TOML}"
    named = {name for source in credentials.config.sources for name in (*source.env, *source.named.values())}
    for name, value in credentials.variables():
        path = tuple(part.lower() for part in name.split("__"))
        if name not in named and (value.place in {SEALED, BUNDLE} or path[0] == "sources"):
            yield path, f"{name} in {value.place}"


def rows(explained: SourceExplained) -> Iterator[tuple[str, str, str, str]]:
    """Give a table's rows: parameter, place, the names looked for there, and what came of it.

    A parameter has a row for each place, and below its name it has its type.
    """
    missing = explained.missing
    for parameter in explained.parameters:
        head = [parameter.name, f"  {', '.join(_kinds(parameter))}"]
        if parameter.alternative:
            head.append(f"  of {parameter.alternative}")
        for cell, line in zip_longest(head, _lines(parameter, needed=parameter in missing), fillvalue=None):
            yield (cell or "", *(line or ("", "", "")))


def _lines(parameter: Parameter, *, needed: bool) -> Iterator[tuple[str, str, str]]:
    if parameter.given:
        yield parameter.given, "", "<- used"
        return
    winner = parameter.winner
    for place, tries in groupby(parameter.tries, key=lambda attempt: attempt.place):
        looked = list(tries)
        if winner and winner in looked:
            yield place, winner.name, "<- used"
        else:
            yield place, ", ".join(attempt.name for attempt in looked), ""
    if winner is None:
        yield "", "", "MISSING" if needed else "not needed" if parameter.required else "default"


def _kinds(parameter: Parameter) -> Iterator[str]:
    if parameter.type:
        yield parameter.type
    if parameter.secret:
        yield "secret"
    yield "required" if parameter.required else "optional"
