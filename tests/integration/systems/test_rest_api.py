"""An API in sources.yml alone, and what holds for the requests of every type that is data."""

import base64
import datetime as dt
import json
import re
import time
from collections import defaultdict
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from hosts import Hosts

HOST, ELSEWHERE = "api.example.com", "elsewhere.example.com"
TOKEN = "tkn-7c1d0e6f5a"
DOCS = Path(__file__).parents[3] / "docs" / "rest_api.md"
NAMES = ["a/b", "x?y=1", "../admin", "ü #%2F", "{y}", "plain"]
FIRST = [
    {"id": 1, "updated_at": "2024-03-01T00:00:00Z", "lines": [{"sku": "a"}, {"sku": "b"}]},
    {"id": 2, "updated_at": "2024-03-02T00:00:00+00:00", "lines": []},
    {"id": 3, "updated_at": "2024-03-03T02:00:00+02:00", "lines": [{"sku": "c"}]},
    {"id": 4, "updated_at": "2024-03-03T00:00:00Z", "lines": []},
    {"id": 5, "updated_at": None, "lines": []},
]
# At the stored cursor: one that was there, one that changed in the same moment, one that is new in it.
SECOND = [
    {"id": 3, "updated_at": "2024-03-03T00:00:00Z", "lines": [{"sku": "c"}]},
    {"id": 4, "updated_at": "2024-03-03T00:00:00+00:00", "lines": [{"sku": "d"}]},
    {"id": 6, "updated_at": "2024-03-03T00:00:00.000Z", "lines": []},
    {"id": 7, "updated_at": "2024-03-04T00:00:00Z", "lines": []},
]


class Api:
    """An API with pages of two, of the kinds that there are; each path has one way to misbehave."""

    def __init__(self):
        self.rows, self.times, self.seen = FIRST, defaultdict(list), defaultdict(int)

    def __call__(self, asked):
        self.times[asked.path].append(time.monotonic())
        self.seen[asked.path] += 1
        if asked.path.startswith("/v1/"):
            if asked.bearer != TOKEN:
                return 401, {"error": {"message": f"unknown token {asked.bearer}"}}
            return self.shop(asked)
        return getattr(self, asked.path.removeprefix("/").partition("/")[0])(asked)

    def shop(self, asked):
        if re.fullmatch(r"/v1/orders/\d+/events", asked.path):
            return 200, {"data": [{"id": f"{asked.path.split('/')[3]}-1", "kind": "made"}], "next": None}
        if asked.path != "/v1/orders" or asked.query.keys() - {"limit", "after", "updated_since"}:
            return 400, {"error": {"message": "no such thing"}}
        since = dt.datetime.fromisoformat(asked.query["updated_since"])
        assert asked.query["updated_since"].endswith("Z")
        new = [row for row in self.rows if _moment(row) is None or _moment(row) >= since]
        start = int(asked.query.get("after", 0))
        more = start + 2 < len(new)
        return 200, {"data": new[start : start + 2], "next": str(start + 2) if more else None}

    def busy(self, asked):
        first = self.seen[asked.path] == 1
        return (429, {"error": "slow down"}, {"Retry-After": "1"}) if first else (200, [{"id": 1}])

    def down(self, asked):
        return (503, {"error": "down"}) if self.seen[asked.path] == 1 else (200, [{"id": 1}])

    def late(self, _):
        return 429, {"error": "tomorrow"}, {"Retry-After": "86400"}

    def forbidden(self, _):
        return 403, {"message": "the key may not read orders"}

    def empty(self, _):
        return 200, []

    def circle(self, _):
        return 200, {"data": [{"id": time.monotonic()}], "next": "again"}

    def same(self, asked):
        return 200, {"data": [{"id": 1}], "next": str(int(asked.query.get("after", 0)) + 1)}

    def away(self, _):
        return 200, {"data": [{"id": 1}], "next": f"https://{ELSEWHERE}/orders"}

    def moved(self, _):
        return 302, {}, {"Location": f"https://{ELSEWHERE}/orders"}

    def ignored(self, _):
        return 404, {"error": "none"}

    def failing(self, _):
        return 200, {"error": {"code": "E7", "message": "the shop is closed"}}

    def expired(self, _):
        return 400, {"error": {"code": "expired"}}

    def words(self, asked):
        return 200, [
            {"id": 1, "query": asked.query, "body": json.loads(asked.body), "name": asked.headers["x-name"]}
        ]

    def basic(self, asked):
        pair = base64.b64decode(asked.headers.get("authorization", "Basic ").removeprefix("Basic ")).decode()
        return (200, [{"id": 1}]) if pair == "jos\u00e9:p\u00e4ss-w\u00f6rd" else (401, {})

    def log(self, _):
        return 200, [{"id": 1, "at": "2024-03-01T00:00:00Z", "read_at": time.monotonic()}]

    def renamed(self, _):
        return 200, {"items": [{"id": 1, "changed": "2024-01-01T00:00:00Z"}], "total_pages": 1}

    def undated(self, asked):
        return self.renamed(asked)

    def parts(self, asked):
        if asked.path == "/parts":
            return 200, [{"id": name, "link": f"https://{HOST}/parts/linked?of=1"} for name in NAMES]
        return 200, [{"id": f"{asked.path}?{asked.query}"}]

    def offsets(self, asked):
        start = int(asked.query["offset"])
        return 200, {"total": 5, "items": [{"id": n} for n in range(start, min(start + 2, 5))]}


