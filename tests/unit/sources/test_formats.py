import datetime as dt

import pytest

from dango_action.sources.rest.formats import FORMATS

NOON = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("form", "values", "held", "sent"),
    [
        ("unix_seconds", (1769860800, "1769860800", 1769860800.0, "2026-01-31T13:00:00+01:00"), NOON, 1769860800),
        ("unix_milliseconds", (1769860800000, "1769860800000", "2026-01-31T12:00:00Z"), NOON, 1769860800000),
        ("iso8601", ("2026-01-31T12:00:00Z", "2026-01-31T07:00:00-05:00", NOON), NOON, "2026-01-31T12:00:00Z"),
        ("date", ("2026-01-31", "2026-01-31T12:00:00Z", NOON), "2026-01-31", "2026-01-31"),
        ("integer", (7, "7"), 7, 7),
        ("text", ("b7",), "b7", "b7"),
    ],
)
def test_one_value_in_each_way_to_write_it_is_one_for_the_cursor_and_is_sent_as_the_api_writes_it(
    form, values, held, sent
):
    for value in values:
        assert FORMATS[form].held(value) == held
    assert FORMATS[form].write(held) == sent
    assert FORMATS[form].write(FORMATS[form].held(held)) == sent


@pytest.mark.parametrize("value", [1, 999, 1_769_860_800_123, 253_402_300_799_999])
def test_no_millisecond_gets_lost(value):
    form = FORMATS["unix_milliseconds"]

    assert form.write(form.held(value)) == value
