from hypothesis import example, given, settings
from hypothesis import strategies as st

from dango_action.credentials.matcher import Matcher

WORD = b"ab1_"


def texts(longest):
    return st.lists(st.sampled_from([b"a", b"b", b"1", b"_", b" ", b"."]), min_size=1, max_size=longest).map(
        b"".join
    )


def places(data, patterns):
    """Return where each text stands, one by one."""
    starts = range(len(data))
    return {(at, at + len(text), text) for text in patterns for at in starts if data.startswith(text, at)}


def covered(matches):
    return {(at, text) for start, end, text in matches for at in range(start, end)}


def alone(data, start, end):
    before, behind = data[start - 1 : start] if start else b"", data[end : end + 1]
    before_goes_on = before and before in WORD and data[start : start + 1] in WORD
    return not (before_goes_on or (behind and behind in WORD and data[end - 1 : end] in WORD))


@given(st.lists(texts(20), max_size=5), st.lists(texts(9), max_size=3), st.lists(texts(30), max_size=12))
@example([b"a" * 9], [], [b"a" * 100, b"b", b"a" * 9])
@example([b"ababababa"], [b"aba"], [b"ababababab" * 5, b"b", b"ababababa"])
@settings(max_examples=300, deadline=None)
def test_every_place_of_every_text_is_covered_and_nothing_else(anywhere, words, pieces):
    data = b"".join([*pieces, *anywhere, *words])
    matcher = Matcher.of(anywhere, words)

    found = covered((match.start, match.end, match.pattern) for match in matcher.find(data))

    bound = {place for place in places(data, set(words) - set(anywhere)) if alone(data, *place[:2])}
    assert found == covered(places(data, set(anywhere)) | bound)
