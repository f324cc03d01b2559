"""The words in which the login of an API is described."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from dango_action.config.fields import OneOrMore, Text
from dango_action.config.language import Code, Words


class Bearer(Words):
    """`Authorization: Bearer TOKEN`."""

    type: Literal["bearer"]
    token: Text
    """The token, as `${x}` of a parameter."""


class Header(Words):
    """A header with a secret."""

    type: Literal["header"]
    name: Text
    """The name of the header."""

    value: Text
    """What it holds, as `${x}` of a parameter."""


class Query(Words):
    """A secret in the query of each request."""

    type: Literal["query"]
    name: Text
    """The name in the query."""

    value: Text
    """What it holds, as `${x}` of a parameter."""


class Basic(Words):
    """HTTP basic authentication."""

    type: Literal["basic"]
    username: str
    """The name of the user."""

    password: str
    """The password; empty where the API wants the key as the name alone."""


class ClientCredentials(Words):
    """A token that is got for a client's id and secret (RFC 6749, 4.4)."""

    type: Literal["client_credentials"]
    token_url: Text
    """Where the token is got."""

    client_id: Text
    """The client's id."""

    client_secret: Text
    """The client's secret."""

    scope: Text | None = None
    """What the token is to be good for."""

    data: dict[str, Any] = Field(default={})
    """More that the request for a token sends."""

    header: Text = "Authorization"
    """The header that the token goes into."""

    prefix: str = "Bearer "
    """What stands before it there."""

    send: Literal["body", "basic", "json"] = "body"
    """How id and secret are sent: in a form, as HTTP basic authentication, or as JSON."""


class RefreshToken(Words):
    """A token that is got for a refresh token (RFC 6749, 6), at the address of a provider that we know."""

    type: Literal["refresh_token"]
    provider: Text
    """Who gives the tokens: `google`."""

    client_id: Text
    """The client's id."""

    client_secret: Text
    """The client's secret."""

    refresh_token: Text
    """What a person has got by signing in."""


class ServiceAccount(Words):
    """A token that is got for what a service account signs (RFC 7523), at a provider that we know."""

    type: Literal["service_account"]
    provider: Text
    """Who gives the tokens: `google`."""

    client_email: Text
    """The name of the service account."""

    private_key: Text
    """Its private key, in PEM."""

    scope: Text
    """What the token is to be good for."""


class PythonAuth(Words):
    """A `requests` authentication in Python."""

    type: Literal["python"]
    function: Code
    """What makes it, of a packaged definition alone."""

    arguments: Annotated[dict[str, Any], Field(alias="with")] = Field(default={})
    """What it is called with."""


Auth: TypeAlias = Annotated[
    Bearer | Header | Query | Basic | ClientCredentials | RefreshToken | ServiceAccount | PythonAuth,
    Field(discriminator="type"),
]
Auths: TypeAlias = Annotated[tuple[Auth, ...], Field(strict=False, min_length=1), OneOrMore()]
