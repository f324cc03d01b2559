import datetime as dt
import subprocess
import sys
import time
from decimal import Decimal

import orjson
import pytest

from dango_action.credentials.environ import LARGEST, Variable, variable_name, variables
from dango_action.errors import Position

KIB = 1024


def texts(values, **options):
    found, problems = variables(values, **options)
    assert problems == []
    assert len({variable.name for variable in found}) == len(found)
    return {variable.name: variable.text for variable in found}


def problem(values, places=None):
    _, problems = variables(values, places or {})
    [only] = problems
    return only


def at(line):
    return Position(file=".dlt/secrets.toml", line=line, column=1)


def one(value):
    """The text for a value that is no mapping."""
    return texts({("sources", "s", "k"): value})["SOURCES__S__K"]


def test_a_path_is_a_name_in_capitals_with_two_underscores_between_its_parts():
    assert variable_name(("sources", "shop", "api_key")) == "SOURCES__SHOP__API_KEY"
    assert variable_name(("destination", "motherduck", "credentials")) == "DESTINATION__MOTHERDUCK__CREDENTIALS"


def test_a_path_of_one_part_is_a_name_as_it_is():
    assert variable_name(("SHOPIFY_US_ACCESS_TOKEN",)) == "SHOPIFY_US_ACCESS_TOKEN"
    assert texts({("token",): "a", ("TOKEN",): "b"}) == {"token": "a", "TOKEN": "b"}


def test_a_variable_shows_its_name_and_not_its_text():
    assert "hunter2" not in repr(Variable(name="K", path=("K",), text="hunter2"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (" a 'b' \"c\"\\n$D=é\r\n-----END\n", " a 'b' \"c\"\\n$D=é\r\n-----END\n"),
        ("", ""),
        (True, "True"),
        (False, "False"),
        (0, "0"),
        (-(10**30), "-1" + "0" * 30),
        (1.0, "1.0"),
        (1e300, "1e+300"),
        (float("-inf"), "-inf"),
        (Decimal("1.10"), "1.10"),
        (dt.datetime(2024, 1, 2, 3, 4, 5, 6), "2024-01-02T03:04:05.000006"),  # noqa: DTZ001
        (dt.datetime(2024, 1, 2, tzinfo=dt.UTC), "2024-01-02T00:00:00+00:00"),
        (dt.date(2024, 1, 2), "2024-01-02"),
        (dt.time(3, 4), "03:04:00"),
        (b"abc", "YWJj"),
        ([], "[]"),
        ([1, "é", None, True, 0.5, {"a": []}], '[1,"é",null,true,0.5,{"a":[]}]'),
    ],
)
def test_a_value_becomes_the_text_that_dlt_reads_it_from(value, text):
    assert one(value) == text


@pytest.mark.parametrize("value", [b"", b"\xd3\x1d\x76", b"\xd3\x1f"])
def test_bytes_whose_base64_dlt_would_take_for_hex_or_for_nothing_are_hex(value):
    assert one(value) == f"0x{value.hex()}"


def test_a_mapping_is_json_and_leaves_at_every_level_below_the_source():
    assert texts({("sources", "s", "a"): {"b": {"c": 1, "d": [2]}, "e": "x"}}) == {
        "SOURCES__S__A": '{"b":{"c":1,"d":[2]},"e":"x"}',
        "SOURCES__S__A__B": '{"c":1,"d":[2]}',
        "SOURCES__S__A__B__C": "1",
        "SOURCES__S__A__B__D": "[2]",
        "SOURCES__S__A__E": "x",
    }


@pytest.mark.parametrize("tables", [False, True])
def test_a_mapping_given_by_its_leaves_gives_the_same_as_one_given_whole(tables):
    leaves = {
        ("sources", "s", "a", "b", "c"): 1,
        ("sources", "s", "a", "e"): "x",
        ("sources", "s", "credentials", "key"): "k",
        ("sources", "s", "k"): "v",
        ("shop", "a", "b"): 2,
    }
    whole = {
        ("sources",): {"s": {"a": {"b": {"c": 1}, "e": "x"}, "credentials": {"key": "k"}, "k": "v"}},
        ("shop", "a"): {"b": 2},
    }

    assert texts(leaves, tables=tables) == texts(whole, tables=tables)


