"""The type `mysql` against a real MariaDB server: values, cursors, one moment, and what goes wrong."""

from __future__ import annotations

import contextlib
import json
import time
from datetime import date
from decimal import Decimal

import pytest
from databases import entry, rows, told
from mariadb import PASSWORD

TYPES = (
    "set time_zone = '+02:00'",
    "set sql_mode = ''",
    r"""create table `Order Lines` (
        `Id` int unsigned primary key, `select` text, huge bigint unsigned, flag tinyint(1), small float, large double,
        exact decimal(12, 3), wide decimal(60, 2), wall datetime(6) not null, moment timestamp(6) null, day date, span time(1),
        made year, doc json, bytes blob, few varbinary(10), bits bit(5), all_bits bit(64), one enum('a', 'b'),
        some set('x', 'y'), uid uuid, ip inet6, place point, latin varchar(10) character set latin1, `100%` int
    ) character set utf8mb4""",
    r"""insert into `Order Lines` values
        (1, 'a\r\n"b",\\N 😀', 18446744073709551615, 5, 0.1, 0.1, 123.456, 1e42, '2024-01-02 03:04:05.123456',
        '2024-01-02 03:04:05.123456', '2024-01-02', '-12:30:00.5', 2024, '{"a": 1.10}', x'00ff22', x'fe22', b'101',
        b'1111111111111111111111111111111111111111111111111111111111111111', 'b', 'x,y',
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '::1', point(1, 2), 'é', 2),
        (2, '', 0, 0, 1e30, 1e300, 0, 0, 0, 0, 0, 0, 1901, 'null', '', '', 0, 0, 'a', '', null, null, null, '', 0)""",
    "insert into `Order Lines` (`Id`) values (3)",
    "create table many as select seq as i, seq * 1.37 as n, md5(seq) as h from seq_1_to_100000",
    "create view twice as select i * 2 as i from many where i < 3",
    "create table empty (id int primary key)",
)


@pytest.fixture
def database(mariadb, request):
    """The name of an empty database of its own, which goes with the test."""
    name = request.node.name[:50]
    mariadb.execute(f"create database `{name}`")
    yield name
    mariadb.execute(f"drop database `{name}`")


def write(project, *entries):
    project.write(".dango/sources.yml", json.dumps({"defaults": {"retries": 0}, "sources": entries}))


def test_every_value_is_the_servers_own(project, mariadb, database):
    mariadb.execute(*TYPES, database=database)
    write(
        project, {**entry(mariadb.url(database), chunk_size=30_000), "resources": ["Order Lines", "many", "empty"]}
    )

    done = project.sync(PASSWORD=PASSWORD)

    assert rows(done) == {"order_lines": 3, "many": 100_000, "empty": 0}
    assert project.query("select * exclude moment, epoch_us(moment) from raw_shop.order_lines order by id") == [
        (
            *(
                1,
                'a\r\n"b",\\N 😀',
                Decimal(18446744073709551615),
                5,
                0.10000000149011612,
                0.1,
                Decimal("123.456"),
            ),
            *(f"1{'0' * 42}.00", project.one("select '2024-01-02 03:04:05.123456'::timestamp"), date(2024, 1, 2)),
            *("-12:30:00.5", 2024, '{"a": 1.10}', b"\x00\xff\x22", b"\xfe\x22", 5, Decimal(18446744073709551615)),
            *("b", "x,y", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "::1", "POINT(1 2)", "é", 2, 1704157445123456),
        ),
        (
            *(
                2,
                "",
                Decimal(0),
                0,
                1.0000000150474662e30,
                1e300,
                Decimal(0),
                "0.00",
                None,
                None,
                "00:00:00.0",
                1901,
            ),
            *("null", b"", b"", 0, Decimal(0), "a", "", None, None, None, "", 0, None),
        ),
        (3, *[None] * 24),
    ]
    totals = "select count(*), sum(i), sum(n), count(distinct h), max(h) from"
    assert project.query(f"{totals} raw_shop.many") == [*mariadb.execute(f"{totals} many", database=database)]
    kinds = dict(
        project.query("select column_name, data_type from duckdb_columns() where table_name = 'order_lines'")
    )
    assert (kinds["wall"], kinds["moment"]) == ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")


def test_a_second_run_asks_from_the_cursor_on_and_merges_what_it_gets(project, mariadb, database):
    mariadb.execute(
        "create table orders (id int primary key, changed timestamp(0) null, n int)",
        "insert into orders select seq, '2024-01-01' + interval seq hour, seq from seq_1_to_500",
        "insert into orders values (501, null, 0)",
        "create table log (at datetime not null, what text)",
        "insert into log select '2024-01-01' + interval seq hour, 'a' from seq_1_to_50",
        "insert into log select * from log",
        database=database,
    )
    write(project, entry(mariadb.url(database), cursor="changed", incremental={"lo?": "at"}))
    assert rows(project.sync(PASSWORD=PASSWORD)) == {"orders": 501, "log": 100}

    mariadb.execute(
        # at the last value: a row that is new, and one that has changed within the same second
        "insert into orders select 502, max(changed), -2 from orders",
        "update orders set n = -500, changed = changed where id = 500",
        "update orders set n = 9 where id = 501",
        "insert into log select max(at), 'a' from log",
        database=database,
    )

    assert rows(project.sync(PASSWORD=PASSWORD)) == {"orders": 3, "log": 3}
    query = "select id, n from {}orders order by 1"
    assert project.query(query.format("raw_shop.")) == [*mariadb.execute(query.format(""), database=database)]
    assert project.one("select count(*) from raw_shop.log") == 101

    filled = project.sync("--since", "2024-01-02", "--until", "2024-01-03", PASSWORD=PASSWORD)

    assert rows(filled) == {"orders": 24, "log": 48}
    assert project.one("select count(*) from raw_shop.log") == 101


