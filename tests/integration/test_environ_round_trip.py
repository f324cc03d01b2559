"""Values go into the environment, and dlt's own resolver gets the same ones out of it."""

import contextlib
import datetime as dt
import json
import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, Optional, TypedDict, Union

import dlt
import pytest
from dlt.common.configuration import configspec, resolve_configuration, with_config
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigValueCannotBeCoercedException,
    InvalidNativeValue,
)
from dlt.common.configuration.providers import EnvironProvider
from dlt.common.configuration.specs import (
    AwsCredentials,
    BaseConfiguration,
    ConnectionStringCredentials,
    CredentialsConfiguration,
    GcpOAuthCredentials,
    GcpServiceAccountCredentials,
    OAuth2Credentials,
    PluggableRunContext,
    SFTPCredentials,
)
from dlt.common.configuration.utils import deserialize_value
from dlt.common.typing import TSecretStrValue, TSecretValue
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.impl.motherduck.configuration import MotherDuckCredentials
from dlt.destinations.impl.postgres.configuration import PostgresCredentials
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dango_action.credentials.environ import variable_name, variables

EXAMPLES = settings(max_examples=40, deadline=None)
SOURCE = ("sources", "round_trip")
KEY = (*SOURCE, "k")

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
INTEGERS = st.integers(-(2**63), 2**64 - 1)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)


def json_with(texts):
    plain = st.none() | st.booleans() | INTEGERS | NUMBERS | texts
    return st.recursive(
        plain, lambda below: st.lists(below, max_size=4) | st.dictionaries(WORDS, below, max_size=4)
    )


JSON = json_with(TEXTS)
# A list is JSON only, and JSON escapes a NUL.
LISTS = st.lists(json_with(st.text(st.characters(exclude_categories=["Cs"]))), max_size=5)
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))


class Table(TypedDict):
    a: int


@pytest.fixture(scope="module", autouse=True)
def _only_the_environment():
    """Leave dlt no provider but that of the environment, without what others have left there."""
    providers = Container()[PluggableRunContext].providers.providers
    kept = list(providers)
    providers[:] = [EnvironProvider()]
    yield
    providers[:] = kept


@contextlib.contextmanager
def environment(values, **options):
    """The environment with these values."""
    found, problems = variables(values, **options)
    assert problems == []
    with entered(found):
        yield


@contextlib.contextmanager
def entered(found):
    with pytest.MonkeyPatch.context() as patch:
        for variable in found:
            patch.setenv(variable.name, variable.text)
        yield


def spec(**hints):
    """A spec with these fields."""
    return configspec(
        type(
            "Spec",
            (BaseConfiguration,),
            {"__annotations__": hints, **dict.fromkeys(hints), "__module__": __name__},
        )
    )


SPECS = {}  # making one takes longer than resolving it


def asked(hint):
    """What dlt finds for a parameter `k` of this type."""
    if repr(hint) not in SPECS:
        SPECS[repr(hint)] = spec(k=hint)
    return resolve_configuration(SPECS[repr(hint)](), sections=SOURCE)["k"]


def resolved(value, hint, **options):
    """What dlt makes of a value when a parameter of this type is asked for."""
    with environment({KEY: value}, **options):
        return asked(hint)


def same(got, value):
    """Equal, and of the same types all the way down: 1 is neither 1.0 nor True."""
    return type(got) is type(value) and repr(got) == repr(value)


KINDS = {
    "str": (TEXTS, [str, str | None, str | int | None, TSecretStrValue, TSecretValue, Any]),
    "bool": (st.booleans(), [bool, bool | None]),
    "int": (st.integers(-(10**40), 10**40), [int, int | None, int | str | None]),
    "float": (st.floats(), [float, float | None]),
    "Decimal": (st.decimals(allow_nan=None), [Decimal, Decimal | None]),
    "bytes": (st.binary(max_size=200), [bytes, bytes | None]),
    "list": (LISTS, [list, list | None, list[Any], Sequence, Sequence[str]]),
    "dict": (st.dictionaries(WORDS, JSON, max_size=5), [dict, dict[str, Any] | None, Mapping, Mapping[str, int]]),
    "Literal of str": (st.sampled_from(["a", "True", "1", " "]), [Literal["a", "True", "1", " "]]),
    "Literal of int": (st.sampled_from([1, 2]), [Literal[1, 2], Literal[1, 2] | None]),
}
DATES = {
    "datetime": (st.datetimes(), [dt.datetime, dt.datetime | None]),
    "datetime with an offset": (st.datetimes(timezones=OFFSETS), [dt.datetime]),
    "date": (st.dates(), [dt.date, dt.date | None]),
    "time": (st.times(), [dt.time, dt.time | None]),
}