@pytest.mark.parametrize("path", [("sources", "s"), ("destination", "duckdb"), ("s",), ("runtime",)])
def test_a_section_is_no_value_so_it_has_no_json(path):
    assert texts({(*path, "k"): "v"}) == {variable_name((*path, "k")): "v"}


def test_a_mapping_in_the_section_of_a_pipeline_has_json():
    assert texts({("shop", "a"): {"b": 1}}) == {"SHOP__A": '{"b":1}', "SHOP__A__B": "1"}


def test_a_mapping_given_whole_at_a_plain_name_is_json_under_it():
    assert texts({("GOOGLE_KEY",): {"id": 1}}) == {"GOOGLE_KEY": '{"id":1}', "GOOGLE_KEY__ID": "1"}


@pytest.mark.parametrize("name", ["CREDENTIALS", "sources", "destination"])
def test_a_plain_name_that_dlt_itself_asks_for_has_no_json(name):
    assert texts({(name,): {"k": {}}}).keys() <= {f"{name.upper()}__K"}


@pytest.mark.parametrize("name", ["credentials", "Credentials", "gcp_credentials"])
def test_credentials_have_leaves_only_as_dlt_takes_a_text_there_for_a_connection_string(name):
    path = ("sources", "s", name)

    assert texts({path: {"host": "h", "query": {"a": 1}}}) == {
        variable_name((*path, "host")): "h",
        variable_name((*path, "query")): '{"a":1}',
        variable_name((*path, "query", "a")): "1",
    }


def test_credentials_have_json_for_a_receiver_that_knows_tables_apart():
    found, _ = variables({("sources", "g", "credentials", "client_id"): "{}"}, tables=True)

    assert [(variable.name, variable.text, variable.table) for variable in found] == [
        ("SOURCES__G__CREDENTIALS", '{"client_id":"{}"}', True),
        ("SOURCES__G__CREDENTIALS__CLIENT_ID", "{}", False),
    ]


def test_a_variable_has_the_path_of_its_value_and_the_json_that_of_the_mapping():
    found, _ = variables({("sources", "s", "a"): {"b": 1}})

    assert [variable.path for variable in found] == [("sources", "s", "a"), ("sources", "s", "a", "b")]


def test_an_empty_mapping_is_json_and_nothing_else():
    assert texts({("sources", "s", "a"): {}, ("sources", "s", "b"): {"c": {}}}) == {
        "SOURCES__S__A": "{}",
        "SOURCES__S__B": '{"c":{}}',
        "SOURCES__S__B__C": "{}",
    }
    assert texts({("sources", "s"): {}}) == {}


def test_a_mapping_and_values_within_it_become_one():
    assert (
        texts({("sources", "s", "a"): {"b": 1}, ("sources", "s", "a", "c"): 2})["SOURCES__S__A"] == '{"b":1,"c":2}'
    )


@pytest.mark.parametrize("value", [dt.date(2024, 1, 2), b"x", Decimal(1), float("inf"), 2**64, -(2**63) - 1])
def test_json_that_would_not_be_exact_is_left_out_and_the_leaves_stay(value):
    assert texts({("sources", "s", "a"): {"b": {"c": value}, "d": {"e": 1}}}).keys() == {
        "SOURCES__S__A__B__C",
        "SOURCES__S__A__D",
        "SOURCES__S__A__D__E",
    }


def test_json_that_would_be_too_large_is_left_out_and_the_leaves_stay():
    values = {("sources", "s", "a", name): "x" * 50 * KIB for name in ("b", "c")}

    assert texts(values).keys() == {"SOURCES__S__A__B", "SOURCES__S__A__C"}


