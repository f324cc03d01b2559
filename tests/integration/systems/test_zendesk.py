"""Zendesk Support: what two syncs of several help desks ask for, load, and say."""

import json
import time
from dataclasses import dataclass

import pytest
from commands import Done
from hosts import Hosts
from systems.zendesk import BUSY, FORBIDDEN, Zendesk, basic

START = 1767225600  # 2026-01-01T00:00:00Z
LAST = START + 500
TOKEN, SECRET, BEARER = "zendesk-api-token-5521", "zendesk-client-secret-7a0e", "zendesk-oauth-77fa"
DAY = 24 * 3600


@dataclass(frozen=True)
class Synced:
    """Two syncs, with changes between them."""

    project: object
    hosts: Hosts
    desks: dict
    first: Done
    second: Done
    before: int

    def asked(self, host, path):
        """Return the requests for a path in the second sync."""
        return [
            it for it in self.hosts.asked[self.before :] if it.host.startswith(host) and it.path.endswith(path)
        ]

    def one(self, sql):
        return self.project.one(sql)


@pytest.fixture(scope="module")
def synced(one_project, tmp_path_factory):
    desks = {
        "mycompany": filled(Zendesk("mycompany", basic("support@mycompany.com", TOKEN))),
        "byclient": Zendesk("byclient", client=("reader", SECRET)),
        "empty": Zendesk("empty", f"Bearer {BEARER}"),
        "stale": Zendesk("stale", "Bearer another"),
        "barred": Zendesk("barred", f"Bearer {BEARER}"),
        "endless": Zendesk("endless", f"Bearer {BEARER}"),
    }
    desks["byclient"].rows["groups"] = [{"id": number, "name": f"Group {number}"} for number in range(7)]
    desks["byclient"].first = [(429, BUSY, {"Retry-After": "1"})]
    desks["barred"].first = [(403, FORBIDDEN)] * 9
    group = {"groups": [{"id": 1}], "meta": {"has_more": True, "after_cursor": "same"}, "links": {}}
    desks["endless"].first = [(200, group)] * 99
    configure(one_project)
    with Hosts(tmp_path_factory.mktemp("hosts"), {desk.host: desk for desk in desks.values()}) as hosts:
        first = one_project.sync(**hosts.environ)
        before = len(hosts.asked)
        change(desks["mycompany"])
        desks["byclient"].rows["groups"].pop()
        second = one_project.sync(
            "--source", "support", "--source", "by_client", "--source", "fresh", **hosts.environ
        )
    assert hosts.refused == []
    assert [refused for desk in desks.values() for refused in desk.refused] == []
    return Synced(one_project, hosts, desks, first, second, before)


