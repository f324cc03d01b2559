"""Kills real runs at random points, and compares what is committed with what the sources have handed out.

`counted.py` hands out numbered rows, so a row that is lost or doubled is named. A killed run is followed by the next
one at once, which may meet what is still dying of it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import counted
import duckdb
from commands import DANGO

if TYPE_CHECKING:
    import random

VICTIMS = ("parent", "worker", "fork server", "all")
POINTS = ("delay", "delay", "phase", "growth", "growth", "published")
SECONDS = 120  # that a run may take on a busy machine
PAGES = {"events": counted.APPENDED, "orders": counted.ORDERS, "stock": 1, "bulk": counted.FACTS}

# Each gives what is wrong, row by row; :n is where the cursor in the same file stands.
_NESTED = """
    select 'row of {child} without its parent', c._dlt_id::varchar from {child} c
    anti join {parent} p on p._dlt_id = c._dlt_parent_id
"""
_EACH_ONCE = """
    select 'doubled in {table}', id::varchar from {table} group by id having count(*) > 1
    union all select 'lost from {table}', range::varchar from range({first}, {last} + 1) anti join {table} on id = range
    union all select 'never handed out in {table}', id::varchar from {table} where id not between {first} and {last}
"""
_ITEMS = """
    select 'nested rows of {table}', p.id::varchar from {table} p
    left join {table}__items i on i._dlt_parent_id = p._dlt_id
    left join {table}__items__parts q on q._dlt_parent_id = i._dlt_id
    group by p._dlt_id, p.id, {same}
    having count(distinct i._dlt_id) <> {items} or count(q._dlt_id) <> {items}
        or bool_or(i.{mark} <> {same}) or bool_or(q.{mark} <> {same})
