"""The asynchronous source against its API on loopback."""

import re
import threading

import hacker_news
import pytest
from strict import RefusedError, Strict, served


class HackerNews(Strict):
    """Items by number; `together` has the first two requests for items wait for each other."""

    def __init__(self, newest):
        super().__init__()
        self.items = {
            n: {"id": n, "type": "story", "time": 1_700_000_000 + n, "score": 1} for n in range(1, newest + 1)
        }
        self.newest, self.changed, self.absent, self.together = newest, [], set(), None
        self.now, self.most, self._lock = 0, 0, threading.Lock()

    def answer(self, asked):
        asked.only()
        if asked.path == "/v0/maxitem.json":
            return self.newest
        if asked.path == "/v0/updates.json":
            return {"items": self.changed, "profiles": ["somebody"]}
        found = re.fullmatch(r"/v0/item/([1-9][0-9]*)\.json", asked.path)
        if not found:
            raise RefusedError(asked.path)
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        if self.together and self.together.n_waiting < 2:
            self.together.wait(timeout=30)
            self.together = None
        with self._lock:
            self.now -= 1
        number = int(found[1])
        return None if number in self.absent else self.items.get(number)

    def numbers(self):
        return sorted(int(n) for asked in self.asked for n in re.findall(r"item/(\d+)", asked.path))


@pytest.fixture
def api():
    made = HackerNews(newest=30)
    with served(made) as address:
        made.address = address
        yield made
    assert not made.refused


def test_items_come_once_many_at_once_and_later_what_is_new_changed_or_was_missed(api, warehouse, monkeypatch):
    monkeypatch.setattr(hacker_news, "PAGE", 5)
    api.together = threading.Barrier(2)
    api.absent, api.changed = {30}, [1, 30]
    api.first = [(429, {"Retry-After": "0"}, {"error": "later"})]

    def sync():
        api.asked.clear()
        return warehouse.sync("hacker_news", first_items=20, at_once=3, base_url=api.address)

    assert sync() == {"items": 19}
    assert api.numbers() == list(range(11, 31))
    assert 2 <= api.most <= 3
    api.newest, api.absent, api.changed = 32, {13}, [5, 12, 13, 32]
    api.items |= {31: {"id": 31, "kids": [30], "deleted": True}, 32: {"id": 32}, 12: {"id": 12, "score": 99}}

    sync()

    assert api.numbers() == [12, 13, 30, 31, 32]
    assert warehouse.query("select count(*), count(distinct id), min(id), max(id) from raw_hacker_news.items") == [
        (22, 22, 11, 32)
    ]
    assert warehouse.column("select score from raw_hacker_news.items where id in (12, 13) order by id") == [99, 1]
    api.changed, api.absent = [], set()
    sync()
    assert api.numbers() == [13]
    assert sync() == {}


def test_a_failure_that_stays_is_an_error_and_its_items_come_with_the_next_run(api, warehouse, monkeypatch):
    monkeypatch.setattr(hacker_news, "RETRIES", False)
    monkeypatch.setattr(hacker_news, "PAGE", 2)
    answered = api.answer
    api.answer = lambda asked: (503, {}, None) if asked.path.endswith("/28.json") else answered(asked)

    with pytest.raises(Exception, match=r"/v0/item/28\.json: the server answers with status 503"):
        warehouse.sync("hacker_news", first_items=5, base_url=api.address)
    api.answer = answered

    assert warehouse.sync("hacker_news", first_items=5, base_url=api.address) == {"items": 5}
