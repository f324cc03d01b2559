from dango_action.config.rest_api import RateLimit
from dango_action.sources.rest.turns import Turns


def test_an_api_gets_at_most_so_many_requests_in_any_so_many_seconds():
    turns = Turns(RateLimit(requests=2, seconds=10))

    assert [turns.take(now) for now in (0, 1, 2, 3, 25, 26, 27)] == [0, 1, 10, 11, 25, 26, 35]


def test_without_a_limit_it_is_always_now():
    turns = Turns(None)

    assert [turns.take(now) for now in (0, 0, 5)] == [0, 0, 5]
