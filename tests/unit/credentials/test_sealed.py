from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from dango_action.credentials import sealed
from dango_action.credentials.document import Sealed
from dango_action.credentials.keys import KeyRing, PrivateKey, PublicKey, decode, encode
from dango_action.credentials.sealed import DEEPEST, LARGEST, flaw, open_entries, parse_token, seal
from dango_action.errors import CredentialsError, Position, Problem

KEY, OTHER = PrivateKey.generate(), PrivateKey.generate()
RING = KeyRing.of(KEY.text())
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PATH = ("sources", "shop", "api_key")
CANARY = "hunter2-canary"
TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))
VALUES = st.recursive(
    TEXT | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
).filter(lambda value: flaw(value) is None)
PATHS = st.lists(TEXT.filter(bool), min_size=1, max_size=4).map(tuple)


def entry(token, path=PATH, line=1):
    return Sealed(path=path, token=token, at=Position(file="f", line=line, column=3))


def opened(*entries, ring=RING, everything=None):
    return open_entries(entries, ring, everything or entries)


def why(*entries, ring=RING, everything=None):
    values, [problem] = opened(*entries, ring=ring, everything=everything)
    assert values == {}
    assert CANARY not in str(problem)
    return problem


def crafted(plaintext, path=PATH, time=0):
    """A token with a plaintext that `seal` would not make, as anybody with the public key can."""
    public = X25519PublicKey.from_public_bytes(KEY.public.raw)
    body = sealed._suite().encrypt(plaintext, public, info=sealed._info(path, KEY.public, time))
    return f"enc:v1:{KEY.public.id}:{encode(time.to_bytes(5) + sealed._tag(path) + body)}"


@settings(deadline=None)
@given(VALUES, PATHS)
def test_what_is_sealed_opens_with_its_type(value, path):
    values, problems = opened(entry(seal(value, path, KEY.public, NOW), path))

    assert problems == []
    assert values == {path: value}
    assert repr(values[path]) == repr(value)


def test_the_same_value_never_looks_the_same_and_its_length_shows_only_roughly():
    tokens = [seal("x" * size, PATH, KEY.public, NOW) for size in (1, 1, 20, 30)]

    assert len(set(tokens)) == 4
    assert len({len(token) for token in tokens}) == 1


def test_a_token_says_when_it_was_sealed_and_for_which_key():
    token = parse_token(seal("x", PATH, KEY.public, NOW))

    assert (token.sealed_at, token.key_id) == (NOW, KEY.public.id)
    assert parse_token(f"enc:v1:{KEY.public.id}:{encode(bytes([255]) * 89)}").sealed_at is None


def test_any_flip_of_a_bit_gives_a_named_error_and_never_a_value():
    token = seal(CANARY, PATH, KEY.public, NOW).encode()
    seen = set()
    for place in range(len(token)):
        for bit in range(8):
            changed = bytearray(token)
            changed[place] ^= 1 << bit
            seen.add(why(entry(changed.decode("latin-1"))).what.split("`")[0].strip())

    assert seen == {
        "this value is not sealed: it stands here in the clear, and in the history of git",
        "this value is of form 3, and this version of dango knows form 1",
        "this value is of form 5, and this version of dango knows form 1",
        "this value is of form 9, and this version of dango knows form 1",
        "this sealed value is not whole: it was cut, or changed by hand",
        "the sealed value of",
        "this value was not sealed for",
        "",  # `path` is sealed for the key …
    }


def test_any_flip_of_a_bit_below_the_text_gives_a_named_error_and_never_a_value():
    head, text = seal(CANARY, PATH, KEY.public, NOW).rsplit(":", 1)
    raw = decode(text)
    for place in range(len(raw)):
        for bit in range(8):
            changed = bytearray(raw)
            changed[place] ^= 1 << bit
            problem = why(entry(f"{head}:{encode(bytes(changed))}"))
            assert "tampered with" in problem.what or "was not sealed for" in problem.what


def test_any_cut_gives_a_named_error_and_never_a_value():
    token = seal(CANARY * 9, PATH, KEY.public, NOW)
    for end in range(1, len(token)):
        what = why(entry(token[:end])).what
        assert "not whole" in what or "tampered with" in what or "in the clear" in what
    for longer in (f"{token}A", f"{token}=", f"{token}\n", f" {token}", f"{token} "):
        what = why(entry(longer)).what
        assert "not whole" in what or "in the clear" in what


