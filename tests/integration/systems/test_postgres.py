"""The type `postgres` against a real server: values, cursors, one moment, and what goes wrong."""

from __future__ import annotations

import contextlib
import json
import math
import signal
import time
from datetime import date
from decimal import Decimal
from urllib.parse import urlsplit

import psycopg
import pytest
from databases import entry, rows, told
from postgres import PASSWORD

LAST = "9999-12-31 23:59:59.999999"
TYPES = """
    create type mood as enum ('sad', 'so "so"');
    create domain price as numeric(8, 2);
    create table types (
        id int primary key, small smallint, big bigint, real4 real, real8 double precision, flag boolean,
        exact numeric(12, 3), free numeric, wide numeric(50, 2), negative numeric(2, -3), priced price,
        moment timestamptz, wall timestamp, day date, clock time, zoned_clock timetz, span interval,
        txt text, fixed char(5), mood mood, uid uuid, bytes bytea, doc json, docb jsonb, list int[],
        texts text[][], ip inet, span4 int4range, bits bit(3), markup xml
    );
    insert into types values
    (1, -1, 9223372036854775807, 0.1, 1e300, true, 123456789.125, 1.123456789012345678901, 1e47, 12000, 9.99,
     '2024-01-02 03:04:05.123456+02', 'infinity', '-infinity', '23:59:59.999999', '12:00+02', '1 day 2 hours',
     e'\\ufeffa\\r\\n"b",\\\\N', 'ab', 'so "so"', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\x00ff22', '{"a": 1.10}',
     '{"a": 123456789012345678901234567890}', '{1,null}', '{{a,"b,c"}}', '10.0.0.1/8', '[1,5)', '101', '<a/>'),
    (2, 0, 0, 'NaN', '-Infinity', false, 0, 0, 0, 0, 0, '-infinity', '2024-01-02 03:04:05', '9999-12-31', '0:00', '0:00Z',
     '0', '', '', 'sad', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '', 'null', '[]', '{}', null, '::1', 'empty', '000', '');
    insert into types values (3);
"""


def execute(url, *statements):
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else None


@pytest.fixture
def database(postgres, request):
    """The address of an empty database of its own, which goes with the test."""
    name = request.node.name[:50]
    execute(postgres, f'create database "{name}" encoding utf8 template template0')
    yield postgres.removesuffix("postgres") + name
    execute(postgres, f'drop database "{name}" with (force)')


def loaded(value):
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return value


def test_every_value_is_the_servers_own(project, database):
    execute(database, TYPES)
    execute(
        database,
        "create table many as select i, i * 1.37 as n, md5(i::text) as h from generate_series(1, 100000) i",
    )
    project.write(".dango/sources.yml", json.dumps({"sources": [entry(database, chunk_size=30000)]}))

    done = project.sync(PASSWORD=PASSWORD)

    assert rows(done) == {"types": 3, "many": 100_000}
    # as text, both write the same; what is no text in the warehouse is compared as what it is
    texts = "zoned_clock::text, span::text, txt, fixed::text, mood::text, uid::text, ip::text, span4::text, bits::text, markup::text, wide::text"
    names = texts.replace("::text", "")
    assert project.query(f"select {names} from raw_shop.types order by id") == execute(
        database, f"select {texts} from types order by id"
    )
    plain = "id, small, big, real4, real8, flag, exact, negative, priced, clock, bytes"
    found = [
        [loaded(it) for it in row] for row in project.query(f"select {plain} from raw_shop.types order by id")
    ]
    asked = plain.replace("real4", "real4::float8")
    own = [[loaded(it) for it in row] for row in execute(database, f"select {asked} from types order by id")]
    assert found == own
    documents = "doc, docb, list, texts"
    assert project.query(f"select {documents} from raw_shop.types where id < 3 order by id") == execute(
        database,
        "select doc::text, docb::text, to_json(list)::text, to_json(texts)::text from types where id < 3 order by id",
    )
    assert project.query(
        "select free, (moment at time zone 'UTC')::text, wall::text, day from raw_shop.types order by id"
    ) == [
        (Decimal("1.123456789012345679"), "2024-01-02 01:04:05.123456", LAST, date.min),
        (Decimal(0), "0001-01-01 00:00:00", "2024-01-02 03:04:05", date(9999, 12, 31)),
        (None, None, None, None),
    ]
    kinds = dict(project.query("select column_name, data_type from duckdb_columns() where table_name = 'types'"))
    assert {kinds[it] for it in ("doc", "docb", "list", "texts")} == {"JSON"}
    assert (kinds["moment"], kinds["wall"]) == ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP")
    assert (kinds["exact"], kinds["negative"], kinds["free"]) == (
        "DECIMAL(12,3)",
        "DECIMAL(5,0)",
        "DECIMAL(38,18)",
    )
    totals = "select count(*), sum(i), sum(n), count(distinct h), max(h) from"
    assert project.query(f"{totals} raw_shop.many") == execute(database, f"{totals} many")


