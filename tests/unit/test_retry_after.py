"""How long a server asks to wait, in each of the forms that there are."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from dango_action.retry_after import seconds_of


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), (" 120 ", 120), ("2.0", 2), ("0.25", 0.25)])
def test_a_number_is_so_many_seconds(text, seconds):
    assert seconds_of(text) == seconds


def test_a_date_is_the_time_until_then_and_none_if_it_has_passed():
    now = datetime.now(UTC)

    assert 50 < seconds_of(format_datetime(now + timedelta(seconds=60), usegmt=True)) <= 60
    assert seconds_of(format_datetime(now - timedelta(seconds=60), usegmt=True)) == 0


@pytest.mark.parametrize(
    "text", [None, "", "soon", "-1", "1e9", "nan", "9" * 10, "1.", "Wed, 25 Nov 2026 12:00:00", 5]
)
def test_anything_else_says_nothing(text):
    assert seconds_of(text) is None


def test_a_year_that_no_clock_has_says_nothing_or_for_ever():
    assert seconds_of("Fri, 31 Dec 9999 23:59:59 GMT") == 1e9
    assert seconds_of("Fri, 31 Dec 99999 23:59:59 GMT") is None
