import base64
import gzip
import html
import json
import random
import reprlib
import shlex
import time
import zlib

import pydantic
import pytest
import requests
import urllib3.util
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from dango_action.credentials import redaction
from dango_action.credentials.forms import Known
from dango_action.credentials.redaction import Redactor

CANARY = "k4na\"ry's %/+é<&> \\ vAlue"


def copied(folder, values, data):
    (folder / "a").write_bytes(data)
    Redactor.of(values).copy(folder / "a", folder / "b")
    return (folder / "b").read_bytes()


@pytest.mark.parametrize("value", ["12345678", "a b c d e f", "päßwörts", "2024-01-01x", "Basic abc=="])
def test_a_value_is_replaced_wherever_it_stands(tmp_path, value):
    assert copied(tmp_path, [value], f"x{value}y\n{value}\n".encode()) == b"x***y\n***\n"


@pytest.mark.parametrize("value", ["test", "hunter2", "a b c", "pass"])
def test_a_short_value_is_replaced_only_as_a_word_of_its_own(tmp_path, value):
    text = f"x{value} {value}y _{value} {value}1\n({value}) {value}\n\n{value}"

    said = copied(tmp_path, [value], text.encode())

    assert said.decode() == f"x{value} {value}y _{value} {value}1\n(***) ***\n\n***"


def test_a_short_value_that_ends_in_no_letter_has_no_word_to_go_on():
    assert Redactor.of(["$ab!"]).redact(b"x$ab!y $ab!") == b"x***y ***"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "abc",
        "true",
        "None",
        "1000",
        "-1.5",
        "2024-01-01",
        "2024-01-01T00:00:00Z",
        "-----BEGIN PRIVATE KEY-----",
    ],
)
def test_what_is_no_secret_and_stands_everywhere_stays(value):
    assert Redactor.of([value]).values == ()


def test_a_value_with_several_lines_is_hidden_line_by_line_and_the_longest_first(tmp_path):
    values = ["one two\nthree four", "one two three four"]

    said = copied(tmp_path, values, b"one two\r\nthree four\none two three four\n")

    assert said == b"***\r\n***\n***\n"


def test_values_that_overlap_leave_nothing_of_either():
    redactor = Redactor.of(["abcdefgh12", "gh12345678"])

    assert redactor.redact(b"abcdefgh12345678") == b"***"
    assert redactor.redact(b"abcdefgh12gh12345678") == b"******"


@pytest.mark.parametrize(
    "written",
    [
        CANARY,
        f"before{CANARY}behind",
        json.dumps(CANARY)[1:-1],
        json.dumps({"a": [CANARY]}, ensure_ascii=False)[8:-3],
        json.dumps(json.dumps(CANARY))[3:-3],
        repr(CANARY)[1:-1],
        repr(CANARY.encode())[2:-1],
        "k4na%22ry%27s%20%25%2F%2B%C3%A9%3C%26%3E%20%5C%20vAlue",
        "k4na%22ry%27s+%25%2f%2b%c3%a9%3c%26%3e+%5c+vAlue",
        "k4na&quot;ry&#x27;s %/+é&lt;&amp;&gt; \\ vAlue",
        "k4na\"ry''s %/+é<&> \\ vAlue",
        "k4na\"ry's %/+é\\<&\\> \\\\ vAlue",
        base64.b64encode(CANARY.encode()).decode(),
        base64.urlsafe_b64encode(CANARY.encode()).decode().rstrip("="),
        *(base64.b64encode(b"u" * n + CANARY.encode() + b"zzz").decode() for n in range(4)),
        CANARY.encode().hex(),
        CANARY.encode().hex().upper(),
        base64.b64encode(zlib.compress(json.dumps({"a": CANARY}).encode())).decode(),
        base64.urlsafe_b64encode(gzip.compress(CANARY.encode(), mtime=0)).decode(),
        "state-" + base64.b64encode(zlib.compress(CANARY.encode(), 9)).decode(),
    ],
)
def test_a_value_is_replaced_in_every_form_in_which_programs_write_it(written):
    said = Redactor.of([CANARY]).text(f"[{written}]")

    assert "***" in said
    assert said.startswith("[")
    assert said.endswith("]")
    left = said.replace("***", "").strip("[]=")
    assert left in {"", "beforebehind", "state-"}


