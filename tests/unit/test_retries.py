import random

import pytest

from dango_action.errors import Problem
from dango_action.outcomes import too_long
from dango_action.protocol import Failed
from dango_action.retries import LONGEST, pause


def test_a_pause_is_a_random_part_of_a_bound_that_doubles():
    bounds = [pause(attempt, draw=1, asked=None, left=300) for attempt in range(1, 9)]

    assert bounds == [1, 2, 4, 8, 16, LONGEST, LONGEST, LONGEST]
    assert pause(3, draw=0.25, asked=None, left=300) == 1
    assert pause(3, draw=0, asked=None, left=300) == 0


def test_the_same_seed_gives_the_same_pauses():
    def pauses():
        draws = random.Random(7)
        return [pause(attempt, draw=draws.random(), asked=None, left=300) for attempt in range(1, 6)]

    assert pauses() == pauses()
    assert len(set(pauses())) == 5


def test_a_pause_is_not_shorter_than_a_server_asks_for():
    assert pause(1, draw=0, asked=20, left=300) == 20
    assert pause(2, draw=0.5, asked=20, left=300) == 21


def test_a_pause_is_never_longer_than_what_is_left():
    assert pause(6, draw=1, asked=None, left=3) == 3
    assert pause(6, draw=1, asked=2, left=3) == 3


@pytest.mark.parametrize(("asked", "left"), [(None, 0), (None, -1), (4, 3), (0, 0)])
def test_without_time_there_is_no_further_try(asked, left):
    assert pause(1, draw=0, asked=asked, left=left) is None


def test_a_source_says_how_long_its_server_wanted_it_to_wait():
    failed = Failed(problems=[Problem(what="429", hint="")], exit_code=5, transient=True, retry_after=3600)

    [problem] = too_long(failed, 299.6).problems

    assert problem.what == "429; the server asks to wait 3,600 s, and 300 s are left for the pauses of this source"
