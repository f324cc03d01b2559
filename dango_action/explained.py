"""What a worker says of a source that is looked at: its parameters, its resources. Messages of the protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """A name under which a place was asked for a value, and whether it had one."""

    place: str
    name: str
    found: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a source function, or of a nested credential spec, and where it was looked for.

    `tries` are in dlt's order; the first that is found wins. `given` says what comes before all of them:
    `function_kwargs`, or the credentials as a whole. `alternative` names the spec, if there is a choice of them.
    """

    name: str
    type: str
    required: bool
    secret: bool
    tries: list[Try]
    given: str | None = None
    alternative: str | None = None

    @property
    def winner(self) -> Try | None:
        """The place that has the value; None if no place does."""
        return None if self.given else next((attempt for attempt in self.tries if attempt.found), None)

    @property
    def missing(self) -> bool:
        """Whether a source can't start for want of it."""
        return self.required and not self.given and self.winner is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """All parameters of a source."""

    parameters: list[Parameter]
    event: Literal["explained"] = "explained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource as its source makes it; what is decided row by row is None."""

    name: str
    write_disposition: str | None
    primary_key: list[str]
    cursor: str | None
    selected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """The resources of a source, which was built for it."""

    resources: list[Resource]
    event: Literal["described"] = "described"
