"""Arguments that the configuration names by their variable: `api_key_env: SHOP_TOKEN` is `api_key`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, get_type_hints

from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException
from dlt.common.configuration.specs.base_configuration import (
    extract_inner_hint,
    is_base_configuration_inner_hint,
    is_secret_hint,
)
from dlt.common.configuration.utils import deserialize_value
from dlt.common.typing import TSecretValue, is_union_type

from dango_action.errors import ConfigError, CredentialsError

if TYPE_CHECKING:
    from dango_action.credentials.record import Record
    from dango_action.protocol import Settings, Task


def with_variables(made: Any, task: Task, record: Record) -> dict[str, Any]:  # noqa: ANN401
    """Return the arguments with the value of each variable that is there, as the type that the parameter has.

    A parameter that really is called `api_key_env` keeps the name of the variable as its value.

    Raises:
        ConfigError: an argument is given twice.
        CredentialsError: a value is not of the parameter's type.

    """
    parameters = inspect.signature(made).parameters
    arguments = dict(task.kwargs)
    for parameter, variable in named(made, task.settings).items():
        if parameter in task.kwargs:
            what = f"`{parameter}` is given twice in `function_kwargs`, also by `{parameter}_env`"
            raise ConfigError.because(what, "remove one of the two")
        del arguments[f"{parameter}_env"]
        text = task.settings.variables.get(variable)
        if text:
            declared = parameters.get(parameter)
            (record.plain if declared and _is_setting(declared) else record.secret).add(variable)
            arguments[parameter] = _converted(made, declared, variable, text)
    return arguments


def named(made: Any, settings: Settings) -> dict[str, str]:  # noqa: ANN401 - user code
    """Return the parameters of this function that get their value by the name of a variable."""
    parameters = inspect.signature(made).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return {
        parameter: variable
        for parameter, variable in settings.named.items()
        if f"{parameter}_env" not in parameters and (parameter in parameters or takes_all)
    }


def _is_setting(parameter: inspect.Parameter) -> bool:
    """Tell whether a parameter is one that dlt would look up as a setting: its default is no secret's."""
    is_secret = getattr(parameter.default, "default_type", None) is TSecretValue or is_secret_hint(
        parameter.annotation
    )
    return parameter.default is not parameter.empty and not is_secret


def _converted(made: Any, parameter: inspect.Parameter | None, variable: str, text: str) -> Any:  # noqa: ANN401
    hint = _hint(made, parameter)
    if hint is None or hint is Any or is_union_type(hint) or is_base_configuration_inner_hint(hint):
        return text  # dlt parses credentials itself
    try:
        return deserialize_value(variable, text, hint)
    except ConfigValueCannotBeCoercedException:
        kind = getattr(hint, "__name__", "value")
        what = f"the variable {variable} holds no {kind}, which `{parameter.name if parameter else ''}` wants"
        raise CredentialsError.because(what, f"set it to one, like the parameter's type {kind} says") from None


def _hint(made: Any, parameter: inspect.Parameter | None) -> Any:  # noqa: ANN401 - a type hint of any form
    if parameter is None:
        return None
    if parameter.annotation is parameter.empty:
        return type(parameter.default) if isinstance(parameter.default, bool | int | float | dict | list) else None
    try:
        hints = get_type_hints(inspect.unwrap(made), include_extras=True)
    except (NameError, TypeError):
        return None
    hint = hints.get(parameter.name)
    return None if hint is None else extract_inner_hint(hint, preserve_literal=True)