URL_VALUES = ["pa|ss(word)+x/9", "k4n;a~*'[r]y!@:#?=&$,^`{}", "100%of %41 a%zz", 'ü "<x>\\ \u20ac']


@pytest.mark.parametrize("value", URL_VALUES)
def test_a_value_in_a_url_of_a_client_is_replaced(value):
    base = "https://shop.example/orders"
    in_path, in_query = f"{base}/{value}", f"{base}?key={value}"
    urls = [
        requests.utils.requote_uri(in_path),
        requests.Request("GET", in_path).prepare().url,
        requests.Request("GET", in_query).prepare().url,
        requests.Request("GET", base, params={"key": value}).prepare().url,
        urllib3.util.parse_url(in_path).url,
        urllib3.util.parse_url(in_query).url,
    ]

    for url in urls:
        said = Redactor.of([value]).text(url)
        assert said in {f"{base}/***", f"{base}?key=***"}, url


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("pa|ss(word)+x/9", "pa%7Css(word)%2Bx%2F9"),  # encodeURIComponent
        ("pa|ss(word)+x/9", "pa%7Css(word)+x/9"),  # encodeURI
        ("a~b*c'd e(f)g", "a%7Eb*c%27d+e%28f%29g"),  # URLSearchParams
        ("a|b\\c^d<e>f`g", "a|b\\c^d%3Ce%3Ef%60g"),  # a browser, in a path
        ("user pass|w{o}rd'", "user%20pass|w{o}rd%27"),  # a browser, in a query
        ("a/b:c@d;e=f[g]h|i\\", "a%2Fb%3Ac%40d%3Be%3Df%5Bg%5Dh%7Ci%5C"),  # a browser and httpx, in a password
        ("a+b&c=d;e$f:g@h,i", "a+b&c=d%3Be$f:g@h%2Ci"),  # Go, in a path
        ("a b+c&d=e:f@g/h?i", "a+b%2Bc%26d%3De:f@g/h?i"),  # yarl, in a query
    ],
)
def test_a_value_in_the_url_of_a_client_of_another_kind_is_replaced(value, written):
    assert Redactor.of([value]).text(f"<{written}>") == "<***>"
    assert Redactor.of([value]).text(f"<{written.lower()}>") in {"<***>", f"<{written.lower()}>"}


SCRIPT = "k4na<r>y&'é/s"


@pytest.mark.parametrize(
    "written",
    [
        "k4na\\u003cr\\u003ey\\u0026'é/s",
        "k4na\\u003cr\\u003ey\\u0026\\u0027\\u00e9/s",
        "k4na\\u003Cr\\u003Ey\\u0026\\u0027\\u00e9\\/s",
        "k4na\\\\u003cr\\\\u003ey\\\\u0026'é/s",
        shlex.quote(SCRIPT)[1:-1],
        SCRIPT.replace("'", "'\\''"),
        html.escape(SCRIPT),
    ],
)
def test_a_value_is_replaced_as_scripts_and_shells_write_it(written):
    assert Redactor.of([SCRIPT]).text(f"[{written}]") == "[***]"


def test_of_a_text_that_yaml_folds_the_long_pieces_are_replaced():
    value = " ".join(f"{number:03}-k4nary-piece-of-a-key" for number in range(12))

    said = Redactor.of([value]).text(yaml.safe_dump({"a": {"b": value}}))

    assert "k4nary" not in said
    assert "\n" in said.strip()


KEY = "sk_live_51HabcdefghijABCDEFGHIJ0123456789klmnopqrstuvwxyz"


def message_of_pydantic(**values):
    model = pydantic.create_model("Model", a=(int, ...))
    with pytest.raises(pydantic.ValidationError) as caught:
        model(**values)
    return str(caught.value)


@pytest.mark.parametrize(
    "shown",
    [
        message_of_pydantic(a=KEY),
        message_of_pydantic(b=KEY),
        reprlib.repr(KEY),
        reprlib.repr({"key": KEY}),
        f"{KEY[:12]}...",
        f"{KEY[:30]}…",
        f"…{KEY[-12:]}",
        f"a line ......{KEY[5:]} and {KEY[:20]}...",
        json.dumps(f"{KEY[:30]}…"),
    ],
)
def test_what_is_shown_of_a_value_that_is_cut_is_replaced(shown):
    said = Redactor.of([KEY]).text(f"{shown}\n")

    assert "***" in said
    assert "sk_live_51H" not in said
    assert "pqrstuvwxyz" not in said
    stream = Redactor.of([KEY]).stream()
    assert b"".join([stream.feed(f"{shown}\n".encode()), stream.end()]).decode() == said


