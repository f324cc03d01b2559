"""A `replace` load that brings no row keeps what is there, unless it is told not to."""

import pytest

SHOP = """
    import dlt
    from pathlib import Path

    @dlt.source
    def source():
        @dlt.resource(write_disposition="replace")
        def orders():
            if not Path("empty").exists():
                yield [{"id": i, "items": [{"sku": "a"}]} for i in range(3)]

        @dlt.resource(write_disposition="append")
        def visits():
            yield {"id": 1}

        @dlt.resource(write_disposition="replace", table_name=lambda row: row["kind"])
        def kinds():
            yield [{"kind": kind} for kind in ("cats", *([] if Path("empty").exists() else ["dogs"]))]

        return orders, visits, kinds
"""
COUNTS = "select (from raw_shop.orders select count(*)), (from raw_shop.orders__items select count(*))"


@pytest.fixture
def shop(project):
    project.module("shop", SHOP)
    return project


def sources(project, **options):
    project.sources({"name": "shop", **options})


@pytest.mark.parametrize("strategy", ["truncate-and-insert", "insert-from-staging", "staging-optimized"])
def test_rows_stay_by_default_and_the_run_says_how_to_empty_the_table(shop, strategy):
    shop.write(".dlt/config.toml", f'[destination]\nreplace_strategy = "{strategy}"\n')
    sources(shop)
    shop.sync()
    shop.write("empty", "")

    done = shop.sync()

    assert done.code == 0, done.err
    [warning] = done.document["warnings"]
    assert warning["what"] == "`raw_shop.orders` keeps its rows: a `replace` load has brought none for it"
    assert "`on_empty_replace: allow` for source `shop`" in warning["hint"]
    assert done.source("shop")["kept"] == ["orders"]
    assert shop.query(COUNTS) == [(3, 3)]
    assert shop.one("select count(*) from raw_shop.visits") == 2
    kinds = [shop.one(f"select count(*) from raw_shop.{kind}") for kind in ("cats", "dogs")]
    assert kinds == [1, 0], "a resource that has brought rows for one table empties the other"


def test_if_it_is_allowed_the_table_is_emptied_and_then_there_is_nothing_to_keep(shop):
    sources(shop)
    shop.sync()
    shop.write("empty", "")
    sources(shop, on_empty_replace="allow")

    done = shop.sync()

    assert done.document["warnings"] == []
    assert shop.query(COUNTS) == [(0, 0)]
    sources(shop)
    assert shop.sync().document["warnings"] == []


def test_a_first_load_without_rows_is_nothing_special(shop):
    shop.write("empty", "")
    sources(shop)

    done = shop.sync()

    assert (done.code, done.document["warnings"]) == (0, [])


def test_a_full_refresh_that_would_empty_a_table_fails_and_everything_stays(shop):
    sources(shop)
    shop.sync()
    shop.write("empty", "")

    done = shop.sync("--full-refresh")

    assert done.code == 5
    assert done.source("shop")["cause"] == "`orders` would be empty: the full refresh has brought no row for it"
    assert shop.query(COUNTS) == [(3, 3)]
    assert shop.one("select count(*) from raw_shop.visits") == 1

    sources(shop, on_empty_replace="allow")
    assert shop.sync("--full-refresh").code == 0
    assert shop.one("select count(*) from raw_shop.visits") == 1
    assert (
        shop.one("select count(*) from duckdb_tables() where schema_name = 'raw_shop' and table_name = 'orders'")
        == 0
    )
