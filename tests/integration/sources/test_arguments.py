"""What `function_kwargs` may be is decided as the call would decide it, and before anything is called."""

import datetime as dt
import functools
import inspect
import itertools
import pathlib
import typing
from decimal import Decimal

import dlt
import pytest
import typing_extensions
from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration
from dlt.sources.credentials import ConnectionStringCredentials
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dango_action.credentials.record import Record
from dango_action.errors import ConfigError, CredentialsError, Position
from dango_action.protocol import Settings, Task
from dango_action.sources.arguments import arguments
from dango_action.sources.native import build


def task(kwargs, *, named=None, variables=None, places=None):
    return Task(
        name="shop", project="/", module="shop", function="source", kwargs=kwargs, resources=None,
        schema_contract=None, settings=Settings(named=named or {}, variables=variables or {}), scratch="/",
        committed=None, full_refresh=False, limit=None, places=places or {},
    )  # fmt: skip


def checked(made, kwargs, **more):
    return arguments(made, task(kwargs, **more), Record(explains=False))


def refused(made, kwargs, **more):
    with pytest.raises((ConfigError, CredentialsError)) as caught:
        checked(made, kwargs, **more)
    return [(problem.what, problem.hint) for problem in caught.value.problems]


# What each annotation takes, by the words of Python's documentation and of this test, not of the code under test
TAKES = {
    "int": lambda v: type(v) is int,
    "str": lambda v: type(v) is str,
    "float": lambda v: type(v) in (int, float),
    "bool": lambda v: type(v) is bool,
    "list": lambda v: type(v) is list,
    "dict": lambda v: type(v) is dict,
    "list[int]": lambda v: type(v) is list and all(type(each) is int for each in v),
    "dict[str, str]": lambda v: type(v) is dict and all(type(each) is str for each in v.values()),
    "int | None": lambda v: v is None or type(v) is int,
    "str | list[str]": lambda v: type(v) is str or (type(v) is list and all(type(each) is str for each in v)),
    "typing.Literal['a', 'b']": lambda v: v in ("a", "b") and type(v) is str,
    "typing.Any": lambda _: True,
    "": lambda _: True,
}
NAMES = ("a", "b", "c", "d")
DEFAULTS = {"int": "1", "str": "'x'", "list": "()", "typing.Any": "None", "": "0", "int | None": "None"}
SCALARS = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, width=16) | st.sampled_from("abc")
)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.sampled_from("xy"), SCALARS, max_size=2)


@st.composite
def functions(draw):
    """The text of a function that refuses, by TypeError, whatever its annotations do not take."""
    kinds = draw(st.lists(st.sampled_from(["positional", "usual", "keyword"]), max_size=len(NAMES)))
    kinds.sort(key=["positional", "usual", "keyword"].index)
    parameters, annotations, defaults_begun = [], {}, False
    for (kind, group), name in zip(_marked(kinds), NAMES, strict=False):
        annotation = draw(st.sampled_from(sorted(TAKES)))
        annotations[name] = annotation
        text = f"{name}: {annotation}" if annotation else name
        if annotation in DEFAULTS and (draw(st.booleans()) or (defaults_begun and kind != "keyword")):
            text += f" = {DEFAULTS[annotation]}"
            defaults_begun = defaults_begun or kind != "keyword"
        elif defaults_begun and kind != "keyword":
            annotations[name], text = "", f"{name} = 0"
        parameters += [*group, text]
    parameters += _closing(kinds)
    if draw(st.booleans()):
        parameters.append("**more")
    return f"def source({', '.join(parameters)}):\n    checks(locals())\n    return []\n", annotations


def _marked(kinds):
    """Give each kind with what has to stand before its parameter: `/` and `*`."""
    before = None
    for kind in kinds:
        group = []
        if before == "positional" != kind:
            group.append("/")
        if kind == "keyword" != before:
            group.append("*")
        yield kind, group
        before = kind


def _closing(kinds):
    return ["/"] if kinds and kinds[-1] == "positional" else []


