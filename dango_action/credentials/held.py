"""Every secret and setting of a run, and what one source may see of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dango_action.credentials.allow_list import BUCKETS, PROXIES, is_own
from dango_action.credentials.environ import variable_name, variables
from dango_action.credentials.files import CONFIG_TOML, DOTENV, SECRETS_TOML, Files
from dango_action.credentials.forms import Known
from dango_action.credentials.names import path_of
from dango_action.credentials.sections import canonical, leaves, lent_sections, own_sections, shared_settings
from dango_action.credentials.strength import is_word
from dango_action.credentials.target import is_of_target, is_plain, target_sections
from dango_action.protocol import Lent, Settings

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from dango_action.config.model import Config, Source
    from dango_action.config.target import Target
    from dango_action.protocol import Remedy

SEALED = ".dango/secrets.enc.yml"
BUNDLE = "secrets-bundle"
JOB = "environment"
_LAST = 2  # of sealed secrets, the job's variables and `.env`
_GOOGLE = ("__CLIENT_ID", "__REFRESH_TOKEN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A variable's text and where it comes from. `table`: it is JSON of what was a table when it was sealed."""

    text: str = field(repr=False)
    place: str
    table: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A setting's text, and the place where it stands in words.

    `short` means by a name like `SHOP__API_KEY`; places with a lower `rank` come first.
    """

    name: str
    label: str
    text: str = field(repr=False)
    short: bool = field(kw_only=True)
    rank: int = field(kw_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """The names of values, like `SOURCES__SHOP__REGION`, that sources have asked for."""

    secret: Container[str] = ()
    plain: Container[str] = ()
    words: tuple[str, ...] = ()  # of the configuration, which are in every report

    def is_setting(self, name: str, text: str) -> bool:
        """Tell whether a value is one that may be seen: asked for as a setting, or by nobody, and then a word."""
        if is_plain(name, text):
            return True
        if name in self.plain or any(text in word for word in self.words):
            return True
        return name not in self.secret and is_word(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Every value of a run. They leave in three ways: `settings_of` one source, `settings_of_target`, and `known`.

    What is known is to be hidden.
    """

    config: Config  # all sources, with their defaults applied
    files: Files
    sealed: Mapping[str, Value] = field(default_factory=dict)
    job: Mapping[str, str] = field(default_factory=dict, repr=False)
    keys: tuple[str, ...] = field(default=(), repr=False)
    remedy: Remedy = "toml"
    target: Target | None = None  # None: nothing is loaded

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

    def _seen(self, source: Source) -> dict[str, Value]:
        """Return the variables that a source gets; by the guide's order, a place comes with all its names."""
        found = {name: values[0] for name, values in self.offers(source).items()}
        if self.config.precedence == "dlt":
            return found
        best: dict[str, int] = {}
        for name, value in found.items():
            own = own_name(name, source.name)
            best[own] = min(best.get(own, _LAST), _rank(value))
        return {name: v for name, v in found.items() if _rank(v) == best[own_name(name, source.name)]}

    def settings_of(self, source: Source) -> Settings:
        """Return what the process of a source gets."""
        own = self._seen(source)
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

    def settings_of_target(self) -> Settings:
        """Return what the processes that open the target get; a table comes by its leaves, as dlt wants it."""
        assert self.target is not None  # noqa: S101 - whoever asks has one
        found: dict[str, Value] = {}
        for name, value in self._of_target():
            if not value.table:
                found.setdefault(name, value)
        return Settings(
            precedence=self.config.precedence,
            variables={name: value.text for name, value in found.items()},
            places={name: value.place for name, value in found.items()},
            secrets=_toml(target_sections(self.files.secrets, self.target)),
            config=_toml(target_sections(self.files.config, self.target)),
            remedy=self.remedy,
        )

    def _of_target(self) -> Iterator[tuple[str, Value]]:
        for name, value in self.variables():
            if self.target and value.text and is_of_target(name, self.target):
                yield name, value

    def settings_held(self, source: Source) -> dict[str, list[Held]]:
        """Return where each setting of a source has a value, by its name; the place that wins comes first."""
        guide = self.config.precedence == "guide"
        files = (-2, -1) if guide else (_LAST + 1, _LAST + 2)  # before the variables, or behind them
        listed = [*self._in_file(source, SECRETS_TOML, files[0]), *self._in_file(source, CONFIG_TOML, files[1])]
        listed += self._in_variables(source)
        found: dict[str, list[Held]] = {}
        # dlt asks every place for the short names first
        for held in sorted(listed, key=lambda h: (h.rank, not h.short) if guide else (not h.short, h.rank)):
            found.setdefault(held.name, []).append(held)
        return found

    def _in_variables(self, source: Source) -> Iterator[Held]:
        short = f"{source.name.upper()}__"
        for name, values in self.offers(source).items():
            for value in values:
                label = f"{name} in {value.place}"
                own = own_name(name, source.name)
                yield Held(own, label, value.text, short=name.startswith(short), rank=_rank(value))

    def _in_file(self, source: Source, file: str, rank: int) -> Iterator[Held]:
        document = self.files.secrets if file == SECRETS_TOML else self.files.config
        for path, value in leaves(own_sections(document, source.name)):
            own = canonical(path, source.name)
            label = f"`[{'.'.join(path[:-1])}] {path[-1]}` in {file}"
            for variable in variables({own: value})[0] if own else ():
                if variable.path == own:
                    yield Held(variable.name, label, variable.text, short=path[0] == source.name, rank=rank)

    def users(self, sources: Sequence[Source]) -> list[Source]:
        """Return these sources and those whose credentials they borrow."""
        lenders = {source.credentials_from for source in sources} - {source.name for source in sources}
        return [*sources, *(source for source in self.config.sources if source.name in lenders)]

    def known(self, sources: Sequence[Source], used: Used = Used()) -> Iterator[Known]:
        """Give every value that these sources can come to see, those in files on their disk among them.

        What they have not asked for as a secret, and is a setting or a word, is marked: it is hidden in logs, and
        no reason to stop an upload.
        """
        yield from (Known(path="DANGO_SECRETS_KEY", text=key) for key in self.keys)
        for source in self.users(sources):
            for name, values in self.offers(source).items():
                for value in values:
                    setting = used.is_setting(own_name(name, source.name), value.text)
                    yield Known(path=f"{name} in {value.place}", text=value.text, setting=setting)
        for name, value in self._of_target():
            setting = used.is_setting(name, value.text)
            yield Known(path=f"{name} in {value.place}", text=value.text, setting=setting)
        for path, value in leaves(self.files.secrets):
            label = f"{'.'.join(path)} in {SECRETS_TOML}"
            for text in _texts(value):
                yield Known(path=label, text=text, setting=used.is_setting(_toml_name(path, self.config), text))
        for name, text in self.files.dotenv.items():
            yield Known(path=f"{name} in {DOTENV}", text=text, setting=used.is_setting(name, text))
        for name, text in self.job.items():
            if BUCKETS.fullmatch(name) or (name in PROXIES and "@" in text):
                yield Known(path=f"{name} in {JOB}", text=text)

    def variables(self) -> Iterator[tuple[str, Value]]:
        """Give every variable, whoever may see it; of one name, the one that wins first."""
        yield from self.sealed.items()
        yield from ((name, Value(text=text, place=JOB)) for name, text in self.job.items())
        yield from ((name, Value(text=text, place=DOTENV)) for name, text in self.files.dotenv.items())

    def _lent(self, lender: Source, borrower: str) -> Lent:
        own = self._seen(lender)
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


def _rank(value: Value) -> int:
    return {JOB: 1, DOTENV: _LAST}.get(value.place, 0)


def own_name(variable: str, source: str) -> str:
    """Return the name that a variable stands for: `SOURCES__SHOP__API_KEY` for `SHOP__API_KEY`."""
    path = canonical(path_of(variable), source)
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
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)


def _toml(document: Mapping[str, Any]) -> str:
    if not document:
        return ""
    import tomlkit  # noqa: PLC0415 - slow to import, and many projects have no such file

    return tomlkit.dumps(document)