@contextlib.contextmanager
def waiting(project, mariadb, database, retries=0):
    """Give a sync that waits within a table for a lock, a cursor that holds it, and the number of its connection."""
    mariadb.execute(
        "create table before_ (id int) engine=innodb",
        "create table later (id int) engine=innodb",
        "insert into before_ values (1)",
        "insert into later values (1)",
        "create view during as select get_lock('dango-test', 60) as n",
        database=database,
    )
    made = entry(mariadb.url(database), tables=["before_", "later", "during"], retries=retries)
    write(project, made)
    with mariadb.connect(database) as holder, holder.cursor() as cursor:
        cursor.execute("select get_lock('dango-test', 0)")
        sync = project.start("sync", "--json", PASSWORD=PASSWORD)
        until = time.monotonic() + 60
        while not cursor.execute("select id from information_schema.processlist where state = 'User lock'"):
            assert time.monotonic() < until, "it does not get there"
            assert sync.poll() is None, sync.communicate()
            time.sleep(0.02)
        [(number,)] = cursor.fetchall()
        yield sync, cursor, number


BOTH = "select (select max(id) from raw_shop.beforex), (select max(id) from raw_shop.later)"


def test_all_tables_are_of_one_moment(project, mariadb, database):
    with waiting(project, mariadb, database) as (sync, cursor, _):
        cursor.execute("insert into before_ values (2)")
        cursor.execute("insert into later values (2)")
        cursor.execute("select release_lock('dango-test')")
        out, err = sync.communicate(timeout=60)

    assert sync.returncode == 0, out + err
    assert project.query(BOTH) == [(1, 1)]


def test_a_connection_that_the_server_ends_is_opened_once_more(project, mariadb, database):
    with waiting(project, mariadb, database, retries=1) as (sync, cursor, number):
        cursor.execute(f"kill {number}")
        cursor.execute("select release_lock('dango-test')")
        out, err = sync.communicate(timeout=60)

    assert sync.returncode == 0, out + err
    assert json.loads(out)["sources"][0]["attempts"] == 2
    assert project.query(BOTH) == [(1, 1)]


def test_what_goes_wrong_is_told_with_the_next_step_and_without_a_secret(project, mariadb, database):
    mariadb.execute(
        "create table orders (id int primary key, day date)",
        "create table secret (id int primary key)",
        "create function writes() returns int deterministic modifies sql data begin insert into secret values (1); return 1; end",
        "create view written as select writes() as n",
        "set sql_mode = ''",
        "create table odd (day date)",
        "insert into odd values ('2024-02-00')",
        f"create or replace user reader identified by '{PASSWORD}'",
        f"grant select (id) on `{database}`.orders to reader",
        database=database,
    )
    url = mariadb.url(database)
    orders = {"tables": ["orders"]}
    cases = {
        "refused": (entry(url, username="nobody"), 4, "refuses the login of `nobody`"),
        "nohost": (entry(url, host="no-such-host.invalid"), 5, "there is no host `no-such-host.invalid`"),
        "nothing": (entry(url, port=1), 5, "does not answer: look at `host` and `port`"),
        "nodatabase": (entry(url, database=database[:-1]), 5, f"did you mean `{database}`?"),
        "noaccess": (entry(mariadb.url("mysql", "reader")), 4, "may not use the database `mysql`"),
        "forbidden": (entry(mariadb.url(database, "reader"), **orders), 4, "`GRANT SELECT` on it to `reader`"),
        "notls": (entry(url, ssl_mode="require"), 4, "`ssl_mode: disable` goes without"),
        "notable": (entry(url, tables=["order"]), 3, "`order` in `tables` fits no table"),
        "nocolumn": (entry(url, **orders, incremental={"*": "dy"}), 3, "did you mean `day`?"),
        "odd": (entry(url, tables=["odd"]), 5, "`as_text: [odd.day]`"),
        "writes": (entry(url, tables=["written"]), 5, "error 1792"),
        "astext": (entry(url, tables=["odd"], as_text=["odd.day"]), 0, ""),
        "inone": (
            entry(
                url,
                host=None,
                port=None,
                database=None,
                username=None,
                password_env=None,
                credentials_env="WHOLE",
                **orders,
            ),
            0,
            "",
        ),
    }
    write(project, *({**made, "name": name} for name, (made, _, _) in cases.items()))

    done = project.sync("--jobs", "4", PASSWORD=PASSWORD, WHOLE=f"{url}?ssl-mode=DISABLED")

    found = told(done)
    for name, (_, code, words) in cases.items():
        assert found[name][0] == code, (name, found[name])
        assert words in found[name][1]
    assert project.query("from raw_astext.odd") == [("2024-02-00",)]
    assert PASSWORD not in done.out + done.err + "".join(file.read_text() for file in project.runs()[-1].iterdir())
