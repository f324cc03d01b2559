"""Slices of time and jobs, asked for by dlt's own client of an API that refuses what such APIs refuse."""

import datetime as dt
import json
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from dlt.sources.helpers.rest_client import RESTClient
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dango_action.config.paging import Cursor, Job, Windows
from dango_action.errors import SourceError
from dango_action.sources.rest.paginators import paginator_of

BASE = "https://api.example.com/v1/"
NOW = dt.datetime(2026, 3, 1, 12, 30, tzinfo=dt.UTC)
TODAY, DAY = NOW.date(), 24 * 3600
PAGES = Cursor(type="cursor", cursor_path="next", cursor_param="after")


class Asked(NamedTuple):
    """A request: its path below the API's address, its query, and its body, which is JSON."""

    method: str
    path: str
    query: dict
    body: dict | None


class Transport(requests.adapters.BaseAdapter):
    """Hands requests to a function, which returns a document."""

    def __init__(self, answer):
        super().__init__()
        self.answer, self.asked = answer, []

    def send(self, request, **_):
        url = urlsplit(request.url)
        body = json.loads(request.body) if request.body else None
        asked = Asked(request.method, url.path.removeprefix("/v1/"), dict(parse_qsl(url.query)), body)
        self.asked.append(asked)
        response = requests.Response()
        response.status_code, response._content, response.request = (
            200,
            json.dumps(self.answer(asked)).encode(),
            request,
        )
        return response

    def close(self):
        pass


def rows_of(answer, asked, *, params=None, body=None, now=NOW):
    """Return the rows of all pages, and the requests."""
    transport, session = Transport(answer), requests.Session()
    session.mount("https://", transport)
    client = RESTClient(BASE, session=session)
    pages = client.paginate(
        "log",
        method="POST" if body is not None else "GET",
        params=params,
        json=body,
        paginator=paginator_of(asked, {"now": now.isoformat()}, BASE),
        data_selector="data",
    )
    return [row for page in pages for row in page], transport.asked


class Log:
    """Rows by their time. A span without a length, or one that is too long, is refused; a page has two rows."""

    def __init__(self, moments, longest, *, of_days=False):
        self.moments, self.longest, self.of_days = sorted(moments), longest, of_days
        self.spans = []

    def __call__(self, asked):
        found = asked.body["range"] if asked.body else asked.query
        begin, end = (self.number(found[key]) for key in ("from", "to"))
        length = end - begin + 1 if self.of_days else end - begin
        assert 0 < length <= self.longest
        start = int(asked.query.get("after", 0))
        if not start:
            self.spans.append((begin, end))
        rows = [moment for moment in self.moments if begin <= moment <= end]
        more = {"next": str(start + 2)} if start + 2 < len(rows) else {}
        return {"data": [{"at": moment} for moment in rows[start : start + 2]], **more}

    def number(self, text):
        return dt.date.fromisoformat(text).toordinal() if self.of_days else int(text)


@settings(deadline=None)
@given(
    back=st.integers(-DAY, 40 * DAY),
    moments=st.lists(st.integers(-45 * DAY, DAY), max_size=12),
    days=st.integers(1, 15),
    settle=st.sampled_from([0, 60]),
)
def test_every_row_of_a_span_of_seconds_is_found_and_no_slice_is_refused(back, moments, days, settle):
    begin, end = int(NOW.timestamp()) - back, int(NOW.timestamp()) - settle
    log = Log([int(NOW.timestamp()) + moment for moment in moments], days * DAY)
    asked = Windows(
        type="windows", days=days, start="from", end="to", format="unix_seconds", settle=settle, within=PAGES
    )

    rows, _ = rows_of(log, asked, params={"from": str(begin)})

    found = [row["at"] for row in rows]
    assert {moment for moment in log.moments if begin <= moment <= end} <= set(found)
    assert all(moment <= end for moment in found)
    assert [span[0] for span in log.spans[1:]] == [span[1] for span in log.spans[:-1]]  # neither gap nor overlap
    assert log.spans[-1][1] == end
    assert sorted(set(log.spans)) == log.spans


@settings(deadline=None)
@example(back=3, until=-1, days=2, moments=[1])
@given(
    back=st.integers(-1, 100),
    until=st.none() | st.integers(-1, 100),
    days=st.integers(1, 31),
    moments=st.lists(st.integers(-110, 1), max_size=12),
)
def test_every_row_of_a_span_of_days_is_found_once(back, until, days, moments):
    begin, last = TODAY - dt.timedelta(days=back), TODAY - dt.timedelta(days=until or 0)
    log = Log([TODAY.toordinal() + moment for moment in set(moments)], days, of_days=True)
    asked = Windows(type="windows", days=days, start="from", end="to", format="date", within=PAGES)
    params = {"from": str(begin), **({} if until is None else {"to": str(last)})}

    rows, _ = rows_of(log, asked, params=params)

    end = min(last, TODAY)
    wanted = [day for day in log.moments if min(begin, end).toordinal() <= day <= end.toordinal()]
    assert [row["at"] for row in rows] == wanted
    assert log.spans[-1][1] == end.toordinal()


