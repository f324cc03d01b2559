"""How fast secrets are found and hidden: in a log, in bytes, and in a warehouse of millions of rows.

`python -P benchmarks/leaks.py --rows 5000000`. Medians of wall-clock times on this machine, which may be busy.
"""

from __future__ import annotations

import argparse
import random
import secrets
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from dango_action.credentials.forms import Known
from dango_action.credentials.redaction import Redactor
from dango_action.credentials.scanner import Scanner
from dango_action.warehouse.search import search

if TYPE_CHECKING:
    from collections.abc import Callable

_MEGABYTE = 1_000_000
_LINE = (
    "2026-01-01 10:00:00,{0:06d}|[INFO]|{0}|dlt|rest_api: page={0} of https://shop.example/orders took {0} ms\n"
)
_TABLE = """
    create table orders as
    select i id, md5(i::varchar) a, 'customer ' || (i % 1000) || ' of the shop' b, sha256(i::varchar) c,
        'note ' || i || ' ' || md5((i * 7)::varchar) d, case when i % 3 = 0 then 'paid' else 'open' end e
    from range({0}) r(i)
"""


def known(number: int, size: int = 30) -> list[Known]:
    """Return random values of about `size` bytes each."""
    return [Known(path=f"p{n}", text=secrets.token_urlsafe(size)) for n in range(number)]


def median(act: Callable[[], object], rounds: int) -> float:
    """Return how many seconds a call takes."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        act()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def stream(redactor: Redactor, data: bytes) -> None:
    """Redact in pieces, as a pool does it."""
    redacted = redactor.stream()
    for at in range(0, len(data), 65536):
        redacted.feed(data[at : at + 65536])
    redacted.end()


def scan(scanner: Scanner, data: bytes) -> None:
    """Scan to the end, and see that random values are nowhere."""
    assert not list(scanner.scan(data, "data"))  # noqa: S101 - a benchmark that finds something measures another thing


def bytes_searched(rounds: int) -> None:
    """Print the speed of redactor and scanner."""
    log = "".join(map(_LINE.format, range(100_000))).encode()
    noise = random.Random(1).randbytes(10 * _MEGABYTE)  # noqa: S311 - it is noise
    for values in (known(20), known(300), known(290) + known(10, 4)):
        title = f"{len(values)} secrets, the shortest of {min(len(one.text) for one in values)} characters"
        print(f"\n{title}: built in {median(partial(Redactor.of, values), rounds):.3f} s")
        redactor, scanner = Redactor.of(values), Scanner.of(values)
        for name, act, size in (
            ("redactor, a log", partial(stream, redactor, log), len(log)),
            ("scanner, a log", partial(scan, scanner, log), len(log)),
            ("scanner, random bytes", partial(scan, scanner, noise), len(noise)),
        ):
            print(f"  {name:<24} {size / _MEGABYTE / median(act, rounds):6.1f} MB/s")


def warehouse_searched(rows: int, rounds: int) -> None:
    """Print how long it takes to search a warehouse."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "w.duckdb"
        with duckdb.connect(str(file)) as connection:
            connection.execute(_TABLE.format(rows))
        size = file.stat().st_size / _MEGABYTE
        for number in (20, 300):
            values = known(number)
            took = median(partial(search, file, values), rounds)
            print(f"\n{rows:,} rows of 5 texts, {size:.0f} MB, {number} secrets: {took:.1f} s")


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=5_000_000)
    asked = parser.parse_args()
    bytes_searched(asked.rounds)
    warehouse_searched(asked.rows, asked.rounds)


if __name__ == "__main__":
    main()
