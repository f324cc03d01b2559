"""A package is loaded into a lake once, however often its load is tried."""

import subprocess
import sys

import duckdb
import pytest

from dango_action.warehouse.extensions import in_wheel

PROGRAM = """
import sys
from dataclasses import replace
from pathlib import Path

import dlt

from dango_action.errors import StateError
from dango_action.protocol import Clearing, Deliver, Place, Settings
from dango_action.sync.delivery import deliver
from dango_action.sync.place import open_place
from dango_action.warehouse.lease import OWNER, acquire
from dango_action.warehouse.reader import reader
from dango_action.warehouse.transaction import Transaction

project, scratch = Path.cwd(), Path.cwd() / "scratch"
place = Place(kind="ducklake", name="lake", project=str(project), settings=Settings())
(project / ".dango").mkdir()
pipeline = dlt.pipeline(
    "a", destination=reader("ducklake", None), dataset_name="raw_a", pipelines_dir=str(scratch / "pipelines")
)
pipeline.extract(dlt.resource([{"i": i} for i in range(10)], name="t"))
pipeline.normalize()
with open_place(place).connect() as connection:
    lease = acquire(connection, "raw_a", "run")
task = Deliver(
    name="a", place=place, dataset="raw_a", holder="run", token=lease.token, scratch=str(scratch),
    load_ids=pipeline.list_normalized_load_packages(), drops=False,
)
lies = Clearing(table=OWNER, column="token", kind="bigint", since="0", until="9", nested={})
try:
    deliver(replace(task, clears=[lies]))
    sys.exit("the rows of a lease are not the source's to replace")
except StateError:
    pass
commit = Transaction.commit


def interrupted(self):
    if sys.argv[1] == "after":
        commit(self)
    raise ConnectionError("the answer to COMMIT was lost")


Transaction.commit = interrupted
try:
    deliver(task)
except ConnectionError:
    pass
Transaction.commit = commit
for _ in range(2):
    deliver(task)
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_load_whose_commit_was_not_answered_is_there_once_after_it_is_tried_again(tmp_path, when):
    subprocess.run([sys.executable, "-P", "-c", PROGRAM, when], cwd=tmp_path, check=True, timeout=120)

    with duckdb.connect() as connection:
        for extension in ("sqlite_scanner", "ducklake"):
            connection.load_extension(str(in_wheel(extension)))
        base = tmp_path / ".dango/lake.ducklake"
        connection.execute(
            f"attach 'ducklake:{base}.sqlite' as lake (data_path '{base}.files', meta_type 'sqlite')"
        )
        assert connection.sql("select count(*), count(distinct i) from lake.raw_a.t").fetchall() == [(10, 10)]
        assert connection.sql("select count(*) from lake.raw_a._dlt_loads").fetchall() == [(1,)]
