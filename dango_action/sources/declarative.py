"""Sources as data: a definition becomes a dlt source function, whose parameters dlt looks up like any other's.

No type is known here by its name. What a definition's engine is decides which part of dlt makes its resources.
"""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Annotated, Any, Optional

import dlt
from dlt.common.configuration.utils import deserialize_value
from dlt.common.typing import SecretSentinel

from dango_action.config.definition import Definition
from dango_action.config.registered import parameters_of
from dango_action.config.registry import definition
from dango_action.errors import ConfigError, Problem
from dango_action.sources.rest.auth import needs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dlt.extract import DltResource

    from dango_action.config.definition import Parameter
    from dango_action.protocol import Task

_HINTS: dict[str, Any] = {
    "text": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "date": str,
    "datetime": str,
    "list": list,
    "object": dict,
    "any": Any,
}


_ENGINES = {"rest_api": "rest.build", "sql_database": "databases", "filesystem": "files"}


def function_of(task: Task) -> Any:  # noqa: ANN401 - a dlt source factory
    """Return the source function of a source whose type is data."""
    return dlt.source(_function(_definition_of(task), task), name=task.name, section=task.name)


def logins_of(task: Task) -> dict[str, str]:
    """Return the parameters of which a login needs all, by the kind of login, if there is a choice of several."""
    made = _definition_of(task)
    choices = made.client.auth or () if made.client else ()
    optional = [[name for name in needs(one) if not made.parameters[name].needed] for one in choices]
    if not all(optional):
        return {}  # there is one that needs nothing but what every source of the type does
    return {
        name: f"login {number} ({choice.type})"
        for number, (choice, names) in reversed(list(enumerate(zip(choices, optional, strict=True), 1)))
        for name in names
    }


def elsewhere(name: str, task: Task) -> Any:  # noqa: ANN401 - a value
    """Return the value of a parameter from the other section in which it may stand; None if it stands nowhere."""
    return _elsewhere(name, parameters_of(_definition_of(task)), task)


def _definition_of(task: Task) -> Definition:
    return Definition.model_validate_json(task.definition) if task.definition else definition(task.type)


def _function(made: Definition, task: Task) -> Callable[..., list[DltResource]]:
    parameters = parameters_of(made)

    def source(**given: Any) -> list[DltResource]:  # noqa: ANN401 - of the parameters
        values = {name: _elsewhere(name, parameters, task) if v is None else v for name, v in given.items()}
        values = {name: parameters[name].default if v is None else v for name, v in values.items()}
        if problems := list(_flaws(parameters, values, task)):
            raise ConfigError(*problems)
        return _builder(made)(made, {name: parameters[name].meant(value) for name, value in values.items()})

    declared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
        for name, each in parameters.items()
        for hint, default in (_declared(each),)
    ]
    source.__name__ = source.__qualname__ = made.type
    source.__doc__ = made.description
    source.__signature__ = inspect.Signature(declared)  # type: ignore[attr-defined]
    source.__annotations__ = {parameter.name: parameter.annotation for parameter in declared}
    return source


def _elsewhere(name: str, parameters: Mapping[str, Parameter], task: Task) -> Any:  # noqa: ANN401 - a value
    parameter = parameters[name]
    if parameter.also is None:
        return None
    # without a type, so that a secret is asked for as one, which another source may lend
    look: Callable[[str], Any] = (dlt.secrets if parameter.secret else dlt.config).get
    value = look(f"sources.{task.name}.{parameter.also}.{name}")
    return None if value is None else deserialize_value(name, value, _HINTS[parameter.type])


def _builder(made: Definition) -> Callable[[Definition, Mapping[str, Any]], list[DltResource]]:
    """Return what makes the resources; an engine imports what it needs, and no more."""
    module = importlib.import_module(f"dango_action.sources.{_ENGINES[made.engine]}")
    builder: Callable[[Definition, Mapping[str, Any]], list[DltResource]] = module.resources
    return builder


def _hint_of(parameter: Parameter) -> Any:  # noqa: ANN401 - a type hint
    hint = _HINTS[parameter.type]
    return Annotated[hint, SecretSentinel] if parameter.secret else hint  # as dlt's own of secrets, with the type


def _declared(parameter: Parameter) -> tuple[Any, Any]:
    """Return a parameter's type hint and default, as dlt's own way to look values up wants them."""
    hint = _hint_of(parameter)
    if parameter.needed:
        return hint, dlt.secrets.value if parameter.secret else dlt.config.value
    if parameter.default is None or isinstance(parameter.default, list | dict):  # dlt refuses mutable defaults
        return Optional[hint], None  # noqa: UP045 - at run time
    return hint, parameter.default


def _flaws(parameters: Mapping[str, Parameter], values: Mapping[str, Any], task: Task) -> Iterator[Problem]:
    """Give what is wrong with values, wherever they come from."""
    for name, parameter in parameters.items():
        value = values.get(name)
        if value is None:
            continue
        if flaw := parameter.flaw(value):
            at = task.places.get(f"{task.arguments_at}.{name}")
            yield Problem(what=f"`{name}` of source `{task.name}` {flaw[0]}", hint=flaw[1], at=at)
