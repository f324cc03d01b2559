"""After any number of syncs and backfills, a table has what the server has, each row once."""

import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dlt
from backfills import Warehouse
from hypothesis import given, settings
from hypothesis import strategies as st

START = datetime(2024, 1, 1, tzinfo=UTC)
# How a row's number looks as the value of a cursor.
FORMS = {
    "int": lambda n: n,
    "date": lambda n: date(2024, 1, 1) + timedelta(days=n),
    "datetime": lambda n: START + timedelta(days=n),
    "date text": lambda n: f"{START + timedelta(days=n):%Y-%m-%d}",
    "text": lambda n: f"{START + timedelta(days=n):%Y-%m-%dT%H:%M:%S}" + ("Z", ".000Z", "+00:00")[n % 3],
}


def source_of(rows, form, *, exclusive):
    """Return a source that has these versions of rows by number; an `exclusive` server gives what comes after."""

    def served(cursor):
        known = cursor.last_value
        for number, version in rows.items():
            at = FORMS[form](number)
            if known is None or at > known or (at == known and not exclusive):
                yield {"id": number, "at": at, "v": version, "items": [{"v": version}]}

    cursor = dlt.sources.incremental("at")

    @dlt.resource(write_disposition="append")
    def appended(at=cursor):
        yield list(served(at))

    @dlt.resource(write_disposition="merge", primary_key="id", parallelized=True)
    def merged(at=cursor):
        yield from served(at)

    return dlt.source(lambda: (appended, merged), name="shop", section="shop")()


class Shop:
    """A server, the warehouse that is loaded from it, and what should be in it."""

    def __init__(self, folder, form, *, exclusive):
        self.warehouse, self.form, self.exclusive = Warehouse(folder), form, exclusive
        self.rows, self.reached = {1: 0, 2: 0, 3: 0}, 0
        self.expected = {"appended": {}, "merged": {}}

    def run(self, window=None):
        self.warehouse.run(source_of(self.rows, self.form, exclusive=self.exclusive), window)

    def sync(self):
        self.run()
        for table in self.expected.values():
            table |= {n: v for n, v in self.rows.items() if n > self.reached}
        self.reached = max(self.rows)

    def backfill(self, since, until):
        before = self.warehouse.state()
        bounds = (
            str(n) if self.form == "int" else (START + timedelta(days=n)).isoformat() for n in (since, until)
        )
        self.run(tuple(bounds))
        begins = (
            since if self.form == "text" or not self.exclusive else since + 1
        )  # texts are asked for a bit earlier
        inside = {n: v for n, v in self.rows.items() if begins <= n < until}
        self.expected["merged"] |= inside
        self.expected["appended"] |= {n: v for n, v in inside.items() if n < self.reached}
        assert self.warehouse.state() == before

    def check(self):
        for table, expected in self.expected.items():
            rows = f"select id, t.v, i.v from raw_shop.{table} t left join raw_shop.{table}__items i on i._dlt_parent_id = t._dlt_id"
            assert sorted(self.warehouse.query(rows)) == sorted((n, v, v) for n, v in expected.items())
            assert self.warehouse.query(f"select count(*) from raw_shop.{table}__items") == [(len(expected),)]


STEPS = st.lists(
    st.one_of(
        st.just(("sync",)),
        st.tuples(st.just("add"), st.integers(1, 3)),
        st.tuples(st.just("backfill"), st.integers(1, 9), st.integers(1, 6)),
    ),
    min_size=2,
    max_size=4,
)


@settings(max_examples=4, deadline=None)
@given(st.sampled_from(sorted(FORMS)), st.booleans(), STEPS)
def test_any_sequence_leaves_what_the_server_has_each_row_once_and_the_cursor_where_it_was(form, exclusive, steps):
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder), form, exclusive=exclusive)
        shop.sync()
        for version, (kind, *numbers) in enumerate(steps, start=1):
            # what was loaded changes at the server, except at the cursor, where dlt would take it for new
            shop.rows = {n: version if n < shop.reached else v for n, v in shop.rows.items()}
            if kind == "sync":
                shop.sync()
            elif kind == "add":
                shop.rows |= dict.fromkeys(range(max(shop.rows) + 1, max(shop.rows) + 1 + numbers[0]), version)
            else:
                since, length = numbers
                shop.backfill(since, since + length)
            shop.check()