def _moment(row):
    return dt.datetime.fromisoformat(row["updated_at"]) if row["updated_at"] else None


@pytest.fixture(scope="module")
def api():
    return Api()


@pytest.fixture(scope="module")
def hosts(api, tmp_path_factory):
    def elsewhere(_):
        return 200, {"data": [{"id": 2}]}

    with Hosts(tmp_path_factory.mktemp("hosts"), {HOST: api, ELSEWHERE: elsewhere}) as playing:
        yield playing
    assert playing.refused == []


def a_source(name, endpoint=None, client=None, parameters=None, **resource):
    client = {"base_url": f"https://{HOST}/", **(client or {})}
    made = {"name": "rows", "primary_key": "id", "endpoint": {"path": name, **(endpoint or {})}, **resource}
    block = {"client": client, "resources": [made], **({"parameters": parameters} if parameters else {})}
    return {"name": name, "type": "rest_api", "rest_api": block, "retries": 0}


PAGES = {"data_selector": "data", "paginator": {"type": "cursor", "cursor_path": "next", "cursor_param": "after"}}
LINKS = {"data_selector": "data", "paginator": {"type": "json_link", "next_url_path": "next"}}
RULES = [
    {"status": 404, "do": "ignore"},
    {"path": "error.code", "equals": ["expired"], "do": "refuse", "say": "the token has expired"},
    {"status": 200, "path": "error", "do": "fail", "detail": "error.message"},
]
SOURCES = [
    {
        **a_source("parts"),
        "rest_api": {
            "client": {"base_url": f"https://{HOST}/", "paginator": {"type": "single_page"}},
            "resources": [
                {"name": "parts"},
                {"name": "below", "endpoint": {"path": "parts/{resources.parts.id}/more"}},
                {"name": "linked", "endpoint": {"path": "{resources.parts.link}"}},
            ],
        },
    },
    a_source("renamed", {"data_selector": "data", "paginator": {"type": "single_page"}}),
    a_source(
        "undated",
        {
            "data_selector": "items",
            "paginator": {"type": "single_page"},
            "incremental": {"cursor_path": "updated_at", "start_param": "since", "initial_value": "2024-01-01"},
        },
    ),
    a_source("busy"),
    a_source("down"),
    a_source("late"),
    a_source("forbidden"),
    a_source("empty", PAGES),
    a_source("circle", PAGES),
    a_source("same", PAGES),
    a_source("away", LINKS),
    a_source("moved"),
    *(a_source(name, client={"answers": RULES}) for name in ("ignored", "failing", "expired")),
    a_source(
        "words",
        {
            "params": {"q": "${text}", "none": "${nothing}", "n": "${n}"},
            "json": {"text": "a ${text} b", "n": "${n}", "list": ["${nothing}", 1], "null": None},
            "headers": {"X-Name": "${text}", "X-None": "${nothing}"},
        },
        parameters={
            "text": {"default": "{a}&b=1"},
            "nothing": {"required": False},
            "n": {"type": "integer", "default": 7},
        },
    ),
    a_source(
        "basic",
        client={"auth": {"type": "basic", "username": "jos\u00e9", "password": "${password}"}},
        parameters={"password": {"secret": True, "env": "BASIC_PASSWORD"}},
    ),
    a_source(
        "offsets",
        {
            "data_selector": "items",
            "paginator": {"type": "offset", "limit": 2, "total_path": "total", "limit_param": "limit"},
        },
    ),
]


