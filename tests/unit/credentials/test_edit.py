import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dango_action.credentials.document import parse
from dango_action.credentials.edit import Changes, edit, yaml_key
from dango_action.credentials.keys import PublicKey
from dango_action.errors import CredentialsError

KEY, OTHER = PublicKey(bytes(range(32))), PublicKey(bytes(32))
HEAD = f"# top\nversion: 1\nkey: {KEY.text} # ours\n"
LETTERS = "abcXYZ019-_"


def changed(text, **changes):
    return edit(text.encode(), Changes(**changes), "f").decode()


def refused(text, **changes):
    with pytest.raises(CredentialsError) as caught:
        changed(text, **changes)
    return str(caught.value)


def token(mark="x"):
    return f"enc:v1:00000000:{mark}"


def lines(text):
    return text.splitlines(keepends=True)


DOCUMENT = f"""{HEAD}# before
secrets:
  # of the shop
  sources.shop.one: {token("1")}   # first
  "sources.shop.two": '{token("2")}' # second

  sources.other.one: "{token("3")}"
  PLAIN  : {token("4")}
# after
"""


def test_a_changed_secret_is_one_changed_line():
    for path, number in [(("sources", "shop", "one"), 6), (("sources", "shop", "two"), 7), (("PLAIN",), 10)]:
        after = lines(changed(DOCUMENT, put={path: token("new")}))
        before = lines(DOCUMENT)

        assert [place for place, line in enumerate(before) if line != after[place]] == [number]
        assert len(before) == len(after)
        assert before[number].partition("#")[1:] == after[number].partition("#")[1:]


def test_a_new_secret_goes_after_the_last_of_its_source():
    after = lines(changed(DOCUMENT, put={("sources", "shop", "new"): token("n")}))

    assert after[:8] + after[9:] == lines(DOCUMENT)
    assert after[8] == f"  sources.shop.new: {token('n')}\n"


def test_any_other_new_secret_goes_to_the_end_of_the_secrets_not_of_the_file():
    after = lines(changed(DOCUMENT, put={("NEW",): token("n")}))

    assert after[11:] == [f"  NEW: {token('n')}\n", "# after\n"]
    assert after[:11] == lines(DOCUMENT)[:11]


def test_several_new_secrets_stay_together_by_source():
    put = {
        path: token()
        for path in [("sources", "b", "1"), ("sources", "a", "1"), ("sources", "b", "2"), ("PLAIN2",)]
    }

    after = lines(changed(DOCUMENT, put=put))

    assert [line.split(":")[0].strip() for line in after[11:15]] == [
        "sources.b.1", "sources.b.2", "sources.a.1", "PLAIN2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "empty", ["secrets: {}", "secrets:", "secrets: null", "secrets: {} # none", "secrets: # none", "secrets:   "]
)
@pytest.mark.parametrize("end", ["\n", "", "\r\n", "\n# after\n"])
def test_the_first_secret_and_the_last_one(empty, end):
    text = f"{HEAD}{empty}{end}"

    one = changed(text, put={("a", "b"): token()})
    none = changed(one, gone=frozenset({("a", "b")}))

    assert [entry.path for entry in parse(one.encode(), "f").entries] == [("a", "b")]
    assert one.startswith(HEAD)
    assert ("# none" in one) == ("# none" in text)
    assert "secrets: {}" in none
    assert ("# none" in none) == ("# none" in text)
    assert ("# after" in none) == ("# after" in text)


def test_without_a_final_newline_nothing_runs_together():
    text = f"{HEAD}secrets:\n  a.b: {token()}"

    assert lines(changed(text, put={("c",): token()}))[-2:] == [f"  a.b: {token()}\n", f"  c: {token()}\n"]
    assert changed(text, put={("a", "b"): token("y")}) == f"{HEAD}secrets:\n  a.b: {token('y')}"


def test_line_breaks_stay_those_of_the_file():
    text = DOCUMENT.replace("\n", "\r\n")

    after = changed(text, put={("sources", "shop", "one"): token("n"), ("NEW",): token("m")})

    assert after.count("\n") == after.count("\r\n") == text.count("\r\n") + 1


def test_a_byte_order_mark_stays():
    after = changed(f"\ufeff{HEAD}secrets: {{}}\n", put={("a",): token()})

    assert after == f"\ufeff{HEAD}secrets:\n  a: {token()}\n"


def test_secrets_may_stand_first_and_have_their_own_indentation():
    text = f"secrets:\n      a.b: {token()}\nversion: 1\nkey: {KEY.text}\n"

    after = changed(text, put={("c",): token()}, key=OTHER)

    assert after == f"secrets:\n      a.b: {token()}\n      c: {token()}\nversion: 1\nkey: {OTHER.text}\n"


def test_a_removed_secret_takes_its_line_and_no_other():
    after = changed(DOCUMENT, gone=frozenset({("sources", "shop", "two"), ("PLAIN",)}))

    assert lines(after) == [line for line in lines(DOCUMENT) if "two" not in line and "PLAIN" not in line]


def test_a_moved_secret_keeps_its_place_and_its_comment():
    after = changed(DOCUMENT, moved={("sources", "shop", "one"): (("sources", "a.b", "null"), token("m"))})

    assert lines(after)[6] == f"  'sources.\"a.b\".null': {token('m')}   # first\n"
    assert lines(after)[7:] == lines(DOCUMENT)[7:]


