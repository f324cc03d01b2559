"""What an exception's type and data tell for certain: the cause in words, and the exact fix."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

import dlt
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ValueNotSecretException
from dlt.common.exceptions import MissingDependencyException
from dlt.common.schema.exceptions import DataValidationError
from dlt.extract.exceptions import InvalidResourceDataTypeIsNone, PipeGenInvalid, SourceDataIsNone
from dlt.extract.utils import dynstr

from dango_action.errors import ExitCode, Problem
from dango_action.sources.idioms import Idiom, find_idioms
from dango_action.sync.imports import missing_module, missing_packages, undefined
from dango_action.sync.missing import held, missing
from dango_action.sync.tracebacks import definition_of, frames, module_file, place_of, shown

if TYPE_CHECKING:
    from types import FrameType

    from dango_action.errors import Position
    from dango_action.protocol import Task

_IS_NONE = (InvalidResourceDataTypeIsNone, PipeGenInvalid, SourceDataIsNone)


def diagnose(cause: BaseException, task: Task) -> tuple[list[Problem], ExitCode] | None:
    """Return what is wrong, and of which kind it is; None if an exception does not say so by itself."""
    if idioms := _idioms(cause, task):
        return idioms, ExitCode.SOURCE_FAILED
    if isinstance(cause, ConfigFieldMissingException):
        return missing(cause, task), ExitCode.CREDENTIALS
    if isinstance(cause, ValueNotSecretException):
        return [_in_the_open(cause, task)], ExitCode.CREDENTIALS
    known = _known(cause, task)
    return ([known], ExitCode.SOURCE_FAILED) if known else None


def _known(cause: BaseException, task: Task) -> Problem | None:
    """Return what is said of an exception that tells by its type and its data what is wrong; None for others."""
    at = place_of(cause, task) or definition_of(cause, task)
    found: Problem | None = None
    match cause:
        case ModuleNotFoundError():
            found = missing_module(cause, task.module, at)
        case MissingDependencyException():
            found = missing_packages(cause, at)
        case NameError(name=str(name)) if name:
            found = undefined(cause, name, at)
        case KeyError(args=(str(name),)):
            found = _missing_key(cause, name, task, at)
        case DataValidationError():
            found = _frozen(cause, task)
        case InvalidResourceDataTypeIsNone(resource_name=name) | PipeGenInvalid(pipe_name=name):
            what = f"the resource `{name}` has nothing: its function returns None"
            found = Problem(what=what, hint="yield its rows from it", at=at)
        case SourceDataIsNone():
            what = f"the source function `{task.function or task.module}` returns nothing"
            found = Problem(what=what, hint="return its resources, like `return orders, products`", at=at)
    return found


def _missing_key(cause: KeyError, name: str, task: Task, at: Position | None) -> Problem | None:
    """Return what to do about a variable that the code looks up, or a setting that it looks for elsewhere."""
    passed = list(frames(cause))
    if passed and passed[-1].f_code is type(os.environ).__getitem__.__code__:
        what = f"the variable {name} is not there for source `{task.name}`: a source sees its own alone"
        return Problem(what=what, hint=f"add `env: [{name}]` to it in .dango/sources.yml, and set it", at=at)
    if len(passed) > 1 and passed[-2].f_code is dynstr.__call__.__code__:
        what = f"a resource's name is made of its arguments, and `{name}` is not among them"
        hint = f"add `{name}:` below `function_kwargs:`; a setting comes too late for a name"
        return Problem(what=what, hint=hint, at=at or task.places.get(task.type))
    if place := next((place for path, place in held(task) if path[-1] == name), None):
        what = f"`{name}` is set for this source in {place}, and the code looks for it elsewhere: {cause!r}"
        hint = f"take it as a parameter of the source function: `{name}=dlt.secrets.value`"
        return Problem(what=what, hint=hint, at=at)
    return None


def _frozen(cause: DataValidationError, task: Task) -> Problem:
    """Return what a schema contract has refused, and what lets it in."""
    column = f"`{cause.table_name}.{cause.column_name}`"
    what, hint = {
        "tables": (f"the table `{cause.table_name}` is new", "`freeze` refuses the tables of a first load, too"),
        "columns": (f"the column {column} is new", "`discard_value` leaves its values out for good"),
    }.get(
        cause.schema_entity,
        (f"a value does not fit its column: {column} would be new", "`discard_value` leaves it out for good"),
    )
    return Problem(
        what=f"{what}, and the schema contract is `{cause.schema_entity}: {cause.contract_mode}`",
        hint=f"write `schema_contract: {{{cause.schema_entity}: evolve, …}}` to let it in; {hint}",
        at=task.places.get("schema_contract") or task.places.get("name"),
    )


def _is_dlts(frame: FrameType) -> bool:
    return Path(frame.f_code.co_filename).is_relative_to(Path(dlt.__file__).parent)


def _idioms(cause: BaseException, task: Task) -> list[Problem]:
    """Return what dlt can't run in the function that has failed, and in what lies around and inside it."""
    file = module_file(task)
    if file is None:
        return []
    found = find_idioms(file.read_text(encoding="utf-8", errors="replace"), shown(file, task))
    failed = {idiom.within for idiom in found if _explains(idiom, cause, file, task)}
    return [idiom.problem for idiom in found if idiom.within in failed]


def _explains(idiom: Idiom, cause: BaseException, file: Path, task: Task) -> bool:
    if idiom.kind == "empty":
        return isinstance(cause, _IS_NONE) and task.function in (None, idiom.within)
    if idiom.kind == "default":  # dlt makes a dataclass of a function's parameters
        passed = list(frames(cause))
        return isinstance(cause, ValueError) and passed[-1].f_code.co_filename == dataclasses.__file__
    if isinstance(cause, ConfigFieldMissingException):
        return idiom.parameter in cause.fields
    if isinstance(cause, IndexError) and _is_dlts(list(frames(cause))[-1]):
        return True  # of an annotation with a type in it, like `Optional[int]`, dlt takes the wrong one
    return any(
        frame.f_code.co_name == idiom.function and Path(frame.f_code.co_filename) == file
        for frame in frames(cause)
        if frame.f_locals.get(idiom.parameter, idiom) is None
    )


def _in_the_open(cause: ValueNotSecretException, task: Task) -> Problem:
    return Problem(
        what=f"a secret of source `{task.name}` stands in {cause.provider_name}, which is committed: {cause.key}",
        hint="move it to .dlt/secrets.toml or seal it, `dango secrets set PATH`, and replace it at its provider",
    )
