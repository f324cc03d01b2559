"""Reads a table of PostgreSQL and one of MariaDB into Arrow, by our way and by those that there are beside it.

`python -P benchmarks/databases.py --rows 200000 --rounds 5`. The contenders take turns, each reads the whole table
in this process, and the ratios are of the same round. connectorx and ADBC take part where they are installed; the
programs of the servers come from Debian's packages `postgresql` and `mariadb-server`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from dlt.sources.sql_database import TableLoader
from dlt.sources.sql_database.schema_types import table_to_columns

from dango_action.sources.databases import prepare, server_of
from dango_action.sources.sql.address import address_of
from dango_action.sources.sql.rows import Field, tables
from dango_action.sources.sql.snapshot import KEY

sys.path.append(str(Path(__file__).parent.parent / "tests/peers"))

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK = 50_000
UTF8 = {"client_encoding": "utf8"}
COLUMNS = """
    i as id, concat('customer ', i) as name, cast(i * 1.37 as decimal(12, 2)) as amount, {moment} as changed,
    cast({moment} as date) as day, i * 0.5 as ratio, md5({text}) as hash,
    case when mod(i, 3) > 0 then 'note' end as note
"""


@contextlib.contextmanager
def postgres(rows: int) -> Iterator[str]:
    """Give the address of a database with the table `t`."""
    moment = "timestamptz '2024-01-01Z' + i * interval '1 second'"
    columns = COLUMNS.format(moment=moment, text="i::text")
    with importlib.import_module("postgres").server() as url:
        with sa.create_engine(url.replace("://", "+psycopg://"), connect_args=UTF8).begin() as connection:
            connection.exec_driver_sql(f"create table t as select {columns} from generate_series(1, {rows}) i")
        yield url


@contextlib.contextmanager
def mariadb(rows: int) -> Iterator[str]:
    """Give the address of a database with the table `t`."""
    columns = COLUMNS.format(moment="cast('2024-01-01' as datetime) + interval i second", text="i")
    with importlib.import_module("mariadb").server() as server:
        numbers = f"select seq as i from seq_1_to_{rows}"
        server.execute(f"create table t as select {columns} from ({numbers}) numbers", database="shop")
        yield server.url("shop")


def contenders(url: str) -> dict[str, Callable[[], int]]:
    """Return what reads the table `t`, each a function that returns how many rows it has read."""
    dialect: Any = "postgresql" if url.startswith("postgresql") else "mysql"
    server = server_of(address_of(dialect, {"credentials": url, "ssl_mode": "disable"}))
    driver, options = ("psycopg", UTF8) if dialect == "postgresql" else ("pymysql", {})
    engine = sa.create_engine(url.replace("://", f"+{driver}://"), connect_args=options)
    table = sa.Table("t", sa.MetaData(), autoload_with=engine)

    own = sa.Table("t", sa.MetaData(), autoload_with=engine)
    prepare(server, own, ())

    def ours() -> int:
        with server.connect() as connection:
            fields = [Field(name=it.name, type=it.info[KEY].arrow) for it in own.columns]
            lines = server.lines(connection, own.select(), [it.info[KEY].text for it in own.columns])
            return sum(part.num_rows for part in tables(lines, fields, CHUNK, "t"))

    def dlts(backend: Any) -> Callable[[], int]:  # noqa: ANN401 - a word of dlt's
        def read() -> int:
            loader = TableLoader(engine, backend, table, table_to_columns(table), chunk_size=CHUNK)
            return sum(len(part) for part in loader.load_rows())

        return read

    found = {"ours": ours, "dlt, pyarrow": dlts("pyarrow"), "dlt, dicts": dlts("sqlalchemy")}
    return {**found, **others(url)}


def others(url: str) -> dict[str, Callable[[], int]]:
    """Return the drivers of Arrow that are installed."""

    def connectorx() -> int:
        import connectorx as cx  # type: ignore[import-not-found] # noqa: PLC0415 - it may not be there

        return int(cx.read_sql(url, "select * from t", return_type="arrow").num_rows)

    def adbc() -> int:
        import adbc_driver_postgresql.dbapi as driver  # type: ignore[import-not-found] # noqa: PLC0415 - as above

        with driver.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("select * from t")
            return sum(batch.num_rows for batch in cursor.fetch_record_batch())

    found = {"connectorx": connectorx} if importlib.util.find_spec("connectorx") else {}
    if url.startswith("postgresql") and importlib.util.find_spec("adbc_driver_postgresql"):
        found["ADBC"] = adbc
    return found


def main() -> None:
    """Measure everything, in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds, after one that is not")
    parser.add_argument("--rows", type=int, default=200_000)
    wish = parser.parse_args()
    for name, database in (("PostgreSQL", postgres), ("MariaDB", mariadb)):
        with database(wish.rows) as url:
            measured: dict[str, list[float]] = {}
            for _ in range(wish.rounds + 1):
                for contender, read in contenders(url).items():
                    begun = time.perf_counter()
                    if read() != wish.rows:
                        raise ValueError(contender)
                    measured.setdefault(contender, []).append(time.perf_counter() - begun)
        print(f"{name}, {wish.rows:,} rows of 8 columns, {wish.rounds} rounds")
        for contender, seconds in measured.items():
            pairs = zip(seconds[1:], measured["ours"][1:], strict=True)
            ratio = statistics.median(theirs / own for theirs, own in pairs)
            speed = wish.rows / statistics.median(seconds[1:])
            print(f"  {contender:<14} {speed:>12,.0f} rows/s   takes {ratio:5.2f} x as long as ours")


if __name__ == "__main__":
    main()