def test_the_key_is_replaced_in_its_line():
    after = changed(DOCUMENT, key=OTHER)

    assert after == DOCUMENT.replace(KEY.text, OTHER.text)


@pytest.mark.parametrize(
    "text", ["true", "null", "~", "1", "1.5", "0x1", "-", "a: b", "#", "é", ".inf", "", "'", '"']
)
def test_a_path_that_yaml_reads_otherwise_is_quoted(text):
    key = yaml_key((text or '"',))

    assert parse(f"{HEAD}secrets:\n  {key}: {token()}\n".encode(), "f").problems == ()


@pytest.mark.parametrize(
    "secrets",
    [
        f"secrets: {{a: {token('1')}, b: {token('2')}}}",
        f"secrets:\n  {{a: {token('1')}}}",
        f"secrets:\n  a: >-\n    {token('1')}\n",
        f"secrets:\n  a:\n    {token('1')}\n",
        f'secrets:\n  a: "{token("1")}\\\n    x"\n',
        f"secrets:\n  a: {token('1')}\n    more\n",
        f"secrets:\n  a: &x {token('1')}\n  b: *x\n",
        f"secrets:\n  ? a\n  : {token('1')}\n",
        f"secrets: &x\n  ? a\n  : {token('1')}\n",
    ],
)
def test_a_document_that_is_not_one_secret_a_line_is_refused_with_the_reason(secrets):
    text = f"{HEAD}{secrets}"
    assert parse(text.encode(), "f").problems == ()

    assert "a line of its own" in refused(text, put={("a",): token("n")})


def test_a_document_with_problems_is_refused_with_all_of_them():
    answer = refused(f"{HEAD}secrets:\n  a..b: x\n  c: 1\n", put={("a",): token()})

    assert "f:5:3: this can't be the path" in answer
    assert "f:6:6: the value of `c`" in answer


def test_a_value_in_the_clear_can_be_replaced_by_a_sealed_one():
    for clear in ("hunter2", "it's: #1", "'it''s'", '"a \\" # b"', "a b"):
        text = f"{HEAD}secrets:\n  a: {clear} # why\n"
        if not parse(text.encode(), "f").problems:
            assert changed(text, put={("a",): token()}) == f"{HEAD}secrets:\n  a: {token()} # why\n"


def test_an_edit_that_would_make_the_file_too_large_is_refused():
    assert "larger than 4 MiB" in refused(DOCUMENT, put={("a",): "enc:v1:" + "A" * 4 * 1024**2})


PATHS = st.lists(
    st.text(LETTERS, min_size=1, max_size=3) | st.text(".\"' :#é\n", min_size=1, max_size=3),
    min_size=1,
    max_size=3,
).map(tuple)
TOKENS = st.text(LETTERS, min_size=1, max_size=8).map(token)
COMMENTS = st.sampled_from(["", " # x", "\t# 'y", '   # "z: 1', " "])
FILLERS = st.lists(st.sampled_from(["", "  # between", "# a: b", "      # {}"]), max_size=2)


@st.composite
def documents(draw):
    """A document as people write it, and the line of each path."""
    out, where = [*lines(HEAD), "secrets:\n"], {}
    indent = " " * draw(st.integers(1, 4))
    for path in draw(st.lists(PATHS, min_size=1, max_size=8, unique=True)):
        out += [f"{filler}\n" for filler in draw(FILLERS)]
        where[path] = len(out)
        quote = draw(st.sampled_from(["", "'", '"']))
        out.append(f"{indent}{yaml_key(path)}: {quote}{draw(TOKENS)}{quote}{draw(COMMENTS)}\n")
    out += [f"{filler}\n" for filler in draw(FILLERS)]
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    text = "".join(out).replace("\n", newline)
    return (text if draw(st.booleans()) else text.removesuffix(newline)), where


@settings(deadline=None)
@given(documents(), st.dictionaries(PATHS, TOKENS, max_size=4), st.data())
def test_edits_touch_the_lines_of_their_secrets_only(document, new, data):
    text, where = document
    before = parse(text.encode(), "f")
    assert before.problems == ()
    gone = data.draw(st.sets(st.sampled_from(sorted(where)), max_size=2))
    put = {path: value for path, value in new.items() if path not in gone}
    for path in data.draw(st.sets(st.sampled_from(sorted(where)), max_size=2)) - gone:
        put[path] = data.draw(TOKENS)

    after = changed(text, put=put, gone=frozenset(gone))

    expected = {entry.path: entry.token for entry in before.entries if entry.path not in gone} | put
    assert {entry.path: entry.token for entry in parse(after.encode(), "f").entries} == expected
    touched = {where[path] for path in where if path in put or path in gone}
    kept = [line.rstrip("\r\n") for number, line in enumerate(lines(text)) if number not in touched]
    left = iter(line.rstrip("\r\n") for line in lines(after))
    if expected:
        assert all(any(line == other for other in left) for line in kept), after
    order = [entry.path for entry in parse(after.encode(), "f").entries if entry.path in where]
    assert order == [path for path in where if path not in gone]
