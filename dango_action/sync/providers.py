"""Where dlt looks for a source's settings in its own process: in what the source may see, and nowhere else.

dlt asks every provider with the pipeline's name before it asks any without it, so the order of the providers
alone does not decide which place wins. By the guide's order a place comes first with all of its names, so these
providers answer both questions at once; by dlt's order they answer as dlt's own would.
"""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from dlt.common.configuration.const import TYPE_EXAMPLES
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers.doc import BaseDocProvider
from dlt.common.configuration.providers.provider import ConfigProvider
from dlt.common.configuration.specs.base_configuration import is_secret_hint
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from dango_action.credentials.environ import variable_name
from dango_action.credentials.names import toml_name
from dango_action.credentials.sections import at, canonical
from dango_action.explained import Try

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlt.common.configuration.specs.pluggable_run_context import RunContextBase

    from dango_action.credentials.record import Record
    from dango_action.protocol import Settings, Task

ENVIRONMENT, SECRETS, CONFIG = "environment", ".dlt/secrets.toml", ".dlt/config.toml"
# What a Google source wants below `credentials`, and what people write right below the source.
FLAT = frozenset(
    {"client_id", "client_secret", "refresh_token", "project_id", "token", "scopes", "private_key", "client_email"}
)
# Where dlt looks for its own settings, which are those of the run or, below its name, of the source.
DLT_SECTIONS = frozenset(
    {"data_writer", "destination", "extract", "load", "normalize", "pipelines", "runtime", "schema"}
)
_CREDENTIALS, _SOURCES = "credentials", "sources"
_SEPARATOR = ", "
_PLACEHOLDER = TYPE_EXAMPLES["text"]  # what `dlt init` writes where a value is to be filled in
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What dlt asks a place for."""

    key: str
    hint: Any
    pipeline: str | None
    sections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a place says of a name: its value, or None."""

    place: str
    name: str
    value: Any = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """Which names stand for a key, in their order. With `folds`, a place is asked once for all of them."""

    source: str
    folds: bool
    record: Record
    tables: set[str] = field(default_factory=set)  # keys that were asked for as secrets
    tops: dict[str, str] = field(default_factory=dict)  # the first section in which each key was asked for last

    def names(self, key: str, pipeline: str | None, sections: Path) -> tuple[Path, ...]:
        """Return the paths to look at when dlt asks for a key in these sections.

        dlt asks again and again with one section less, down to the bare key.
        """
        if sections:
            self.tops[key] = sections[0]
        path, of_dlt = (*sections, key), self.tops.get(key) in DLT_SECTIONS
        names = _paths(self.source, path, pipeline, folds=self.folds and not of_dlt)
        if self.folds or of_dlt or pipeline or path[0] in {_SOURCES, self.source}:
            return names
        # `dlt.secrets["key"]` asks for no more than this, and a bare name is hidden from every source
        return (*names, (_SOURCES, self.source, *path))

    def find(self, asked: _Asked, look: Callable[[Path, Any], Found | None]) -> tuple[Any, str]:
        """Return the first value that a place has for what dlt asks, and the names that were looked for."""
        shown = []
        for path in self.names(asked.key, asked.pipeline, asked.sections):
            found = look(path, asked.hint)
            if found is None:
                continue
            shown.append(found.name)
            if self.record.explains:
                self.record.tries.append(Try(place=found.place, name=found.name, found=found.value is not None))
            if found.value is not None:
                self._note(asked.hint, path)
                return found.value, found.name
        return None, _SEPARATOR.join(shown)

    def lends(self, asked: _Asked) -> bool:
        """Tell whether a key is one to lend: a secret, or a field of what was asked for as a secret as a whole."""
        if is_secret_hint(asked.hint):
            self.tables.add(asked.key)  # dlt asks for credentials as a whole first, then for their fields
            return True
        return not self.tables.isdisjoint(asked.sections)

    def _note(self, hint: Any, path: Path) -> None:  # noqa: ANN401 - a type hint of any form
        own = canonical(tuple(part.lower() for part in path), self.source) or path
        (self.record.secret if is_secret_hint(hint) else self.record.plain).add(variable_name(own))


