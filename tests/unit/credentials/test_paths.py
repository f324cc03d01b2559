import pytest
from hypothesis import given
from hypothesis import strategies as st

from dango_action.config.lines import load
from dango_action.config.nodes import Keys
from dango_action.credentials.edit import yaml_key
from dango_action.credentials.paths import LONGEST, encoded, format_path, parse

PARTS = st.lists(
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=12),
    min_size=1,
    max_size=6,
).map(tuple)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("sources.shop.api_key", ("sources", "shop", "api_key")),
        ("SHOPIFY_US_ACCESS_TOKEN", ("SHOPIFY_US_ACCESS_TOKEN",)),
        ("a-b.0", ("a-b", "0")),
        ('sources."a.b".c', ("sources", "a.b", "c")),
        ('"a\\"b\\\\"."ü"."\\u202e"', ('a"b\\', "ü", "\u202e")),
    ],
)
def test_a_path_is_dotted_and_other_characters_stand_in_quotes(text, parts):
    assert parse(text) == parts
    assert parse(format_path(parts)) == parts


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (".a", "a part is missing at character 1"),
        ("a..b", "a part is missing at character 3"),
        ("a.", "a part is missing at character 3"),
        ("a b", "character 2 can't stand"),
        ("a=hunter2", "character 2 can't stand"),
        ("ü", "character 1 can't stand"),
        ("a\n", "character 2 can't stand"),
        ('a.""', "the part in quotes at character 3"),
        ('a."b', "the part in quotes at character 3"),
        ('a."\\x"', "the part in quotes at character 3"),
        ('a."\\ud800"', "the part in quotes at character 3"),
        ('a."\\u0000"', "the part in quotes at character 3"),
        ('a."b"c', "character 6 can't stand"),
        ("a" * (LONGEST + 1), "501 characters"),
        ('"' + "\u202e" * 200 + '"', "too long"),
    ],
)
def test_what_is_no_path_is_answered_with_the_reason_and_not_shown(text, reason):
    answer = parse(text)

    assert isinstance(answer, str)
    assert reason in answer
    assert "hunter2" not in answer


@given(PARTS)
def test_any_path_comes_back_from_its_text_and_from_a_key_of_yaml(parts):
    text = format_path(parts)

    assert text.isprintable()
    if len(text) <= LONGEST:
        assert parse(text) == parts
        loaded = load(f"a:\n  {yaml_key(parts)}: x # y\n".encode(), "f")
        assert not loaded.problems
        assert isinstance(loaded.root, Keys)
        assert list(loaded.root.entries["a"].node.entries) == [text]


@given(st.text(max_size=40))
def test_any_text_is_a_path_or_gets_a_reason(text):
    answer = parse(text)

    if not isinstance(answer, str):
        assert parse(format_path(answer)) == answer


@given(PARTS, PARTS)
def test_two_paths_have_the_same_bytes_only_if_they_are_the_same(one, other):
    assert (encoded(one) == encoded(other)) == (one == other)


def test_the_border_between_parts_is_a_part_of_the_bytes():
    assert len({encoded(path) for path in [("a", "b"), ("ab",), ("a.b",), ("", "ab"), ("a\0", "b")]}) == 5
