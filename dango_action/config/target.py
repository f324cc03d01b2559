"""Where the data goes, as one word: `duckdb:PATH`, `motherduck:NAME` or `ducklake:NAME`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast, get_args

from dango_action.config.words import did_you_mean, show
from dango_action.errors import ConfigError

Kind: TypeAlias = Literal["duckdb", "motherduck", "ducklake"]

KINDS: tuple[Kind, ...] = get_args(Kind)
PATTERN = rf"^({'|'.join(KINDS)}):\S(.*\S)?$"

_LOCATION = {"duckdb": "PATH", "motherduck": "NAME", "ducklake": "NAME"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A destination; `location` is a path for `duckdb`, else a name."""

    kind: Kind
    location: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.location}"

    @classmethod
    def parse(cls, text: str) -> Target:
        """Return the target that this text names.

        Raises:
            ConfigError: it names none.

        """
        wrong = flaw(text)
        if wrong:
            raise ConfigError.because(*wrong)
        kind, _, location = text.partition(":")
        return cls(kind=cast("Kind", kind), location=location)


DEFAULT = Target(kind="duckdb", location=".dango/warehouse.duckdb")


def flaw(text: str) -> tuple[str, str] | None:
    """Return what is wrong with a target and what to do. Only its kind is shown: the rest may hold a token."""
    kind, colon, location = text.partition(":")
    forms = [f"{kind}:{_LOCATION[kind]}" for kind in KINDS]
    if not colon:
        return "a target is written as `kind:location`", f"use one of: {', '.join(forms)}"
    if kind not in KINDS:
        near = did_you_mean(kind, KINDS)
        hint = near if near.startswith("did") else f"use one of: {', '.join(forms)}"
        return f"unknown kind of target `{show(kind)}`", hint
    if not location.strip():
        return f"nothing follows `{kind}:`", f"write `{kind}:{_LOCATION[kind]}`"
    if not re.fullmatch(PATTERN, text):
        return f"what follows `{kind}:` has spaces around it, or more than one line", "remove them"
    return None
