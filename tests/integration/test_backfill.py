"""A backfill loads a window again: no row is lost or doubled by it, and the stored cursors stay."""

import json

import pytest
from lakes import query

# Its rows lie in a file; what it asks for can be seen in another one.
SHOP = """
    import dlt, json
    from datetime import date, datetime
    from pathlib import Path

    def served(kind, cursor=None):
        if cursor is not None:
            with Path("asked.txt").open("a") as asked:
                print(kind, cursor.last_value, cursor.start_value, cursor.end_value, sep="|", file=asked)
        yield from json.loads(Path("rows.json").read_text()).get(kind, [])

    @dlt.source
    def source():
        @dlt.resource(write_disposition="merge", primary_key="id")
        def orders(at: dlt.sources.incremental[datetime] = dlt.sources.incremental("at")):
            yield [{**row, "at": datetime.fromisoformat(row["at"])} for row in served("orders", at)]

        @dlt.resource(write_disposition="append")
        def notes():
            yield from served("notes")
        notes.apply_hints(incremental=dlt.sources.incremental("at"))

        @dlt.resource(write_disposition="append", parallelized=True)
        def days(at=None):
            for row in served("days"):
                yield {**row, "at": date.fromisoformat(row["at"])}
        days.apply_hints(incremental=dlt.sources.incremental("at"))

        @dlt.transformer(data_from=orders, write_disposition="merge", primary_key="id")
        def details(rows):
            yield [{"id": row["id"], "v": row["v"]} for row in rows]

        @dlt.resource(write_disposition="replace")
        def kinds():
            yield {"kind": "a"}

        return orders, notes, days, details, kinds
"""


@pytest.fixture
def shop(project):
    project.module("shop", SHOP)
    project.sources("shop")
    return project


def serve(project, **rows):
    project.write("rows.json", json.dumps(rows))


def dated(days, v, **columns):
    return [{"id": i, "at": f"2024-01-{i:02}", "v": v, **columns} for i in days]


def timed(days, v, zone="Z", **columns):
    return [{**row, "at": f"{row['at']}T00:00:00{zone}"} for row in dated(days, v, **columns)]


def versions(project, table):
    return dict(project.query(f"select id, v from raw_shop.{table} order by id"))


def state(project):
    return project.query("select version, state from raw_shop._dlt_pipeline_state order by all")


def test_each_kind_of_resource_has_the_window_anew_and_the_next_sync_goes_on_from_where_it_was(shop):
    notes = timed(range(1, 11), 1, items=[{"deep": [{"x": 1}]}])
    serve(shop, orders=timed(range(1, 11), 1), notes=notes, days=dated(range(1, 11), 1))
    assert shop.sync().code == 0
    before = state(shop)
    later = [
        *range(1, 10),
        11,
    ]  # a row at the cursor that has changed is a new one to dlt, with a backfill or without
    notes = [*timed(later, 2, items=[{"deep": [{"x": 2}] * 2}], new=1), notes[-1]]
    serve(shop, orders=timed(later, 2), notes=notes, days=dated(later, 2, new="a"))

    for _ in range(2):
        done = shop.sync("--since", "2024-01-03", "--until", "2024-01-05T00:00+00:00")

        assert done.code == 0, done.err
        expected = {i: 2 if i in (3, 4) else 1 for i in range(1, 11)}
        assert {table: versions(shop, table) for table in ("orders", "notes", "days", "details")} == dict.fromkeys(
            ("orders", "notes", "days", "details"), expected
        )
        assert shop.query("select x, count(*) from raw_shop.notes__items__deep group by x order by x") == [
            (1, 8),
            (2, 4),
        ]
        assert state(shop) == before
    assert done.document["window"] == "2024-01-03T00:00:00+00:00 to 2024-01-05T00:00:00+00:00"
    assert "(backfill of 2024-01-03T00:00:00+00:00 to 2024-01-05" in done.err
    [notice] = done.document["notices"]
    assert notice["what"] == (
        "the backfill leaves `kinds` of source `shop` as it is: no incremental cursor bounds it"
    )
    window = "2024-01-03 00:00:00+00:00|2024-01-03 00:00:00+00:00|2024-01-05 00:00:00+00:00"
    assert (shop.path / "asked.txt").read_text().splitlines()[1:] == [f"orders|{window}"] * 2

    assert shop.sync().code == 0
    for table in ("orders", "notes", "days"):
        assert versions(shop, table) == {**expected, 11: 2}


