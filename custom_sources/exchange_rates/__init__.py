"""Daily exchange rates, as central banks publish them, from Frankfurter (its documentation: frankfurter.dev/v1).

A package: the source here, what speaks to the API in `client.py`.

sources:
  - name: exchange_rates
    type: dlt_native
    dlt_native:
      source_module: exchange_rates
      source_function: exchange_rates
      function_kwargs: {base: SGD, symbols: [EUR, MYR, USD], start_date: "2024-01-01"}
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dlt
from dlt.extract import DltResource

from .client import HOST, Frankfurter

PAGE = 90  # days in one request

Row = dict[str, Any]


@dlt.source
def exchange_rates(
    base: str = "EUR", symbols: list[str] | None = None, start_date: str = "2024-01-01", base_url: str = HOST
) -> tuple[DltResource, DltResource]:
    """Load `rates` of one unit of `base` from `start_date` on, and `currencies`.

    `symbols` are the currencies to load, all of them if not given. For one more, later, load anew with
    `--full-refresh`: the days that are there are not asked for again.
    """
    api = Frankfurter(base_url)
    cursor: dlt.sources.incremental[str] = dlt.sources.incremental("date", initial_value=start_date)
    return rates(api, base, symbols, cursor), currencies(api)


@dlt.resource(
    write_disposition="merge",
    primary_key=["date", "base", "currency"],
    columns={"date": {"data_type": "date"}, "rate": {"data_type": "double"}},
)
def rates(
    api: Frankfurter, base: str, symbols: list[str] | None, cursor: dlt.sources.incremental[str]
) -> Iterator[list[Row]]:
    """One row a day and currency, up to yesterday: the rates of today may still change. Days off have none."""
    api.check([base, *(symbols or [])])
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    for begin, end in windows(date.fromisoformat(cursor.last_value or ""), yesterday):
        for day, found in api.series(begin, end, base, symbols).items():
            # what begins on a day off is answered from the working day before it
            if begin.isoformat() <= day:
                yield [{"date": day, "base": base, "currency": key, "rate": rate} for key, rate in found.items()]


@dlt.resource(write_disposition="replace", primary_key="currency")
def currencies(api: Frankfurter) -> Iterator[list[Row]]:
    """Each currency that there are rates for, and its name."""
    yield [{"currency": currency, "name": name} for currency, name in api.currencies().items()]


def windows(begin: date, end: date) -> Iterator[tuple[date, date]]:
    """Cut the days from `begin` to `end`, both among them, into pieces of at most a page."""
    while begin <= end:
        last = min(begin + timedelta(days=PAGE - 1), end)
        yield begin, last
        begin = last + timedelta(days=1)
