"""YAML with positions: the dialect, the places, and files that are not meant well."""

import json
import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dango_action.config import lines, text
from dango_action.config.lines import load
from dango_action.config.nodes import plain, problems_in
from dango_action.errors import Position


def document(source):
    data = source if isinstance(source, bytes) else source.encode()
    return load(data, "f.yml")


def value(source):
    loaded = document(source)
    assert not loaded.problems
    assert not list(problems_in(loaded.root))
    return plain(loaded.root)


def complaints(source):
    loaded = document(source)
    found = [*loaded.problems, *(problems_in(loaded.root) if loaded.root else ())]
    return [(problem.at.line, problem.at.column, problem.what) for problem in found]


def only(source):
    (complaint,) = complaints(source)
    return complaint


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("off", "off"),
        ("yes", "yes"),
        ("n", "n"),
        ("", None),
        ("~", None),
        ("Null", None),
        ("nULL", "nULL"),
        ("12", 12),
        ("-012", -12),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1e3", -1000.0),
        ("1e3", 1000.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("+.Inf", math.inf),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("'12'", "12"),
        ('"true"', "true"),
        ('""', ""),
        ("!!str 12", "12"),
        ("!!int 12", 12),
        ("!!float 12", 12.0),
        ("! 12", "12"),
        ("=", "="),
        ("'<<'", "<<"),
    ],
)
def test_scalars_are_read_by_the_core_schema_of_yaml_1_2(written, meant):
    found = value(f"k: {written}\n")["k"]

    assert found == meant
    assert type(found) is type(meant)


def test_nan_is_a_number():
    assert math.isnan(value("k: .NaN")["k"])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        # YAML looks for the end of a key in 1,024 characters (1.2, 7.4.2), six of which may be one of ours
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=150), inner, max_size=4),
        max_leaves=8,
    )
)
@settings(max_examples=60, deadline=None)
def test_json_means_in_yaml_what_it_means_in_json(meant):
    written = json.dumps({"k": meant}).replace("-Infinity", "-.inf").replace("Infinity", ".inf")

    if "Infinity" not in repr(meant) and "\\ud" not in written:
        assert value(written) == {"k": meant}


@given(
    st.text(
        st.characters(
            codec="utf-8",
            exclude_categories=["Cc", "Cs", "Zl", "Zp"],
            exclude_characters="\ufffe\uffff",  # YAML does not allow these two (1.2, 5.1)
        )
    )
)
@settings(max_examples=60, deadline=None)
def test_any_text_in_single_quotes_is_that_text(meant):
    quoted = meant.replace("'", "''")

    assert value(f"k: '{quoted}'") == {"k": meant}


def test_a_node_knows_its_line_and_its_column_in_characters():
    root = document("# é\r\nüber: '店'\r\n店: {a: [1,\r\n  two]}\r\n").root

    assert root.entries["über"].at == Position(file="f.yml", line=2, column=1)
    assert root.entries["über"].node.at == Position(file="f.yml", line=2, column=7)
    items = root.entries["店"].node.entries["a"].node
    assert items.at == Position(file="f.yml", line=3, column=8)
    assert items.items[1].at == Position(file="f.yml", line=4, column=3)


def test_a_byte_order_mark_is_no_column():
    root = document(b"\xef\xbb\xbfa: 1").root

    assert root.entries["a"].at.column == 1


def test_an_aliased_value_stands_where_the_alias_is():
    root = document("a: &x {k: 1}\nb: *x\n").root

    assert plain(root) == {"a": {"k": 1}, "b": {"k": 1}}
    assert root.entries["b"].node.at.line == 2
    assert root.entries["b"].node.entries["k"].at.line == 1


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a: 1\nb:\n  a: 2\na: 3", (4, 1, "this key occurs twice; the first is at f.yml:1:1")),
        ("a: !secret x", (1, 4, "this YAML tag can't be used here")),
        ("a: !!binary eA==", (1, 4, "this YAML tag can't be used here")),
        ("a: !!int x", (1, 4, "this YAML tag can't be used here")),
        ("a: !!map []", (1, 4, "this YAML tag can't be used here")),
        ("a: {<<: {b: 1}}", (1, 5, "merge keys (`<<`) are not part of YAML 1.2")),
        ("1: a", (1, 1, "a key must be text")),
        ("x: {true: a}", (1, 5, "a key must be text")),
        ("~: a", (1, 1, "a key is missing before `:`")),
        ("? [a]\n: b", (1, 3, "a key must be text, not a list or a mapping")),
        ("a: *x", (1, 4, "no anchor before this alias has its name")),
        ("a: &x [*x]", (1, 8, "this alias stands inside its own anchor")),
        ("a: 1\n---\na: 2\n---\n", (2, 1, "the file has more than one YAML document")),
        (f"a: {'9' * 5000}", (1, 4, "this number has too many digits")),
        (b"\xff\xfea\0", (1, 1, "the file is UTF-16, not UTF-8")),
        (b"a: b\0", (1, 5, "the file has NUL bytes")),
        ("ä: 1\r\nb: é".encode() + b"\xe9", (2, 5, "byte 0xe9 is not UTF-8")),
        ("a: 1\n# x\u2028b: 2", (2, 4, "the control character U+2028 is not allowed here")),
        ("a: \x1b[31m", (1, 4, "the control character U+001B is not allowed here")),
        (b"#" * (text.LARGEST + 1), (1, 1, "the file is larger than 1 MiB")),
    ],
)
def test_what_is_refused_is_refused_at_its_place(source, expected):
    line, column, what = only(source)

    assert (line, column) == expected[:2]
    assert what == expected[2]


