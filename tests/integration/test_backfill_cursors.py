"""Wherever a cursor is declared, and whatever its values are like, a window is loaded by it and nothing else is."""

import http.server
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import ClassVar

import dlt
import pendulum
import pyarrow as pa
import pytest
from backfills import Warehouse
from dlt.extract.items_transform import MapItem
from dlt.sources.rest_api import rest_api_resources

from dango_action.errors import ConfigError, Problem, SourceError
from dango_action.sync.cursors import cursor_of, range_of
from dango_action.window import Window

incremental = dlt.sources.incremental
CURSOR = incremental("at", initial_value=0)
UNTYPED = incremental("at")
ROWS = [{"id": n, "at": n} for n in range(9)]
THREE_TO_FIVE = Window(since=3, until=5)


def day(number, **parts):
    return datetime(2024, 1, number, tzinfo=UTC) + timedelta(**parts)


def served(cursor):
    served.bounds = (cursor.start_value, cursor.last_value, cursor.end_value)
    yield ROWS


def in_signature():
    @dlt.resource
    def rows(at=CURSOR):
        yield from served(at)

    return rows


def renamed():
    return in_signature()().with_name("rows")


def by_annotation():
    @dlt.resource
    def rows(at: incremental[int] = UNTYPED):
        yield from served(at)

    return rows


def handed_over():
    @dlt.resource
    def rows(_, at: incremental[int] | None = None):
        yield from served(at)

    return rows(1, at=incremental("at", initial_value=0))


def begin_handed_over():
    @dlt.resource
    def rows(at=UNTYPED):
        yield from served(at)

    return rows(at=7)


def by_decorator():
    @dlt.resource(incremental=CURSOR)
    def rows(at: incremental[int] | None = None):
        yield from served(at)

    return rows


def by_hint():
    rows = handed_over()
    rows.apply_hints(incremental=incremental("id", initial_value=1))
    return rows


def asynchronous():
    @dlt.resource
    async def rows(at=CURSOR):
        for row in served(at):
            yield row

    return rows


def parallelized():
    @dlt.resource(parallelized=True)
    def rows(at=CURSOR):
        yield from served(at)

    return rows


def of_what_it_is_fed():
    @dlt.transformer(data_from=dlt.resource([1], name="feeding"))
    def rows(_, at=CURSOR):
        yield from served(at)

    return rows


@pytest.mark.parametrize(
    "declared",
    [
        in_signature, renamed, by_annotation, handed_over, begin_handed_over, by_decorator, by_hint, asynchronous, parallelized,
        of_what_it_is_fed,
    ],
)  # fmt: skip
def test_a_cursor_is_found_where_it_is_declared_and_the_code_sees_the_window(declared):
    resource = dlt.source(declared, name="s")().resources["rows"]
    cursor = cursor_of(resource)
    assert cursor.cursor_path == ("id" if declared is by_hint else "at")

    range_of(cursor, None, THREE_TO_FIVE, clipped=False).bound(resource, cursor)

    assert [row["id"] for row in resource] == [3, 4]
    assert served.bounds == (3, 3, 5)


def test_a_window_is_closed_at_its_begin_and_open_at_its_end_whatever_the_cursor_says_of_itself():
    resource = dlt.resource([*ROWS, {"id": 9, "at": None}], name="rows")
    ends = {"range_start": "open", "range_end": "closed", "lag": 2, "allow_external_schedulers": True}
    resource.apply_hints(incremental=incremental("at", on_cursor_value_missing="include", **ends))
    cursor = cursor_of(resource)

    range_of(cursor, 9, THREE_TO_FIVE, clipped=True).bound(resource, cursor)

    assert [row["id"] for row in resource] == [3, 4]


def test_what_has_no_cursor_has_none_even_where_there_is_a_place_for_one():
    @dlt.resource
    def rows(at: incremental[int] | None = None):
        yield at

    assert cursor_of(rows) is None
    assert cursor_of(dlt.resource([1], name="plain")) is None


