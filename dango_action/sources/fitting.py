"""Whether a value of sources.yml fits a parameter's type: what YAML has is held to it, what YAML lacks is text."""

from __future__ import annotations

import inspect
from datetime import date
from typing import TYPE_CHECKING, Any, get_type_hints

from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException
from dlt.common.configuration.specs.base_configuration import BaseConfiguration, extract_inner_hint
from dlt.common.configuration.utils import deserialize_value
from dlt.common.typing import is_subclass, is_union_type

from dango_action.sources.strict import MisfitError, strict

if TYPE_CHECKING:
    from collections.abc import Callable


def hints_of(made: Callable[..., Any]) -> dict[str, Any]:
    """Return the type hints of a function; none at all if one can't be resolved at run time."""
    try:
        return get_type_hints(inspect.unwrap(made), include_extras=True)
    except (AttributeError, NameError, TypeError):
        return {}


def fitted(value: Any, hint: Any) -> Any:  # noqa: ANN401 - a value of YAML, for a type hint of any form
    """Return a value as a type has it: a list for a tuple, text for a date. A type that is not known takes any.

    Raises:
        MisfitError: it is not of that type.

    """
    inner = extract_inner_hint(hint, preserve_literal=True)
    if isinstance(value, str) and is_subclass(inner, date):  # dlt reads the same in its settings
        try:
            return deserialize_value("", value, inner)
        except (ConfigValueCannotBeCoercedException, ValueError):
            raise MisfitError(f"holds no {inner.__name__}", "write it like 2024-01-31") from None
    if _is_spec(hint):
        return value  # dlt reads credentials itself, from a mapping or a connection string
    return strict(value, hint)


def _is_spec(hint: Any) -> bool:  # noqa: ANN401 - a type hint of any form
    if is_union_type(hint):
        return any(_is_spec(each) for each in hint.__args__)
    return is_subclass(extract_inner_hint(hint), BaseConfiguration)