ADDED = a_source("log", {"incremental": {"cursor_path": "at"}}, write_disposition="append")


FED = a_source("fed", {"path": "log", "incremental": {"cursor_path": "at"}})
FED["rest_api"]["resources"].append({"name": "kids", "endpoint": {"path": "log/{resources.rows.id}"}})
UNTIMED = a_source("untimed", {"path": "log", "incremental": {"cursor_path": "read_at"}})


@pytest.fixture(scope="module")
def many(hosts, new_project):
    """One sync of many small sources."""
    project = new_project()
    (project.home / ".netrc").write_text(f"machine {HOST} login somebody password else\n")
    (project.home / ".netrc").chmod(0o600)
    project.write(
        ".dango/sources.yml", json.dumps({"sources": [*SOURCES, {**FED, "resources": ["kids"]}, UNTIMED]})
    )
    done = project.sync(**hosts.environ, BASIC_PASSWORD="p\u00e4ss-w\u00f6rd")
    return project, done


def result(many, name):
    return next(source for source in many[1].document["sources"] if source["name"] == name)


def problem(many, name):
    return result(many, name)["problems"][0]["what"]


def test_an_api_goes_from_nothing_to_rows_and_then_to_new_rows_without_python(project, hosts, api):
    [block] = re.findall(r"```yaml\n(sources:.*?)```", DOCS.read_text(), re.DOTALL)[:1]
    project.write(".dango/sources.yml", f"{block}  - {json.dumps(ADDED)}\n")

    assert project.dango("config", "validate").code == 0
    first = project.sync(**hosts.environ, SHOP__TOKEN=TOKEN)
    api.rows = SECOND
    begun = len(hosts.asked)
    second = project.sync(**hosts.environ, SHOP__TOKEN=TOKEN)
    third = project.sync(**hosts.environ, SHOP__TOKEN=TOKEN)

    assert [done.code for done in (first, second, third)] == [0, 0, 0]
    # a row that is added once is so, whatever it says by now
    assert project.query("select count(*) from raw_log.rows") == [(1,)]
    # four of the first rows have two tables more; then one changed row and two new ones; then nothing
    assert [done.document["sources"][0]["rows"] for done in (first, second, third)] == [13, 7, 0]
    assert not list(project.path.rglob("*.py"))
    starts = [asked.query["updated_since"] for asked in hosts.asked[begun:] if asked.path == "/v1/orders"]
    assert starts == ["2024-03-03T00:00:00Z"] * 2 + ["2024-03-04T00:00:00Z"]
    rows = "select o.id, list(sku order by sku) from raw_shop.orders o left join raw_shop.orders__lines l"
    assert project.query(f"{rows} on l._dlt_parent_id = o._dlt_id group by 1 order by 1") == [
        (1, ["a", "b"]),
        (2, [None]),
        (3, ["c"]),
        (4, ["d"]),
        (5, [None]),
        (6, [None]),
        (7, [None]),
    ]
    assert project.query("select id, _orders_id from raw_shop.order_events order by 1")[-1] == ("7-1", 7)


