"""An example source that needs no network and no secret. Try `dango sync` twice: the second run finds nothing new.

To make it yours, put a call of your API into `fetch`, and the names of your data into `orders`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dlt
from dlt.extract import DltResource

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
# The largest `updated_at` that has been loaded: it is kept in the warehouse, together with the rows.
CURSOR: dlt.sources.incremental[datetime] = dlt.sources.incremental("updated_at", initial_value=FIRST)


@dlt.source
def example_source(currency: str = "EUR") -> DltResource:
    """Return the resources of the source. Set its parameters by `function_kwargs` in .dango/sources.yml.

    For a secret, add a parameter `api_key: str = dlt.secrets.value`; it comes from `.dlt/secrets.toml`,
    or from the variable SOURCES__EXAMPLE__API_KEY.
    """
    return orders(currency)


# A row that arrives again, with the same `id`, replaces the one in the warehouse.
@dlt.resource(write_disposition="merge", primary_key="id")
def orders(
    currency: str, updated_at: dlt.sources.incremental[datetime] = CURSOR
) -> Iterator[list[dict[str, Any]]]:
    """Yield what has changed since the last run, page by page."""
    for page in fetch(updated_at.last_value or FIRST):
        yield [{**order, "currency": currency} for order in page]


def fetch(since: datetime) -> Iterator[list[dict[str, Any]]]:
    """Stand in for an API with one order a day: give those from `since` up to now, in pages of a hundred."""
    days = range((since - FIRST).days, (datetime.now(UTC) - FIRST).days + 1)
    for start in range(0, len(days), 100):
        yield [
            {
                "id": day + 1,
                "updated_at": FIRST + timedelta(days=day),
                "amount": 10 + day % 7,
                "items": [{"sku": f"sku-{day % 3}", "quantity": 1 + day % 2}],
            }
            for day in days[start : start + 100]
        ]
