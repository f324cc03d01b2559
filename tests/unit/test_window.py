from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dango_action.window import window_of

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)


def bounds(since, until=None):
    window, problems = window_of(since, until, NOW)
    assert problems == []
    return window.since, window.until


def at(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2024-01-01", at(2024, 1, 1)),
        (" 2024-01-01 10:30 ", at(2024, 1, 1, 10, 30)),
        ("2024-01-01T10:00:00Z", at(2024, 1, 1, 10)),
        ("2024-01-01T10:00:00.5+02:00", at(2024, 1, 1, 8, 0, 0, 500_000)),
        ("7d", at(2024, 6, 8, 12)),
        ("36h", at(2024, 6, 14)),
        ("2w", at(2024, 6, 1, 12)),
    ],
)
def test_a_time_is_read_in_its_zone_or_in_utc_and_a_window_without_an_end_ends_now(text, meant):
    assert bounds(text) == (meant, NOW)


def test_whole_numbers_are_numbers_and_their_end_may_be_left_to_the_stored_cursor():
    assert bounds("20240101", "20240102") == (20240101, 20240102)
    assert bounds("-5") == (-5, None)


@pytest.mark.parametrize(
    "text", ["", "soon", "2024-02-30", "2024-13-01", "0001-01-01T00:00+02:00", "999999w", "1.5", "2024-W01-1", "٣"]
)
def test_what_is_no_time_and_no_number_is_said_of_both_bounds_at_once(text):
    window, problems = window_of(text, text, NOW)

    assert window is None
    assert [p.what for p in problems] == ["`since` is no time and no number", "`until` is no time and no number"]


@pytest.mark.parametrize(
    ("since", "until", "what"),
    [
        (None, "2024-01-01", "`until` needs `since`"),
        ("2024-01-02", "2024-01-02", "does not lie before `until`"),
        ("5", "4", "does not lie before `until`"),
        ("2024-06-15T12:00", None, "lies in the future"),
        ("5", "2024-01-01", "one is a number"),
    ],
)
def test_a_window_that_holds_nothing_or_has_no_begin_is_refused(since, until, what):
    window, [problem] = window_of(since, until, NOW)

    assert window is None
    assert what in problem.what
    assert problem.hint


def test_nothing_asked_for_is_no_window():
    assert window_of(None, None) == (None, [])


@given(st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=700_000)), st.booleans())
def test_the_texts_of_a_window_say_the_same_window(ago, numeric):
    window, _ = window_of("17" if numeric else (NOW - ago).isoformat(), None, NOW)

    assert window_of(*window.texts(), NOW) == (window, [])