# dlt asks thousands of times in a run, and for the same things again and again.
@cache
def _paths(source: str, path: Path, pipeline: str | None, *, folds: bool) -> tuple[Path, ...]:
    path = tuple(filter(None, path))
    flat = len(path) > 2 and path[-2] == _CREDENTIALS and path[-1] in FLAT and path[:2] == (_SOURCES, source)  # noqa: PLR2004
    asked = [path, (*path[:-2], path[-1])] if flat else [path]
    if not folds:
        return tuple((pipeline, *one) if pipeline else one for one in asked)
    if pipeline:  # it is answered below, when dlt asks without it
        return ()
    return tuple(dict.fromkeys(name for one in asked for name in _folded(source, one)))


def _folded(source: str, path: Path) -> tuple[Path, ...]:
    if path[:2] == (_SOURCES, source) and len(path) > 2:  # noqa: PLR2004 - more than the section itself
        return ((source, *path[2:]), path)
    # code with sections of its own, a helper or a source in a source, comes down to the bare key or `credentials`
    if path[0] not in {_SOURCES, source}:
        return ((source, *path), (_SOURCES, source, *path), path)
    return ((source, *path), path)


@cache
def _owns(source: str, path: Path) -> bool:
    """Tell whether people would look there: in the source's own sections, or in those of dlt."""
    own = canonical(path, source)
    doubled = own is not None and own[2] in {source, _SOURCES}
    return (own is not None and not doubled) or path[0] in DLT_SECTIONS


@cache
def _variable(path: Path) -> str:
    return "__".join(path).upper()


class Document(BaseDocProvider):
    """A document of settings, with the name that messages have for it."""

    def __init__(self, name: str, document: dict[str, Any], *, holds_secrets: bool) -> None:
        super().__init__(document)
        self._name, self._holds_secrets = name, holds_secrets

    @property
    def name(self) -> str:
        """What the file is called in messages."""
        return self._name

    @property
    def supports_secrets(self) -> bool:
        """Whether a secret may stand in it."""
        return self._holds_secrets

    @property
    def is_writable(self) -> bool:
        """Whether `dlt.secrets[…] = …` or `dlt.config[…] = …` may write to it, in memory."""
        return True

    @property
    def is_empty(self) -> bool:
        """Never: a place that has nothing was looked at, too."""
        return False


class _Document(Document):
    """A TOML file, as far as a source may see it."""

    def __init__(self, name: str, text: str, rules: _Rules, *, holds_secrets: bool) -> None:
        super().__init__(name, tomllib.loads(text), holds_secrets=holds_secrets)
        self._rules = rules

    def get_value(
        self,
        key: str,
        hint: Any,  # noqa: ANN401 - a type hint of any form
        pipeline_name: str | None,
        *sections: str,
    ) -> tuple[Any, str]:
        """Return the value of a key, None if there is none, and the names that were looked for."""
        return self._rules.find(_Asked(key, hint, pipeline_name, sections), self._look)

    def _look(self, path: Path, hint: Any) -> Found | None:  # noqa: ANN401 - a type hint of any form
        value = at(self._config_doc, path) if self._config_doc else None
        if value is not None and (value == _PLACEHOLDER or (value == "" and is_secret_hint(hint))):
            value = None
        source, own = self._rules.source, _owns(self._rules.source, path)
        shared = not self._holds_secrets and path[:-1] in {(), (_SOURCES,)}
        if value is None and not own and not shared:  # only the source's own code could have put it there
            return None
        if source not in path and not self._holds_secrets and is_secret_hint(hint):
            return None  # a bare `api_key` in config.toml is nobody's secret
        return Found(self._name, toml_name(path), value)