class Asked(http.server.BaseHTTPRequestHandler):
    """Answers with a row for each hour, and keeps what it was asked for."""

    paths: ClassVar[list[str]] = []

    def do_GET(self):
        self.paths.append(self.path)
        rows = [{"at": f"2024-01-{n:02}T{hour:02}:00Z"} for n in range(2, 6) for hour in (0, 12)]
        body = json.dumps(rows).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_a_server_that_rest_api_asks_hears_both_ends_of_the_window(serve):
    begin = {"cursor_path": "at", "start_param": "from", "end_param": "to", "initial_value": "2020-01-01T00:00Z"}
    endpoint = {"path": "rows", "paginator": "single_page", "incremental": begin}
    client = {"base_url": serve(Asked)}
    [resource, plain] = rest_api_resources(
        {"client": client, "resources": [{"name": "rows", "endpoint": endpoint}, "plain"]}
    )
    cursor = cursor_of(resource)

    range_of(cursor, None, Window(since=day(3), until=day(4, hours=1)), clipped=False).bound(resource, cursor)

    assert [row["at"] for row in resource] == ["2024-01-03T00:00Z", "2024-01-03T12:00Z", "2024-01-04T00:00Z"]
    assert Asked.paths == ["/rows?from=2024-01-02T23%3A59Z&to=2024-01-04T01%3A01Z"]
    assert cursor_of(plain) is None


DAYS = Window(since=day(3, hours=1), until=day(5))
PLUS_TWO = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("like", "since", "until"),
    [
        (day(9), day(3, hours=1), day(5)),
        (day(9).replace(tzinfo=None), datetime(2024, 1, 3, 1), datetime(2024, 1, 5)),  # noqa: DTZ001 - that is the case
        (date(2024, 1, 9), date(2024, 1, 4), date(2024, 1, 5)),
        ("2024-01-09", "2024-01-03", "2024-01-05"),
        ("2024-01-09T00:00:00Z", "2024-01-03T00:59:00Z", "2024-01-05T00:01:00Z"),
        ("2024-01-09 00:00:00.123", "2024-01-03 00:59:00.000", "2024-01-05 00:01:00.000"),
        (
            "2024-01-09T00:00:00.123456789+02:00",
            "2024-01-02T01:00:00.000000000+02:00",
            "2024-01-06T04:00:00.000000000+02:00",
        ),
    ],
)
def test_a_window_of_times_has_the_form_of_the_values(like, since, until):
    made = range_of(incremental("at"), like, DAYS, clipped=False)

    assert (made.initial, made.end) == (since, until)
    assert type(made.initial) is type(like)
    assert made.kind == "timestamptz"


@pytest.mark.parametrize(("like", "kind"), [(9, "bigint"), (9.5, "double"), (Decimal(9), "decimal(38, 18)")])
def test_a_window_of_numbers_has_their_type_and_ends_at_the_cursor_if_it_has_no_end(like, kind):
    window = Window(since=3, until=None)

    clipped = range_of(incremental("at"), like, window, clipped=True)
    whole = range_of(incremental("at"), like, window, clipped=False)

    assert (clipped.initial, clipped.end, whole.end) == (3, like, like + 1)
    assert type(whole.initial) is type(like)
    assert clipped.kind == kind


def test_code_that_counts_on_the_type_of_its_own_begin_has_that_type():
    cursor = incremental("at", initial_value=pendulum.datetime(2020, 1, 1))

    assert isinstance(range_of(cursor, day(9), DAYS, clipped=True).initial, pendulum.DateTime)
    assert range_of(incremental[date]("at"), None, DAYS, clipped=False).end == date(2024, 1, 5)