def write(project, *entries):
    project.write(".dango/sources.yml", json.dumps({"defaults": {"retries": 0}, "sources": entries}))


def test_tables_are_what_has_rows_of_its_own_and_names_are_read_as_they_are(project, database):
    execute(
        database,
        """
        create table "Order Lines" ("Größe 100%" int, "select" text, "Ünï" int primary key);
        insert into "Order Lines" values (1, 'x', 2);
        create table empty (id int primary key, note text);
        create table parted (id int) partition by range (id);
        create table parted_1 partition of parted for values from (0) to (10);
        insert into parted values (1), (2);
        create view doubled as select id * 2 as id from parted;
        create materialized view kept as select 5 as id;
        create table tmp_x (id int);
        """,
    )
    write(
        project,
        entry(database, name="all", exclude=["tmp_*"]),
        entry(
            database,
            name="chosen",
            tables=["doubled", "kept", "parted_1", "Order*"],
            resources=["doubled", "kept"],
        ),
    )

    done = project.sync(PASSWORD=PASSWORD)

    assert done.code == 0, done.out
    assert {it["name"]: it["rows"] for it in done.source("all")["tables"]} == {
        "order_lines": 1,
        "empty": 0,
        "parted": 2,
    }
    assert {it["name"]: it["rows"] for it in done.source("chosen")["tables"]} == {"doubled": 2, "kept": 1}
    assert project.query("from raw_all.order_lines") == [(1, "x", 2)]
    assert [name for name, *_ in project.query("describe raw_all.empty")] == ["id", "note"]


def test_a_column_keeps_its_type_and_takes_what_fits_it_exactly(project, database):
    execute(
        database,
        "create table prices (id int primary key, n numeric(4, 2), m numeric(4, 2), at timestamp)",
        "create table names (id int)",
        "insert into prices values (1, 1.5, 1)",
        "insert into names values (1), (2)",
    )
    write(project, entry(database))
    assert rows(project.sync("--limit", "1", PASSWORD=PASSWORD)) == {"names": 1, "prices": 1}
    project.sync(PASSWORD=PASSWORD)

    execute(database, "alter table prices alter n type numeric(12, 4)", "insert into prices values (2, 3.25, 4)")
    assert rows(project.sync(PASSWORD=PASSWORD)) == {"names": 2, "prices": 2}
    execute(database, "insert into prices values (3, 3.255, 4)")
    finer = project.sync(PASSWORD=PASSWORD)
    execute(database, "alter table prices alter m type text, alter at type timestamptz")
    other = project.sync(PASSWORD=PASSWORD)

    assert project.query("select id, n from raw_shop.prices order by 1") == [
        (1, Decimal("1.50")),
        (2, Decimal("3.25")),
    ]
    assert told(finer)["shop"][0] == 5
    assert "`prices.n` has a number that the warehouse has no room for; --full-refresh" in told(finer)["shop"][1]
    assert "`prices.m` was decimal(4, 2) and is text now; --full-refresh" in told(other)["shop"][1]
    assert "was timestamp without time zone and is timestamp with time zone now" in told(other)["shop"][1]
    assert rows(project.sync("--full-refresh", PASSWORD=PASSWORD)) == {"names": 2, "prices": 3}
    assert project.query("select n, m from raw_shop.prices where id = 3") == [(Decimal("3.2550"), "4.00")]


INCREMENTAL = """
    create table orders (id int primary key, changed timestamptz, n int);
    insert into orders select i, '2024-01-01Z'::timestamptz + i * interval '1 hour', i from generate_series(1, 500) i;
    insert into orders values (501, null, 0);
    create table log (number bigint not null, what text);
    insert into log select i, 'a' from generate_series(1, 50) i, generate_series(1, 2);
    create table days (day date not null, what text primary key);
    insert into days values ('2024-01-01', 'a'), ('2024-01-02', 'b');
    create table other (id int);
    insert into other values (1)
"""


