"""Whatever is killed, and how often: every extracted row is committed exactly once, nested ones too.

`DANGO_KILLS` is the number of kills (`make kills`: 200), `DANGO_KILLS_SEED` repeats a choice of victims and points.
"""

import os
import random

import pytest
from killing import Killing

PARTS = 2  # for two processes of pytest
KILLS = int(os.environ.get("DANGO_KILLS", "16")) // PARTS
CLEAN = 8  # kills between two runs that go through


@pytest.mark.parametrize("part", range(PARTS))
def test_after_any_sequence_of_kills_every_row_is_there_exactly_once(project, part):
    seed = f"{os.environ['DANGO_KILLS_SEED']}/{part}"
    runs = Killing(project, random.Random(seed))
    runs.prepare()
    try:
        runs.clean()
        while (done := sum(not one.late for one in runs.killed)) < KILLS:
            runs.kill()
            if done % CLEAN == 0:
                runs.clean()
        runs.clean()
    finally:
        print(f"seed {seed}: {runs.report()}")  # noqa: T201 - pytest shows it when the test fails, and in `make kills`
