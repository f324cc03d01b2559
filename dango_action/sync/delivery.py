"""The process that loads into a lake what a source's process has left: it has the credentials, and runs no code.

The source's process is over, but what it has left was written by the user's code: only rows are taken from it,
and no statements, and nothing in it is ever unpickled.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import dlt
import duckdb

from dango_action.errors import StateError
from dango_action.sync.place import open_place
from dango_action.warehouse.clearing import clear
from dango_action.warehouse.contents import quoted
from dango_action.warehouse.lease import Lease, renew, use
from dango_action.warehouse.lookup import holds
from dango_action.warehouse.mirror import tables_of
from dango_action.warehouse.reader import FORMATS
from dango_action.warehouse.transaction import Transaction, destination

if TYPE_CHECKING:
    from dango_action.protocol import Deliver
    from dango_action.warehouse.lakes import Lake

_KEPT = ("state.json", "schemas", "load")  # of a pipeline's folder; beside them lies a pickle
_JOBS = ("started_jobs", "completed_jobs", "failed_jobs", ".pending_transitions")
_ENDINGS = tuple(f".{kind}{packed}" for kind in FORMATS for packed in ("", ".gz"))


def deliver(task: Deliver) -> None:
    """Load everything in one transaction, unless it is there already; so a second try never doubles a row.

    Raises:
        StateError: the lease has gone to another run, or the package holds more than rows.
        Exception: whatever failed. Nothing was loaded, unless the answer to a COMMIT got lost.

    """
    folder = _copied(task)
    lake = open_place(task.place)
    lease = Lease(dataset=task.dataset, holder=task.holder, token=task.token)
    with lake.writing(), lake.connect() as connection:
        transaction = Transaction(connection)
        use(connection, lease)
        if holds(connection, task.dataset, task.load_ids):
            return
        if task.drops:
            for table in tables_of(connection, task.dataset):
                connection.execute(f"drop table {quoted(task.dataset, table)}")
        _load(task, folder, lake, transaction)
        _clear(task, connection)
        transaction.commit()
        _renew(connection, lease)


def _clear(task: Deliver, connection: duckdb.DuckDBPyConnection) -> None:
    """Delete what a backfill replaces; what is to be deleted was said by a process that runs the user's code.

    Raises:
        StateError: it is in a table that is not the source's.

    """
    own = set(tables_of(connection, task.dataset))
    for clearing in task.clears:
        if not own.issuperset((clearing.table, *clearing.nested)):
            raise StateError.because(
                f"the backfill was announced to replace rows of `{clearing.table}`, none of its tables",
                "nothing was changed; does the source's code write to open file descriptors?",
            )
        clear(connection, task.dataset, task.load_ids, clearing)


def _renew(connection: duckdb.DuckDBPyConnection, lease: Lease) -> None:
    """Renew the lease while nobody else can write, since that may have been so for longer than it lasts."""
    try:
        renew(connection, lease)
    except duckdb.Error as error:  # the load is committed, and the next renewal comes
        print(f"the lease of {lease.dataset} was not renewed: {type(error).__name__}")  # noqa: T201


def _load(task: Deliver, folder: Path, lake: Lake, transaction: Transaction) -> None:
    inside = destination(lake.kind, lake.credentials, transaction)
    pipeline = dlt.pipeline(task.name, destination=inside, dataset_name=task.dataset, pipelines_dir=str(folder))
    try:
        pipeline.load(destination=inside, workers=1, raise_on_failed_jobs=True)
    except Exception:
        transaction.check()  # raises the first cause, where dlt has only the text of a later one
        raise
    finally:
        pipeline.deactivate()


def _copied(task: Deliver) -> Path:
    """Return a folder with a copy of the package: a load moves its files, and a second try begins anew.

    Raises:
        StateError: it is not what a source's process leaves.

    """
    origin, folder = Path(task.scratch) / "pipelines" / task.name, Path(task.scratch) / "delivery"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / task.name).mkdir(parents=True)
    for name in _KEPT:
        if (origin / name).is_dir():
            shutil.copytree(origin / name, folder / task.name / name, symlinks=True, copy_function=_link)
        else:
            shutil.copyfile(origin / name, folder / task.name / name, follow_symlinks=False)
    normalized = folder / task.name / "load" / "normalized"
    if {path.name for path in normalized.iterdir()} != set(task.load_ids) or not all(
        map(_is_rows, _files(folder))
    ):
        raise StateError.because(
            "the package of this source is not what its load was announced to be",
            f"only {' and '.join(FORMATS)} files go into a lake: leave `file_format` out; "
            "does the source's code write to the pipeline's folder?",
        )
    return folder


def _link(origin: str, copy: str) -> None:
    """Share the content of what a load only reads, and copy the rest."""
    if Path(origin).parent.name == "new_jobs" and not Path(origin).is_symlink():
        os.link(origin, copy)
    else:
        shutil.copyfile(origin, copy, follow_symlinks=False)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]


def _is_rows(file: Path) -> bool:
    """Tell whether a file of a package is one of rows or, outside of its jobs, of dlt's own JSON."""
    if file.is_symlink() or not file.is_file() or file.parent.name in _JOBS:
        return False
    return file.parent.name != "new_jobs" or file.name.endswith(_ENDINGS)