@pytest.mark.parametrize("kind", KINDS)
@EXAMPLES
@given(data=st.data())
def test_a_value_comes_back_through_dlt_as_it_was(kind, data):
    values, hints = KINDS[kind]
    value, hint = data.draw(values), data.draw(st.sampled_from(hints))

    assert same(resolved(value, hint), value)


@pytest.mark.parametrize("kind", DATES)
@EXAMPLES
@given(data=st.data())
def test_a_date_or_a_time_comes_back_through_dlt_equal_and_as_naive_as_it_was(kind, data):
    values, hints = DATES[kind]
    value = data.draw(values)
    got = resolved(value, data.draw(st.sampled_from(hints)))

    assert got == value
    assert isinstance(got, type(value))
    assert getattr(got, "tzinfo", None) is None or got.utcoffset() == value.utcoffset()


@settings(max_examples=80, deadline=None)
@given(value=st.dictionaries(st.text(max_size=5), JSON, max_size=4))
@example({"": 1, "a=b": 2, "\0": None, "x-y": {"é": []}})
@example({"a__b": 1, "a": {"b": 2}})
@example({"A": 1, "a": 2})
def test_a_dict_with_any_names_comes_back_or_is_a_problem(value):
    found, problems = variables({KEY: value})
    if problems:
        assert all("one variable" in problem.what for problem in problems)
        return
    with entered(found):
        assert same(asked(dict), value)


@settings(max_examples=80, deadline=None)
@given(path=st.lists(TEXTS.filter(lambda part: part and "=" not in part), min_size=2, max_size=6))
def test_a_name_is_the_one_that_dlt_asks_for(path):
    *sections, key = path
    with environment({tuple(path): "x"}):
        assert EnvironProvider().get_value(key, str, None, *sections) == ("x", variable_name(tuple(path)))


@settings(max_examples=60, deadline=None)
@given(text=TEXTS, name=WORDS)
def test_a_plain_variable_is_found_as_it_is(text, name):
    with environment({(f"ROUND_TRIP_{name}",): text}):
        assert os.environ[f"ROUND_TRIP_{name}"] == text


@settings(max_examples=100, deadline=None)
@given(value=st.one_of(TEXTS, st.booleans(), INTEGERS, NUMBERS, st.decimals(), st.dates(), st.times(), LISTS))
def test_asked_for_as_text_a_value_is_the_text_that_toml_would_give(value):
    assert resolved(value, str) == deserialize_value("k", value, str)


@configspec
class Inner(BaseConfiguration):
    since: dt.date = None
    tags: list[str] = None


@configspec
class Login(CredentialsConfiguration):
    user: str = None
    password: TSecretStrValue = None
    port: int = None
    ratio: float = 0.5
    tls: bool | None = None
    options: dict[str, Any] | None = None
    inner: Inner = None


INNER = st.fixed_dictionaries({"since": st.dates(), "tags": st.lists(TEXTS)})
LOGIN = st.fixed_dictionaries(
    {
        "user": TEXTS,
        "password": TEXTS,
        "port": INTEGERS,
        "ratio": NUMBERS,
        "tls": st.booleans(),
        "options": st.dictionaries(WORDS, JSON, max_size=3),
        "inner": INNER,
    }
)


def fields(config):
    return {key: fields(value) if isinstance(value, BaseConfiguration) else value for key, value in config.items()}


Logins = spec(
    credentials=Login,
    settings=Inner,
    optional_credentials=Optional[Login],  # noqa: UP045 - dlt also has this form
    either_credentials=Union[GcpOAuthCredentials, Login],  # noqa: UP007 - and this one
)


