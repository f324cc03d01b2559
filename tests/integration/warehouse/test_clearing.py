import duckdb
import pytest

from dango_action.errors import SourceError
from dango_action.protocol import Clearing
from dango_action.warehouse.clearing import clear


@pytest.fixture
def shop():
    """Give ten rows of an old load, one a day, each with a nested row that has one, too."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'; create schema s")
        connection.execute("create table s.t (id int, day varchar, n int, _dlt_id varchar, _dlt_load_id varchar)")
        for table in ("t__a", "t__a__b"):
            connection.execute(f"create table s.{table} (_dlt_id varchar, _dlt_parent_id varchar)")
        for day in range(1, 11):
            add(connection, day, f"2024-01-{day:02}T00:00:00Z", "old")
        yield connection


def add(connection, number, at, load, mark=""):
    connection.execute("insert into s.t values (?, ?, ?, ?, ?)", [number, at, number, f"{number}{mark}", load])
    connection.execute("insert into s.t__a values (?, ?)", [f"a{number}{mark}", f"{number}{mark}"])
    connection.execute("insert into s.t__a__b values (?, ?)", [f"b{number}{mark}", f"a{number}{mark}"])


def clearing(since, until, kind="timestamptz", column="day"):
    nested = {"t__a": "t", "t__a__b": "t__a"}
    return Clearing(table="t", column=column, kind=kind, since=since, until=until, nested=nested)


def left(connection):
    return [row for (row,) in connection.execute("select _dlt_id from s.t order by id, _dlt_id").fetchall()]


@pytest.mark.parametrize(
    "text", ["2024-01-03T00:00:00+00:00", "2024-01-03 00:00", "2024-01-03T02:00:00.000+02:00"]
)
def test_rows_of_the_window_go_with_all_that_is_nested_in_them_but_for_those_of_the_load(shop, text):
    add(shop, 3, text, "new", "x")
    add(shop, 4, "2024-01-04T23:59:59.9Z", "new", "x")

    clear(shop, "s", ["new"], clearing("2024-01-03", "2024-01-05"))

    assert left(shop) == ["1", "2", "3x", "4x", "5", "6", "7", "8", "9", "10"]
    for table, parent in (("t__a", "t"), ("t__a__b", "t__a")):
        orphans = f"select 1 from s.{table} where _dlt_parent_id not in (select _dlt_id from s.{parent})"
        assert shop.execute(orphans).fetchall() == []
        assert shop.execute(f"select count(*) from s.{table}").fetchall() == [(10,)]


def test_a_row_at_the_very_begin_stays_if_the_load_has_brought_none_there(shop):
    add(shop, 4, "2024-01-04T00:00:00Z", "new", "x")

    clear(shop, "s", ["new"], clearing("3", "5", "bigint", "n"))

    assert left(shop) == ["1", "2", "3", "4x", "5", "6", "7", "8", "9", "10"]


def test_a_load_whose_rows_lie_elsewhere_by_the_column_is_refused(shop):
    add(shop, 5, "2024-01-05T00:00:00Z", "new", "x")
    add(shop, 6, "some day", "new", "x")

    with pytest.raises(SourceError, match="2 rows for `t` don't lie in the window, by its column `day`"):
        clear(shop, "s", ["new"], clearing("2024-01-03", "2024-01-05"))
    assert len(left(shop)) == 12


def test_rows_of_no_load_and_of_no_time_are_old_and_out_of_every_window(shop):
    shop.execute("update s.t set _dlt_load_id = null where id = 4; update s.t set day = null where id = 5")

    clear(shop, "s", ["new"], clearing("2024-01-03T12:00", "2024-01-07"))

    assert left(shop) == ["1", "2", "3", "5", "7", "8", "9", "10"]
