"""The process that keeps a lake's leases while sources extract, and that the parent asks about it."""

from __future__ import annotations

import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import duckdb

from dango_action.errors import DangoError, Problem, StateError
from dango_action.protocol import Found, Order, Released, Tended
from dango_action.sync.place import open_place
from dango_action.warehouse.lease import RENEWED, Lease, acquire, release, renew
from dango_action.warehouse.lookup import holds
from dango_action.warehouse.mirror import copy_state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dango_action.protocol import Message, Tend
    from dango_action.warehouse.lakes import Lake

_PATIENCE = 5.0  # seconds to wait for another writer before a renewal is left for later


class Line(Protocol):
    """The line to the parent process."""

    def send(self, message: Message) -> None:
        """Send one message."""

    def receive(self, kind: type[Order]) -> Order:
        """Wait for the next order."""

    def calls(self, seconds: float) -> bool:
        """Wait until there is one, or the parent has ended; return False if the time is over first."""


def tend(task: Tend, parent: Line) -> None:
    """Do what `Tend` says, until the parent lets go of it.

    Raises:
        Exception: the target can't be opened or asked; nothing is held then, or its leases end by themselves.

    """
    lake = open_place(task.place)
    leases: dict[str, Lease] = {}
    held: dict[str, list[Problem]] = {}
    # each step has a connection of its own: hours may lie between two
    with lake.connect() as connection:
        for dataset in task.datasets:
            try:
                with lake.writing():
                    leases[dataset] = acquire(connection, dataset, task.holder)
            except StateError as error:
                held[dataset] = list(error.problems)
            else:
                copy_state(connection, dataset, Path(task.state_of(dataset)))
    parent.send(Tended(tokens={name: lease.token for name, lease in leases.items()}, held=held))
    due = time.monotonic() + RENEWED
    while True:
        if not parent.calls(due - time.monotonic()):
            _each(lake, leases.values(), renewing=True)
            due = time.monotonic() + RENEWED
            continue
        order = parent.receive(Order)
        if order.action == "release":
            _each(lake, leases.values(), renewing=False)
            parent.send(Released())
            return
        parent.send(_find(lake, order))


def _each(lake: Lake, leases: Iterable[Lease], *, renewing: bool) -> None:
    """Renew or release leases. What fails is tried again at the next renewal, or ends by itself."""
    try:
        with lake.connect() as connection:
            for lease in leases:
                with suppress(duckdb.TransactionException), lake.writing(_PATIENCE):
                    if not renewing:
                        release(connection, lease)
                    elif not renew(connection, lease):
                        print(f"the lease of {lease.dataset} has gone to another run", file=sys.stderr)  # noqa: T201
    except (duckdb.Error, DangoError):
        traceback.print_exc()


def _find(lake: Lake, order: Order) -> Message:
    try:
        with lake.connect() as connection:
            return Found(found=holds(connection, order.dataset, order.load_ids))
    except (duckdb.Error, DangoError):
        traceback.print_exc()
        return Found(found=None)
