"""A server that fails in every way it can, at random: each row is loaded once, and its wishes are respected."""

import http.server
import json
import random
import time
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

import pytest

ROWS, PAGE = 60, 20
SOURCE = """
    import dlt, requests

    @dlt.resource(write_disposition="append")
    def source(url, at=dlt.sources.incremental("id", initial_value=0)):
        after = at.last_value
        while True:
            answer = requests.get(url, params={"after": after}, timeout=10)
            answer.raise_for_status()
            rows = answer.json()
            if not rows:
                return
            yield rows
            after = rows[-1]["id"]
"""
FAULTS = ("429", "429 now", "429 soon", "500", "half", "closed", "no json")


class Flaky(http.server.BaseHTTPRequestHandler):
    faults: list  # of the next requests; None is a good answer

    def do_GET(self):
        after = int(parse_qs(urlsplit(self.path).query)["after"][0])
        rows = [{"id": i, "items": [{"x": i}]} for i in range(after + 1, min(after + PAGE, ROWS) + 1)]
        body = json.dumps(rows).encode()
        fault = self.faults.pop(0) if self.faults else None
        if fault == "closed":
            self.close_connection = True
            return
        self.send_response(int(fault[:3]) if fault and fault[0].isdigit() else 200)
        if fault == "429 now":
            self.send_header("Retry-After", "0")
        elif fault == "429 soon":
            self.send_header("Retry-After", formatdate(time.time() + 1, usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write({"half": body[:5], "no json": b"<" * len(body)}.get(fault, body))
        self.close_connection = fault == "half"

    def log_message(self, *_):
        pass


def test_each_row_is_loaded_once_whatever_the_server_does(project, serve):
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it if this fails
    draws = random.Random(seed)
    faults = [*FAULTS, None, None, None]  # four good answers in a row are needed, so all faults come first
    draws.shuffle(faults)
    handler = type("Handler", (Flaky,), {"faults": list(faults)})
    project.module("api", SOURCE)
    project.sources({"name": "api", "kwargs": {"url": serve(handler)}, "retries": 4})

    runs = 0
    while (done := project.sync()).code:
        runs += 1
        assert done.code == 5, done.err
        assert runs <= len(FAULTS), faults

    assert handler.faults == []
    [(rows, ids, highest, items)] = project.query(
        "select count(*), count(distinct id), max(id), (from raw_api.source__items select count(*)) from raw_api.source"
    )
    assert rows == ids == highest == items == ROWS


def test_a_server_that_asks_for_more_time_than_there_is_ends_the_source_which_says_so(project, serve):
    class Busy(Flaky):
        def do_GET(self):
            self.send_response(503)
            self.send_header("Retry-After", "3600")
            self.end_headers()

    project.module("api", SOURCE)
    project.sources({"name": "api", "kwargs": {"url": serve(Busy)}})

    done = project.sync()

    assert done.code == 5
    assert done.source("api")["attempts"] == 1
    assert done.source("api")["cause"].endswith(
        "; the server asks to wait 3,600 s, and 300 s are left for the pauses of this source"
    )


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7),
        ("-7", None),
        ("soon", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("99999999999", None),
        ("Mon, 01 Jan 202444444444 00:00:00 GMT", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("client", ["requests", "urllib"])
def test_the_pause_that_a_server_asks_for_is_read_from_the_exception(client, said, seconds):
    import urllib.error  # noqa: PLC0415 - beside the import that takes long
    from email.message import Message  # noqa: PLC0415 - as above

    import requests  # noqa: PLC0415 - as above

    from dango_action.sync.failures import _asked_pause  # noqa: PLC0415 - it imports dlt

    def error(status):
        if client == "requests":
            response = requests.Response()
            response.status_code = status
            response.headers.update({"Retry-After": said} if said else {})
            return requests.HTTPError(response=response)
        headers = Message()
        if said:
            headers["Retry-After"] = said
        return urllib.error.HTTPError("http://x", status, "no", headers, None)

    assert _asked_pause(error(429)) == seconds
    assert _asked_pause(error(404)) is None


def test_an_answer_that_ends_too_early_may_pass_and_one_that_makes_no_sense_does_not():
    import http.client  # noqa: PLC0415 - as above

    import requests  # noqa: PLC0415 - as above

    from dango_action.sync.failures import _passes  # noqa: PLC0415 - as above

    assert _passes(requests.exceptions.ChunkedEncodingError())
    assert _passes(http.client.IncompleteRead(b""))
    assert not _passes(requests.exceptions.JSONDecodeError("x", "x", 0))


def test_a_date_to_wait_for_is_turned_into_seconds():
    import requests  # noqa: PLC0415 - as above

    from dango_action.sync.failures import _asked_pause  # noqa: PLC0415 - as above

    response = requests.Response()
    response.status_code = 503
    response.headers["Retry-After"] = formatdate(time.time() + 1000, usegmt=True)

    assert 900 < _asked_pause(requests.HTTPError(response=response)) <= 1000