def made(text, annotations):
    """Return the function, decorated, that says itself what it takes."""

    def checks(given):
        for name, annotation in annotations.items():
            default = DEFAULTS.get(annotation)
            if name in given and not TAKES[annotation](given[name]) and repr(given[name]) != default:
                raise TypeError(name)

    scope = {"typing": typing, "checks": checks, "__name__": __name__}
    exec(text, scope)
    return scope["source"]


@settings(max_examples=300, deadline=None)
@given(functions(), st.dictionaries(st.sampled_from((*NAMES, "unknown")), VALUES, max_size=4))
@example(("def source(a: int):\n    checks(locals())\n    return []\n", {"a": "int"}), {"a": True})
@example(("def source(a: int):\n    checks(locals())\n    return []\n", {"a": "int"}), {"a": "7"})
@example(("def source(a, /):\n    checks(locals())\n    return []\n", {"a": ""}), {"a": 1})
@example(("def source(a, /, **more):\n    checks(locals())\n    return []\n", {"a": ""}), {"a": 1})
def test_the_verdict_on_arguments_is_that_of_the_call(function, kwargs):
    source = made(*function)
    parameters = inspect.signature(source).parameters
    # with `**more` Python takes such a name, and dlt, which binds the arguments first, does not on every Python
    fails = any(key in kwargs and p.kind is p.POSITIONAL_ONLY for key, p in parameters.items())
    # and it takes null for a value that is missing, where neither annotation nor default has it
    plain = [key for key, p in parameters.items() if p.annotation is p.empty and p.default not in (None, p.empty)]
    fails = fails or any(key in kwargs and kwargs[key] is None for key in plain)
    try:
        source(**kwargs)
    except TypeError:
        fails = True

    try:
        checked(source, kwargs)
    except ConfigError:
        refuses = True
    else:
        refuses = False

    assert refuses == fails, (function[0], kwargs)


@settings(max_examples=40, deadline=None)
@given(functions(), st.dictionaries(st.sampled_from((*NAMES, "unknown")), VALUES, max_size=3))
def test_what_is_let_through_is_called_with_by_dlt_as_it_is(function, kwargs):
    source = made(*function)
    try:
        values = checked(dlt.source(source), kwargs)
    except ConfigError:
        return

    assert values == kwargs
    assert build("shop", dlt.source(source), values).name == "shop"


def test_every_wrong_argument_is_told_at_once_and_with_its_place():
    @dlt.source
    def source(token: str, pages: int = 1, regions: list[str] = ()):  # noqa: ARG001
        return []

    at = {
        f"dlt_native.function_kwargs.{key}": Position(file=".dango/sources.yml", line=line, column=9)
        for line, key in enumerate(("pages", "region", "regions"), 5)
    }
    with pytest.raises(ConfigError) as caught:
        checked(source, {"pages": "three", "region": "eu", "regions": ["eu", 7]}, places=at)

    assert [f"{problem.what} | {problem.hint}" for problem in caught.value.problems] == [
        "`pages` must be a whole number, not text | remove the quotes, if it is one",
        "`source` takes no argument `region` | did you mean `regions`?",
        "`regions` ([1]) must be text, not a whole number | put it in quotes",
        "`source` needs the argument `token` | add it below `function_kwargs:`",
    ]
    assert [problem.at and problem.at.line for problem in caught.value.problems] == [5, 6, 7, None]


@pytest.mark.parametrize("hint", [dt.date, dt.datetime, dt.datetime | None])
def test_text_stands_for_the_dates_that_yaml_lacks(hint):
    def source(since):
        yield since

    source.__annotations__["since"] = hint

    assert checked(source, {"since": "2024-01-31"})["since"].isoformat()[:10] == "2024-01-31"
    assert refused(source, {"since": "yesterday"}) == [
        (f"`since` holds no {'date' if hint is dt.date else 'datetime'}", "write it like 2024-01-31")
    ]