@EXAMPLES
@given(login=LOGIN, inner=INNER, whole=st.booleans())
def test_specs_within_specs_come_back_given_whole_or_by_their_leaves(login, inner, whole):
    names = {"credentials": login, "settings": inner, "optional_credentials": login, "either_credentials": login}
    values = {(*SOURCE, name): value for name, value in names.items()}
    if not whole:
        values = {(*path, key): below for path, value in values.items() for key, below in value.items()}
    with environment(values):
        assert fields(resolve_configuration(Logins(), sections=SOURCE)) == names


OF_DLT = {
    PostgresCredentials: {"database": "d", "username": "u", "password": "p", "host": "h", "port": 1},
    ConnectionStringCredentials: {"drivername": "x", "database": "d", "host": "h", "query": {"a": "1"}},
    MotherDuckCredentials: {"database": "d", "password": "p"},
    DuckDbCredentials: {"database": "d.duckdb"},
    AwsCredentials: {"aws_access_key_id": "a", "aws_secret_access_key": "s"},
    OAuth2Credentials: {"client_id": "c", "client_secret": "s", "refresh_token": "r"},
    SFTPCredentials: {"sftp_username": "u", "sftp_port": 2222},
}
OF_GOOGLE = {
    GcpOAuthCredentials: {"client_id": "c", "client_secret": "s", "refresh_token": "r", "project_id": "p"},
    GcpServiceAccountCredentials: {"project_id": "p", "client_email": "e", "private_key": "-----\n k\n"},
}


def ask(kind, name, values, **options):
    with environment({(*SOURCE, name): values}, **options):
        config = resolve_configuration(spec(**{name: kind})(), sections=SOURCE)[name]
    return {key: config[key] for key in values}


@pytest.mark.parametrize("kind", [*OF_DLT, *OF_GOOGLE])
def test_the_credentials_that_dlt_comes_with_come_back(kind):
    values = {**OF_DLT, **OF_GOOGLE}[kind]

    assert ask(kind, "credentials", values) == values
    assert ask(kind, "db_credentials", values) == values


@pytest.mark.parametrize(("name", "options"), [("credentials", {"tables": True}), ("db", {})])
@pytest.mark.parametrize("kind", OF_DLT)
def test_with_json_at_their_name_credentials_do_not_come_back(kind, name, options):
    """So they have none under a name that ends in `credentials`; under another one, dlt can't be given them."""
    try:
        got = ask(kind, name, OF_DLT[kind], **options)
    except (InvalidNativeValue, TypeError, ConfigFieldMissingException) as error:
        got = type(error)

    assert got != OF_DLT[kind]


class Tables(EnvironProvider):
    """Hands dlt a mapping where a variable is the JSON of one."""

    def __init__(self, found):
        self.tables = {variable.name for variable in found if variable.table}

    def get_value(self, key, hint, pipeline_name, *sections):
        text, name = super().get_value(key, hint, pipeline_name, *sections)
        return (json.loads(text) if name in self.tables else text), name


@pytest.mark.parametrize("name", ["credentials", "db"])
@pytest.mark.parametrize("kind", [*OF_DLT, *OF_GOOGLE, dict, Any])
def test_a_receiver_that_knows_tables_apart_gets_credentials_and_dicts_under_any_name(kind, name):
    values = {**OF_DLT, **OF_GOOGLE}.get(kind, {"a": {"b": [None]}})
    found, problems = variables({(*SOURCE, name): values}, tables=True)
    [provider] = Container()[PluggableRunContext].providers.providers
    Container()[PluggableRunContext].providers.providers[:] = [Tables(found)]
    try:
        got = ask(kind, name, values, tables=True)
    finally:
        Container()[PluggableRunContext].providers.providers[:] = [provider]

    assert problems == []
    assert got == values


def test_a_dict_that_is_called_credentials_has_to_be_given_as_text():
    with pytest.raises(ConfigFieldMissingException):
        ask(dict, "credentials", {"a": 1})
    with environment({(*SOURCE, "credentials"): '{"a":1}'}):
        assert resolve_configuration(spec(credentials=dict)(), sections=SOURCE)["credentials"] == {"a": 1}