def test_null_is_a_problem_only_where_no_json_holds_it():
    assert texts({("sources", "s", "a"): {"b": None, "c": 1}}) == {
        "SOURCES__S__A": '{"b":null,"c":1}',
        "SOURCES__S__A__C": "1",
    }
    for values in (
        {("sources", "s", "b"): None},
        {("sources", "s", "credentials"): {"b": None}},
        {("sources", "s", "a"): {"b": None, "c": dt.date(2024, 1, 2)}},
    ):
        assert "is null" in problem(values).what


@pytest.mark.parametrize("name", ["a=b", "", "\0", "x" * 5000])
def test_a_name_that_no_variable_can_have_stays_in_the_json_around_it(name):
    assert texts({("sources", "s", "a"): {name: 1, "b": 2}}).keys() == {"SOURCES__S__A", "SOURCES__S__A__B"}


@pytest.mark.parametrize("name", ["a=b", "", "\0", "\ud800", "x" * 5000])
def test_a_name_that_no_variable_can_have_is_a_problem_where_no_json_is_around_it(name):
    for path in ((name,), ("sources", "s", name), ("sources", name, "a"), ("sources", "s", name, "a")):
        found = problem({path: "hunter2"}, {path: at(3)})

        assert "name" in found.what
        assert found.at == at(3)
        assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        ("hunter2\0", "NUL"),
        ("hunter2\ud800", "surrogate"),
        ("hunter2" * 20_000, "larger than 96 KiB"),
        (["hunter2" * 20_000], "larger than 96 KiB"),
        (["hunter2\ud800"], "Unicode"),
        (["hunter2", dt.date(2024, 1, 2)], "type date"),
        (["hunter2", b"hunter2"], "type bytes"),
        ([float("nan")], "not finite"),
        ([[2**64]], "over 64 bits"),
        ([{1: "hunter2"}], "name that is no text"),
        (dt.time(1, tzinfo=dt.UTC), "offset"),
        (dt.datetime(2024, 1, 2, tzinfo=dt.timezone(dt.timedelta(seconds=1))), "offset"),
        pytest.param(10**5000, "too many digits", id="digits"),  # pytest can't name it either
        ({"hunter2"}, "type set"),
        (("hunter2",), "type tuple"),
    ],
)
def test_what_no_variable_can_hold_is_a_problem_with_its_place_and_without_its_value(value, words):
    path = ("sources", "s", "k")
    found, [only] = variables({path: value}, {path: at(7)})

    assert found == []
    assert words in only.what
    assert only.what.startswith("`sources.s.k` ")
    assert only.hint
    assert only.at == at(7)
    assert "hunter2" not in str(only)


def test_a_problem_within_a_mapping_has_the_place_of_the_mapping():
    path = ("sources", "s", "a")

    assert str(problem({path: {"b": "\0"}}, {path: at(7)})).startswith(".dlt/secrets.toml:7:1: `sources.s.a.b` ")


