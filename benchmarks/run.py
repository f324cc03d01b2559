"""What the README promises, measured: each command as a whole process, contenders in turn, medians and ratios.

`make bench`, or `python benchmarks/run.py --rounds 9`. Times are wall-clock seconds on this machine, which
may be busy: quote the median, and for two contenders the ratio, which holds when the machine slows down.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SOURCES = 8
SOURCE = """
import dlt


@dlt.resource(write_disposition="append")
def source():
    yield [{"id": i, "name": f"row {i}"} for i in range(10)]
"""
# What people write by hand: every pipeline in one process, state in a folder that stays, no isolation, no safety.
SCRIPT = """
import dlt
from custom_sources.rows import source

for number in range({sources}):
    pipeline = dlt.pipeline(
        f"s{number}", destination=dlt.destinations.duckdb("plain.duckdb"), dataset_name=f"raw_s{number}",
        pipelines_dir="pipelines",
    )
    pipeline.run(source())
    pipeline.deactivate()
""".replace("{sources}", str(SOURCES))
# About 1 GB that no source of the run touches.
OTHER = """
    create schema raw_other;
    create table raw_other.orders as
        select i id, hash(i) a, hash(i, 1) b, hash(i, 2) c, hash(i, 3) d, md5(i::varchar) e, sha256(i::varchar) f
        from range(11_700_000) r(i)
"""
PROTECTION = 3.0


@dataclass(frozen=True)
class Contender:
    """A command in a folder, and what has to go before each round so that every round does the same."""

    name: str
    command: tuple[str | Path, ...]
    folder: Path
    fresh: tuple[str, ...] = ()


def seconds(contender: Contender) -> float:
    """Run a contender once and return how long it took."""
    for name in contender.fresh:
        path = contender.folder / name
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    environ = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"}
    begun = time.perf_counter()
    done = subprocess.run(
        contender.command, cwd=contender.folder, env=environ, capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - begun
    if done.returncode:
        sys.exit(f"{contender.name} failed:\n{done.stdout}{done.stderr}")
    return took


def measure(title: str, limit: float | None, rounds: int, *contenders: Contender) -> dict[str, list[float]]:
    """Run the contenders in turn and print their medians, and the ratios to the first one; return the times."""
    times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds + 1):
        for contender in contenders:
            times[contender.name].append(seconds(contender))
    print(f"\n{title}" + (f" (target: under {limit:g} s)" if limit else ""))
    first = contenders[0].name
    for name, with_warm_up in times.items():
        taken = with_warm_up[1:]
        median = statistics.median(taken)
        line = f"  {name:<42} median {median:6.2f} s   min {min(taken):6.2f}   max {max(taken):6.2f}"
        if name != first:
            ratios = [other / own for other, own in zip(taken, times[first][1:], strict=True)]
            line += f"   {statistics.median(ratios):.2f} x the time of {first}"
        elif limit:
            line += "   met" if median < limit else "   MISSED"
        print(line)
    return {name: with_warm_up[1:] for name, with_warm_up in times.items()}


def measure_protection(folder: Path, rounds: int) -> None:
    """Print what a working copy, its check and its way to the disk cost beside a large warehouse."""
    small, large = (Contender(name, (BIN / "dango", "sync"), folder / name) for name in ("small", "large"))
    for each in (small, large):
        each.folder.mkdir()
        project(each.folder)
    warehouse = large.folder / ".dango/warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute(OTHER)
    size = warehouse.stat().st_size / 1_000_000
    times = measure(f"{SOURCES} sources of 10 rows, alone and beside {size:,.0f} MB", None, rounds, small, large)
    cost = statistics.median(b - a for a, b in zip(times["small"], times["large"], strict=True))
    target = max(PROTECTION, 0.1 * statistics.median(times["small"]))
    print(f"  cost: median {cost:.2f} s   {'met' if cost < target else 'MISSED'} (target: under {target:.1f} s)")


def project(folder: Path) -> Path:
    """Write a project with eight small sources."""
    (folder / ".dango").mkdir()
    (folder / "custom_sources").mkdir()
    (folder / "custom_sources/rows.py").write_text(SOURCE)
    block = {"source_module": "rows", "source_function": "source"}
    entries = [{"name": f"s{i}", "type": "dlt_native", "dlt_native": block} for i in range(SOURCES)]
    (folder / ".dango/sources.yml").write_text(json.dumps({"sources": entries}))
    (folder / "plain.py").write_text(SCRIPT)
    return folder


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds, after one that is not")
    rounds = parser.parse_args().rounds
    dango = BIN / "dango"
    with tempfile.TemporaryDirectory() as name:
        eight = project(Path(name))
        measure("make sync after set-up", 5, rounds, Contender("make sync", ("make", "-s", "sync"), ROOT))
        measure(
            "config validate", 0.5, rounds, Contender("dango config validate", (dango, "config", "validate"), ROOT)
        )
        measure(
            f"{SOURCES} sources of 10 rows into a new DuckDB file",
            4,
            rounds,
            Contender("dango sync", (dango, "sync"), eight, (".dango/warehouse.duckdb",)),
            Contender(
                "one script with plain dlt, one process",
                (sys.executable, "plain.py"),
                eight,
                ("plain.duckdb", "pipelines"),
            ),
        )
    with tempfile.TemporaryDirectory() as name:
        measure_protection(Path(name), rounds)


if __name__ == "__main__":
    main()
