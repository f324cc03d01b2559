"""What holds for each single request to a REST API, against hosts that misbehave."""

import http.server
import itertools
import json
import socket

import pytest
import requests
from dlt.sources.helpers.rest_client.exceptions import IgnoreResponseException
from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator
from hosts import Hosts

from dango_action.errors import CredentialsError, DangoError
from dango_action.sources.rest.auth import Mint, Minted, Sent
from dango_action.sources.rest.paginators import Guarded
from dango_action.sources.rest.session import ApiSession

HOST = "api.example.com"
ROWS = '[{"id": 1, "at": "2024-01-01"}]'
TOKEN = "minted-4f1c7d90aa"


class Api:
    """Each path misbehaves in its own way."""

    def __init__(self):
        self.left = {"late": [(429, {"error": "slow down"}, {"Retry-After": "0"})]}

    def __call__(self, asked):
        if asked.path == "/plain":
            return 302, {}, {"Location": f"http://{HOST}/rows"}
        if asked.path in ("/one", "/two"):
            return 302, {}, {"Location": {"/one": "/two", "/two": f"https://{HOST}:443/rows"}[asked.path]}
        if asked.path == "/echo":
            return 400, {"message": f"{'x' * 170} no such token: {asked.headers['x-key']}"}
        if asked.path == "/token" and self.left["late"]:
            return self.left["late"].pop()
        return 200, {"access_token": TOKEN, "sent": asked.headers.get("x-key")}


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    with Hosts(tmp_path_factory.mktemp("hosts"), {HOST: Api()}) as playing:
        yield playing


@pytest.fixture
def session(hosts, monkeypatch):
    for key, value in hosts.environ.items():
        monkeypatch.setenv(key, value)
    made = ApiSession([f"https://{HOST}/v1/"], (), None)
    made.auth = Sent(lambda: ("X-Key", "key-5f6e7d"))
    return made


@pytest.mark.parametrize("url", [f"http://{HOST}/rows", f"https://{HOST}/plain"])
def test_no_link_and_no_redirect_takes_the_credentials_out_of_tls(session, hosts, url):
    begun = len(hosts.asked)

    assert session.get(url).json()["sent"] == "key-5f6e7d"
    assert {asked.over_tls for asked in hosts.asked[begun:]} == {True}


@pytest.mark.parametrize(
    "url", [f"https://{HOST}:443/rows", f"https://{HOST.upper()}/rows", f"https://{HOST}/one"]
)
def test_an_address_of_the_api_is_its_own_however_it_is_written_and_reached(session, url):
    assert session.get(url).ok


@pytest.mark.parametrize(
    "url",
    [
        f"https://{HOST}:8443/rows",
        f"https://{HOST}.evil.example/rows",
        f"https://{HOST}@evil.example/rows",
        f"https://evil.example/@{HOST}/rows",
        f"https://evil.example\\@{HOST}/rows",
        f"https://evil.example#@{HOST}/rows",
    ],
)
def test_an_address_that_only_looks_like_that_of_the_api_gets_nothing(session, hosts, url):
    begun = len(hosts.asked)

    with pytest.raises((DangoError, requests.RequestException)):
        session.get(url)
    assert hosts.asked[begun:] == []


def test_a_token_that_was_just_got_is_not_in_the_words_of_an_error(session):
    session.auth = Minted(Mint(f"https://{HOST}/rows", dict, ("id", "secret")), "X-Key", "")

    with pytest.raises(DangoError, match="no such token") as caught:
        session.get(f"https://{HOST}/echo")
    assert TOKEN[:8] not in str(caught.value)


@pytest.mark.usefixtures("session")
def test_who_gives_tokens_may_be_busy():
    assert Mint(f"https://{HOST}/token", dict, ("id", "secret")).token() == TOKEN


@pytest.mark.parametrize("key", ["key-5f6e7d\nX-Other: 1", "key-5f6e\u2026"])
def test_a_secret_that_no_header_can_hold_is_said_without_it(session, key):
    session.auth = Sent(lambda: ("X-Key", key))

    with pytest.raises(CredentialsError, match="copy it again") as caught:
        session.get(f"https://{HOST}/rows")
    assert "5f6e" not in str(caught.value)


def test_the_line_break_at_the_end_of_a_secret_is_none_of_it(session):
    session.auth = Sent(lambda: ("X-Key", "key-5f6e7d\n"))

    assert session.get(f"https://{HOST}/rows").json()["sent"] == "key-5f6e7d"


def test_an_answer_that_breaks_off_is_asked_for_again(broken):
    session = ApiSession([broken], (), None)

    assert session.get(broken).json() == [1]


def test_what_is_no_json_is_said_as_such_and_nothing_at_all_has_no_rows(broken):
    session = ApiSession([broken], (), None)

    with pytest.raises(DangoError, match="200 OK to /page with text/html that is no JSON"):
        session.get(f"{broken}page")
    with pytest.raises(IgnoreResponseException):
        session.get(f"{broken}nothing")
    with pytest.raises(DangoError, match="302 Found to /nowhere and leads to another host"):
        session.get(f"{broken}nowhere")


@pytest.fixture
def broken(serve):
    """A server whose first answer ends in its middle; other paths have other faults."""
    tries = itertools.count()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            if self.path != "/":
                self.whole(self.path)
                return
            whole = next(tries) > 0
            self.send_response(200)
            self.send_header("Content-Length", "3" if whole else "1000")
            self.end_headers()
            self.wfile.write(b"[1]")
            if not whole:
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

        def whole(self, path):
            self.send_response(302 if path == "/nowhere" else 200)
            body = b"" if path == "/nothing" else b"<html>"
            lines = {"Location": "http://[::1", "Content-Type": "text/html", "Content-Length": str(len(body))}
            for key, value in lines.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return f"{serve(Handler)}/"


def test_pages_that_do_not_end_are_noticed_although_their_rows_are_changed_on_the_way():
    paginator = Guarded(PageNumberPaginator(base_page=1, page_param="p", total_path=None))
    answer, request = requests.Response(), requests.Request("GET", f"https://{HOST}/rows", params={})
    paginator.init_request(request)

    for number in range(2):
        rows = json.loads(ROWS)
        paginator.update_state(answer, rows)
        rows[0]["at"] = number  # as a cursor's value becomes a time
        paginator.update_request(request)

    with pytest.raises(DangoError, match="the last 3 pages are the same"):
        paginator.update_state(answer, json.loads(ROWS))


def test_pages_that_come_by_turns_for_ever_are_noticed_and_rows_that_are_alike_are_not():
    paginator = Guarded(PageNumberPaginator(base_page=1, page_param="p", total_path=None))
    answer, request = requests.Response(), requests.Request("GET", f"https://{HOST}/rows", params={})
    paginator.init_request(request)

    def page(rows):
        paginator.update_state(answer, rows)
        paginator.update_request(request)

    for number in range(100):
        page([{"status": number % 2}])
    for number in range(38):
        page([{"id": number % 2}, {"id": 2}])
    with pytest.raises(DangoError, match="this page has come 20 times"):
        page([{"id": 0}, {"id": 2}])