def test_the_largest_text_is_96_kib_of_utf_8():
    assert len(one("é" * (LARGEST // 2))) == LARGEST // 2
    assert "96 KiB" in problem({("K",): "é" * (LARGEST // 2) + "x"}).what


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        (("sources", "s", "Api_Key"), ("sources", "s", "api_key"), "SOURCES__S__API_KEY"),
        (("sources", "s", "a__b"), ("sources", "s", "a", "b"), "SOURCES__S__A__B"),
        (("SOURCES__S__K",), ("sources", "s", "k"), "SOURCES__S__K"),
        (("sources", "s", "straße"), ("sources", "s", "STRASSE"), "SOURCES__S__STRASSE"),
        (("sources", "s", "\u0131"), ("sources", "s", "i"), "SOURCES__S__I"),
        (("sources", "s_", "k"), ("sources", "s", "_k"), "SOURCES__S___K"),
    ],
)
def test_two_paths_with_one_name_are_a_problem_that_names_both_and_neither_is_a_variable(first, second, name):
    found, [only] = variables({first: "x", second: "y"}, {first: at(1), second: at(2)})

    assert name not in {variable.name for variable in found}
    assert f"`{'.'.join(first)}` at .dlt/secrets.toml:1:1" in only.what
    assert f"`{'.'.join(second)}` at .dlt/secrets.toml:2:1" in only.what
    assert name in only.what
    assert only.at == at(2)


def test_two_mappings_with_one_name_are_one_problem():
    found, [only] = variables(
        {("sources", "s", "A"): {"b": 1, "c": {"d": 1}}, ("sources", "s", "a"): {"b": 2, "c": {"d": 2}}}
    )

    assert "`sources.s.A` and `sources.s.a`" in only.what
    assert found == []


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({("sources", "s", "a"): "x", ("sources", "s", "a", "b"): "y"}, "`sources.s.a` has a value, and other"),
        (
            {("sources", "s", "a"): "x", ("sources", "s", "a", "b", "c"): "y"},
            "`sources.s.a` has a value, and other",
        ),
        (
            {("sources", "s"): "x", ("sources", "s", "a", "b"): "y", ("sources", "s", "a", "c"): 1},
            "`sources.s` has",
        ),
        ({("sources", "s", "a"): {"b": 1}, ("sources", "s", "a", "b"): 1}, "`sources.s.a.b` is given twice"),
        ({("sources", "s", "a"): {"b": 1}, ("sources", "s"): {"a": 1}}, "`sources.s.a` has a value, and other"),
    ],
)
def test_a_value_and_another_one_below_it_are_one_problem(values, words, turned):
    assert words in problem(dict(reversed(values.items())) if turned else values).what


def test_all_problems_come_at_once_and_what_is_right_has_its_variables():
    found, problems = variables({("A",): None, ("B",): "\0", ("C",): "c", (): 1, ("sources", "s", "a", "b"): "b"})

    assert len(problems) == 3
    assert {variable.name for variable in found} == {"C", "SOURCES__S__A", "SOURCES__S__A__B"}


def test_what_is_given_is_not_changed():
    values = {("sources", "s", "a"): {"b": {}}, ("sources", "s", "a", "c"): 1}

    variables(values)

    assert values == {("sources", "s", "a"): {"b": {}}, ("sources", "s", "a", "c"): 1}


def test_300_values_take_a_few_milliseconds():
    values = {("sources", f"s{n % 10}", f"a{n % 3}", f"k{n}"): f"value {n}" for n in range(300)}
    places = {path: at(n) for n, path in enumerate(values, start=1)}

    def spent():
        start = time.process_time()
        variables(values, places)
        return time.process_time() - start

    assert min(spent() for _ in range(5)) < 0.02


def test_the_module_imports_no_dlt():
    program = "import sys, dango_action.credentials.environ; sys.exit('dlt' in sys.modules)"

    subprocess.run([sys.executable, "-P", "-c", program], check=True)


def test_json_is_what_a_strict_reader_takes():
    value = {"a": ['"\\\n\x7f\u2028', -0.0, 1e-7, 2**64 - 1, -(2**63)]}

    assert orjson.loads(texts({("sources", "s", "k"): value})["SOURCES__S__K"]) == value


def test_a_mapping_given_by_its_leaves_has_the_place_of_the_first_of_them():
    values = {("sources", "s", name, key): 1 for name in ("A", "a") for key in (f"{name}1", f"{name * 2}2")}
    [only] = variables(values, {path: at(line) for line, path in enumerate(values, start=1)})[1]

    assert "`sources.s.A` at .dlt/secrets.toml:1:1 and `sources.s.a` at .dlt/secrets.toml:3:1" in only.what


def test_a_value_below_another_one_has_the_place_of_the_later_one():
    values = {("sources", "s", "a"): "x", ("sources", "s", "a", "b"): "y"}

    assert problem(values, {path: at(line) for line, path in enumerate(values, start=1)}).at == at(2)