"""
# A key is as its last page left it: that of its own, or the next one, which brings the newest keys once more.
_LAST_PAGE = f"""
    select 'not the last version in raw_orders.rows', id::varchar from raw_orders.rows
    where page <> least((id - 1 + {counted.AGAIN}) // {counted.ORDERS}, :n // {counted.ORDERS} - 1)
"""
_ONE_PAGE = (
    "select 'of another page in {table}', count(*)::varchar from {table} where page <> :n having count(*) > 0"
)


def _nested(table: str, *children: str) -> list[str]:
    names = [table, *(f"{table}__{child}" for child in children)]
    return [_NESTED.format(parent=names[i], child=names[i + 1]) for i in range(len(children))]


_CHECKS = {
    "events": [
        _EACH_ONCE.format(table="raw_events.rows", first=1, last=":n"),
        _ITEMS.format(table="raw_events.rows", items="1 + p.id % 3", mark="of", same="p.id"),
        *_nested("raw_events.rows", "items", "items__parts"),
    ],
    "orders": [
        _EACH_ONCE.format(table="raw_orders.rows", first=1, last=":n"),
        _LAST_PAGE,
        _ITEMS.format(table="raw_orders.rows", items="1 + (p.id + p.page) % 3", mark="page", same="p.page"),
        *_nested("raw_orders.rows", "items", "items__parts"),
    ],
    "stock": [
        _EACH_ONCE.format(table="raw_stock.rows", first=0, last=counted.STOCK - 1),
        _ONE_PAGE.format(table="raw_stock.rows"),
        _ONE_PAGE.format(table="raw_stock.rows__places"),
        *_nested("raw_stock.rows", "places"),
        f"""select 'rows of raw_stock.rows__places', count(*)::varchar from raw_stock.rows__places
            having count(*) <> {2 * counted.STOCK}""",
    ],
    "bulk": [
        _EACH_ONCE.format(table="raw_bulk.facts", first=1, last=":n"),
        _EACH_ONCE.format(table="raw_bulk.snapshot", first=0, last=counted.SNAPSHOT - 1),
        _ONE_PAGE.format(table="raw_bulk.snapshot").replace(":n", f":n // {counted.FACTS}"),
    ],
}


def committed(path: Path) -> dict[str, int]:
    """Return where each source's cursor stands, and fail with the rows that do not match it."""
    if not path.exists():
        return dict.fromkeys(PAGES, 0)
    found, wrong = {}, []
    with duckdb.connect(str(path), read_only=True) as connection:
        schemas = {name for (name,) in connection.sql("select schema_name from duckdb_schemas()").fetchall()}
        for source, page in PAGES.items():
            found[source] = _cursor(connection, source) if f"raw_{source}" in schemas else 0
            if not found[source]:
                continue
            for check in _CHECKS[source]:
                wrong += connection.sql(check.replace(":n", str(found[source]))).fetchmany(5)
            [(loads,)] = connection.sql(
                f"select count(*) from raw_{source}._dlt_loads where status = 0"
            ).fetchall()
            if loads * page != found[source]:
                wrong.append((f"loads of {source} for a cursor at {found[source]}", loads))
    assert not wrong, wrong
    return found


def _cursor(connection: duckdb.DuckDBPyConnection, source: str) -> int:
    """Return the position in the state that dlt would restore."""
    newest = f"select state from raw_{source}._dlt_pipeline_state order by version desc limit 1"
    [(packed,)] = connection.sql(newest).fetchall()
    state = json.loads(zlib.decompress(base64.b64decode(packed)))["sources"][source]
    if source == "events":
        return state["resources"]["rows"]["incremental"]["id"]["last_value"]
    if source == "orders":
        return state["resources"]["rows"]["last"]
    if source == "stock":
        return state["stock"]
    assert state["facts"] == state["snapshot"], state
    return state["facts"] * counted.FACTS


@dataclass(frozen=True)
class Killed:
    """A run that was killed, or that had ended before it could be."""

    victim: str
    point: str
    phase: str  # the last line of the activity log
    code: int
    late: bool


@dataclass
class Killing:
    """Runs of one project, each of which may be killed. `choose` decides everything that is left to chance."""

    project: object  # tests/conftest.py's
    choose: random.Random
    names: tuple[str, ...] = tuple(PAGES)
    length: float = 3.0  # of a run, as last measured, in seconds
    before: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PAGES, 0))
    killed: list[Killed] = field(default_factory=list)

    def prepare(self) -> None:
        """Write the project."""
        self.project.module("counted", Path(counted.__file__).read_text())
        self.project.sources(
            *({"name": name, "module": "counted", "function": name, "retries": 0} for name in self.names)
        )

    def clean(self) -> None:
        """Let a run go through: every source moves on by exactly one page, and nothing is left beside the file."""
        begun = time.monotonic()
        done = self.project.sync()
        self.length = time.monotonic() - begun
        assert done.code == 0, done.out
        now = self.compare()
        moved = {name: position - self.before[name] for name, position in now.items()}
        assert moved == {name: PAGES[name] * (name in self.names) for name in PAGES}, moved
        self.before = now
        assert self.leftovers() == []

    def kill(self) -> None:
        """Start a run, kill one or all of its processes at a random point, and look at what is committed."""
        victim, point = self.choose.choice(VICTIMS), self.choose.choice(POINTS)
        log = self.project.path / ".dango/activity.log"
        said = log.stat().st_size
        inode = self.project.warehouse.stat().st_ino
        process = subprocess.Popen(
            [DANGO, "sync"],
            cwd=self.project.path,
            env=self.project.environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait(point, process, _Seen(log, said, self.project.warehouse, inode))
            late = process.poll() is not None or not self._strike(victim, process.pid)
            phase = _phase(log, said)
            code = process.wait(SECONDS)
        finally:
            process.kill()
            process.wait()
        self.killed.append(Killed(victim, point, phase, code, late))
        # what was not killed goes on and tells the truth: all well, or a source has failed
        assert code in ((-signal.SIGKILL,) if victim in ("parent", "all") and not late else (0, 5)), self.killed[
            -1
        ]
        self.before = self.compare()

    def compare(self) -> dict[str, int]:
        """Return where the cursors stand, after one run; each page is there whole or not at all."""
        now = committed(self.project.warehouse)
        for name, position in now.items():
            assert position - self.before[name] in (0, PAGES[name]), (name, self.before[name], position)
            ledger = self.project.path / f"handed-{name}"
            ledger.touch()
            handed = {tuple(map(int, line.split())) for line in ledger.read_text().splitlines()}
            ledger.write_text("")
            page = (self.before[name] + 1, self.before[name] + PAGES[name])
            assert handed <= {page}, "a page was handed out that does not follow the committed one"
            assert position == self.before[name] or handed, "rows that nobody has handed out"
        return now

    def leftovers(self) -> list[str]:
        """Return the names of what lies beside the warehouse and should not."""
        beside = self.project.warehouse.parent.glob("warehouse.duckdb?*")
        return sorted(file.name for file in beside if not file.name.endswith(".lock"))

    def report(self) -> str:
        """Say what was killed, and in which phase."""
        hits = [one for one in self.killed if not one.late]
        counts = [
            ", ".join(
                f"{name} {count}" for name, count in sorted(Counter(getattr(one, what) for one in hits).items())
            )
            for what in ("victim", "point", "phase")
        ]
        late = len(self.killed) - len(hits)
        return f"{len(hits)} kills, {late} came too late; victims: {counts[0]}; points: {counts[1]}; phases: {counts[2]}"

    def _wait(self, point: str, process: subprocess.Popen[bytes], seen: _Seen) -> None:
        """Wait for the point, or for the run's end."""
        count = self.choose.randint(1, 12)
        reached = {
            "delay": lambda: False,
            "phase": lambda: seen.lines() >= count,
            "growth": lambda: seen.growth() >= count / 2,
            "published": seen.published,
        }[point]
        pause = self.choose.uniform(0, self.length if point == "delay" else 0.1 * self.length)
        end = time.monotonic() + (pause if point == "delay" else SECONDS)
        while process.poll() is None and time.monotonic() < end and not reached():
            time.sleep(0.001)
        if point in ("phase", "growth") and self.choose.random() < 0.5:
            time.sleep(pause)

    def _strike(self, victim: str, parent: int) -> bool:
        """Kill; return whether there was anybody to kill."""
        servers = _children(parent)
        workers = [worker for server in servers for worker in _children(server)]
        chosen = {
            "parent": [parent],
            "worker": workers,
            "fork server": servers,
            "all": [parent, *servers, *workers],
        }
        pids = chosen[victim]
        self.choose.shuffle(pids)
        struck = False
        if victim == "worker":  # one that loads, if one does
            pids.sort(key=_loads, reverse=True)
            del pids[1:]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
                struck = True
            except ProcessLookupError:
                continue
        return struck


@dataclass
class _Seen:
    """What can be seen of a run from outside."""

    log: Path
    said: int
    warehouse: Path
    inode: int
    sizes: list[tuple[int, ...]] = field(default_factory=list)

    def lines(self) -> int:
        with self.log.open("rb") as log:
            log.seek(self.said)
            return log.read().count(b"\n")

    def growth(self) -> int:
        """Return how often the working copy or its write-ahead log has had another size."""
        sizes = []
        with contextlib.suppress(FileNotFoundError):  # it goes away while we look
            for folder in sorted(self.warehouse.parent.iterdir()):
                if folder.suffix == ".work":
                    sizes.append((folder / self.warehouse.name).stat().st_size)
                    sizes.append((folder / f"{self.warehouse.name}.wal").stat().st_size)
        if sizes and (not self.sizes or self.sizes[-1] != tuple(sizes)):
            self.sizes.append(tuple(sizes))
        return len(self.sizes)

    def published(self) -> bool:
        return self.warehouse.stat().st_ino != self.inode


def _phase(log: Path, said: int) -> str:
    """Return what a run has said last: how many sources have loaded, and whether one is loading."""
    with log.open("rb") as file:
        file.seek(said)
        lines = [line.split(b" ", 2)[2].decode() for line in file.read().splitlines()]
    if not lines:
        return "setting up"
    if lines[-1].startswith("run:"):
        return "over"
    loading = [line.partition(":")[0] for line in lines if line.endswith(": loading")]
    ended = [line.partition(":")[0] for line in lines if not line.endswith((": loading", ": starting"))]
    if len(ended) == len(PAGES):
        return "publishing"
    return next((f"loading {name}" for name in loading if name not in ended), "extracting")


def _children(parent: int) -> list[int]:
    """Return the pids of a process's children."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdecimal() and _parent_of(folder) == parent:
                found.append(int(folder.name))
        except OSError:  # it has just ended
            continue
    return found


def _loads(pid: int) -> bool:
    """Tell whether a process has the working copy open."""
    try:
        opened = [str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return False
    return any(".work/warehouse.duckdb" in name for name in opened)


def _parent_of(folder: Path) -> int:
    return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