class _Variables(ConfigProvider):
    """Variables that a source may see. Sealed tables are given as tables, and not as their JSON.

    What the source's own code puts into `os.environ` counts; base variables do not: `USER` is no value for `user`.
    """

    def __init__(self, name: str, settings: Settings, rules: _Rules) -> None:
        self._name, self._settings, self._rules = name, settings, rules
        self._live = os.environ
        self._base = self._live.keys() - settings.variables.keys()

    @property
    def name(self) -> str:
        """What variables are called in messages."""
        return self._name

    @property
    def supports_secrets(self) -> bool:
        """Whether a secret may be one."""
        return True

    @property
    def supports_sections(self) -> bool:
        """Whether sections become a part of the name."""
        return True

    def get_value(
        self,
        key: str,
        hint: Any,  # noqa: ANN401 - a type hint of any form
        pipeline_name: str | None,
        *sections: str,
    ) -> tuple[Any, str]:
        """Return the text of a variable, None if there is none, and the names that were looked for."""
        return self._rules.find(_Asked(key, hint, pipeline_name, sections), self._look)

    def _look(self, path: Path, _: Any) -> Found | None:  # noqa: ANN401 - a type hint of any form
        name = _variable(path)
        text, is_table = self._read(name)
        if not text and not _owns(
            self._rules.source, path
        ):  # a bare name is there only if the configuration lists it
            return None
        place = self._settings.places.get(name, self._name) if text else self._name
        return Found(place, name, (json.loads(text) if is_table else text) if text else None)

    def _read(self, name: str) -> tuple[str | None, bool]:
        held = self._settings.variables.get(name)
        of_dlt = "__" in name  # `EXTRACT__WORKERS`: no base variable has such a name
        text = self._live.get(name) if of_dlt or name not in self._base else None
        return text, name in self._settings.objects and text == held


class _LentDocument(_Document):
    """What another source lends: its secrets, and what belongs to its credentials; not its settings."""

    def get_value(self, key: str, hint: Any, pipeline_name: str | None, *sections: str) -> tuple[Any, str]:  # noqa: ANN401
        """Return a value as `_Document` does, if it is one to lend."""
        asked = _Asked(key, hint, pipeline_name, sections)
        return self._rules.find(asked, self._look) if self._rules.lends(asked) else (None, "")


class _LentVariables(_Variables):
    """The same for variables."""

    def get_value(self, key: str, hint: Any, pipeline_name: str | None, *sections: str) -> tuple[Any, str]:  # noqa: ANN401
        """Return a text as `_Variables` does, if it is one to lend."""
        asked = _Asked(key, hint, pipeline_name, sections)
        return self._rules.find(asked, self._look) if self._rules.lends(asked) else (None, "")

    def _read(self, name: str) -> tuple[str | None, bool]:
        lent = self._settings.lent
        return lent.variables.get(name), name in lent.objects


def use_settings(task: Task, record: Record) -> None:
    """Let dlt look for settings in what this source may see, and nowhere else; `record` hears what it asks for.

    It also does so where dlt, or the source's code, sets its context up anew: the files themselves are never read.
    """
    settings, lender = task.settings, task.settings.lent.source
    rules = _Rules(source=task.name, folds=settings.precedence == "guide", record=record)
    files = [
        _Document(SECRETS, settings.secrets, rules, holds_secrets=True),
        _Document(CONFIG, settings.config, rules, holds_secrets=False),
    ]
    variables = _Variables(ENVIRONMENT, settings, rules)
    order: list[ConfigProvider] = [*files, variables] if rules.folds else [variables, *files]
    if lender:
        order.append(_LentDocument(f".dlt files of `{lender}`", settings.lent.files, rules, holds_secrets=True))
        order.append(_LentVariables(f"{ENVIRONMENT} of `{lender}`", settings, rules))

    use_providers(order, task.project)


def use_providers(order: list[ConfigProvider], project: str) -> None:
    """Let dlt look for settings in these places, and nowhere else."""

    def initial_providers(self: RunContextBase) -> list[ConfigProvider]:  # noqa: ARG001 - it becomes a method
        return list(order)

    context = Container()[PluggableRunContext]
    type(context.context).initial_providers = initial_providers  # type: ignore[method-assign]
    context.reload(project)


def names_of(key: str) -> list[str]:
    """Return the names that a lookup of dlt's has listed as its key."""
    return key.split(_SEPARATOR) if key else []
