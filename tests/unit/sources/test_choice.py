"""Which tables are synced, by name and by glob."""

import pytest

from dango_action.errors import ConfigError
from dango_action.sources.sql.choice import Relation, by_pattern, chosen

KINDS = {
    "orders": "table",
    "order_lines": "table",
    "tmp_1": "table",
    "totals": "view",
    "log_1": "part",
    "_dlt_loads": "table",
}
RELATIONS = [Relation(name=name, kind=kind) for name, kind in KINDS.items()]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ([], [], ["order_lines", "orders", "tmp_1"]),
        ([], ["tmp_*", "gone_*"], ["order_lines", "orders"]),
        (["*"], [], ["order_lines", "orders", "tmp_1", "totals"]),
        (["order*", "log_1"], ["orders"], ["log_1", "order_lines"]),
        (["tot?ls", "orders"], [], ["orders", "totals"]),
        (["[lo]*"], [], ["order_lines", "orders"]),
    ],
)
def test_patterns_choose_tables_and_views_but_no_parts_and_nothing_of_dlts(include, exclude, expected):
    assert chosen(RELATIONS, include, exclude, "`public`") == expected


@pytest.mark.parametrize(
    ("include", "exclude", "says"),
    [
        (["order", "Totals"], [], ["`order` in `tables` fits no table", "did you mean `orders`?", "`Totals` in"]),
        (["!tmp_*"], [], ["write `exclude: [tmp_*]`"]),
        ([], ["*"], ["no table of `public` is left"]),
    ],
)
def test_a_pattern_that_fits_nothing_is_told(include, exclude, says):
    with pytest.raises(ConfigError) as raised:
        chosen(RELATIONS, include, exclude, "`public`")

    for words in says:
        assert words in str(raised.value)


def test_a_database_without_tables_has_nothing_to_choose():
    assert chosen([], [], [], "`public`") == []
    with pytest.raises(ConfigError, match="has no tables that this user sees"):
        chosen([], ["*"], [], "`public`")


def test_the_value_of_a_name_comes_before_that_of_a_pattern_and_an_earlier_pattern_before_a_later_one():
    patterns = {"o*": 1, "orders": 2, "*": 3}

    assert dict(by_pattern(patterns, ["orders", "other", "log"], "incremental", "x")) == {
        "orders": 2,
        "other": 1,
        "log": 3,
    }
    with pytest.raises(ConfigError, match=r"`oder` in `incremental` fits no table of x\n  did you mean `orders`"):
        dict(by_pattern({"oder": 1}, ["orders"], "incremental", "x"))