def configure(project):
    def entry(name, subdomain, **more):
        block = {"subdomain": subdomain, "start_date": "2026-01-01T00:00:00Z", **more.pop("zendesk", {})}
        return {"name": name, "type": "zendesk", "zendesk": block, **more}

    bearer = {"oauth_token_env": "DESK_TOKEN"}
    entries = [
        entry("support", "mycompany"),
        entry("by_client", "https://ByClient.zendesk.com/", zendesk={"client_id": "reader"}, resources=["groups"]),
        entry("empty_desk", "empty", zendesk=bearer),
        entry("asked_for", "mycompany", resources=["ticket_events", "ticket_forms", "sla_policies"]),
        entry(
            "fresh",
            "empty",
            zendesk={**bearer, "start_date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())},
            resources=["tickets", "organizations"],
        ),
        entry("stale", "stale", zendesk=bearer, resources=["groups"]),
        entry("barred", "barred", zendesk=bearer, resources=["tickets"]),
        entry("endless", "endless", zendesk=bearer, resources=["groups"]),
    ]
    project.write(".dango/sources.yml", json.dumps({"version": "1.0", "sources": entries}))
    project.write(
        ".dlt/secrets.toml",
        f"""
        [sources.support.credentials]
        email = "support@mycompany.com"
        token = "{TOKEN}"
        [sources.asked_for]
        email = "support@mycompany.com"
        token = "{TOKEN}"
        [sources.by_client]
        client_secret = "{SECRET}"
        """,
    )
    project.write(".env", f"DESK_TOKEN={BEARER}\n")


def filled(desk):
    fields = [{"id": 1, "value": "a"}, {"id": 2, "value": ["b", "c"]}]
    for number in range(1, 6):
        desk.ticket(number, START + 100 * number, custom_fields=fields, fields=fields, tags=["x", "y"])
    desk.ticket(6, LAST)
    desk.rows["users"] = [
        {"id": 1, "name": "A", "updated_at": "2026-01-01T00:00:00Z"},
        {"id": 2, "name": "B", "updated_at": "2026-01-01T00:08:20Z"},
        {"id": 3, "name": "C", "updated_at": "2026-01-01T00:08:20+00:00"},
    ]
    moments = ["00:00:10", "00:00:20", "00:00:20", "00:00:20", "00:01:00", "00:02:00"]
    desk.rows["organizations"] = [
        {"id": number, "updated_at": f"2026-01-01T{moment}Z", "domain_names": ["a.example"]}
        for number, moment in enumerate(moments, 1)
    ]
    for number in range(1, 6):
        event(desk, number, START + number)
    for name in ("groups", "brands", "tags", "macros"):
        desk.rows[name] = [{"id": number, "name": f"{name} {number}"} for number in range(1, 6)]
    desk.rows["ticket_forms"] = [{"id": 1, "name": "Form", "ticket_field_ids": [1, 2]}]
    desk.rows["sla_policies"] = [{"id": 1, "title": "Fast", "policy_metrics": [{"target": 60}]}]
    desk.rows["satisfaction_ratings"] = [{"id": 1, "score": "offered", "updated_at": "2026-01-02T00:00:00Z"}]
    desk.rows["ticket_metric_events"] = [
        {"id": number, "type": "activate", "metric": "reply_time", "time": f"2026-01-01T00:00:0{number}Z"}
        for number in range(1, 6)
    ]
    return desk


def event(desk, number, at):
    said = {"id": 900 + number, "event_type": "Comment", "body": f"comment {number}", "public": True}
    changed = {"id": 800 + number, "event_type": "Change", "status": "open"}
    desk.ticket_events.append(
        {"id": number, "ticket_id": number, "timestamp": at, "child_events": [changed, said]}
    )


def change(desk):
    """Change a row long since loaded, one in the last second that was loaded, and add one in that second."""
    desk.ticket(2, LAST + 60, status="solved", reopens=1)
    desk.ticket(6, LAST, status="solved")
    desk.ticket(7, LAST)
    desk.rows["users"] += [{"id": 4, "name": "D", "updated_at": "2026-01-01T00:08:20+00:00"}]
    desk.rows["users"][0] |= {"name": "A2", "updated_at": "2026-01-01T01:00:00Z"}
    event(desk, 6, START + 5)
    desk.rows["satisfaction_ratings"][0] |= {"score": "good", "updated_at": "2026-01-03T00:00:00Z"}
    desk.rows["groups"] = desk.rows["groups"][1:]


def test_what_the_guide_says_and_an_oauth_client_sync_all_pages_of_all_tables(synced):
    assert synced.first.source("support")["status"] == "ok", synced.first.source("support")["problems"]
    tables = {t["name"]: t["rows"] for t in synced.first.source("support")["tables"]}
    assert {"tickets": 6, "users": 3, "groups": 5, "brands": 5}.items() <= tables.items()
    assert synced.one("select count(*) || '/' || count(distinct id) from raw_support.organizations") == "6/6"
    assert tables["ticket_metrics"] == 6
    assert tables["ticket_metric_events"] == 5
    assert synced.one("select count(*) from raw_support.tickets__custom_fields") == 8  # ticket 2 has lost its own
    assert "tickets__fields" not in tables
    assert not tables.keys() & {"ticket_events", "ticket_forms", "sla_policies"}
    assert {t["name"]: t["rows"] for t in synced.first.source("by_client")["tables"]} == {"groups": 7}


def test_what_is_large_or_of_some_plans_comes_when_asked_for(synced):
    assert (synced.first.source("asked_for")["status"], synced.first.source("asked_for")["problems"]) == ("ok", [])
    tables = ("ticket_events", "ticket_events__child_events", "ticket_forms__ticket_field_ids", "sla_policies")
    counts = [synced.one(f"select count(*) from raw_asked_for.{table}") for table in tables]
    assert counts == [5, 10, 2, 1]


def test_a_second_sync_asks_from_the_last_row_on(synced):
    starts = {
        path: synced.asked("mycompany", path)[0].query["start_time"]
        for path in ("tickets/cursor.json", "users/cursor.json", "ticket_events.json", "ticket_metric_events.json")
    }
    assert starts == {
        "tickets/cursor.json": str(LAST),
        "users/cursor.json": str(LAST),
        "ticket_events.json": str(START + 5),
        "ticket_metric_events.json": str(START + 5),
    }


def test_rows_of_the_last_second_and_changed_ones_are_neither_lost_nor_doubled(synced):
    tickets = "select id, status from raw_support.tickets order by id"
    assert synced.project.query(tickets) == [(n, "solved" if n in {2, 6} else "open") for n in range(1, 8)]
    users = "select id, name from raw_support.users order by id"
    assert synced.project.query(users) == [(1, "A2"), (2, "B"), (3, "C"), (4, "D")]
    assert synced.one("select count(*) || '/' || count(distinct id) from raw_support.ticket_comments") == "6/6"
    assert synced.one("select reopens from raw_support.ticket_metrics where ticket_id = 2") == 1
    assert synced.one("select score from raw_support.satisfaction_ratings") == "good"
    assert synced.project.query("select id from raw_support.groups order by 1") == [(2,), (3,), (4,), (5,)]
    assert synced.one("select count(*) from raw_by_client.groups") == 6


def test_a_client_makes_itself_one_token_a_run(synced):
    assert synced.desks["byclient"].given == 2


def test_zendesk_is_asked_again_when_it_said_so(synced):
    token, busy, again = synced.desks["byclient"].times[:3]
    assert token < busy <= again - 1


def test_an_empty_desk_and_one_from_a_moment_ago_are_no_failures(synced):
    for name in ("empty_desk", "fresh"):
        assert (synced.first.source(name)["status"], synced.first.source(name)["problems"]) == ("ok", [])


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [("stale", 4, "401"), ("barred", 4, "403"), ("endless", 5, "the pages of the API do not end")],
)
def test_what_goes_wrong_is_said(synced, name, code, said):
    [problem] = synced.first.source(name)["problems"]
    assert (synced.first.source(name)["exit_code"], said in problem["what"]) == (code, True)
    left = (synced.project.runs()[0] / f"{name}.log").read_text()
    assert not [secret for secret in (TOKEN, SECRET, BEARER) if secret in left + synced.first.out]