def test_two_swapped_values_name_each_other():
    one, two = ("a", "b"), ("c",)
    swapped = [entry(seal("x", two, KEY.public, NOW), one, 1), entry(seal("y", one, KEY.public, NOW), two, 2)]

    values, problems = opened(*swapped)

    assert values == {}
    assert [(problem.what, problem.at.line) for problem in problems] == [
        ("this is the value of `c`: it was swapped, or copied, to another path", 1),
        ("this is the value of `a.b`: it was swapped, or copied, to another path", 2),
    ]


def test_a_copied_value_is_refused_where_it_was_copied_to_and_opens_where_it_belongs():
    token = seal("x", PATH, KEY.public, NOW)

    values, [problem] = opened(entry(token), entry(token, ("b",), 2))

    assert values == {PATH: "x"}
    assert "this is the value of `sources.shop.api_key`" in problem.what


def test_a_copy_is_recognized_by_the_whole_document_though_only_one_source_is_opened():
    token = seal("x", PATH, KEY.public, NOW)

    assert "copied" in why(entry(token, ("b",)), everything=[entry(token), entry(token, ("b",))]).what


def test_a_path_that_was_changed_by_hand_is_told_apart_from_tampering():
    problem = why(entry(seal("x", ("old",), KEY.public, NOW), ("new",)))

    assert problem.what == "this value was not sealed for `new`: its path was changed by hand"
    assert "dango secrets mv" in problem.hint


def test_a_wrong_hint_at_the_path_is_tampering_though_the_value_opens():
    head, text = seal(CANARY, PATH, KEY.public, NOW).rsplit(":", 1)
    raw = decode(text)

    assert "tampered with" in why(entry(f"{head}:{encode(raw[:5] + b'0000' + raw[9:])}")).what


def test_a_value_for_another_key_says_which_is_needed_and_which_are_given():
    problem = why(entry(seal("x", PATH, OTHER.public, NOW)))

    assert problem.what == (
        f"`sources.shop.api_key` is sealed for the key {OTHER.public.id}; given: {KEY.public.id}"
    )


def test_a_value_whose_key_id_was_changed_to_the_given_one_is_tampered_with():
    token = seal("x", PATH, OTHER.public, NOW).replace(OTHER.public.id, KEY.public.id)

    assert "tampered with" in why(entry(token)).what


def test_without_a_key_there_is_one_problem_for_all():
    entries = [entry(seal("x", (name,), KEY.public, NOW), (name,), line) for line, name in enumerate("abc", 1)]

    values, [problem] = opened(*entries, ring=KeyRing())

    assert values == {}
    assert problem.what == "3 secrets are sealed, and there is no key to open them"
    assert problem.at.line == 1


def test_without_a_key_a_value_in_the_clear_is_named_all_the_same():
    assert "in the clear" in why(entry(CANARY), ring=KeyRing()).what


def test_while_keys_are_rotated_values_of_both_open():
    both = KeyRing.of(f"{KEY.text()}\n{OTHER.text()}")

    values, problems = opened(
        entry(seal(1, ("a",), KEY.public, NOW), ("a",)),
        entry(seal(2, ("b",), OTHER.public, NOW), ("b",)),
        ring=both,
    )

    assert (values, problems) == ({("a",): 1, ("b",): 2}, [])


@pytest.mark.parametrize(
    "token",
    [CANARY, "", "enc", "ENC:v1:x", "x enc:v1:00000000:AAAA", "*" * 5000, "::error::x", "\n", "\u202e"],
)
def test_a_value_in_the_clear_is_to_be_sealed_and_replaced_and_is_never_shown(token):
    problem = why(entry(token))

    assert problem.what == "this value is not sealed: it stands here in the clear, and in the history of git"
    assert "replace" in problem.hint


@pytest.mark.parametrize(
    "token", ["enc:", "enc:v1", "enc:v1:", "enc:v0:x", "enc:v1::", "enc:aes:x", "enc:v\u0661:x"]
)
def test_a_value_that_only_begins_like_a_sealed_one_is_not_whole(token):
    assert "not whole" in why(entry(token)).what