def test_what_has_no_window_is_refused_with_every_reason_and_other_sources_go_on(shop):
    serve(shop, orders=timed(range(1, 4), 1))
    shop.module(
        "odd",
        """
        import dlt

        at = dlt.sources.incremental

        @dlt.source
        def source():
            def made(name, **hints):
                return dlt.resource([{"id": 1, "a": {"at": 5}, "n": 5}], name=name, **hints)

            whole = made("whole", write_disposition="replace", incremental=at("n"))
            history = made(
                "history", write_disposition={"disposition": "merge", "strategy": "scd2"}, incremental=at("n")
            )
            path = made("path", incremental=at("a.at"))
            one = made("one", incremental=at("n"), table_name="both")
            two = made("two", table_name="both")
            back = made("back", incremental=at("n", last_value_func=min), write_disposition="merge", primary_key="id")
            by_row = made("by_row", incremental=at("n"), table_name=lambda row: f"t{row['n']}")
            fed = dlt.transformer(lambda row: [row], data_from=one, name="fed")
            grouped = made("grouped", incremental=at("n"), write_disposition="merge", merge_key="id")
            safe = made("safe", incremental=at("n"), write_disposition="merge", merge_key="n")
            return whole, history, path, one, two, back, by_row, fed, grouped, safe
        """,
    )
    shop.sources("shop", "odd", {"name": "never", "module": "shop"})
    assert shop.sync("--exclude", "never").code == 0

    done = shop.sync("--since", "2024-01-02")
    assert done.code == 3
    assert done.source("shop")["rows"] == 4
    assert "this source was never synced, so there is nothing to fill" in done.source("never")["cause"]
    reasons = {
        problem["what"].split("`")[1]: problem["what"].partition(": ")[2]
        for problem in shop.sync("--source", "odd", "--since", "2", "--until", "9").source("odd")["problems"]
    }
    assert set(reasons) == {"whole", "history", "path", "one", "by_row", "fed", "grouped"}
    assert "`n` is a number, and the window has none" in str(done.source("odd")["problems"])
    assert shop.one("select count(*) from raw_odd.both") == 2


def test_an_append_that_brings_nothing_for_the_window_leaves_it_as_it_is_and_warns(shop):
    serve(shop, notes=timed(range(1, 6), 1))
    assert shop.sync().code == 0
    serve(shop, notes=timed([9], 1))

    done = shop.sync("--since", "2024-01-02", "--until", "2024-01-04")

    assert (done.code, list(versions(shop, "notes"))) == (0, [1, 2, 3, 4, 5])
    [warning] = done.document["warnings"]
    assert warning["what"] == "`raw_shop.notes` keeps its rows: a backfill has brought none for it"


def test_a_look_at_a_window_needs_no_earlier_load_and_the_inputs_are_held_against_each_other(shop):
    serve(shop, orders=timed(range(1, 11), 1))

    look = shop.sync("--limit", "2", "--since", "2024-01-04", "--until", "2024-01-08")

    assert look.code == 0
    shown = {preview["table"]: preview["rows"] for preview in look.source("shop")["preview"]}
    assert sorted(row[0] for row in shown["orders"]) == ["4", "5"]
    wrong = shop.sync("--since", "2024-01-04", "--full-refresh")
    assert (wrong.code, "can't be combined with a full refresh" in wrong.err) == (2, True)
    wrong = shop.sync("--since", "soon", "--until", "later")
    assert (wrong.code, wrong.err.count("is no time and no number")) == (2, 2)


def test_a_process_that_is_killed_between_the_new_rows_and_the_commit_leaves_the_old_ones(shop):
    serve(shop, notes=timed(range(1, 6), 1))
    assert shop.sync().code == 0
    dies = """
        import os, signal
        from dango_action.sync import pipeline

        clear = pipeline.clear

        def cleared(*arguments):
            clear(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)

        pipeline.clear = cleared
    """
    shop.module("shop", SHOP + dies.replace("\n    ", "\n"))
    serve(shop, notes=timed(range(1, 6), 2))

    done = shop.sync("--since", "2024-01-02", "--until", "2024-01-04")

    assert (done.code, versions(shop, "notes")) == (5, dict.fromkeys(range(1, 6), 1))
    assert "its process was killed by SIGKILL" in done.source("shop")["cause"]


def test_a_lake_has_the_window_anew_with_a_new_column_and_nested_rows(shop):
    shop.sources({"name": "shop", "resources": ["notes"]}, target="ducklake:lake")
    serve(shop, notes=timed(range(1, 11), 1, items=[{"x": 1}]))
    assert shop.sync().code == 0
    serve(shop, notes=timed(range(1, 11), 2, "+00:00", items=[{"x": 2}], new=1))

    done = shop.sync("--since", "2024-01-03", "--until", "2024-01-05")

    assert done.code == 0, done.err
    rows = query(
        shop,
        "select id, v, new, x from raw_shop.notes n join raw_shop.notes__items i on n._dlt_id = _dlt_parent_id",
    )
    assert sorted(rows) == [(i, 2, 1, 2) if i in (3, 4) else (i, 1, None, 1) for i in range(1, 11)]
    assert query(shop, "select count(*) from raw_shop.notes__items") == [(10,)]
