import json

import pytest

from dango_action.credentials.forms import Known, encode, forms, fragments, masks, skipped
from dango_action.report.summary import escape


def parts(text):
    return list(fragments(Known(path="p", text=text)))


def test_a_value_is_never_shown():
    assert "hunter2" not in repr(Known(path="p", text="hunter2"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hunter2", ["hunter2"]),
        (" one two\r\nx\nthree ", ["one two\r\nx\nthree", "one two", "three"]),
        ("abc", []),
        ("true", []),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIab\n-----END RSA PRIVATE KEY-----", ["MIIab"]),
        ("postgres://user:p%40ssword@host/db", ["p%40ssword", "p@ssword"]),
        ("http://[broken:x@", []),
        ('{"a": ["deep one", {"b": "line 1\\nline 2"}], "n": 123456, "m": 12345, "t": true}', ["deep one", "line 1", "line 2", "123456"]),
        ('"a json string"', ["a json string"]),
        ('{"type": "service_account", "token_uri": "https://oauth2.googleapis.com/token"}', []),
        ('{"nan": NaN', []),
        ("[" * 100_000, []),
    ],
)  # fmt: skip
def test_what_is_hidden_of_a_value(text, expected):
    found = parts(text)

    assert len(found) == len(set(found))
    assert set(expected) <= set(found)
    assert set(found) - set(expected) <= {text.strip(), "line 1\nline 2"}


def test_the_paths_of_values_that_are_too_short_to_hide_are_told():
    known = [
        Known(path="short", text=" abc\n"),
        Known(path="setting", text="abc", setting=True),
        Known(path="long", text="abcd"),
        Known(path="plain", text="100"),
        Known(path="empty", text=""),
    ]

    assert skipped(known) == ["short"]


def test_one_form_is_that_of_the_summary():
    text = "a\\b`c*d_e{f}g[h]i<j>k#l|m~n!o  p\tq"

    assert escape(text).encode() in forms(text)


def test_masks_are_the_parts_and_their_forms_on_older_runners():
    assert list(masks(Known(path="p", text="päss word+/?"))) == list(
        dict.fromkeys(masks(Known(path="p", text="päss word+/?")))
    )
    assert set(masks(Known(path="p", text="päss word>>?"))) == {
        "päss word>>?", "p%C3%A4ss%20word%3E%3E%3F", "p%c3%a4ss%20word%3e%3e%3f",
        "p%C3%A4ss+word%3E%3E%3F", "p%c3%a4ss+word%3e%3e%3f", "cMOkc3Mgd29yZD4+Pw", "cMOkc3Mgd29yZD4-Pw",
    }  # fmt: skip
    assert list(masks(Known(path="p", text="abc"))) == []


def test_any_text_has_bytes():
    assert encode("\udcff") == b"\xff"
    assert encode(json.loads('"\\ud800"')) == b"\xed\xa0\x80"
