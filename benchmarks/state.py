"""How fast a warehouse is sealed and opened: `python -P benchmarks/state.py --megabytes 500`.

MB/s of the warehouse, medians of wall-clock times on this machine, which may be busy.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from dango_action.credentials.keys import KeyRing, PrivateKey
from dango_action.state.archive import extract, look, pack, zip_folder
from dango_action.state.manifest import Manifest, Origin, file_of
from dango_action.state.seal import Keys

if TYPE_CHECKING:
    from collections.abc import Callable

_MEGABYTE = 1_000_000
_ROWS = 250_000  # in a step; about 30 MB
_STEP = """
    insert into orders
    select i id, md5(i::varchar) a, 'customer ' || (i % 1000) || ' of the shop' b, sha256(i::varchar) c,
        'note ' || i || ' ' || md5((i * 7)::varchar) d, case when i % 3 = 0 then 'paid' else 'open' end e
    from range({0}, {1}) r(i)
"""


def warehouse(file: Path, megabytes: int) -> None:
    """Write a warehouse of about this size, with texts such as shops have."""
    with duckdb.connect(str(file)) as connection:
        connection.execute("create table orders(id bigint, a text, b text, c text, d text, e text)")
        done = 0
        while file.stat().st_size < megabytes * _MEGABYTE:
            connection.execute(_STEP.format(done, done + _ROWS))
            connection.execute("checkpoint")
            done += _ROWS


def manifest(file: Path) -> Manifest:
    """Return a manifest for it."""
    origin = Origin(repository_id=1, workflow="w", project="", branch="main", target="duckdb:w", shard=1)
    return Manifest(
        generation=1,
        parent=None,
        origin=origin,
        run_id=1,
        run_attempt=1,
        run="r",
        created_at=datetime.now(UTC),
        dango_version="0",
        file=file_of(file),
        datasets={},
    )


def median(act: Callable[[], object], rounds: int) -> float:
    """Return how many seconds a call takes."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        act()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def measure(folder: Path, megabytes: int, rounds: int) -> None:
    """Print the speeds."""
    plain, up, archive, out = (folder / name for name in ("w.duckdb", "up", "up.zip", "out"))
    warehouse(plain, megabytes)
    size = plain.stat().st_size / _MEGABYTE
    described, key = manifest(plain), PrivateKey.generate()
    keys = Keys(ring=KeyRing({key.public.id: key}))

    def opened() -> None:
        out.unlink(missing_ok=True)
        extract(archive, look(archive, keys).manifest, out, keys)

    sealing = median(lambda: pack(up, plain, described, key), rounds)
    zip_folder(up, archive)
    opening = median(opened, rounds)
    print(f"a warehouse of {size:.0f} MB is {archive.stat().st_size / _MEGABYTE:.0f} MB sealed")
    print(f"  sealed {size / sealing:6.0f} MB/s\n  opened {size / opening:6.0f} MB/s")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), asked.megabytes, asked.rounds)


if __name__ == "__main__":
    main()
