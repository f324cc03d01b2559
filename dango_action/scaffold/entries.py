"""`.dango/sources.yml` as `dango init` writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dango_action.config import names
from dango_action.config.target import DEFAULT
from dango_action.scaffold.scalars import scalar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from dango_action.sources.factories import Factory

_NUMBERED = names.LONGEST - 6  # room for a number

_HEAD = f"""\
# What is synced, and where to. `dango config validate` checks it, `dango sync` does it.
version: "1.0"
target: {DEFAULT} # the default; git ignores it

sources:
"""

_TAIL = """\

  # Another source is another entry. The same Python can serve several, each with arguments and secrets of its own:
  # - name: shop_eu # its data goes to raw_shop_eu, its secrets are SOURCES__SHOP_EU__*
  #   type: dlt_native
  #   tags: [shop] # to pick a group: dango sync --source tag:shop
  #   dlt_native:
  #     source_module: shop # custom_sources/shop.py, or an installed package
  #     source_function: shop_source
  #     function_kwargs: {region: eu}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A source of sources.yml."""

    name: str
    factory: Factory

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that hold its secrets."""
        return tuple(f"SOURCES__{self.name}__{secret}".upper() for secret in self.factory.secrets)


def entries(found: Sequence[Factory]) -> tuple[Entry, ...]:
    """Return an entry for each, with a name of its own: the module's, or the function's if it has several."""
    made: dict[str, Entry] = {}
    for factory in found:
        alone = sum(other.module == factory.module for other in found) == 1
        word = factory.module.rpartition(".")[2] if alone else factory.function
        name = _free(word.removesuffix("_source") or word, made)
        made[name] = Entry(name=name, factory=factory)
    return tuple(made.values())


def sources_yml(listed: Iterable[Entry]) -> str:
    """Return the text of a sources.yml with these sources."""
    return _HEAD + "\n".join("".join(f"{line}\n" for line in _lines(entry)) for entry in listed) + _TAIL


def _free(word: str, taken: Collection[str]) -> str:
    """Return a name that is valid, and not another one's even without a final `_staging`."""
    name = names.suggestion(word) if names.flaw(word) else word
    bases = {other.removesuffix(names.STAGING) for other in taken}
    number, free = 1, name
    while free.removesuffix(names.STAGING) in bases:
        number += 1
        free = f"{name.removesuffix(names.STAGING)[:_NUMBERED].rstrip('_')}_{number}"
    return free


def _lines(entry: Entry) -> Iterator[str]:
    factory = entry.factory
    yield f"  - name: {scalar(entry.name)} # its data goes to raw_{entry.name}"
    yield "    type: dlt_native"
    yield "    dlt_native:"
    yield f"      source_module: {scalar(factory.module)} # in custom_sources/"
    yield f"      source_function: {scalar(factory.function)}"
    if factory.needs:
        yield f"      function_kwargs: {{}} # it needs: {', '.join(factory.needs)}"
    for variable in entry.variables:
        yield f"    # a secret, in .dlt/secrets.toml or in the environment: {variable}"
