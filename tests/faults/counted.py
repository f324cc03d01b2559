"""A dlt source module for projects under test: virtual infinite tables, handed out page by page.

It is copied into a project's `custom_sources/`. Every page is written to a ledger, `handed-<source>`, before any of its
rows leaves the generator, so that the warehouse can be compared with what was extracted.
"""

from pathlib import Path

import dlt
import pyarrow as pa

APPENDED, ORDERS, AGAIN, STOCK, SNAPSHOT, FACTS = 60, 40, 20, 30, 320_000, 130_000


def hand_out(name, first, last):
    with Path(f"handed-{name}").open("a") as ledger:
        ledger.write(f"{first} {last}\n")


@dlt.source
def events():
    """Append: rows 1, 2, 3, ...; each has one to three items, and each of those one part."""

    @dlt.resource(write_disposition="append")
    def rows(at=dlt.sources.incremental("id", initial_value=0)):  # noqa: B008 - dlt's idiom
        first = at.last_value + 1
        hand_out("events", first, first + APPENDED - 1)
        for i in range(first, first + APPENDED):
            yield {"id": i, "items": [{"n": n, "of": i, "parts": [{"of": i}]} for n in range(1 + i % 3)]}

    return rows


@dlt.source
def orders():
    """Merge: page b (from 0) brings 40 new keys, and the 20 before them once more with other items."""

    @dlt.resource(write_disposition="merge", primary_key="id")
    def rows():
        state = dlt.current.resource_state()  # dlt's own cursor would drop the rows that come once more
        last = state.get("last", 0)
        state["last"] = last + ORDERS
        hand_out("orders", last + 1, last + ORDERS)
        page = last // ORDERS
        for i in range(last + ORDERS, max(0, last - AGAIN), -1):
            items = [{"page": page, "parts": [{"page": page}]} for _ in range(1 + (i + page) % 3)]
            yield {"id": i, "page": page, "items": items}

    return rows


@dlt.source
def stock():
    """Replace: every page is the whole table, all rows with the number of the page."""

    @dlt.resource(write_disposition="replace")
    def rows():
        state = dlt.current.source_state()  # dlt forgets a resource's own state when it replaces its table
        page = state["stock"] = state.get("stock", 0) + 1
        hand_out("stock", page, page)
        yield [{"id": i, "page": page, "places": [{"page": page}, {"page": page}]} for i in range(STOCK)]

    return rows


@dlt.source
def bulk():
    """Arrow tables of more than one row group: one appended, one replaced, in the same load."""

    def page(name):
        state = dlt.current.source_state()
        number = state[name] = state.get(name, 0) + 1
        return number

    @dlt.resource(write_disposition="append")
    def facts():
        number = page("facts")
        hand_out("bulk", (number - 1) * FACTS + 1, number * FACTS)
        yield pa.table({"id": pa.array(range((number - 1) * FACTS + 1, number * FACTS + 1), pa.int64())})

    @dlt.resource(write_disposition="replace")
    def snapshot():
        number = page("snapshot")
        yield pa.table(
            {"id": pa.array(range(SNAPSHOT), pa.int64()), "page": pa.array([number] * SNAPSHOT, pa.int64())}
        )

    return facts, snapshot
