"""The arguments of a source function: held against its signature before it is called, and completed by variables.

`api_key_env: SHOP_TOKEN` is the parameter `api_key`, with the value of the variable SHOP_TOKEN.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException
from dlt.common.configuration.specs.base_configuration import (
    BaseConfiguration,
    extract_inner_hint,
    is_base_configuration_inner_hint,
    is_secret_hint,
)
from dlt.common.configuration.utils import deserialize_value
from dlt.common.reflection.spec import spec_from_signature
from dlt.common.typing import TSecretValue, is_union_type
from dlt.extract import DltResource, DltSource
from dlt.extract.decorators import SourceFactory  # type: ignore[attr-defined]
from dlt.extract.incremental import Incremental

from dango_action.config.words import did_you_mean
from dango_action.errors import ConfigError, CredentialsError, Problem
from dango_action.sources.fitting import fitted, hints_of
from dango_action.sources.strict import MisfitError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dango_action.credentials.record import Record
    from dango_action.errors import Position
    from dango_action.protocol import Settings, Task


def spec_of(made: Any) -> type[BaseConfiguration] | None:  # noqa: ANN401 - user code
    """Return the spec that dlt has made of a function's signature, or would make."""
    if isinstance(made, SourceFactory):
        return made.ref.SPEC
    if isinstance(made, DltResource):
        return getattr(made, "SPEC", None)
    return spec_from_signature(made, inspect.signature(made))[0] if inspect.isfunction(made) else None


def parameters_of(made: Any) -> dict[str, inspect.Parameter]:  # noqa: ANN401 - user code
    """Return the parameters of a source function, without a transformer's first one, which receives the rows."""
    parameters = dict(inspect.signature(made).parameters)
    if isinstance(made, DltResource) and made.is_transformer and parameters:
        del parameters[next(iter(parameters))]
    return parameters


def name_of(made: Any) -> str:  # noqa: ANN401 - user code
    """Return what a source function is called; for an object that has no name, the name of its type."""
    return str(getattr(made, "__name__", None) or getattr(made, "name", None) or type(made).__name__)


def arguments(made: Any, task: Task, record: Record) -> dict[str, Any]:  # noqa: ANN401 - user code
    """Return what to call a source function with, each value as the parameter's type has it.

    A parameter that really is called `api_key_env` keeps the name of the variable as its value.

    Raises:
        ConfigError: it does not take these arguments; every one of them that it does not take.
        CredentialsError: a variable holds no value of the parameter's type, or is not there and has to be.

    """
    checked = _Check(made=made, task=task)
    if isinstance(made, DltSource) or (isinstance(made, DltResource) and made.args_bound):
        if task.kwargs:
            what = f"`{name_of(made)}` takes no arguments: the module has called it already"
            raise ConfigError.because(what, "remove `function_kwargs`, or name a function", checked.at())
        return {}
    variables = {key: text for key, name in checked.named.items() if (text := task.settings.variables.get(name))}
    given = {key: value for key, value in task.kwargs.items() if key.removesuffix("_env") not in checked.named}
    given |= {key: task.kwargs[key] for key in task.kwargs if key in checked.named}
    problems, values = list(checked.twice()), dict[str, Any]()
    for key, value in given.items():
        try:
            values[key] = checked.value(key, value)
        except ConfigError as error:
            problems += error.problems
    problems += checked.missing({*given, *checked.named})
    if problems:
        raise ConfigError(*problems)
    if unset := [checked.unset(key) for key in checked.named if key in checked.needed and key not in variables]:
        raise CredentialsError(*unset)
    for key, text in variables.items():
        declared = checked.parameters.get(key)
        (record.plain if declared and _is_setting(declared) else record.secret).add(checked.named[key])
        values[key] = _converted(checked.hint(key), key, checked.named[key], text)
    return values


def named(made: Any, settings: Settings) -> dict[str, str]:  # noqa: ANN401 - user code
    """Return the parameters of this function that get their value by the name of a variable."""
    parameters = parameters_of(made)
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return {
        parameter: variable
        for parameter, variable in settings.named.items()
        if f"{parameter}_env" not in parameters and (parameter in parameters or takes_all)
    }