def test_all_refusals_are_found_at_once_and_before_a_syntax_error_too():
    source = "a: !x 1\na: 2\n1: *y\nb: [*z"

    assert [found[:2] for found in complaints(source)] == [(2, 1), (3, 1), (3, 4), (1, 4), (4, 5), (5, 1)]


@pytest.mark.parametrize(
    ("source", "place", "hint"),
    [
        ("a:\n\t- b", (2, 1), "indent with spaces, not with tabs"),
        ("a: b: c", (1, 5), "text that has `: ` in it needs quotes; a key stands on a line of its own"),
        ("a: @b", (1, 4), "text that starts with `@` needs quotes"),
        ("a: 'b\nc: d\n", (3, 1), "look at indentation, quotes and brackets, here and in the lines above"),
    ],
)
def test_a_syntax_error_has_a_place_and_advice(source, place, hint):
    (problem,) = document(source).problems

    assert problem.what.startswith("this is not valid YAML: ")
    assert (problem.at.line, problem.at.column) == place
    assert problem.hint == hint


@pytest.mark.parametrize("loader", [yaml.SafeLoader, lines._LOADER])
@pytest.mark.parametrize(
    "source",
    [
        "password: *canary",
        "password: !canary x",
        "password: !canary!x y",
        "password: @canary",
        "password: %canary",
        'password: "canary',
        "password: 'x' canary",
        'password: "\\canary"',
        "- a\npassword: [canary",
    ],
)
def test_a_value_that_breaks_the_yaml_is_not_repeated(monkeypatch, loader, source):
    monkeypatch.setattr(lines, "_LOADER", loader)
    loaded = document(source)
    found = [*loaded.problems, *(problems_in(loaded.root) if loaded.root else ())]

    assert found
    assert "canary" not in "".join(map(str, found))


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("[" * 100_000, "nested deeper than 64 levels"),
        ("{" * 100_000, "nested deeper than 64 levels"),
        ("- " * 100_000, "nested deeper than 64 levels"),
        ("? " * 100_000, "nested deeper than 64 levels"),
        ("a: " + "[" * 62 + "1" + "]" * 62, None),
        ("a: " + "[" * 63 + "1" + "]" * 63, "nested deeper than 64 levels"),
        ("a: &a " + "[" * 40 + "]" * 40 + "\nb: " + "[" * 40 + "*a" + "]" * 40, "nested deeper than 64 levels"),
        (
            "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)),
            "more than 100,000 values",
        ),
        ("a: [" + "1," * 100_000 + "]", "more than 100,000 values"),
        ("a: &a " + "x" * 500_000 + "\nb: [" + "*a," * 100_000 + "]", "more than 100,000 values"),
        (b"\0" * 10_000_000, "larger than 1 MiB"),
        ("a: b\n" * 2_000_000, "larger than 1 MiB"),
    ],
    ids=[
        "lists",
        "maps",
        "blocks",
        "keys",
        "deep enough",
        "too deep",
        "deep by alias",
        "billion laughs",
        "many",
        "a long text often",
        "10 MB of nothing",
        "10 MB of text",
    ],
)
def test_a_bomb_is_refused(source, what):
    found = complaints(source)

    assert [(what or "nothing") in complaint[2] for complaint in found] == ([True] if what else [])


@given(st.binary(max_size=200) | st.text(" \n-:[]{}&*!|>'\"%@#?,ab~<01\t\\", max_size=60).map(str.encode))
@settings(max_examples=150, deadline=None)
def test_both_parsers_of_pyyaml_end_without_an_exception(data):
    document(data)
    patch = pytest.MonkeyPatch()
    with patch.context() as context:
        context.setattr(lines, "_LOADER", yaml.SafeLoader)
        document(data)
