"""Reading every place that holds secrets and settings, once, before any source runs."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from dango_action.credentials import document, environ
from dango_action.credentials.allow_list import is_own
from dango_action.credentials.files import CONFIG_TOML, SECRETS_TOML, read_files
from dango_action.credentials.held import BUNDLE, SEALED, Credentials, Value
from dango_action.credentials.sections import at, leaves, own_sections, shared_settings
from dango_action.credentials.target import is_of_target
from dango_action.errors import CredentialsError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from dango_action.config.model import Config, Source
    from dango_action.config.target import Target
    from dango_action.credentials.document import Document, Sealed
    from dango_action.credentials.environ import Path as Key
    from dango_action.credentials.surroundings import Surroundings
    from dango_action.protocol import Remedy

_CIPHERTEXT = re.compile(r"\s*enc:v\d+:")


def gather(
    project: Path, config: Config, sources: Sequence[Source], given: Surroundings, target: Target | None = None
) -> Credentials:
    """Return all that these sources of `config`, and `target`, may need; values of others stay sealed.

    Raises:
        ConfigError: a settings file can't be read.
        CredentialsError: sealed secrets can't be opened, or a sealed value lies where only open ones work; all of
            them at once.

    """
    documents = _documents(project, given.bundle)
    remedy: Remedy = "sealed" if documents else "workflow" if given.on_runner else "toml"
    unsealed = Credentials(
        config=config, files=read_files(project), job=given.variables, remedy=remedy, target=target
    )
    users = unsealed.users(sources)
    sealed, keys, problems = _opened(documents, lambda entry: _wanted(entry, users, target), given)
    credentials = replace(unsealed, sealed=sealed, keys=keys)
    problems += [problem for source in users for problem in _misplaced(source, credentials)]
    if problems:
        raise CredentialsError(*dict.fromkeys(problems))
    return credentials


def gather_names(project: Path, config: Config, given: Surroundings) -> Credentials:
    """Return what `gather` would, for all sources, with a stand-in for each sealed value that does not open.

    Raises:
        ConfigError: a settings file can't be read.
        CredentialsError: the document with sealed secrets is broken.

    """
    documents = _documents(project, given.bundle)
    problems = [problem for document in documents.values() for problem in document.problems]
    if problems:
        raise CredentialsError(*problems)
    found: dict[str, Value] = {}
    for place, sealed in documents.items():
        values = _opened_or_not(sealed, given)
        made, _ = environ.variables(values, tables=True)
        found |= {v.name: Value(text=v.text, place=place, table=v.table) for v in made}
    remedy: Remedy = "sealed" if documents else "workflow" if given.on_runner else "toml"
    return Credentials(config=config, files=read_files(project), sealed=found, job=given.variables, remedy=remedy)


def _opened_or_not(sealed: Document, given: Surroundings) -> dict[Key, Any]:
    """Return all values of a document, with a stand-in for each that nobody can open here."""
    from dango_action.credentials.keys import KeyRing  # noqa: PLC0415 - as below
    from dango_action.credentials.sealed import open_entries  # noqa: PLC0415 - as below

    values: dict[Key, Any] = {entry.path: "sealed" for entry in sealed.entries}
    with suppress(CredentialsError):  # a key that is none: `secrets check` says so
        ring = KeyRing.of(given.keys)
        if given.folder:
            ring = ring.kept(given.folder, _key_ids(sealed.entries))
        values |= open_entries(sealed.entries, ring, sealed.entries)[0] if ring.keys else {}
    return values


def _key_ids(entries: Iterable[Sealed]) -> list[str]:
    from dango_action.credentials.sealed import Token, parse_token  # noqa: PLC0415 - as below

    return [token.key_id for entry in entries if isinstance(token := parse_token(entry.token), Token)]


def _documents(project: Path, bundle: str) -> dict[str, Document]:
    """Return the documents with sealed secrets by their place, the one that wins last."""
    file = document.read(project)
    found = {SEALED: file} if file else {}
    return found | ({BUNDLE: document.parse(bundle.encode(), BUNDLE)} if bundle.strip() else {})


def _opened(
    documents: Mapping[str, Document], wants: Callable[[Sealed], bool], given: Surroundings
) -> tuple[dict[str, Value], tuple[str, ...], list[Problem]]:
    """Open what may be seen. Returns variables by name, the private keys' texts, and what is wrong."""
    if not documents:
        return {}, tuple(given.keys.split()), []
    from dango_action.credentials.keys import KeyRing  # noqa: PLC0415 - most projects seal nothing, or not yet
    from dango_action.credentials.sealed import open_entries  # noqa: PLC0415 - as above

    problems = [problem for document in documents.values() for problem in document.problems]
    ring = KeyRing.of(given.keys)
    values: dict[Key, Any] = {}
    entries: dict[Key, tuple[str, Sealed]] = {}
    for place, sealed in documents.items():
        wanted = [entry for entry in sealed.entries if wants(entry)]
        if given.folder:
            ring = ring.kept(given.folder, _key_ids(wanted))
        opened, wrong = open_entries(wanted, ring, sealed.entries)
        problems += wrong
        for path in [other for other in values if any(_overlap(other, new) for new in opened)]:
            del values[path], entries[path]  # the document that wins has something else there
        values |= opened
        entries |= {entry.path: (place, entry) for entry in wanted if entry.path in opened}
    positions = {path: entry.at for path, (_, entry) in entries.items()}
    made, wrong = environ.variables(values, positions, tables=True)  # a source gets them back as tables
    found = {
        variable.name: Value(
            text=variable.text,
            place=_place(variable.path, entries),
            table=variable.table,
        )
        for variable in made
    }
    return found, tuple(key.text() for key in ring.keys.values()), [*problems, *wrong]


