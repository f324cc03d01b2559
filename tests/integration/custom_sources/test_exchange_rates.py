"""The source that is a package, against its API on loopback."""

import datetime as dt
import re

import exchange_rates
import pytest
from strict import RefusedError, Strict, served

NAMES = {"EUR": "Euro", "MYR": "Malaysian Ringgit", "SGD": "Singapore Dollar", "USD": "United States Dollar"}
DAY = dt.timedelta(days=1)


class Rates(Strict):
    """Rates of every working day from `begins` to `last`; one that begins on a day off begins with the day before it."""

    def __init__(self):
        super().__init__()
        self.begins, self.last = dt.date.min, dt.datetime.now(dt.UTC).date()

    def answer(self, asked):
        if asked.path == "/v1/currencies":
            asked.only()
            return NAMES
        query = asked.only(once=("base", "symbols"))
        found = re.fullmatch(r"/v1/(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)", asked.path)
        if not found or not {query["base"], *query["symbols"].split(",")} <= NAMES.keys():
            raise RefusedError(f"{asked.path} {query}")
        begin, end = map(dt.date.fromisoformat, found.groups())
        if not begin <= end < dt.datetime.now(dt.UTC).date() or (end - begin).days >= exchange_rates.PAGE:
            raise RefusedError(asked.path)
        while begin.weekday() > 4:
            begin -= DAY
        days = [begin + n * DAY for n in range((min(end, self.last) - begin).days + 1)]
        rates = {
            d.isoformat(): {s: d.toordinal() / 1e5 for s in query["symbols"].split(",")}
            for d in days
            if d.weekday() < 5 and d >= self.begins
        }
        return (
            {"amount": 1.0, "base": query["base"], "rates": rates}
            if rates
            else (404, {}, {"message": "not found"})
        )


@pytest.fixture
def api(monkeypatch):
    monkeypatch.setattr(exchange_rates, "PAGE", 10)  # so that pages meet on each day of a week
    made = Rates()
    with served(made) as address:
        made.address = address
        yield made
    assert not made.refused


def test_every_working_day_comes_once_up_to_yesterday_and_then_only_the_new_ones(api, warehouse):
    today = api.last
    begin = today - 60 * DAY
    while begin.weekday() != 6:  # a Sunday: the answer begins with the Friday before
        begin -= DAY
    working = [begin + n * DAY for n in range((today - begin).days) if (begin + n * DAY).weekday() < 5]
    api.last = working[-2]
    api.first = [(429, {"Retry-After": "0"}, {})]

    def sync():
        return warehouse.sync(
            "exchange_rates",
            base="SGD",
            symbols=["USD", "MYR"],
            start_date=begin.isoformat(),
            base_url=api.address,
        )

    assert sync() == {"rates": 2 * (len(working) - 1), "currencies": 4}
    assert len(api.asked) >= 8
    api.last = working[-1]
    assert sync() == {"rates": 2, "currencies": 4}
    assert sync() == {"currencies": 4}

    found = warehouse.query(
        "select date, count(*), count(distinct currency) from raw_exchange_rates.rates group by 1 order by 1"
    )
    assert found == [(day, 2, 2) for day in working]
    assert warehouse.column("select distinct typeof(rate) from raw_exchange_rates.rates") == ["DOUBLE"]


def test_a_time_without_rates_is_no_failure_and_a_mistyped_currency_is_one(api, warehouse):
    api.begins = api.last - 8 * DAY

    def sync(symbol, start):
        return warehouse.sync(
            "exchange_rates", symbols=[symbol], start_date=start.isoformat(), base_url=api.address
        )

    assert sync("USD", api.last - 30 * DAY)["rates"] in {5, 6}
    with pytest.raises(Exception, match="no rates for USDD; there are EUR, MYR, SGD, USD"):
        sync("USDD", api.last)