def test_a_service_account_given_as_the_text_of_its_file_comes_back():
    text = '{"type": "service_account", "project_id": "p", "private_key": "k\\n", "client_email": "e"}'
    with environment({(*SOURCE, "credentials"): text}):
        config = resolve_configuration(spec(credentials=GcpServiceAccountCredentials)(), sections=SOURCE)[
            "credentials"
        ]

    assert (config["project_id"], config["private_key"], config["client_email"]) == ("p", "k\n", "e")


@pytest.mark.parametrize(
    "value",
    [
        "postgresql://u:p%40@h:1/d?a=1",
        {
            "drivername": "postgresql",
            "username": "u",
            "password": "p@",
            "host": "h",
            "port": 1,
            "database": "d",
            "query": {"a": "1"},
        },
    ],
)
def test_credentials_that_may_also_be_a_text_come_back_as_either(value):
    with environment({(*SOURCE, "credentials"): value}):
        asked = spec(credentials=Union[ConnectionStringCredentials, str])  # noqa: UP007 - as sources have it
        url = resolve_configuration(asked(), sections=SOURCE)["credentials"].to_native_representation()

    assert url == "postgresql://u:p%40@h:1/d?a=1"


def test_the_parameters_of_a_function_come_back():
    @with_config(sections=SOURCE)
    def function(
        key: TSecretStrValue = dlt.secrets.value,
        since: dt.date = dlt.config.value,
        tags: list[str] = dlt.config.value,
        headers: dict[str, str] = dlt.secrets.value,
        credentials: Login = dlt.secrets.value,
        size: int = 100,
    ):
        return key, since, tags, headers, credentials["inner"]["tags"], size

    values = {
        (*SOURCE, "key"): "k\n",
        (*SOURCE, "since"): dt.date(2024, 1, 2),
        (*SOURCE, "tags"): ["a", "b"],
        (*SOURCE, "headers"): {"X-Key": "k"},
        (*SOURCE, "credentials", "user"): "u",
        (*SOURCE, "credentials", "password"): "p",
        (*SOURCE, "credentials", "port"): 1,
        (*SOURCE, "credentials", "inner"): {"since": dt.date(2024, 1, 2), "tags": ["t"]},
        (*SOURCE, "size"): 7,
    }
    with environment(values):
        assert function() == ("k\n", dt.date(2024, 1, 2), ["a", "b"], {"X-Key": "k"}, ["t"], 7)


def test_a_null_in_a_list_or_a_dict_comes_back_and_a_spec_has_its_default():
    value = {"since": None, "tags": ["a", None]}

    assert resolved(value, dict) == value
    assert resolved(value, Optional[Inner]) is None  # noqa: UP045 - dlt also has this form
    assert ask(spec(a=Optional[int], b=int), "k", {"a": None, "b": 1}) == {"a": None, "b": 1}  # noqa: UP045


@pytest.mark.parametrize(("value", "hint"), [([1], tuple), ({"a": 1}, Table), (1.0, int), (2, bool)])
def test_what_dlt_reads_from_toml_and_from_no_text_is_refused_by_it(value, hint):
    assert deserialize_value("k", value, hint) is not None
    with pytest.raises(ConfigValueCannotBeCoercedException):
        resolved(value, hint)


@pytest.mark.parametrize(("value", "text"), [(1, "1"), ([1], "[1]"), ({"a": 1}, '{"a":1}')])
def test_asked_for_as_anything_a_value_is_its_text(value, text):
    assert resolved(value, Any) == text


def test_without_a_type_dlt_guesses():
    with environment({KEY: "007"}):
        assert dlt.secrets[".".join(KEY)] == 7
        assert dlt.secrets.get(".".join(KEY), str) == "007"


def test_dlt_drops_the_offset_of_a_time_and_reads_none_with_seconds():
    """Both are problems for us; here is what dlt would make of them."""
    aware = dt.time(1, tzinfo=dt.timezone(dt.timedelta(hours=2)))

    assert variables({KEY: aware})[1]
    assert resolved(aware.isoformat(), dt.time) == dt.time(23)
    with pytest.raises(ConfigValueCannotBeCoercedException):
        resolved("2024-01-02T00:00:00+01:00:01", dt.datetime)


@pytest.mark.parametrize("text", ["[18446744073709551616]", "[-9223372036854775809]"])
def test_dlt_reads_a_large_integer_within_json_as_a_float(text):
    [number] = resolved(text, list)

    assert isinstance(number, float)