@dataclass(slots=True, kw_only=True)
class _Check:
    """A function's signature, and what `function_kwargs` may be for it."""

    made: Any
    task: Task

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        return parameters_of(self.made)

    @property
    def named(self) -> dict[str, str]:
        return named(self.made, self.task.settings)

    @property
    def takes_all(self) -> bool:
        return any(parameter.kind is parameter.VAR_KEYWORD for parameter in self.parameters.values())

    @property
    def by_name(self) -> list[str]:
        """The parameters that can be given by name."""
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        return [name for name, parameter in self.parameters.items() if parameter.kind in kinds]

    @property
    def needed(self) -> list[str]:
        """The parameters without a default that dlt does not look up either."""
        spec = spec_of(self.made)
        looked_up = spec.get_resolvable_fields() if spec else {}
        variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        return [
            name
            for name, parameter in self.parameters.items()
            if parameter.default is parameter.empty
            and parameter.kind not in variadic
            and name not in looked_up
            and not (spec and parameter.annotation is spec)
        ]

    def hint(self, key: str) -> Any:  # noqa: ANN401 - a type hint of any form
        """Return the type of a parameter, by its annotation or else by its default; None if nothing says it."""
        parameter = self.parameters.get(key)
        if parameter is None:
            return None
        if parameter.annotation is parameter.empty:
            default = parameter.default
            return type(default) if isinstance(default, bool | int | float | dict | list) else None
        return hints_of(self.made).get(key)

    def value(self, key: str, value: Any) -> Any:  # noqa: ANN401 - whatever YAML has
        """Return the value of one argument as the parameter's type has it.

        Raises:
            ConfigError: there is no such parameter, or the value is not of its type.

        """
        at = self.at(key)
        # Python would let a positional-only parameter's name through to `**more`, dlt's way to call does not
        if key not in self.by_name and (key in self.parameters or not self.takes_all):
            hint = did_you_mean(key, self.by_name) if self.by_name else "it takes none: remove it"
            raise ConfigError.because(f"`{name_of(self.made)}` takes no argument `{key}`", hint, at)
        parameter, declared = self.parameters.get(key), self.hint(key)
        if parameter is None or key not in self.by_name or isinstance(parameter.default, Incremental):
            return value
        if parameter.annotation is parameter.empty:
            if value is None and parameter.default not in (
                None,
                parameter.empty,
            ):  # dlt takes it for a missing one
                raise ConfigError.because(f"`{key}` can't be null", "leave it out, for its default", at)
            return value  # what its default shows is not all that it takes
        cursor = declared is None or extract_inner_hint(declared) is Incremental
        if cursor or (value is None and parameter.default is None):
            return value
        try:
            return fitted(value, declared)
        except MisfitError as misfit:
            raise ConfigError.because(f"`{key}` {misfit.what}", misfit.hint, at) from None

    def missing(self, given: set[str]) -> Iterator[Problem]:
        """Give the parameters that have to be given and are not."""
        for key in self.needed:
            if key in given and key in self.by_name:
                continue
            what, hint = f"`{name_of(self.made)}` needs the argument `{key}`", "add it below `function_kwargs:`"
            if self.parameters[key].kind is inspect.Parameter.POSITIONAL_ONLY:
                hint = "it can't be given by name: take the `/` out of the parameters, or give it a default"
            yield Problem(what=what, hint=hint, at=self.at())

    def twice(self) -> Iterator[Problem]:
        """Give the arguments that stand there themselves and by the name of a variable."""
        for key in self.named.keys() & self.task.kwargs.keys():
            what = f"`{key}` is given twice in `function_kwargs`, also by `{key}_env`"
            yield Problem(what=what, hint="remove one of the two", at=self.at(key))

    def unset(self, key: str) -> Problem:
        """Return the problem of a parameter whose variable is not there."""
        what = f"the variable {self.named[key]}, which `{key}_env` names, is not set or empty"
        hint = "set it, in a workflow below `env:` of the step; in .env on your machine"
        return Problem(what=what, hint=hint, at=self.at(f"{key}_env"))

    def at(self, key: str | None = None) -> Position | None:
        """Return where an argument stands, or else the block with them."""
        places = self.task.places
        given = self.task.arguments_at
        names = ([f"{given}.{key}"] if key else []) + [given, self.task.type]
        return next((places[name] for name in names if name in places), None)


def _is_setting(parameter: inspect.Parameter) -> bool:
    """Tell whether a parameter is one that dlt would look up as a setting: its default is no secret's."""
    is_secret = getattr(parameter.default, "default_type", None) is TSecretValue or is_secret_hint(
        parameter.annotation
    )
    return parameter.default is not parameter.empty and not is_secret


def _converted(hint: Any, key: str, variable: str, text: str) -> Any:  # noqa: ANN401 - a type hint of any form
    hint = None if hint is None else extract_inner_hint(hint, preserve_literal=True)
    if hint is None or hint is Any or is_union_type(hint) or is_base_configuration_inner_hint(hint):
        return text  # dlt parses credentials itself
    try:
        return deserialize_value(variable, text, hint)
    except ConfigValueCannotBeCoercedException:
        kind = getattr(hint, "__name__", "value")
        what = f"the variable {variable} holds no {kind}, which `{key}` wants"
        raise CredentialsError.because(what, f"set it to one, like the parameter's type {kind} says") from None