def test_a_second_run_asks_from_the_cursor_on_and_merges_what_it_gets(project, database):
    execute(database, INCREMENTAL)
    write(project, entry(database, cursor="changed", incremental={"log": "number", "day*": {"cursor": "day"}}))
    assert rows(project.sync(PASSWORD=PASSWORD)) == {"orders": 501, "log": 100, "days": 2, "other": 1}

    execute(
        database,
        # of a transaction that has ended late
        "insert into orders select 503, max(changed) - interval '50 seconds', -3 from orders",
        # at the last value: a row that is new, one that has changed, and one that has changed there once more
        "insert into orders select 502, max(changed), -2 from orders",
        "update orders set n = -1, changed = (select max(changed) from orders) where id = 1",
        "update orders set n = -500 where id = 500",
        "update orders set n = 9 where id = 501",
        "insert into log values (50, 'a'), (51, 'b'), (51, 'b')",
        "insert into days values ('2024-01-02', 'c')",
        "delete from other",
        "insert into other values (2)",
    )
    second = rows(project.sync(PASSWORD=PASSWORD))

    assert second == {"orders": 5, "log": 5, "days": 2, "other": 1}
    for query in (
        "select id, extract(epoch from changed)::bigint, n from {}orders order by 1",
        "select number, what from {}log order by 1",
        "select day, what from {}days order by 1, 2",
        "select id from {}other",
    ):
        assert project.query(query.format("raw_shop.")) == execute(database, query.format(""))


def test_a_backfill_loads_a_window_of_a_table_and_leaves_its_cursor(project, database):
    execute(database, INCREMENTAL)
    write(project, entry(database, cursor="changed", tables=["orders"]))
    project.sync(PASSWORD=PASSWORD)
    execute(database, "update orders set n = -n where id <= 48")

    filled = project.sync("--since", "2024-01-02", "--until", "2024-01-03", PASSWORD=PASSWORD)

    assert rows(filled) == {"orders": 24}
    assert project.query("select count(*), count(*) filter (n < 0) from raw_shop.orders") == [(501, 24)]
    assert rows(project.sync(PASSWORD=PASSWORD)) == {"orders": 2}


BLOCKED = """
    create table before (id int); create table later (id int);
    insert into before values (1); insert into later values (1);
    create view during as select 1 as id, pg_advisory_lock_shared(7) is null as waited
"""


@contextlib.contextmanager
def waiting(project, database, **entries):
    """Give a sync that waits within a table for a lock, and what lets it go on."""
    execute(database, BLOCKED)
    write(project, entry(database, tables=["before", "later", "during"], **entries))
    with psycopg.connect(database, autocommit=True) as holder:
        holder.execute("select pg_advisory_lock(7)")
        sync = project.start("sync", "--json", PASSWORD=PASSWORD)
        waits = "select pid from pg_locks where locktype = 'advisory' and not granted"
        until = time.monotonic() + 60
        while not (found := holder.execute(waits).fetchone()):
            assert time.monotonic() < until, "it does not get there"
            assert sync.poll() is None, sync.communicate()
            time.sleep(0.02)
        yield sync, holder, found[0]


def test_all_tables_are_of_one_moment(project, database):
    with waiting(project, database) as (sync, holder, _):
        holder.execute("insert into before values (2); insert into later values (2)")
        holder.execute("select pg_advisory_unlock(7)")
        out, err = sync.communicate(timeout=60)

    assert sync.returncode == 0, out + err
    assert project.query("select (select max(id) from raw_shop.before), (select max(id) from raw_shop.later)") == [
        (1, 1)
    ]


def test_a_sync_that_is_killed_loads_nothing_and_leaves_the_server_alone(project, database):
    with waiting(project, database) as (sync, holder, pid):
        sync.send_signal(signal.SIGKILL)
        sync.communicate(timeout=60)
        holder.execute("select pg_advisory_unlock(7)")
        until = time.monotonic() + 60
        while holder.execute("select 1 from pg_stat_activity where pid = %s", [pid]).fetchone():
            assert time.monotonic() < until, "the session goes on"
            time.sleep(0.02)
    assert not project.warehouse.exists()

    assert rows(project.sync(PASSWORD=PASSWORD)) == {"before": 1, "later": 1, "during": 1}


def test_a_connection_that_the_server_ends_is_opened_once_more(project, database):
    with waiting(project, database, retries=1) as (sync, holder, pid):
        holder.execute("select pg_terminate_backend(%s)", [pid])
        holder.execute("select pg_advisory_unlock(7)")
        out, err = sync.communicate(timeout=60)

    assert sync.returncode == 0, out + err
    [source] = json.loads(out)["sources"]
    assert source["attempts"] == 2
    assert project.query(
        "select (select count(*) from raw_shop.before), (select count(*) from raw_shop.later)"
    ) == [(1, 1)]


