"""What a type of sources is: its parameters, and what is done with them. A packaged type is a file of this."""

import datetime as dt
import json
import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from dango_action.config.databases import SqlDatabase
from dango_action.config.fields import VARIABLE, Text, Texts, own_error
from dango_action.config.files import Filesystem
from dango_action.config.language import Words
from dango_action.config.rest_api import Api, Client, Defaults, Resource

Kind = Literal["text", "integer", "number", "boolean", "date", "datetime", "list", "object", "any"]
Engine = Literal["rest_api", "sql_database", "filesystem"]

_PYTHON: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "date": (str,),
    "datetime": (str,),
    "list": (list,),
    "object": (dict,),
    "any": (object,),
}
_CALLED = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date like 2026-01-31",
    "datetime": "a time like 2026-01-31T08:00:00Z",
    "list": "a list",
    "object": "a mapping",
}


class Parameter(Words):
    """A value that a type of sources needs, or takes."""

    type: Kind = "text"
    """The type of its values."""

    secret: bool = False
    """Whether its values are secrets."""

    required: bool | None = None
    """Whether there is no source without it; without a default, that is so."""

    default: Any = None
    """What it is if nobody says it."""

    aliases: Texts = ()
    """Other names that it has in sources.yml."""

    choices: Annotated[tuple[Any, ...], Field(strict=False)] = ()
    """The values that it can have."""

    items: Texts = ()
    """Of a list of mappings, the keys that each one has to have."""

    pattern: Text | None = None
    """What its whole text matches; a group in it takes out the part that counts."""

    help: str = ""
    """What it is, in a sentence."""

    example: Any = None
    """A value, to show."""

    also: Text | None = None
    """Another section below the source in which its value is looked for, too: `credentials`."""

    env: Annotated[Text | None, Field(pattern=f"^{VARIABLE.pattern}$")] = None
    """The environment variable that has its value."""

    @property
    def needed(self) -> bool:
        """Whether there is no source without a value."""
        return self.required if self.required is not None else self.default is None

    @property
    def sample(self) -> Any:  # noqa: ANN401 - a value of its type
        """A value to show in an example."""
        return next(value for value in (self.example, *self.choices, "…") if value is not None)

    def flaw(self, value: Any) -> tuple[str, str] | None:  # noqa: ANN401 - whatever somebody writes
        """Return what is wrong with a value, and what to write; never the value itself."""
        number = self.type in {"integer", "number"} and isinstance(value, bool)
        fits = isinstance(value, _PYTHON[self.type]) and not number
        if not fits or (self.type in {"date", "datetime"} and not _is_time(value, self.type)):
            shown = f"write one, like {self._shown}" if self._shown else "write one"
            if self.type == "text" and isinstance(value, int | float):
                shown = "put it in quotes"
            return f"must be {_CALLED[self.type]}", shown
        if self.choices and value not in self.choices:
            return "can't have this value", f"use one of: {', '.join(map(str, self.choices))}"
        if self.items and not all(isinstance(one, dict) and all(map(one.get, self.items)) for one in value):
            keys = " and ".join(f"`{key}`" for key in self.items)
            return f"must have {keys} in each item", f"write it like {self._shown}"
        if self.pattern and not re.fullmatch(self.pattern, str(value)):
            about = " ".join(self.help.split()).rstrip(".") or "look at `dango sources show`"
            return (
                "does not have the form of such a value",
                f"{about}; like {self._shown}" if self._shown else about,
            )
        return None

    def meant(self, value: Any) -> Any:  # noqa: ANN401 - as above
        """Return what a value stands for: where its pattern has a group, the part that this takes out."""
        found = re.fullmatch(self.pattern, value) if self.pattern and isinstance(value, str) else None
        return found[1] if found and found.re.groups else value

    @property
    def _shown(self) -> str:
        """A value to show, which is no secret."""
        if self.secret or self.example is None:
            return ""
        return self.example if isinstance(self.example, str) else json.dumps(self.example, ensure_ascii=False)


class Definition(Words):
    """A type of sources."""

    type: Text
    """The name, which is also that of the file."""

    title: Text
    """What people call it."""

    description: Text
    """What it syncs, in a sentence."""

    docs: Text | None = None
    """Where the vendor describes the API."""

    engine: Engine
    """Which source of dlt is below."""

    oauth: Text | None = None
    """Who gives its tokens."""

    setup: str = ""
    """How a person gets the credentials, in Markdown."""

    example: dict[str, Any] = Field(default={})
    """A block to show, if it has more than what no source can be without."""

    parameters: dict[str, Parameter] = Field(default={})
    """What a user can say."""

    client: Client | None = None
    """Of a REST API: what all requests share."""

    resource_defaults: Defaults = Defaults()
    """Of a REST API: what all resources share."""

    resources: Annotated[tuple[Resource, ...], Field(strict=False)] = ()
    """Of a REST API: what is synced."""

    sql_database: SqlDatabase | None = None
    """Of a database: what it is."""

    filesystem: Filesystem | None = None
    """Of files: what they are."""

    @property
    def is_own(self) -> bool:
        """Whether a user's file describes it, and no package."""
        return self.docs is None

    @model_validator(mode="after")
    def _of_one_engine(self) -> Self:
        if self.engine == "rest_api" and (self.client is None or not self.resources):
            raise own_error("a REST API needs `client` and `resources`", "add both")
        return self


class RestApi(Api):
    """An API that a source describes itself."""

    parameters: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")], Parameter] = Field(
        default={}, examples=[{"token": {"secret": True}}]
    )
    """What its text takes by `${name}`: secrets, and values that differ from place to place."""

    @property
    def definition(self) -> Definition:
        """Return it as a type of its own."""
        return Definition(
            type="rest_api",
            title="REST API",
            description="An API that sources.yml describes.",
            engine="rest_api",
            parameters=self.parameters,
            client=self.client,
            resource_defaults=self.resource_defaults,
            resources=self.resources,
        )


def _is_time(value: object, kind: str) -> bool:
    try:
        (dt.date if kind == "date" else dt.datetime).fromisoformat(str(value))
    except ValueError:
        return False
    return True