def _overlap(one: Key, other: Key) -> bool:
    return one[: len(other)] == other[: len(one)]


def _place(path: Key, entries: Mapping[Key, tuple[str, Sealed]]) -> str:
    """Return the document of a value, or of the first one below it."""
    return next(place for other, (place, _) in entries.items() if _overlap(path, other))


def _wanted(entry: Sealed, users: Iterable[Source], target: Target | None) -> bool:
    name = environ.variable_name(entry.path)
    named = (name, f"{name}__")  # `sources.shop` itself may be one value, a table
    if target and any(is_of_target(n, target) for n in named):
        return True
    return any(is_own(n, source.name, {*source.env, *source.named.values()}) for n in named for source in users)


def _misplaced(source: Source, credentials: Credentials) -> Iterator[Problem]:
    """Give the places from which a sealed value would reach a source as it is, and be taken for the secret."""
    files = credentials.files
    held = [
        (f"{'.'.join(path)} in {name}", value)
        for name, document in (
            (SECRETS_TOML, own_sections(files.secrets, source.name)),
            (CONFIG_TOML, shared_settings(files.config, source.name)),
        )
        for path, value in leaves(document)
    ]
    offers = credentials.offers(source)
    held += [(f"{name} in {value.place}", value.text) for name, values in offers.items() for value in values]
    held += [
        (f"{'.'.join(path)} in `{source.arguments_at}` of source `{source.name}`", value)
        for path, value in leaves(source.arguments)
    ]
    for name, content in ((SECRETS_TOML, files.secrets), (CONFIG_TOML, files.config)):
        for path in ((source.name,), ("sources", source.name)):
            if isinstance(at(content, path), list):
                what = f"`[[{'.'.join(path)}]]` in {name} is a list of sections, and a source has one"
                yield Problem(what=what, hint=f"write `[{'.'.join(path)}]`")
    for label, value in held:
        if isinstance(value, str) and _CIPHERTEXT.match(value):
            yield Problem(
                what=f"{label} is a sealed value, which only opens in {SEALED} or in the secrets bundle",
                hint="put the secret itself there, or seal it: `dango secrets set PATH`",
            )