def test_texts_of_one_moment_are_one_moment_and_rows_without_a_time_lie_in_no_window():
    texts = [
        "2024-01-02T23:59:59.999Z", "2024-01-03T00:00:00Z", "2024-01-03T00:00:00.000Z", "2024-01-03T00:00:00+00:00",
        "2024-01-04T23:59:59", "2024-01-05T00:00:00Z", "2024-01-05T00:00:00+00:00", "2024-01-04T soon", None,
    ]  # fmt: skip
    resource = dlt.resource([{"at": text} for text in texts], name="rows")
    resource.apply_hints(incremental=incremental("at", on_cursor_value_missing="exclude"))
    cursor = cursor_of(resource)

    window = Window(since=day(3), until=day(5))
    range_of(cursor, "2024-01-09T00:00:00Z", window, clipped=True).bound(resource, cursor)

    assert [row["at"] for row in resource] == texts[1:5]


def test_a_window_of_winter_is_whole_though_the_stored_text_is_one_of_summer():
    texts = [f"2024-01-{n:02}T{hour:02}:30:00+01:00" for n in (2, 3, 4, 5) for hour in (0, 1, 22, 23)]
    resource = dlt.resource([{"at": text} for text in texts], name="rows", incremental=incremental("at"))
    cursor = cursor_of(resource)

    window = Window(since=day(3), until=day(5))
    range_of(cursor, "2024-07-01T00:00:00+02:00", window, clipped=True).bound(resource, cursor)

    assert [row["at"] for row in resource] == [*texts[5:12], texts[12]]


@pytest.mark.parametrize(
    ("cursor", "stored", "window", "clipped", "what"),
    [
        (incremental("at", last_value_func=min), 9, THREE_TO_FIVE, False, "does not go up"),
        (incremental("at"), None, THREE_TO_FIVE, False, "are not known"),
        (incremental("at"), "some day", DAYS, False, "are not known, or no times"),
        (incremental("at"), True, THREE_TO_FIVE, False, "are not known, or no times"),
        (incremental("at"), 9, DAYS, False, "is a number, and the window has none"),
        (incremental("at"), "2024-01-09", THREE_TO_FIVE, False, "is a time, and the window has none"),
        (incremental("at", 0), None, THREE_TO_FIVE, True, "nothing is stored of its cursor"),
        (incremental("at", 0), None, Window(since=3, until=None), False, "nothing is stored of its cursor"),
        (incremental("at"), 3, THREE_TO_FIVE, True, "begins after all that its cursor `at` has passed"),
        (incremental("at"), day(3, hours=1), DAYS, True, "begins after all that its cursor `at` has passed"),
    ],
)  # fmt: skip
def test_where_there_is_no_such_window_the_reason_is_said(cursor, stored, window, clipped, what):
    problem = range_of(cursor, stored, window, clipped=clipped)

    assert isinstance(problem, Problem)
    assert what in problem.what


@pytest.fixture
def warehouse(tmp_path):
    return Warehouse(tmp_path)


def shop(*resources):
    return dlt.source(lambda: resources, name="shop", section="shop")()


def made(rows=ROWS, name="rows", **hints):
    return dlt.resource(rows, name=name, incremental=incremental("at"), **hints)


class Behind(MapItem):
    """A step that comes behind the cursor, where a map of dlt's comes before it."""

    placement_affinity = 2


def test_what_a_sources_own_code_keeps_in_its_state_stays_as_it_was_too(warehouse):
    @dlt.resource(primary_key="id", write_disposition="merge")
    def rows(at=UNTYPED):
        dlt.current.resource_state()["page"] = str(at.start_value)
        yield ROWS

    warehouse.run(shop(rows))
    before = warehouse.state()

    warehouse.run(shop(rows), ("3", "5"))

    assert warehouse.state() == before


def test_a_cursor_that_is_made_while_rows_are_loaded_is_noticed_and_nothing_is_changed(warehouse):
    def outer(rows):
        @dlt.resource(name="outer", write_disposition="merge", primary_key="id")
        def outer(_at=UNTYPED):
            yield from dlt.resource(rows, name="inner", incremental=incremental("id"))

        return shop(outer)

    warehouse.run(outer(ROWS))

    with pytest.raises(SourceError, match="the cursor `id` of `inner` has moved"):
        warehouse.run(outer([*ROWS, {"id": 99, "at": 4}]), ("3", "5"))
    assert warehouse.query("select count(*) from raw_shop.outer") == [(9,)]