def test_a_later_form_needs_a_newer_version():
    problem = why(entry("enc:v2:whatever"))

    assert problem.what == "this value is of form 2, and this version of dango knows form 1"
    assert "newer version" in problem.hint


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "empty"),
        (None, "null"),
        ("a\0b", "NUL"),
        ({"a": ["b\0"]}, "NUL"),
        ({"\0": 1}, "NUL"),
        (float("nan"), "infinite"),
        ([float("inf")], "infinite"),
        ("\ud800", "surrogate"),
        ({"\udfff": 1}, "surrogate"),
        ("enc:v1:00000000:AAAA", "sealed already"),
        ("enc:v9:x", "sealed already"),
        ("x" * LARGEST, "96 KiB"),
        (["ü" * (LARGEST // 2)], "96 KiB"),
        ([10**5000], "too many digits"),
        (b"bytes", "no such type"),
        ({1: 2}, "no such type"),
    ],
)
def test_what_could_not_be_handed_to_a_source_is_not_sealed(value, reason):
    with pytest.raises(CredentialsError, match=reason):
        seal(value, PATH, KEY.public, NOW)


def test_lists_may_lie_in_each_other_but_not_endlessly():
    value = "x"
    for _ in range(DEEPEST):
        value = [value]

    assert opened(entry(seal(value, PATH, KEY.public, NOW)))[0] == {PATH: value}
    assert "nested deeper" in flaw([value])


@pytest.mark.parametrize(
    "plaintext",
    [
        b"", b"NaN", b"[Infinity]", b"{", b"'x'", b"null", b'""', b'"\\ud800"', b'"\\u0000"', b"1 2", b"\xff\xfe",
        b"[" * 100_000, b"[" * 40 + b"]" * 40, b"1" * 5000, b'"' + b"x" * 100_000 + b'"', b'"enc:v1:00000000:AAAA"',
        f'{{"{CANARY}"'.encode(), b"1e999",
    ],
)  # fmt: skip
def test_anybody_can_seal_anything_but_only_what_a_secret_can_be_is_a_value(plaintext):
    padded = plaintext + b" " * (-len(plaintext) % 32) or b" " * 32

    assert "can't be a secret" in why(entry(crafted(padded))).what


def test_what_is_crafted_well_opens():
    assert opened(entry(crafted(b'{"a": 1}' + b" " * 24))) == ({PATH: {"a": 1}}, [])


def test_a_public_key_for_which_there_is_no_secret_is_refused():
    with pytest.raises(CredentialsError, match="the public key is none"):
        seal("x", PATH, PublicKey(bytes(32)), NOW)


def test_the_time_is_bound_too():
    head, text = seal("x", PATH, KEY.public, NOW).rsplit(":", 1)
    raw = decode(text)

    assert "tampered with" in why(entry(f"{head}:{encode(bytes(5) + raw[5:])}")).what


def test_no_representation_shows_a_value_or_what_stands_in_its_place():
    token = parse_token(seal("x", PATH, KEY.public, NOW))

    assert CANARY not in repr(entry(CANARY))
    assert "body" not in repr(token)
    assert CANARY not in repr(sealed._Opened(CANARY))


def test_a_problem_of_a_form_has_no_place_before_it_is_known_where_it_stands():
    assert isinstance(parse_token("x"), Problem)
    assert parse_token("x").at is None


def test_what_an_earlier_version_has_sealed_opens_for_ever():
    key = PrivateKey.of(bytes(range(32)))
    path = ("sources", "a.b", "credentials")
    token = (
        "enc:v1:eedd883d:"
        "AGsFfEBem1tNXQjVcQSsrroJtT87SZvYHtXQUVmC1ZfumE-DVvsqKjFwyaxstAGJnRh1M3IQelbY45ri43M6ZxQp9K"
        "X8oHCXcBA48l9I9e2FkdeUf6qu2v4TVBwhlasVt82b-AS1KLixqiN3RRroKBJEd0DhzBCTxw"
    )

    values, problems = opened(entry(token, path), ring=KeyRing.of(key.text()))

    assert (values, problems) == ({path: {"password": "pässword", "port": 5432}}, [])
    assert parse_token(token).sealed_at == NOW