@pytest.mark.parametrize(
    "shown", ["sk_live_...", "...vwxyz", "waiting...", KEY[:12], f"{KEY[:12]}\n...", "sk_live_52Habcdefgh..."]
)
def test_dots_beside_something_else_hide_nothing(shown):
    assert Redactor.of([KEY]).text(f"{shown}\n") == f"{shown}\n"


def test_a_value_that_an_output_ends_in_the_middle_of_is_replaced():
    for size in range(8, len(KEY)):
        stream = Redactor.of([KEY]).stream()
        assert stream.feed(b"one\nkey=" + KEY[:size].encode()) + stream.end() == b"one\nkey=***"
    stream = Redactor.of([KEY]).stream()
    assert stream.feed(KEY[:30].encode() + b"\n") + stream.end() == KEY[:30].encode() + b"\n"


ACCOUNT = json.dumps({"type": "service_account", "private_key": "-----BEGIN X-----\nMIIabcdefg\nhijklmnop\n"})


@pytest.mark.parametrize("encoded", [base64.b64encode, base64.encodebytes], ids=["one line", "lines"])
def test_what_a_value_is_base64_of_is_replaced_too(encoded):
    redactor = Redactor.of([encoded(ACCOUNT.encode()).decode()])

    for shown in (ACCOUNT, "MIIabcdefg", "hijklmnop", repr(ACCOUNT)[1:-1]):
        assert redactor.text(f"<{shown}>") == "<***>"


def test_bytes_that_a_value_is_base64_of_are_replaced_too():
    data = random.Random(5).randbytes(32)
    redactor = Redactor.of([base64.b64encode(data).decode()])

    for shown in (data, repr(data)[2:-1].encode(), data.hex().encode(), base64.urlsafe_b64encode(data)):
        assert redactor.redact(b"<" + shown + b">") == b"<***>"


def test_a_document_that_is_a_secret_costs_little():
    words = random.Random(1)
    document = {f"k{n}": {"name": words.randbytes(7).hex(), "n": n * 7919} for n in range(1180)}
    text = json.dumps(document, indent=2)
    line = b"2026-01-01 10:00:00,000001|[INFO]|1|dlt|rest_api: page=1 of https://shop.example/orders took 1 ms\n"
    begun = time.process_time()
    stream = Redactor.of([text]).stream()
    assert b"".join(stream.feed(line) for _ in range(300)) == line * 300
    assert time.process_time() - begun < 4

    said = Redactor.of([text]).redact(b"\n".join(b"> " + line for line in text.encode().splitlines()))
    assert not any(value["name"].encode() in said for value in document.values())


@pytest.mark.parametrize("value", ["AAAAAAAAA", "AAAA", "A" * 28, "ABABABABAB"])
def test_a_text_that_is_one_value_over_and_over_takes_no_longer_for_it(value):
    redactor, data = Redactor.of([value]), value[:2].encode() * 1_000_000
    begun = time.process_time()

    assert redactor.redact(data) == (b"***" if len(value) >= 8 else data)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("value", ["AAAAAAAAA", "ABCABCABCAB", "abcdefgh", "abcdabcdabcdabcdabcdabcd"])
@pytest.mark.parametrize("before", range(9))
def test_of_a_value_over_and_over_only_what_is_less_than_it_stays(value, before):
    period = next(n for n in range(1, len(value) + 1) if value.startswith(value[n:]))
    whole = (value[:period] * 30)[: 3 * len(value)]

    said = Redactor.of([value]).redact(b"." * before + whole.encode() + b".").strip(b".")

    assert b"***" in said
    assert len(said.replace(b"***", b"")) < max(period, 1)


