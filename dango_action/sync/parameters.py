"""Which parameters a source function has, and where dlt looks for each: asked of dlt itself, field by field.

Nothing is resolved as a whole, since a spec may then go to the network to complete itself.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dlt.common.configuration.resolve import (
    _apply_embedded_sections_to_config_sections,
    _resolve_single_value,
    inject_section,
)
from dlt.common.configuration.specs.base_configuration import (
    BaseConfiguration,
    CredentialsConfiguration,
    extract_inner_hint,
    is_base_configuration_inner_hint,
    is_context_inner_hint,
    is_hint_not_resolvable,
    is_secret_hint,
)
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.common.typing import (
    AnyType,
    TSecretValue,
    get_all_types_of_class_in_union,
    is_optional_type,
    is_union_type,
)
from dlt.extract import DltResource
from dlt.extract.decorators import SourceFactory  # type: ignore[attr-defined]
from dlt.extract.incremental import Incremental

from dango_action.explained import Parameter, Try
from dango_action.sources.arguments import named, parameters_of, spec_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dango_action.credentials.record import Record
    from dango_action.protocol import Task

_BY_HAND = {"dlt_native": "function_kwargs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """A field of a spec, and where the spec is embedded."""

    key: str
    hint: Any
    default: Any
    section: str | None = None  # of the spec that has the field
    embedded: tuple[str, ...] = ()
    optional: bool = False  # the spec may be left out as a whole
    given: str | None = None  # the spec as a whole has a value
    alternative: str | None = None


def parameters(task: Task, made: Any, record: Record) -> Iterator[Parameter]:  # noqa: ANN401 - user code
    """Give every parameter of the source function `made`; those of nested specs are called `credentials.token`."""
    by_variable = named(made, task.settings)
    name = _resource_name(made) or task.name
    spec = spec_of(made)
    with inject_section(ConfigSectionContext(pipeline_name=task.name, sections=("sources", task.name, name))):
        for field in _fields(spec) if spec else ():
            found = list(_looked_up(field, record, given=_by_hand(task) if field.key in task.kwargs else None))
            if variable := by_variable.get(field.key):
                found = [replace(p, tries=[_variable(task, variable), *p.tries]) for p in found]
            yield from found
    yield from _positional(task, made, by_variable, spec.get_resolvable_fields() if spec else {})


def parameters_of_data(task: Task, made: Any, record: Record) -> Iterator[Parameter]:  # noqa: ANN401 - as above
    """Give every parameter of a source whose type is data: of several logins, one has to be complete."""
    from dango_action.sources.declarative import elsewhere, logins_of  # noqa: PLC0415 - code of others has none

    logins = logins_of(task)
    for parameter in parameters(task, made, record):
        if parameter.name not in logins:
            yield parameter
            continue
        record.tries.clear()
        if parameter.winner is None:
            elsewhere(parameter.name, task)
        tries = [*parameter.tries, *dict.fromkeys(record.tries)]
        yield replace(parameter, required=True, tries=tries, alternative=logins[parameter.name])


def _resource_name(made: Any) -> str | None:  # noqa: ANN401 - user code
    """Return the name of the resource that a function is, or is made into; None if it is a source."""
    if isinstance(made, DltResource):
        return made.name
    generates = inspect.isgeneratorfunction(made) or inspect.isasyncgenfunction(made)
    return made.__name__ if generates and not isinstance(made, SourceFactory) else None


def _fields(spec: type[BaseConfiguration], **where: Any) -> Iterator[_Field]:  # noqa: ANN401 - of `_Field`
    """Give what dlt would resolve of a spec."""
    instance = spec()
    for key, hint in spec.get_resolvable_fields().items():
        inner = extract_inner_hint(hint)
        if is_hint_not_resolvable(hint) or is_context_inner_hint(inner) or inner is Incremental:
            continue
        default = getattr(instance, key, None)
        yield _Field(key=key, hint=hint, default=default, section=spec.__section__, **where)


def _looked_up(field: _Field, record: Record, given: str | None = None) -> Iterator[Parameter]:
    """Look a field up, or, if it is a spec, its fields."""
    hint = extract_inner_hint(field.hint, preserve_literal=True)
    specs = [hint] if is_base_configuration_inner_hint(hint) else []
    if is_union_type(field.hint):
        specs = get_all_types_of_class_in_union(field.hint, BaseConfiguration) or specs
    if specs and not given:
        for spec in specs:
            yield from _nested(field, spec, record, alternative=spec.__name__ if len(specs) > 1 else None)
        return
    record.tries.clear()
    if not given and not field.given:
        _resolve_single_value(field.key, field.hint, hint, field.section or "", (), field.embedded)
    yield Parameter(
        name=".".join((*field.embedded, field.key)),
        type=_type_name(field.hint, hint),
        required=not field.optional and field.default is None and not is_optional_type(field.hint),
        secret=is_secret_hint(field.hint),
        tries=list(dict.fromkeys(record.tries)),
        given=given or field.given,
        alternative=field.alternative,
    )


def _nested(
    field: _Field, spec: type[BaseConfiguration], record: Record, alternative: str | None
) -> Iterator[Parameter]:
    """Look the fields of a nested spec up, unless the spec has a value as a whole, like a connection string."""
    embedded = (*field.embedded, *((field.section,) if field.section and not field.embedded else ()), field.key)
    whole = None
    record.tries.clear()
    if spec.__section__:
        key, sections = _apply_embedded_sections_to_config_sections(spec.__section__, embedded)
        hint = TSecretValue if issubclass(spec, CredentialsConfiguration) else AnyType
        value, _ = _resolve_single_value(key, hint, AnyType, "", (), sections)
        if value is not None and not isinstance(value, dict):
            whole = next(f"{t.name} in {t.place}" for t in record.tries if t.found)
    optional = field.optional or field.default is not None or is_optional_type(field.hint)
    where = {"embedded": embedded, "optional": optional, "given": whole, "alternative": alternative}
    for below in _fields(spec, **where):
        yield from _looked_up(below, record)


def _positional(
    task: Task,
    made: Any,  # noqa: ANN401 - user code
    by_variable: Mapping[str, str],
    fields: Mapping[str, Any],
) -> Iterator[Parameter]:
    """Give the parameters that dlt does not look up: those without a default, and of functions that take all."""
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    declared = [p for p in parameters_of(made).values() if p.kind not in kinds]
    left = {parameter.name for parameter in declared if parameter.default is parameter.empty}
    by_name = {f"{parameter}_env" for parameter in by_variable}
    for name in dict.fromkeys((*left, *task.kwargs, *by_variable)):
        if name in fields or name in by_name:
            continue
        variable = by_variable.get(name)
        yield Parameter(
            name=name,
            type="",
            required=name in left,
            secret=variable is not None,
            tries=[_variable(task, variable)] if variable else [],
            given=_by_hand(task) if name in task.kwargs else None,
        )


def _by_hand(task: Task) -> str:
    return _BY_HAND.get(task.type, "sources.yml")


def _variable(task: Task, variable: str) -> Try:
    settings = task.settings
    found = bool(settings.variables.get(variable))
    return Try(place=settings.places.get(variable, "environment"), name=variable, found=found)


def _type_name(hint: Any, inner: Any) -> str:  # noqa: ANN401 - type hints of any form
    name = getattr(inner, "__name__", None) or str(inner)
    return f"{name} or null" if is_optional_type(hint) else name
