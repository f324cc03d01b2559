"""Which part of dlt's files a source sees."""

import pytest

from dango_action.credentials.sections import canonical, leaves, lent_sections, own_sections, shared_settings

FILE = {
    "api_key": "bare",
    "size": 3,
    "runtime": {"log_level": "INFO"},
    "destination": {"x": {"password": "p"}},
    "shop": {"a": 1, "sources": {"shop": {"z": 9}}},
    "shop_us": {"a": 2},
    "sources": {
        "page": 5,
        "credentials": {"token": "for all"},
        "shop": {"b": 3, "credentials": {"c": 4}},
        "shop_us": {"b": 5},
        "some_module": {"d": 6},
    },
}


def test_a_source_sees_its_two_sections_and_nothing_else_of_the_secrets():
    assert own_sections(FILE, "shop") == {"shop": FILE["shop"], "sources": {"shop": FILE["sources"]["shop"]}}
    assert own_sections(FILE, "sho") == {}


def test_of_the_settings_it_also_sees_those_of_dlt_and_values_outside_of_sections():
    assert shared_settings(FILE, "shop") == {
        "api_key": "bare",
        "size": 3,
        "runtime": {"log_level": "INFO"},
        "shop": FILE["shop"],
        "sources": {"page": 5, "shop": FILE["sources"]["shop"]},
    }


@pytest.mark.parametrize(
    ("path", "own"),
    [
        (("sources", "shop", "k"), ("sources", "shop", "k")),
        (("shop", "k"), ("sources", "shop", "k")),
        (("shop", "sources", "shop", "k"), ("sources", "shop", "k")),
        (("shop", "credentials", "k"), ("sources", "shop", "credentials", "k")),
        (("sources", "shop"), None),
        (("shop",), None),
        (("sources", "shop_us", "k"), None),
        (("k",), None),
        ((), None),
    ],
)
def test_every_name_of_a_setting_stands_for_one_path(path, own):
    assert canonical(path, "shop") == own


def test_leaves_come_in_the_order_of_the_file_and_a_list_is_one_value():
    assert list(leaves({"a": {"b": [1, {"c": 2}]}, "d": {}, "e": 3})) == [(("a", "b"), [1, {"c": 2}]), (("e",), 3)]


def test_a_lender_hands_on_its_own_sections_under_the_name_of_the_borrower():
    first = {"ads": {"k": "short"}, "sources": {"ads": {"k": "long", "credentials": {"id": 1}}, "other": {"k": 2}}}
    last = {"sources": {"ads": {"credentials": {"secret": "s"}}}}

    assert lent_sections((first, last), "ads", "sheets") == {
        "sources": {"sheets": {"k": "short", "credentials": {"id": 1, "secret": "s"}}}
    }


def test_sections_that_are_no_tables_are_no_sections():
    assert own_sections({"shop": 1, "sources": 2}, "shop") == {}
    assert shared_settings({"shop": 1, "sources": 2}, "other") == {"shop": 1, "sources": 2}
