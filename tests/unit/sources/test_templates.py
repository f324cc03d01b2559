"""What a reference to a parameter becomes, and what a value can't do to an address."""

import datetime as dt

import pytest

from dango_action.errors import ConfigError, SourceError
from dango_action.sources.rest.templates import host_of, render, render_base, render_path, with_parts

HOSTILE = [
    "evil.com/",
    "evil.com#",
    "evil.com?x",
    "a@evil.com",
    "evil.com\\",
    "evil.com:80:",
    "a b",
    "a\nb",
    "é.com",
    "",
    "%2f",
]


def test_a_reference_alone_keeps_the_type_and_one_in_a_text_does_not():
    values = {"n": 7, "yes": True, "list": [1, {"a": 2}], "text": "x"}

    assert render({"a": "${n}", "b": "${list}", "c": "n=${n}, ${yes}"}, values) == {
        "a": 7,
        "b": [1, {"a": 2}],
        "c": "n=7, true",
    }


def test_what_has_no_value_takes_its_key_away_and_written_nulls_stay():
    values = {"x": None}

    assert render({"a": "${x}", "b": None, "c": ["${x}", None, 1], "d": "-${x}-"}, values) == {
        "b": None,
        "c": [None, 1],
        "d": "--",
    }


def test_braces_of_values_are_doubled_and_those_of_the_definition_are_not():
    assert render("{incremental.start_value} ${x}", {"x": "{a}"}) == "{incremental.start_value} {{a}}"
    assert render("${x}", {"x": {"{a}": ["{b}"]}}) == {"{{a}}": ["{{b}}"]}


@pytest.mark.parametrize(
    ("form", "value", "made"),
    [
        ("csv", ["a", 1], "a,1"),
        ("date", "2026-01-31T23:00:00-05:00", "2026-01-31"),
        ("days", 30, 2_592_000),
        ("digits", "123-456-7890", "1234567890"),
        ("iso8601", "2026-01-31", "2026-01-31T00:00:00Z"),
        (
            "iso8601",
            dt.datetime(2026, 1, 31, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))),
            "2026-01-31T00:00:00Z",
        ),
        ("json", {"a": "é"}, '{{"a": "é"}}'),
        ("lower", "AbC", "abc"),
        ("unix_seconds", "2026-01-01T00:00:00Z", 1_767_225_600),
    ],
)
def test_a_reference_can_ask_for_another_form(form, value, made):
    assert render(f"${{x|{form}}}", {"x": value}) == made
    assert render(f"${{x|{form}}}", {"x": None}) is None


def test_a_value_in_a_path_stays_one_part_of_it():
    assert render_path("orders/${x}/rows", {"x": "../a?b=c#d/{e}"}) == "orders/..%2Fa%3Fb%3Dc%23d%2F%7Be%7D/rows"


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_in_a_host_is_a_name_and_nothing_else(value):
    with pytest.raises(ConfigError) as raised:
        render_base("https://${x}.example.com/v1/", {"x": value})

    assert value == "" or value not in str(raised.value)


def test_an_address_has_the_values_and_keeps_its_host():
    url = render_base("https://${shop}.example.com/${version}/", {"shop": "a-b", "version": "v1/../@x"})

    assert host_of(url) == "a-b.example.com"
    assert render_base("${base}", {"base": "http://127.0.0.1:80/"}) == "http://127.0.0.1:80/"


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_value_that_no_part_of_a_path_can_have_is_refused(value):
    path = render_path("orders/{resources.orders.id}/rows", {}).replace("{resources.orders.id}", value)

    with pytest.raises(SourceError):
        with_parts(f"https://example.com/{path}")