def test_a_wrong_and_a_missing_token_are_said_as_such(project, hosts):
    [block] = re.findall(r"```yaml\n(sources:.*?)```", DOCS.read_text(), re.DOTALL)[:1]
    project.write(".dango/sources.yml", block)

    wrong = project.dango("sync", **hosts.environ, SHOP__TOKEN="wrong-wrong-wrong")
    missing = project.dango("sync", **hosts.environ)

    assert (wrong.code, missing.code) == (4, 4)
    assert f"{HOST} answers 401" in wrong.out + wrong.err
    assert "wrong-wrong-wrong" not in wrong.out + wrong.err
    assert "`token` is missing for source `shop`" in missing.out + missing.err
    assert (
        not project.warehouse.exists()
        or project.query("from duckdb_tables() where schema_name = 'raw_shop'") == []
    )


def test_a_server_that_is_busy_is_waited_for(many, api):
    assert [result(many, name)["status"] for name in ("busy", "down")] == ["ok", "ok"]
    before, after = api.times["/busy"]
    assert after - before >= 1
    assert "429" in problem(many, "late")
    assert len(api.times["/late"]) == 1


def test_pages_without_an_end_stop_the_source(many, api):
    assert "do not end" in problem(many, "circle")
    assert "do not end" in problem(many, "same")
    assert (len(api.times["/circle"]), len(api.times["/same"])) == (2, 3)
    assert (
        many[0].query("select table_name from duckdb_tables() where schema_name in ('raw_circle', 'raw_same')")
        == []
    )


def test_credentials_go_to_no_other_host(many, hosts):
    assert "another host" in problem(many, "away")
    assert "302" in problem(many, "moved")
    assert hosts.of(ELSEWHERE) == []
    assert all("authorization" not in asked.headers for asked in hosts.asked if asked.path == "/empty")


def test_answers_mean_what_the_definition_says(many):
    assert result(many, "ignored")["status"] == "ok"
    assert problem(many, "failing").endswith("the shop is closed")
    assert problem(many, "expired").startswith("the token has expired")
    assert [result(many, name)["exit_code"] for name in ("failing", "expired", "forbidden")] == [5, 4, 4]
    assert "403" in problem(many, "forbidden")
    assert "may not read orders" in problem(many, "forbidden")


def test_what_moves_a_cursor_is_loaded_too(many):
    assert many[0].query("select (select count(*) from raw_fed.rows), (select count(*) from raw_fed.kids)") == [
        (1, 1)
    ]


def test_a_cursor_that_is_written_otherwise_is_said_as_such(many):
    assert problem(many, "untimed") == "a row has a `read_at` that is no time, or not written as `format` says"


def test_an_empty_account_is_no_error(many):
    assert result(many, "empty")["status"] == "ok"


def test_values_reach_the_api_as_they_are(many):
    [(query, body, name)] = many[0].query("select query__q, body__text, name from raw_words.rows")
    asked = many[0].query("select query__n, body__n from raw_words.rows")

    assert (query, body, name) == ("{a}&b=1", "a {a}&b=1 b", "{a}&b=1")
    assert asked == [("7", 7)]


def test_a_login_beyond_ascii_and_pages_by_offset(many):
    assert result(many, "basic")["status"] == "ok"
    assert many[0].query("select id from raw_offsets.rows order by 1") == [(n,) for n in range(5)]


def test_each_block_of_yaml_in_the_docs_is_sound():
    for block in re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL):
        assert yaml.safe_load(block)


def test_an_api_that_is_otherwise_than_described_is_warned_of(many):
    warned = [warning for warning in many[1].document["warnings"] if "no row, and" not in warning["what"]]

    assert sorted((warning["what"], warning["hint"]) for warning in warned) == [
        (
            "an answer to `rows` has no `data`, where `data_selector` looks for its rows",
            "it has `items`, `total_pages`: is one of these meant?",
        ),
        (
            "no row of `rows` has `updated_at`, its cursor: each sync asks for all rows again",
            "is `cursor_path` right?",
        ),
    ]


def test_a_value_of_a_row_stays_one_part_of_a_path_or_is_a_whole_address(many):
    asked = sorted(f"/parts/{quote(name, safe='')}/more?{{}}" for name in NAMES)

    assert [name for (name,) in many[0].query("select id from raw_parts.below order by 1")] == asked
    assert set(many[0].query("select id from raw_parts.linked")) == {("/parts/linked?{'of': '1'}",)}