def test_a_slice_has_its_span_in_the_body_and_leaves_the_one_before_it_as_it_was():
    log = Log([TODAY.toordinal() - number for number in range(9)], 3, of_days=True)
    asked = Windows(
        type="windows", days=3, start="range.from", end="range.to", body=True, format="date", within=PAGES
    )
    body = {"level": "ad", "range": {"zone": "utc"}}

    rows, requests_ = rows_of(log, asked, params={"range.from": "2026-02-21", "q": "x"}, body=body)

    assert len(rows) == 9
    assert body == {"level": "ad", "range": {"zone": "utc"}}
    assert {(method, path, query["q"]) for method, path, query, _ in requests_} == {("POST", "log", "x")}
    assert all(set(query) <= {"q", "after"} for _, _, query, _ in requests_)
    assert requests_[0][3] == {"level": "ad", "range": {"zone": "utc", "from": "2026-02-21", "to": "2026-02-23"}}
    assert [query.get("after") for _, _, query, _ in requests_] == [None, "2"] * 3  # each slice begins anew


class Jobs:
    """An API whose rows are made by jobs: `pace` says how often one is asked after until it is done."""

    def __init__(self, pace=2, ends="done"):
        self.pace, self.ends, self.polls = pace, ends, {}

    def __call__(self, asked):
        if asked.method == "POST":
            assert (asked.path, asked.query.keys() - {"q"}) == ("log", set())
            self.polls[f"job/{len(self.polls)}"] = 0
            return {"id": f"job/{len(self.polls) - 1}", "span": asked.body}
        assert asked.body is None
        name = asked.path.replace("%2F", "/").removesuffix("/rows")
        if asked.path.endswith("/rows"):
            assert self.polls[name] >= self.pace
            assert asked.query["limit"] == "2"
            last = 2 * int(asked.query["page"])
            return {"data": [{"job": name, "n": n} for n in (last - 2, last - 1)], "pages": 2}
        assert asked.query == {}
        self.polls[name] += 1
        return {"state": self.ends if self.polls[name] >= self.pace else "running", "data": None}


def a_job(**more):
    words = {
        "type": "job",
        "id_path": "id",
        "status": "${id}",
        "status_path": "state",
        "done": ["done"],
        "failed": ["broken"],
        "every": 0.001,
        "result": "${id}/rows",
        "result_params": {"limit": 2},
        "within": {"type": "page_number", "base_page": 1, "page_param": "page", "total_path": "pages"},
    }
    return Job.model_validate(words | more)


def test_a_job_is_started_asked_after_and_read_to_its_last_page():
    rows, requests_ = rows_of(Jobs(pace=3), a_job(), params={"q": "x"}, body={})

    assert [row["n"] for row in rows] == [0, 1, 2, 3]
    assert [path for _, path, _, _ in requests_] == ["log", *["job%2F0"] * 3, *["job%2F0/rows"] * 2]


def test_each_slice_has_a_job_of_its_own():
    asked = Windows(
        type="windows", days=10, start="range.from", end="range.to", body=True, format="date", within=a_job()
    )

    rows, requests_ = rows_of(Jobs(), asked, params={"range.from": "2026-02-10"}, body={"level": "ad"})

    assert [(row["job"], row["n"]) for row in rows] == [(f"job/{job}", n) for job in range(2) for n in range(4)]
    spans = [body for method, _, _, body in requests_ if method == "POST"]
    assert spans == [
        {"level": "ad", "range": {"from": "2026-02-10", "to": "2026-02-19"}},
        {"level": "ad", "range": {"from": "2026-02-20", "to": "2026-03-01"}},
    ]


@pytest.mark.parametrize(
    ("api", "said"),
    [
        (Jobs(ends="broken"), "has ended as `broken`"),
        (lambda _: {"data": []}, "has no `id`"),
        (lambda asked: {"id": 7} if asked.method == "POST" else {"status": "?"}, "has no `state`"),
        (Jobs(pace=10**6), "is still `running` after 0 seconds"),
    ],
)
def test_a_job_that_comes_to_nothing_is_said(api, said):
    with pytest.raises(SourceError, match=said):
        rows_of(api, a_job(longest=0.05), body={})


def test_an_end_in_other_words_than_dlts_is_one():
    pages = {
        None: {"data": [{"n": 1}], "next": "a", "link": "x"},
        "a": {"data": [], "next": "b", "link": "x"},
        "b": {"data": [{"n": 2}], "next": "c", "link": None, "over": True},
    }

    def api(asked):
        assert ("since" in asked.query) != ("after" in asked.query)
        return pages[asked.query.get("after")]

    for ends in ({"end_path": "over"}, {"more_path": "link"}):
        rows, _ = rows_of(api, PAGES.model_copy(update={**ends, "replaces": "since"}), params={"since": "0"})
        assert rows == [{"n": 1}, {"n": 2}]


def test_one_paginator_serves_all_parents_of_a_child():
    paginator = paginator_of(PAGES, {"now": NOW.isoformat()}, BASE)
    session = requests.Session()
    answers = {None: {"data": [{"n": 1}], "next": "2"}, "2": {"data": [{"n": 1}]}}
    session.mount("https://", Transport(lambda asked: answers[asked.query.get("after")]))
    client = RESTClient(BASE, session=session)

    for _ in range(5):
        assert [list(page) for page in client.paginate("log", paginator=paginator, data_selector="data")] == [
            [{"n": 1}]
        ] * 2