def test_tables_that_cannot_be_cleared_are_named_all_at_once(warehouse):
    def source(**more):
        arrow = pa.Table.from_pylist(ROWS)
        marked = [dlt.mark.with_table_name({**row}, f"marked{row['at'] % 2}") for row in ROWS]
        hidden = made(name="hidden")
        hidden.add_step(Behind(lambda row: {"id": row["id"]}))
        strict = made([*ROWS[:4], {**ROWS[4], **more}, *ROWS[5:]], name="strict")
        strict.apply_hints(schema_contract={"columns": "discard_row"})
        return shop(made([arrow], name="arrow"), made(marked, name="marked"), hidden, strict, made(name="good"))

    warehouse.run(source())

    with pytest.raises(ConfigError) as raised:
        warehouse.run(source(new=1), ("3", "5"))
    named = {problem.what.split("`")[1] for problem in raised.value.problems}
    assert named == {"arrow", "marked", "hidden", "strict"}


def test_rows_of_arrow_tables_that_say_which_load_has_brought_them_are_replaced(warehouse, monkeypatch):
    monkeypatch.setenv("NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID", "true")
    warehouse.run(shop(made([pa.Table.from_pylist([{**row, "v": 1} for row in ROWS])])))
    warehouse.run(shop(made([pa.Table.from_pylist([{**row, "v": 2} for row in ROWS])])), ("3", "5"))

    rows = warehouse.query("select id, v from raw_shop.rows order by all")

    assert rows == [(n, 2 if n in (3, 4) else 1) for n in range(9)]


def test_arrow_tables_with_texts_for_times_are_refused():
    table = pa.Table.from_pylist([{"at": f"2024-01-0{n}T00:00:00Z"} for n in range(1, 9)])
    resource = made([table])
    cursor = cursor_of(resource)
    range_of(cursor, "2024-01-09T00:00:00Z", DAYS, clipped=True).bound(resource, cursor)

    with pytest.raises(Exception, match="texts in Arrow tables or data frames can't be held against a window"):
        list(resource)


def test_what_a_bounded_resource_feeds_is_bounded_too_even_if_that_alone_is_selected(warehouse):
    def source(version):
        orders = made(ROWS, name="orders")
        details = dlt.transformer(
            lambda row: [{"id": row["id"], "v": version}],
            data_from=orders,
            name="details",
            write_disposition="merge",
            primary_key="id",
        )
        return shop(orders, details).with_resources("details")

    warehouse.run(source(1))
    before = warehouse.state()

    warehouse.run(source(2), ("3", "5"))

    assert warehouse.query("select id, v from raw_shop.details order by id") == [
        (n, 2 if n in (3, 4) else 1) for n in range(9)
    ]
    assert warehouse.state() == before
    with pytest.raises(ConfigError, match="`details` can't be backfilled: its cursor `at` is a number"):
        warehouse.run(source(3), ("2024-01-01", "2024-01-02"))


def test_a_table_that_each_row_of_another_resource_may_choose_loses_none_of_those_rows(warehouse):
    source = shop(made(), dlt.resource(ROWS, name="others", table_name=lambda _: "rows"))
    warehouse.run(source)

    with pytest.raises(ConfigError, match="a table that `others` writes to as well, or may"):
        warehouse.run(source, ("3", "5"))


@pytest.mark.parametrize("contract", ["discard_row", {"columns": "discard_row"}, {"data_type": "discard_row"}])
def test_nested_rows_that_a_contract_may_discard_are_not_deleted(warehouse, contract):
    def source(contract, **more):
        return shop(made([{**row, "items": [{"x": 1, **more}]} for row in ROWS], schema_contract=contract))

    warehouse.run(source("evolve"))

    with pytest.raises(ConfigError, match="may discard rows of `rows__items` that are there by now"):
        warehouse.run(source(contract, new=1), ("3", "5"))
    assert warehouse.query("select count(*) from raw_shop.rows__items") == [(9,)]
