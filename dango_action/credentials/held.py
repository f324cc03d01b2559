"""Every secret and setting of a run, and what one source may see of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dango_action.credentials.allow_list import is_own
from dango_action.credentials.environ import variable_name, variables
from dango_action.credentials.files import CONFIG_TOML, DOTENV, SECRETS_TOML, Files
from dango_action.credentials.forms import Known
from dango_action.credentials.sections import canonical, leaves, lent_sections, own_sections, shared_settings
from dango_action.protocol import Lent, Settings

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from dango_action.config.model import Config, Source
    from dango_action.protocol import Remedy

SEALED = ".dango/secrets.enc.yml"
BUNDLE = "secrets-bundle"
JOB = "environment"
_GOOGLE = ("__CLIENT_ID", "__REFRESH_TOKEN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A variable's text and where it comes from. `table`: it is JSON of what was a table when it was sealed."""

    text: str = field(repr=False)
    place: str
    table: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A setting's text, and the place where it stands in words. `short`: by a name like `SHOP__API_KEY`."""

    label: str
    text: str = field(repr=False)
    short: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Every value of a run. They leave in two ways: `settings_of` one source, and `known`, to be hidden."""

    config: Config  # all sources, with their defaults applied
    files: Files
    sealed: Mapping[str, Value] = field(default_factory=dict)
    job: Mapping[str, str] = field(default_factory=dict, repr=False)
    keys: tuple[str, ...] = field(default=(), repr=False)
    remedy: Remedy = "toml"

    def __repr__(self) -> str:
        return f"Credentials({len(self.sealed)} sealed)"

    def offers(self, source: Source) -> dict[str, list[Value]]:
        """Return every value of each variable that a source may see, the one that wins first; empty is absent."""
        named = {*source.env, *source.named.values()}
        found: dict[str, list[Value]] = {}
        for name, value in self.variables():
            if value.text and is_own(name, source.name, named):
                found.setdefault(name, []).append(value)
        return found

    def settings_of(self, source: Source) -> Settings:
        """Return what the process of a source gets."""
        own = {name: values[0] for name, values in self.offers(source).items()}
        lender = next((other for other in self.config.sources if other.name == source.credentials_from), None)
        return Settings(
            precedence=self.config.precedence,
            variables={name: value.text for name, value in own.items()},
            places={name: value.place for name, value in own.items()},
            objects=[name for name, value in own.items() if value.table],
            named=source.named,
            secrets=_toml(own_sections(self.files.secrets, source.name)),
            config=_toml(shared_settings(self.files.config, source.name)),
            lent=self._lent(lender, source.name) if lender else Lent(),
            lenders=[o.name for o in self.config.sources if o.name != source.name and self._has_google(o)],
            remedy=self.remedy,
        )

    def settings_held(self, source: Source) -> dict[str, list[Held]]:
        """Return where each setting of a source has a value, by its name; the place that wins comes first."""
        files = [list(self._in_file(source, file)) for file in (SECRETS_TOML, CONFIG_TOML)]
        named = list(self._in_variables(source))
        guide = self.config.precedence == "guide"
        places = [*files, named] if guide else [named, *files]
        if not guide:  # dlt asks every place for the short names first
            places = [[held for place in places for held in place]]
        found: dict[str, list[Held]] = {}
        for place in places:
            for name, held in sorted(place, key=lambda named: not named[1].short):
                found.setdefault(name, []).append(held)
        return found

    def _in_variables(self, source: Source) -> Iterator[tuple[str, Held]]:
        short = f"{source.name.upper()}__"
        for name, values in self.offers(source).items():
            for value in values:
                label = f"{name} in {value.place}"
                yield own_name(name, source.name), Held(label=label, text=value.text, short=name.startswith(short))

    def _in_file(self, source: Source, file: str) -> Iterator[tuple[str, Held]]:
        document = self.files.secrets if file == SECRETS_TOML else self.files.config
        for path, value in leaves(own_sections(document, source.name)):
            own = canonical(path, source.name)
            label = f"`[{'.'.join(path[:-1])}] {path[-1]}` in {file}"
            for variable in variables({own: value})[0] if own else ():
                if variable.path == own:
                    yield variable.name, Held(label=label, text=variable.text, short=path[0] == source.name)

    def users(self, sources: Sequence[Source]) -> list[Source]:
        """Return these sources and those whose credentials they borrow."""
        lenders = {source.credentials_from for source in sources} - {source.name for source in sources}
        return [*sources, *(source for source in self.config.sources if source.name in lenders)]

    def known(self, sources: Sequence[Source], plain: Container[str] = ()) -> Iterator[Known]:
        """Give every value that these sources can come to see, those in files on their disk among them.

        `plain` are names, like `SOURCES__SHOP__REGION`, that they have asked for as settings, not as secrets.
        """
        yield from (Known(path="DANGO_SECRETS_KEY", text=key) for key in self.keys)
        for source in self.users(sources):
            for name, values in self.offers(source).items():
                own = own_name(name, source.name)
                yield from (
                    Known(path=f"{name} in {value.place}", text=value.text, setting=own in plain)
                    for value in values
                )
        for path, value in leaves(self.files.secrets):
            label = f"{'.'.join(path)} in {SECRETS_TOML}"
            for text in _texts(value):
                yield Known(path=label, text=text, setting=_toml_name(path, self.config) in plain)
        for name, text in self.files.dotenv.items():
            yield Known(path=f"{name} in {DOTENV}", text=text, setting=name in plain)

    def variables(self) -> Iterator[tuple[str, Value]]:
        """Give every variable, whoever may see it; of one name, the one that wins first."""
        yield from self.sealed.items()
        yield from ((name, Value(text=text, place=JOB)) for name, text in self.job.items())
        yield from ((name, Value(text=text, place=DOTENV)) for name, text in self.files.dotenv.items())

    def _lent(self, lender: Source, borrower: str) -> Lent:
        own = {name: values[0] for name, values in self.offers(lender).items()}
        named = {parameter.upper(): own[name] for parameter, name in lender.named.items() if name in own}
        prefix, theirs = f"SOURCES__{lender.name.upper()}__", f"SOURCES__{borrower.upper()}__"
        sections = {
            full.removeprefix(prefix): value
            for name, value in own.items()
            if (full := own_name(name, lender.name)).startswith(prefix)
        }
        lent = {f"{theirs}{key}": value for key, value in (sections | named).items()}
        return Lent(
            source=lender.name,
            variables={name: value.text for name, value in lent.items()},
            objects=[name for name, value in lent.items() if value.table],
            files=_toml(lent_sections((self.files.config, self.files.secrets), lender.name, borrower)),
        )

    def _has_google(self, source: Source) -> bool:
        names = {variable_name(path) for path, _ in leaves(own_sections(self.files.secrets, source.name))}
        names |= self.offers(source).keys() | {f"__{parameter.upper()}" for parameter in source.named}
        return all(any(name.endswith(key) for name in names) for key in _GOOGLE)


def own_name(variable: str, source: str) -> str:
    """Return the name that a variable stands for: `SOURCES__SHOP__API_KEY` for `SHOP__API_KEY`."""
    path = canonical(tuple(part.lower() for part in variable.split("__")), source)
    return variable_name(path) if path else variable


def _toml_name(path: tuple[str, ...], config: Config) -> str:
    for source in config.sources:
        if own := canonical(path, source.name):
            return variable_name(own)
    return variable_name(path)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            for _, leaf in leaves(item):
                yield from _texts(leaf)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield str(value)


def _toml(document: Mapping[str, Any]) -> str:
    if not document:
        return ""
    import tomlkit  # noqa: PLC0415 - slow to import, and many projects have no such file

    return tomlkit.dumps(document)