def test_what_only_resembles_a_value_stays():
    redactor = Redactor.of([CANARY, "sk_live_0123456789abcdef"])
    near = [
        "sk_live_0123456789abcde",
        "k_live_0123456789abcdef",
        "SK_LIVE_0123456789ABCDEF",
        base64.b64encode(b"sk_live_0123456789abcdeg").decode(),
        base64.b64encode(zlib.compress(b"sk_live_0123456789abcdeg" * 9)).decode(),
        CANARY.replace("vA", "va"),
    ]

    for text in near:
        assert redactor.text(f"<{text}>") == f"<{text}>"


def test_basic_auth_is_replaced_also_where_the_password_is_short():
    run = base64.b64encode(b"some-user-name:pass").decode()

    assert Redactor.of(["pass"]).text(f"Authorization: Basic {run}\n") == "Authorization: Basic ***\n"


def test_base64_that_unpacks_to_more_than_can_be_looked_at_is_hidden_unseen(monkeypatch):
    monkeypatch.setattr(redaction, "_LARGEST", 10_000)
    bomb = base64.b64encode(zlib.compress(bytes(100_000))).decode()

    assert Redactor.of(["sk_live_0123456789abcdef"]).text(f"{bomb}\n") == "***\n"


def test_leaves_of_json_are_values_too():
    account = {
        "type": "service_account",
        "private_key": "-----BEGIN X-----\nMIIabcdefg\nhijklmnop\n-----END X-----",
    }
    redactor = Redactor.of([Known(path="p", text=json.dumps(account))])

    said = redactor.redact(b"-----BEGIN X-----\r\nMIIabcdefg\r\nhijklmnop\r\n-----END X----- service_account")

    assert said == b"-----BEGIN X-----\r\n***\r\n***\r\n-----END X----- service_account"


def test_only_a_plain_file_of_its_own_is_copied(tmp_path):
    (tmp_path / "plain").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    (tmp_path / "folder").mkdir()
    (tmp_path / "twice").hardlink_to(tmp_path / "plain")

    for name in ("link", "folder", "twice", "missing"):
        Redactor.of([]).copy(tmp_path / name, tmp_path / "copy")
        assert not (tmp_path / "copy").exists(), name


def test_a_file_is_copied_in_pieces_and_loses_a_value_that_lies_over_two(tmp_path, monkeypatch):
    monkeypatch.setattr(redaction, "_PIECE", 5)

    assert copied(tmp_path, ["abcdefghij"], b"12abcdefghij\nabcdefghij") == b"12***\n***"


def test_a_representation_shows_no_value():
    redactor = Redactor.of(["hunter2"])

    assert repr(redactor) == "Redactor(1 values)"
    assert "hunter2" not in repr(redactor.stream())


def test_a_text_that_is_no_unicode_is_redacted_too():
    assert Redactor.of(["\udcffabcdefgh"]).redact(b"1\xffabcdefgh2") == b"1***2"
    assert Redactor.of(["\udcffabcdefgh"]).text("1\udcffabcdefgh2") == "1***2"
    assert Redactor.of(["\ud800abcdefgh"]).text("1\ud800abcdefgh2") == "1***2"


def test_a_stream_gives_complete_lines_at_once_and_keeps_the_begun_one():
    stream = Redactor.of(["abcdefghij"]).stream()

    assert stream.feed(b"one\ntwo") == b"one\n"
    assert stream.feed(b" abcde") == b""
    assert stream.feed(b"fghij\r") == b"two ***\r"
    assert stream.feed(b"\xff\x00abc") == b""
    assert stream.end() == b"\xff\x00abc"


def test_a_stream_without_values_gives_everything_at_once():
    stream = Redactor.of([]).stream()

    assert stream.feed(b"no line") == b"no line"
    assert stream.end() == b""


def test_a_stream_waits_with_a_line_only_where_it_begins_a_value_of_several_lines():
    stream = Redactor.of(["ab\ncd\nef\ngh"]).stream()

    assert stream.feed(b"xx\n") == b"xx\n"
    assert stream.feed(b"ab\n") == b""
    assert stream.feed(b"cd\nno") == b"ab\ncd\n"
    assert stream.feed(b"\n1ab\ncd") == b"no\n1"
    assert stream.feed(b"\nef\ngh\n") == b"***\n"


