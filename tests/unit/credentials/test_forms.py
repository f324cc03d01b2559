import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dango_action.credentials.forms import (
    MOST,
    Known,
    binaries,
    encode,
    forms,
    fragments,
    lesser,
    masks,
    skipped,
)
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
        ("Bearer k4nary-0123", ["k4nary-0123"]),
        ("48392017.25", ["48392017.25"]),
        ("4839.25", ["4839.25"]),
        ('{"scope": ["email", "read_write", "openid"], "user": "default"}', ["default"]),
        ('{"client_x509_cert_url_of_it": "abcd", "k4n7-9a2b-77ffc01e9": "efgh"}', ["abcd", "efgh", "k4n7-9a2b-77ffc01e9"]),
        ('{\n"scopes": [\n"email",\n"abcdefgh"\n],\n"pin": 1234\n}', ["abcdefgh", '"abcdefgh"', '"pin": 1234']),
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
        Known(path="word", text="True"),
        *(Known(path=text, text=text) for text in ("1234", "1234567", "1.2.3.4", "2024-01-01", "20240101")),
        Known(path="setting", text="1234567", setting=True),
    ]

    assert skipped(known) == ["short", "1234", "1234567", "1.2.3.4", "2024-01-01"]


@given(st.text("0123456789.-+tT:Zrue ", max_size=12))
def test_what_is_no_setting_is_hidden_or_told(text):
    known = Known(path="p", text=text)
    is_setting = not text.strip() or text.strip().lower() == "true" or sum(map(str.isdigit, text)) < 4

    assert is_setting or parts(text) or skipped([known]) == ["p"]
    assert not (parts(text) and skipped([known]))


def test_of_a_document_the_value_and_its_longest_parts_are_hidden():
    document = {f"k{n}": f"{n:04}" + "x" * (n % 50 + 4) for n in range(2000)}
    text = json.dumps(document, indent=1)

    found = parts(text)

    assert len(found) == MOST
    assert found[0] == text
    assert {*found, *lesser(Known(path="p", text=text))} > set(document.values())
    assert min(map(len, found)) > 40
    assert len(list(masks(Known(path="p", text=text)))) < 3000


def test_lines_of_a_key_are_all_hidden():
    lines = [f"{n:064}" for n in range(400)]

    assert set(parts("\n".join(lines))) == {"\n".join(lines), *lines}


def test_what_a_value_is_base64_of_is_a_part_if_it_is_a_text():
    data = bytes(range(128, 160))
    text, binary = (
        Known(path="p", text=base64.b64encode(each).decode()) for each in (b"user:hunter2 of us", data)
    )

    assert list(fragments(text)) == [text.text, "user:hunter2 of us"]
    assert binaries(text) == []
    assert list(fragments(binary)) == [binary.text]
    assert [encode(each) for each in binaries(binary)] == [data]


@pytest.mark.parametrize("text", ["YWJj", "a sentence of sixteen", "YWJjYWJjYWJjYWJjY", "A" * 40])
def test_what_is_too_short_or_no_base64_or_of_zeros_stands_for_nothing(text):
    assert parts(text) == [text]
    assert binaries(Known(path="p", text=text)) == []


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
        "p%C3%A4ss%20word%3E%3E?", "p%c3%a4ss%20word%3e%3e?", "p%C3%A4ss+word%3E%3E?", "p%c3%a4ss+word%3e%3e?",
    }  # fmt: skip
    assert list(masks(Known(path="p", text="abc"))) == []


def test_any_text_has_bytes():
    assert encode("\udcff") == b"\xff"
    assert encode(json.loads('"\\ud800"')) == b"\xed\xa0\x80"
