"""A target that is more than a file, in a process that runs no code of the user's: its settings, its failures."""

from __future__ import annotations

import os
import tomllib
from typing import TYPE_CHECKING, Any

import duckdb
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ValueNotSecretException
from dlt.common.configuration.providers.environ import EnvironProvider

from dango_action.credentials.sections import leaves
from dango_action.errors import DangoError, ExitCode, Problem, chain
from dango_action.protocol import Failed
from dango_action.sync.failures import cause_of, sentence
from dango_action.sync.missing import fields, remedy
from dango_action.sync.providers import CONFIG, ENVIRONMENT, SECRETS, Document, names_of, use_providers
from dango_action.warehouse.lakes import Lake, ducklake, motherduck

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlt.common.configuration.providers.provider import ConfigProvider

    from dango_action.protocol import Place

# What DuckDB raises when somebody else has committed first, or when a file, a server or a bucket can't be reached
PASSES = (duckdb.TransactionException, duckdb.IOException, duckdb.HTTPException, duckdb.ConnectionException)
_DEFAULTS = ".dango"


class _Variables(EnvironProvider):
    @property
    def name(self) -> str:
        """What variables are called in messages."""
        return ENVIRONMENT


def open_place(place: Place) -> Lake:
    """Return the target as dlt's settings describe it, which are looked for in `place` and nowhere else.

    Raises:
        ConfigFieldMissingException: a setting is missing.
        ConfigError: it can't be loaded into safely.

    """
    settings = place.settings
    os.environ.update(settings.variables)
    os.chdir(place.project)  # paths are relative to it
    secrets, config = tomllib.loads(settings.secrets), tomllib.loads(settings.config)
    files: list[ConfigProvider] = [
        Document(SECRETS, secrets, holds_secrets=True),
        Document(CONFIG, config, holds_secrets=False),
    ]
    said = {path for document in (secrets, config) for path, _ in leaves(document)}
    variables = _Variables()
    order = [*files, variables] if settings.precedence == "guide" else [variables, *files]
    defaults = Document("default", _defaults(place, said), holds_secrets=True)
    use_providers([*order, defaults], place.project)
    return ducklake(place.name) if place.kind == "ducklake" else motherduck(place.name)


def _defaults(place: Place, said: set[tuple[str, ...]]) -> dict[str, Any]:
    """Return what dlt's defaults would be, but inside of .dango, where nothing else looks for files.

    A part that somebody has set is left out as a whole: what is missing in it is for them to say.
    """
    if place.kind != "ducklake":
        return {}
    base = f"{place.project}/{_DEFAULTS}/{place.name}.ducklake"
    parts = {"catalog": f"sqlite:///{base}.sqlite", "storage": {"bucket_url": f"{base}.files"}}
    left = {part: value for part, value in parts.items() if not _says(place.settings.variables, said, part)}
    return {"destination": {"ducklake": {"credentials": left}}}


def _says(variables: Mapping[str, str], said: set[tuple[str, ...]], part: str) -> bool:
    """Tell whether somebody has set a part of the credentials, in a file or by a variable."""
    name = f"DESTINATION__DUCKLAKE__CREDENTIALS__{part.upper()}"
    in_files = any("credentials" in path and part in path for path in said)
    return in_files or any(variable == name or variable.startswith(f"{name}__") for variable in variables)


def explain_place(error: BaseException, place: Place) -> Failed:
    """Return what the parent should report of an exception in a target's process, and whether it often passes."""
    cause = cause_of(error)
    passes = any(isinstance(inner, PASSES) for inner in chain(error))
    if isinstance(cause, DangoError):
        return Failed(problems=list(cause.problems), exit_code=cause.exit_code, transient=passes)
    if isinstance(cause, ConfigFieldMissingException):
        return Failed(problems=list(_missing(cause, place)), exit_code=ExitCode.CREDENTIALS, transient=False)
    if isinstance(cause, ValueNotSecretException):
        what = f"a secret of target {place.kind} stands in {cause.provider_name}, which is committed: {cause.key}"
        hint = "move it to .dlt/secrets.toml or seal it, `dango secrets set PATH`; replace it if it is a password"
        problem = Problem(what=what, hint=hint)
        return Failed(problems=[problem], exit_code=ExitCode.CREDENTIALS, transient=False)
    hint = "this often passes: run again" if passes else "the log has the whole traceback"
    problem = Problem(what=f"target {place.kind}:{place.name}: {sentence(cause)}", hint=hint)
    return Failed(problems=[problem], exit_code=ExitCode.SOURCE_FAILED, transient=passes)


def _missing(cause: ConfigFieldMissingException, place: Place) -> Iterator[Problem]:
    for found in fields(cause.traces, ()):
        path = ("destination", place.kind, *found.path)
        looked: dict[str, dict[str, None]] = {}
        for trace in found.traces:
            looked.setdefault(trace.provider, {}).update(dict.fromkeys(names_of(trace.key)))
        places = "; ".join(f"{name} ({', '.join(names)})" for name, names in looked.items() if names)
        hint = remedy(path, place.settings)
        if place.kind == "motherduck":
            hint += ", or set MOTHERDUCK_TOKEN"
        what = f"`{'.'.join(path[2:])}` is missing for target {place.kind}:{place.name}"
        yield Problem(what=what, hint=f"{hint}. It was looked for in {places}")