def test_what_goes_wrong_is_told_with_the_next_step_and_without_a_secret(project, database):
    execute(
        database,
        f"""
        create table orders (id int primary key, changed timestamptz, name text);
        create table "Orders 2" (id int); create table "orders_2" (id int);
        create table log (at timestamptz, what text); insert into log values (null, 'x');
        create table odd (at timestamp); insert into odd values ('0044-03-15 BC');
        create sequence s; create view writes as select nextval('s') as n;
        create table secret (id int);
        drop role if exists reader; create role reader login password '{PASSWORD}';
        grant connect on database postgres to reader; create schema bare; grant usage on schema bare to reader;
        grant select on orders to reader;
        revoke connect on database "{urlsplit(database).path[1:]}" from public
        """,
    )
    url = database.replace("loader:", "reader:")
    database_name = urlsplit(database).path[1:]
    port = urlsplit(database).port
    orders = {"tables": ["orders"]}
    wrong = f"postgresql://loader:not-{PASSWORD}@127.0.0.1:{port}/postgres"
    project.write(
        ".dlt/secrets.toml",
        f"[sources.refused]\ncredentials = '{wrong}'\n[sources.other]\ncredentials = 'mysql://u:{PASSWORD}@h/d'\n[sources.hash]\ncredentials = 'postgresql://u:a#{PASSWORD}@h/d'\n",
    )
    cases = {
        "refused": (
            entry(database, host=None, port=None, database=None, username=None, password_env=None),
            4,
            "refuses the login of `loader`",
        ),
        "other": (entry(database), 4, "no connection string of PostgreSQL"),
        "hash": (entry(database), 4, "percent-encode"),
        "nohost": (entry(database, host="no-such-host.invalid"), 5, "there is no host `no-such-host.invalid`"),
        "nothing": (entry(database, port=1), 5, "does not answer: look at `host` and `port`"),
        "nodatabase": (entry(database, database=database_name[:-1]), 5, f"did you mean `{database_name}`?"),
        "noconnect": (entry(url, **orders), 4, "`GRANT CONNECT` on it"),
        "nopassword": (entry(database, password_env=None), 4, "wants a password, and there is none"),
        "nouser": (entry(database, username=None), 4, "`username` of PostgreSQL is missing"),
        "notls": (entry(database, ssl_mode="require"), 4, "`ssl_mode: disable` goes without"),
        "noca": (entry(database, ssl_root_cert="ca.pem"), 3, "`ssl_root_cert` is no file"),
        "noschema": (entry(database, schema="publik"), 3, "did you mean `public`?"),
        "notable": (
            entry(database, tables=["order", "l*"]),
            3,
            "`order` in `tables` fits no table of `public`; did you mean `orders`?",
        ),
        "negated": (entry(database, tables=["orders", "!log"]), 3, "write `exclude: [log]`"),
        "alike": (entry(database), 3, "the tables `Orders 2` and `orders_2` of `public` have one name"),
        "keyless": (
            entry(database, tables=["log"], cursor="at"),
            3,
            "no table with a primary key has a column `at`",
        ),
        "nocolumn": (entry(database, **orders, incremental={"orders": "change"}), 3, "did you mean `changed`?"),
        "text": (entry(database, **orders, incremental={"orders": "name"}), 3, "it is no number and no time"),
        "notext": (entry(database, **orders, as_text=["orders.chnged"]), 3, "did you mean `orders.changed`?"),
        "unmarked": (
            entry(database, tables=["log"], incremental={"log": "at"}),
            5,
            "rows without `at`, which would come twice",
        ),
        "odd": (entry(database, tables=["odd"]), 5, "`as_text: [odd.at]`"),
        "writes": (entry(database, tables=["writes"]), 5, "SQLSTATE 25006"),
    }
    entries = [{**made, "name": name} for name, (made, _, _) in cases.items()]
    write(project, *entries)

    done = project.sync("--jobs", "4", PASSWORD=PASSWORD)

    found = told(done)
    for name, (_, code, words) in cases.items():
        assert found[name][0] == code, found[name]
        assert words in found[name][1]
        if code == 3:
            assert done.source(name)["problems"][0]["at"]["file"] == ".dango/sources.yml"
    everything = done.out + done.err + "".join(file.read_text() for file in project.runs()[-1].iterdir())
    assert PASSWORD not in everything

    execute(database, f'grant connect on database "{database_name}" to reader')
    write(
        project,
        entry(url, tables=["secret"]),
        entry(url, name="sound", as_text=["orders.changed"], **orders),
        entry(url, name="bare", schema="bare"),
    )
    done = project.sync(PASSWORD=PASSWORD)

    assert told(done)["shop"][0] == 4
    assert "permission denied for table secret; `GRANT SELECT` on it to `reader`" in told(done)["shop"][1]
    assert told(done)["sound"][0] == told(done)["bare"][0] == 0
    assert "source `bare` has no resource, so there is nothing to load" in done.err
    assert "its login sees none" in done.err