def test_a_line_without_an_end_goes_on_in_pieces_and_takes_no_more_memory(monkeypatch):
    monkeypatch.setattr(redaction, "LONGEST_LINE", 1000)
    stream = Redactor.of(["abcdefghij"]).stream()
    given = 0
    for _ in range(500):
        given += len(stream.feed(b"xyz" * 33))
        assert sum(map(len, stream._kept)) <= 1200
    assert given > 45_000
    said = stream.feed(b"abcdefg") + stream.feed(b"hij" + b"x" * 2000) + stream.end()
    assert b"***" in said
    assert b"abcdefghij" not in said


def test_an_endless_line_of_one_value_takes_no_more_memory(monkeypatch):
    monkeypatch.setattr(redaction, "LONGEST_LINE", 1000)
    stream = Redactor.of(["a" * 20]).stream()
    said = b""
    for _ in range(100):
        said += stream.feed(b"a" * 200)
        assert sum(map(len, stream._kept)) <= 1300
    assert b"a" * 20 not in said + stream.end()


LETTERS = "aB1 =+/\n\r\\\"'%é_"
VALUES = st.lists(st.text(LETTERS, min_size=3, max_size=14), max_size=4)


@st.composite
def cases(draw):
    """Values, and a text that is made of them, of their parts and of other things, in pieces."""
    values = draw(VALUES)
    # Short, and over lines or right before what is: whether it is a word of its own is known only after it has gone.
    hidden = Redactor.of(values).values
    assume(not (any(len(value) < 8 for value in hidden) and any("\n" in v or "\r" in v for v in hidden)))
    parts = [st.text(LETTERS, max_size=9), st.binary(max_size=4).map(lambda b: b.decode(errors="replace"))]
    if values:
        parts += [st.sampled_from(values), st.sampled_from(values).map(lambda v: v[: len(v) // 2 + 1])]
    data = "".join(draw(st.lists(st.one_of(parts), max_size=20))).encode()
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    return values, data, [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@given(cases())
@example((["111_", "11111111"], b"111_11111111", [b"111_11111111"]))
@example((["ab\ncd\nefgh"], b"ab\nab\ncd\nefgh", [b"ab\n", b"ab\n", b"cd\nefgh"]))
@example((["111_", "111111\r1"], b"111_111111\r1", [b"111_111111\r1"]))
@example((["111111=1", "111=\r111"], b"111111=1111=\r", [b"111111=1111=\r"]))
@settings(max_examples=150, deadline=None)
def test_in_whatever_pieces_a_stream_gives_what_the_whole_would_give_and_no_value(case):
    values, data, pieces = case
    redactor = Redactor.of(values)
    stream = redactor.stream()

    said = b"".join([*map(stream.feed, pieces), stream.end()])

    # A value that the output ends in the middle of has gone, too; only a stream knows where that is.
    assert said == redactor.redact(data) or (
        said.endswith(b"***") and redactor.redact(data).startswith(said.removesuffix(b"***"))
    )
    for value in redactor.values:
        assert len(value) < 8 or value.encode() not in said


@given(cases(), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_of_lines_that_are_too_long_to_wait_for_a_stream_gives_no_value_either(case, longest):
    values, _, pieces = case
    redactor = Redactor.of(values)
    old, redaction.LONGEST_LINE = redaction.LONGEST_LINE, longest
    try:
        stream = redactor.stream()
        said = b"".join([*map(stream.feed, pieces), stream.end()])
    finally:
        redaction.LONGEST_LINE = old

    for value in redactor.values:
        assert len(value) < 8 or value.encode() not in said


@given(cases())
@settings(max_examples=60, deadline=None)
def test_to_redact_twice_changes_nothing_more(case):
    values, data, _ = case
    once = Redactor.of(values).redact(data)

    assert Redactor.of(values).redact(once) == once


@given(st.binary(max_size=300), st.lists(st.text("xyz", min_size=8, max_size=20)))
@settings(max_examples=60, deadline=None)
def test_what_holds_no_value_stays_as_it_is(data, values):
    assume(not any(value.encode() in data for value in values))

    assert Redactor.of(values).redact(data) == data


def test_binary_junk_passes_a_stream_unchanged():
    junk = random.Random(7).randbytes(3_000_000)
    stream = Redactor.of(["sk_live_0123456789abcdef", "hunter2"]).stream()

    said = [stream.feed(junk[at : at + 65536]) for at in range(0, len(junk), 65536)]

    assert b"".join([*said, stream.end()]) == junk
