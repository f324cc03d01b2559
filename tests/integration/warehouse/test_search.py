"""Where a value is found in a DuckDB file, and that a look at the file's bytes does not find it."""

import base64
import json
import zlib

import duckdb
import pytest

from dango_action.credentials.forms import Known
from dango_action.credentials.scanner import Scanner
from dango_action.errors import StateError
from dango_action.warehouse.search import Hit, search

SECRET = "sk_live_\"0123'456 789/é"
ONE = (Known(path="p", text=SECRET),)


@pytest.fixture
def warehouse(tmp_path):
    """Return what runs SQL in a new file and searches the file after it."""

    def made(*statements, known=ONE, where=True):
        with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
            connection.execute("create schema if not exists raw_a")
            for sql, *values in statements:
                connection.execute(sql, values or None)
        hits = search(tmp_path / "w.duckdb", known)
        return [(hit.where, hit.fatal) for hit in hits] if where else hits

    return made


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("varchar", SECRET),
        ("varchar", f"before {SECRET} behind"),
        ("varchar", base64.b64encode(f"user:{SECRET}".encode()).decode()),
        ("varchar", json.dumps([SECRET])),
        ("varchar", "sk_live_%220123%27456%20789/%C3%A9"),
        ("json", json.dumps({"a": SECRET})),
        ("blob", f"\xff\0{SECRET}\\".encode()),
        ("varchar[]", [SECRET]),
        ("struct(a varchar, b struct(c varchar[])[])", {"a": "", "b": [{"c": ["x", SECRET]}]}),
        ("map(varchar, integer)", {SECRET: 1}),
        ("union(n integer, v varchar)", SECRET),
    ],
)
def test_a_value_in_a_column_of_a_source_is_found_and_no_reason_to_stop(warehouse, kind, value):
    found = warehouse(
        (f"create table raw_a.t (n integer, c {kind})",), ("insert into raw_a.t values (1, ?)", value)
    )

    assert found == [("raw_a.t.c", False)]


def test_a_value_in_an_enum_is_found_in_the_column_and_in_the_type(warehouse):
    quoted = SECRET.replace("'", "''")

    found = warehouse(
        (f"create type raw_a.e as enum ('{quoted}')",),
        ("create table raw_a.t as select unnest(enum_range(null::raw_a.e)) c",),
    )

    assert set(found) == {("raw_a.t.c", False), ("raw_a (names and comments)", True)}


@pytest.mark.parametrize(
    "packed", [str, lambda text: base64.b64encode(zlib.compress(json.dumps([text]).encode())).decode()]
)
def test_a_value_in_a_table_of_dlts_is_a_reason_to_stop(warehouse, packed):
    found = warehouse(
        ("create table raw_a._dlt_pipeline_state (version integer, state varchar)",),
        ("insert into raw_a._dlt_pipeline_state select 1, 'x' from range(1000)",),
        ("insert into raw_a._dlt_pipeline_state values (1, ?)", packed(SECRET)),
    )

    assert found == [("raw_a._dlt_pipeline_state.state", True)]


@pytest.mark.parametrize(
    "sql",
    [
        "create table raw_a.sk_live_0123456789 (n integer)",
        "create table raw_a.t (sk_live_0123456789 integer)",
        "create table raw_a.t (n varchar default 'sk_live_0123456789')",
        "create schema sk_live_0123456789",
        "create table raw_a.t (n integer); comment on table raw_a.t is 'the key is sk_live_0123456789'",
        "create table raw_a.t (n integer); comment on column raw_a.t.n is 'the key is sk_live_0123456789'",
    ],
)
def test_a_value_in_a_name_or_a_comment_is_a_reason_to_stop_and_is_not_told(warehouse, sql):
    hits = warehouse((sql,), known=[Known(path="p", text="sk_live_0123456789")], where=False)

    assert hits
    assert all(hit.fatal and hit.path == "p" for hit in hits)
    assert "sk_live" not in repr(hits)


def test_a_short_value_is_found_only_as_the_whole_value_of_a_field(warehouse):
    known = [Known(path="p", text="hunter2")]
    rows = "insert into raw_a.t values ('hunter2 x', '{\"a\": \"hunter2 x\"}', ['x hunter2'], 'hunter2 x'::blob)"
    table = ("create table raw_a.t (a varchar, b json, c varchar[], d blob)",)

    assert warehouse(table, (rows,), known=known) == []
    found = warehouse(
        ("insert into raw_a.t values ('hunter2', '{\"a\": \"hunter2\"}', ['hunter2'], 'hunter2'::blob)",),
        known=known,
    )
    assert found == [(f"raw_a.t.{column}", False) for column in "abcd"]


def test_settings_and_near_misses_are_not_found(warehouse):
    known = [Known(path="s", text="us-store.example", setting=True), Known(path="p", text=SECRET)]
    values = ["us-store.example", SECRET[:-1], SECRET.upper()]

    assert warehouse(("create table raw_a.t as select unnest(?) a", values), known=known) == []


def test_each_of_many_values_is_told_by_its_own_path(warehouse):
    known = [Known(path=f"p{n}", text=f"{n:04} {SECRET}" * 9) for n in range(300)]

    hits = warehouse(
        ("create table raw_a.t as select ? a", known[7].text + known[250].text), known=known, where=False
    )

    assert hits == [Hit(where="raw_a.t.a", path=path, fatal=False) for path in ("p7", "p250")]


def test_a_value_that_duckdb_has_compressed_is_found_and_a_scan_of_bytes_misses_it(tmp_path):
    known, file = [Known(path="p", text="k4nary vAlue of the shop")], tmp_path / "w.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("pragma force_compression = 'fsst'")
        connection.execute(
            "create table t as select case n when 77 then 'x k4nary vAlue of the shop' else 'a vAlue of the shop k4n ' || n end a"
            " from range(200_000) r(n)"
        )
        connection.execute("checkpoint")

    assert list(Scanner.of(known).scan_file(file)) == []
    assert search(file, known) == [Hit(where="main.t.a", path="p", fatal=False)]


def test_a_macro_in_the_file_cannot_hide_a_value(warehouse):
    found = warehouse(
        ("create macro regexp_matches(a, b) as false",),
        ("create macro main.to_json(a) as 'x'",),
        ("create table raw_a.t as select ? a, [?] b", SECRET, SECRET),
    )

    assert found == [("raw_a.t.a", False), ("raw_a.t.b", False)]


def test_what_is_no_database_is_told_without_a_word_of_what_is_in_it(tmp_path):
    (tmp_path / "w.duckdb").write_text(f"{SECRET}" * 1000)

    with pytest.raises(StateError) as caught:
        search(tmp_path / "w.duckdb", ONE)

    assert "DuckDB cannot open w.duckdb" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert search(tmp_path / "w.duckdb", []) == []
