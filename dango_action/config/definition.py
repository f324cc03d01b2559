"""What a type of sources is: its parameters, and what is done with them. A packaged type is a file of this."""

import datetime as dt
import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from dango_action.config.databases import SqlDatabase
from dango_action.config.fields import VARIABLE, Text, Texts, own_error
from dango_action.config.files import Filesystem
from dango_action.config.rest_api import Api, Client, Defaults, Resource, Words

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
    secret: bool = False
    required: bool | None = None
    default: Any = None
    aliases: Texts = ()
    choices: Annotated[tuple[Any, ...], Field(strict=False)] = ()
    pattern: Text | None = None
    help: str = ""
    example: Any = None
    env: Annotated[Text | None, Field(pattern=f"^{VARIABLE.pattern}$")] = None

    @property
    def needed(self) -> bool:
        """Whether there is no source without a value."""
        return self.required if self.required is not None else self.default is None

    def flaw(self, value: Any) -> tuple[str, str] | None:  # noqa: ANN401 - whatever somebody writes
        """Return what is wrong with a value, and what to write; never the value itself."""
        if not isinstance(value, _PYTHON[self.type]) or (
            isinstance(value, bool) and self.type in {"integer", "number"}
        ):
            return f"must be {_CALLED[self.type]}", self._hint()
        if self.type in {"date", "datetime"} and not _is_time(value, self.type):
            return f"must be {_CALLED[self.type]}", self._hint()
        if self.choices and value not in self.choices:
            return "can't have this value", f"use one of: {', '.join(map(str, self.choices))}"
        if self.pattern and not re.fullmatch(self.pattern, str(value)):
            return "does not have the form of such a value", self._hint()
        return None

    def _hint(self) -> str:
        example = f", for example {self.example}" if self.example is not None and not self.secret else ""
        return f"{self.help.rstrip('.') or f'write {_CALLED.get(self.type, self.type)}'}{example}"


class Definition(Words):
    """A type of sources."""

    type: Text
    title: Text
    description: Text
    docs: Text | None = None
    engine: Engine
    oauth: Text | None = None
    setup: str = ""
    parameters: dict[str, Parameter] = Field(default={})
    client: Client | None = None
    resource_defaults: Defaults = Defaults()
    resources: Annotated[tuple[Resource, ...], Field(strict=False)] = ()
    sql_database: SqlDatabase | None = None
    filesystem: Filesystem | None = None

    @model_validator(mode="after")
    def _of_one_engine(self) -> Self:
        if self.engine == "rest_api" and (self.client is None or not self.resources):
            raise own_error("a REST API needs `client` and `resources`", "add both")
        return self


class RestApi(Api):
    """An API that a source describes itself."""

    parameters: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")], Parameter] = Field(default={})
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