class Client(typing_extensions.TypedDict, total=False):
    """A mapping with keys that are known, and others."""

    url: str


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (Client, {"url": "https://shop.example", "page": 1}),
        (dt.date | str, "2024-01-31"),
        (pathlib.Path | str, "a/b"),
        (Decimal | str, "1.10"),
        (float | str, 5),
        (dict, {"a": functools.reduce(lambda inner, _: [inner], range(300), [])}),
    ],
)
def test_a_value_that_a_type_takes_as_it_is_stays_as_it_is(hint, value):
    def source(given):
        yield given

    source.__annotations__["given"] = hint

    made = checked(source, {"given": value})["given"]
    assert (type(made), made) == (type(value), value)


def test_credentials_and_cursors_are_left_to_dlt():
    @dlt.source
    def source(credentials: ConnectionStringCredentials = dlt.secrets.value):  # noqa: ARG001
        return []

    @dlt.resource
    def orders(at: dlt.sources.incremental[int] = dlt.sources.incremental("at")):  # noqa: B008 - as dlt has it
        yield {"at": at.last_value}

    assert checked(source, {"credentials": "postgresql://u@h/d"}) == {"credentials": "postgresql://u@h/d"}
    assert checked(source, {"credentials": {"drivername": "x"}}) == {"credentials": {"drivername": "x"}}
    assert checked(orders, {"at": 3}) == {"at": 3}


def test_null_is_taken_where_it_is_the_default_and_does_not_mean_left_out():
    @dlt.source
    def source(token: str = dlt.secrets.value, page: int = 3, since: str = None):  # noqa: ARG001, RUF013
        return []

    assert checked(source, {"since": None}) == {"since": None}
    assert [what for what, _ in refused(source, {"token": None, "page": None})] == [
        "`token` must be text, not null",
        "`page` must be a whole number, not null",
    ]


def test_parameters_of_an_explicit_spec_need_no_default():
    @configspec
    class Shop(BaseConfiguration):
        token: str = None

    @dlt.source(spec=Shop)
    def source(token, pages):  # noqa: ARG001
        return []

    assert refused(source, {}) == [("`source` needs the argument `pages`", "add it below `function_kwargs:`")]


@pytest.mark.parametrize(
    ("text", "variables", "gives"),
    [
        ("def source(key):\n    yield key\n", {"SHOP": "a"}, {"key": "a"}),
        ("def source(key: int = 1):\n    yield key\n", {"SHOP": "7"}, {"key": 7}),
        ("def source(key: int = 1):\n    yield key\n", {}, {}),
        ("def source(key_env):\n    yield key_env\n", {"SHOP": "a"}, {"key_env": "SHOP"}),
        ("def source(key_env, key=1):\n    yield key\n", {"SHOP": "a"}, {"key_env": "SHOP"}),
        ("def source(**more):\n    yield more\n", {"SHOP": "a"}, {"key": "a"}),
    ],
)
def test_an_argument_by_the_name_of_a_variable(text, variables, gives):
    source = made(text, {})

    assert checked(source, {"key_env": "SHOP"}, named={"key": "SHOP"}, variables=variables) == gives


def test_a_variable_that_is_needed_and_not_there_is_a_missing_credential():
    source = made("def source(key, *, other):\n    yield key\n", {})

    assert refused(source, {"key_env": "SHOP", "other": 1}, named={"key": "SHOP"}) == [
        (
            "the variable SHOP, which `key_env` names, is not set or empty",
            "set it, in a workflow below `env:` of the step; in .env on your machine",
        )
    ]
    assert refused(source, {"key_env": "SHOP", "key": 1}, named={"key": "SHOP"})[0] == (
        "`key` is given twice in `function_kwargs`, also by `key_env`",
        "remove one of the two",
    )


def test_ten_thousand_arguments_and_names_of_any_kind():
    source = made("def source(**more):\n    yield more\n", {})
    kwargs = {f"größe_{index}": index for index in range(10_000)}

    assert checked(source, kwargs) == kwargs


def test_no_message_holds_a_value():
    hints = {f"p{index}": hint for index, hint in enumerate(filter(None, TAKES))}
    source = made(f"def source({', '.join(f'{name}: {hint}' for name, hint in hints.items())}):\n    yield\n", {})
    kwargs = dict(zip(hints, itertools.repeat({"x": ["s3cret", {"s3cret": "s3cret"}]}), strict=False))

    assert "s3cret" not in str(refused(source, kwargs))
