"""One writer for each dataset of a lake: a lease with a token that grows by one with every owner.

Two runs that load one dataset side by side would both start from the same cursor, and double rows. A lake has no
lock that ends with a process, so the lease ends by itself, and its owner renews it. That alone is not enough: a
machine that was frozen may wake up when its lease has gone to somebody else. So each load touches the row with
its own token inside its transaction, and whoever takes the lease over changes the same row: of the two, only the
first can commit.

When the lease ends stands in a table of its own. In the same row, each renewal would be a conflict with the load
that is under way.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from dango_action.errors import StateError
from dango_action.warehouse.contents import quoted

if TYPE_CHECKING:
    from datetime import datetime

    from dango_action.errors import DangoError

LASTS = 180
"""Seconds from a renewal to the end of a lease: so long a run that was killed is in the way of the next."""
RENEWED = 45
"""Seconds between two renewals; three in a row may fail."""
OWNER = "_dango_lease"
END = "_dango_lease_end"
TABLES = (OWNER, END)
_TRIES = 6
_LONGEST_PAUSE = 2.0
_ENDS = f"cast(now() as timestamptz) + interval {LASTS} second"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to load into a dataset. `holder` names the run, `token` its place in the order of owners."""

    dataset: str
    holder: str
    token: int


def acquire(connection: duckdb.DuckDBPyConnection, dataset: str, holder: str) -> Lease:
    """Take the lease of a dataset, which is made if it is not there.

    Raises:
        StateError: another run holds it.
        duckdb.Error: it could not be asked, or not within some tries.

    """
    for attempt in range(1, _TRIES + 1):
        connection.begin()
        try:
            lease = _take(connection, dataset, holder)
            connection.commit()
        except duckdb.TransactionException:  # somebody has committed in between; perhaps they have it now
            _roll_back(connection)
            if attempt == _TRIES:
                raise
            time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.1 * 2**attempt)))  # noqa: S311 - no secret
        except BaseException:
            _roll_back(connection)
            raise
        else:
            return lease
    raise AssertionError("the last try returns or raises")


def _take(connection: duckdb.DuckDBPyConnection, dataset: str, holder: str) -> Lease:
    owner, end = quoted(dataset, OWNER), quoted(dataset, END)
    connection.execute(f"create schema if not exists {quoted(dataset)}")
    connection.execute(f"create table if not exists {owner} (token bigint, holder varchar, used timestamptz)")
    connection.execute(f"create table if not exists {end} (token bigint, ends timestamptz)")
    held = connection.execute(
        f"select token, holder, ends, ends > now() from {owner} left join {end} using (token) "  # noqa: S608
        "order by token desc, ends desc limit 1"
    ).fetchone()
    if held and held[3]:
        raise _held(dataset, held)
    token = held[0] + 1 if held else 1
    connection.execute(f"delete from {owner}")  # noqa: S608 - both names are quoted
    connection.execute(f"insert into {owner} values (?, ?, now())", [token, holder])  # noqa: S608
    connection.execute(f"delete from {end}")  # noqa: S608
    connection.execute(f"insert into {end} values (?, {_ENDS})", [token])  # noqa: S608
    return Lease(dataset=dataset, holder=holder, token=token)


def _held(dataset: str, held: tuple[Any, ...]) -> DangoError:
    ends: datetime = held[2]
    return StateError.because(
        f"another run is loading into {dataset}: {held[1]} holds its lease until {ends:%H:%M:%S %Z}",
        "run again when it has ended; if that run was killed, its lease ends by itself at that time",
    )


def renew(connection: duckdb.DuckDBPyConnection, lease: Lease) -> bool:
    """Let a lease last anew; return False if it has gone to somebody else."""
    return _move_end(connection, lease, _ENDS)


def release(connection: duckdb.DuckDBPyConnection, lease: Lease) -> None:
    """End a lease now, unless it has gone to somebody else."""
    _move_end(connection, lease, "now()")


def _move_end(connection: duckdb.DuckDBPyConnection, lease: Lease, ends: str) -> bool:
    end = quoted(lease.dataset, END)
    connection.execute(f"update {end} set ends = {ends} where token = ?", [lease.token])  # noqa: S608
    return _holds(connection, lease)


def use(connection: duckdb.DuckDBPyConnection, lease: Lease) -> None:
    """Touch the lease's row inside a load, so that the load can't be committed beside another owner's.

    Raises:
        StateError: the lease has gone to another run.

    """
    if not _holds(connection, lease):
        raise StateError.because(
            f"the lease of {lease.dataset} has gone to another run while this one was held up",
            "nothing of this source was loaded; run again, and it goes on from what that run has loaded",
        )
    owner = quoted(lease.dataset, OWNER)
    connection.execute(f"update {owner} set used = now() where token = ?", [lease.token])  # noqa: S608


def _holds(connection: duckdb.DuckDBPyConnection, lease: Lease) -> bool:
    """Tell whether the lease is this one. The token alone says little: somebody may have emptied the table."""
    owners = connection.table(quoted(lease.dataset, OWNER)).select("token, holder").fetchall()
    return owners == [(lease.token, lease.holder)]


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.rollback()
    except duckdb.TransactionException:  # DuckDB did, when the commit failed
        return
