import time

import pytest

from dango_action.jobs import Job, Run
from dango_action.protocol import Settings, Task
from dango_action.schedule import Schedule


def run(**fields):
    task = Task(
        name="shop", project="/", module="m", function=None, kwargs={}, resources=None, schema_contract=None, settings=Settings(),
        scratch="/", committed=None, full_refresh=False, limit=None,
    )  # fmt: skip
    return Run(
        job=Job(task=task, dataset="raw_shop", timeout=60, retries=2, log=None, shown_log="log"), begun=0, **fields
    )


def patience(waiting, live, width=1):
    schedule = Schedule(pool=None, observer=None, width=width, target=None, stopped=0)
    schedule._waiting.extend(waiting)
    schedule._live.extend(live)
    return schedule._patience()


def test_without_room_nothing_is_due_so_waiting_is_no_busy_loop():
    assert patience([run()], [run(phase="extracting")]) is None


def test_with_room_a_waiting_source_is_due_at_once():
    assert patience([run()], []) == 0
    assert patience([run()], [run(phase="extracting")], width=2) == 0


def test_a_retry_is_due_after_its_pause():
    assert patience([run(not_before=time.monotonic() + 30)], []) == pytest.approx(30, abs=5)


def test_the_nearest_time_limit_is_due():
    late = run(phase="extracting", deadline=time.monotonic() - 1)

    assert patience([], [late, run(phase="extracting", deadline=time.monotonic() + 50)], width=2) == 0
