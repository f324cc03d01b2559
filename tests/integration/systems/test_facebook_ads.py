"""Facebook Ads: what two syncs of several ad accounts ask Meta for, load, and say."""

import dataclasses
import datetime as dt
import json
from dataclasses import dataclass

import pytest
from commands import Done
from hosts import Hosts
from systems.facebook_ads import BUSY, FORBIDDEN, Facebook, Graph
from systems.meta_reader import unknown

TODAY = dt.datetime.now(dt.UTC).date()
TOKENS = {name: f"EAAB-{name}-4d1c" for name in ("ads", "empty_account", "barred", "failing", "endless", "more")}
SECRET = "app-secret-90c2"
SETTLED, REVISED, LAST = (str(TODAY - dt.timedelta(days=days)) for days in (60, 20, 1))
BACK = tuple(str(TODAY - dt.timedelta(days=days)) for days in (65, 50))


@dataclass(frozen=True)
class Synced:
    """Two syncs, with changes between them, and a backfill of a day that has settled."""

    project: object
    hosts: Hosts
    accounts: dict
    first: Done
    second: Done
    backfill: Done
    jobs: tuple
    settled: list

    def windows(self, number):
        """Return the days that a run has asked reports for."""
        begin, end = (0, *self.jobs)[number], (*self.jobs, None)[number]
        return [(str(job["since"]), str(job["until"])) for job in self.accounts["ads"].jobs.values()][begin:end]


@pytest.fixture(scope="module")
def synced(one_project, tmp_path_factory):
    accounts = {name: Facebook(str(100 + n), token) for n, (name, token) in enumerate(TOKENS.items())}
    fill(accounts["ads"])
    accounts["empty_account"].secret = SECRET
    accounts["ads"].first = [(*BUSY, {"Retry-After": "1"})]
    more = accounts["more"]
    more.objects["ads"] = [{"id": ad, "effective_status": "ACTIVE"} for ad in ("7", "8", "9")]
    answers = [{"name": "email", "values": ["a@example.com"]}]
    more.leads = {"7": [{"id": str(n), "ad_id": "7", "field_data": answers} for n in range(5)]}
    more.objects["customaudiences"] = [{"id": "1", "name": "Buyers", "lookalike_spec": {"ratio": 0.01}}]
    accounts["barred"].first = [FORBIDDEN] * 9
    accounts["failing"].fails = True
    page = {
        "data": [{"id": "1"}],
        "paging": {"cursors": {"after": "same"}, "next": "https://graph.facebook.com/more"},
    }
    accounts["endless"].first = [(200, page)] * 99
    configure(one_project)
    with Hosts(tmp_path_factory.mktemp("hosts"), {Graph.host: Graph(*accounts.values())}) as hosts:
        first = one_project.sync(**hosts.environ)
        jobs = [len(accounts["ads"].jobs)]
        change(accounts["ads"])
        second = one_project.sync("--source", "ads", **hosts.environ)
        jobs.append(len(accounts["ads"].jobs))
        settled = one_project.query(f"select spend::text from raw_ads.insights where date_start = '{SETTLED}'")
        window = ("--since", *BACK[:1], "--until", *BACK[1:])
        backfill = one_project.sync("--source", "ads", *window, **hosts.environ)
    assert hosts.refused == []
    assert [refused for account in accounts.values() for refused in account.refused] == []
    return Synced(one_project, hosts, accounts, first, second, backfill, tuple(jobs), settled)


def configure(project):
    def entry(name, **more):
        block = {"access_token_env": f"TOKEN_{name.upper()}", "start_date": str(TODAY - dt.timedelta(days=70))}
        return {"name": name, "type": "facebook_ads", "facebook_ads": {**block, **more.pop("block", {})}, **more}

    entries = [
        entry("ads", block={"account_id": "act_100", "breakdowns": ["publisher_platform"]}),
        entry(
            "empty_account",
            block={"account_id": "101", "start_date": "2000-01-01", "app_secret_env": "APP_SECRET"},
        ),
        entry("barred", block={"account_id": "102"}, resources=["ads"]),
        entry("failing", block={"account_id": "103"}, resources=["insights"]),
        entry("endless", block={"account_id": "104"}, resources=["ads"]),
        entry("more", block={"account_id": "105"}, resources=["leads", "custom_audiences"]),
        entry("expired", block={"account_id": "106"}, resources=["ads"]),
    ]
    project.write(".dango/sources.yml", json.dumps({"version": "1.0", "sources": entries}))
    lines = [f"TOKEN_{name.upper()}={token}" for name, token in TOKENS.items()]
    project.write(".env", "\n".join([*lines, "TOKEN_EXPIRED=EAAB-expired", f"APP_SECRET={SECRET}"]))


def row(ad, platform, spend):
    ids = {"account_id": "100", "campaign_id": "1", "adset_id": "11", "ad_id": ad}
    figures = {
        "impressions": "1200",
        "spend": spend,
        "ctr": "1.5",
        "actions": [{"action_type": "link_click", "value": "3"}],
    }
    return {**ids, **figures, "publisher_platform": platform}


def fill(account):
    for number in range(1, 6):
        made = {"id": str(number), "account_id": "100", "name": f"no. {number}", "effective_status": "ACTIVE"}
        account.objects["campaigns"].append(
            {**made, "daily_budget": "5000", "created_time": "2026-01-01T10:00:00+0100"}
        )
        account.objects["ads"].append(
            {**made, "effective_status": "ARCHIVED", "tracking_specs": [{"action.type": ["x"]}]}
        )
    account.days = {
        SETTLED: [row("1", "facebook", "1.10")],
        REVISED: [row("1", "facebook", "2.20"), row("1", "instagram", "2.21"), row("2", "facebook", "2.22")],
        LAST: [row("1", "facebook", "3.30")],
    }


def change(account):
    """Revise figures, some of them behind Meta's window, and let a row go; rename a campaign, and add one."""
    account.days[SETTLED] = [row("1", "facebook", "9.99")]
    account.days[REVISED] = [row("1", "facebook", "2.50"), row("2", "facebook", "2.22")]
    account.days[LAST] += [row("2", "facebook", "3.31")]
    account.objects["campaigns"][0] |= {"name": "renamed"}
    account.objects["campaigns"].append({"id": "6", "name": "no. 6", "effective_status": "PAUSED"})


def test_objects_of_all_pages_come_and_changed_ones_once(synced):
    for done in (synced.first, synced.second):
        assert (done.source("ads")["status"], done.source("ads")["problems"]) == ("ok", [])
    campaigns = "select count(*), count(distinct id), max(case when id = '1' then name end) from raw_ads.campaigns"
    assert synced.project.query(campaigns) == [(6, 6, "renamed")]
    assert synced.project.one("select count(*) from raw_ads.ads where effective_status = 'ARCHIVED'") == 5
    assert synced.project.one("select currency from raw_ads.account") == "the currency"
    typed = (
        "select daily_budget, created_time::text like '2026-01-01 09:00:00%' from raw_ads.campaigns where id = '2'"
    )
    assert synced.project.query(typed) == [(5000, True)]


def test_figures_are_reported_in_windows_and_again_for_the_days_of_attribution(synced):
    first, second = synced.windows(0), synced.windows(1)
    days = [dt.date.fromisoformat(day) for window in first for day in window]
    assert len(first) == 3
    assert (days[0], days[-1]) == (TODAY - dt.timedelta(days=70), TODAY)
    assert all(begin - end == dt.timedelta(days=1) for end, begin in zip(days[1::2], days[2::2], strict=False))
    assert second == [(str(TODAY - dt.timedelta(days=29)), str(TODAY))]


def test_a_reloaded_day_is_replaced_whole_and_a_settled_one_stays_until_a_backfill(synced):
    assert synced.settled == [("1.100000000",)]
    assert (synced.backfill.code, synced.windows(2)) == (0, [BACK])
    found = "select date_start::text, ad_id, publisher_platform, spend::text from raw_ads.insights order by all"
    assert synced.project.query(found) == [
        (SETTLED, "1", "facebook", "9.990000000"),
        (REVISED, "1", "facebook", "2.500000000"),
        (REVISED, "2", "facebook", "2.220000000"),
        (LAST, "1", "facebook", "3.300000000"),
        (LAST, "2", "facebook", "3.310000000"),
    ]
    assert synced.project.one("select count(*) from raw_ads.insights__actions") == 5
    assert synced.project.one("select sum(impressions) from raw_ads.insights") == 6000


def test_leads_and_audiences_come_when_asked_for(synced):
    assert (synced.first.source("more")["status"], synced.first.source("more")["problems"]) == ("ok", [])
    tables = {t["name"]: t["rows"] for t in synced.first.source("more")["tables"]}
    assert tables == {"leads": 5, "leads__field_data": 5, "leads__field_data__values": 5, "custom_audiences": 1}
    assert "leads" not in {t["name"] for t in synced.first.source("ads")["tables"]}


def test_meta_is_asked_again_after_the_pause_that_it_wants(synced):
    times = synced.accounts["ads"].times
    assert times[1] - times[0] >= 1


def test_an_account_without_anything_is_no_failure_and_is_asked_for_what_meta_keeps(synced):
    assert (synced.first.source("empty_account")["status"], synced.first.source("empty_account")["problems"]) == (
        "ok",
        [],
    )
    since = min(job["since"] for job in synced.accounts["empty_account"].jobs.values())
    assert since == TODAY - dt.timedelta(days=1125)


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("expired", 4, "the access token is not valid, or has expired"),
        ("barred", 4, "the access token lacks a permission"),
        ("failing", 5, "Job Failed"),
        ("endless", 5, "the pages of the API do not end"),
    ],
)
def test_what_goes_wrong_is_said_without_the_token(synced, name, code, said):
    [problem] = synced.first.source(name)["problems"]
    assert (synced.first.source(name)["exit_code"], said in problem["what"]) == (code, True)
    log = (synced.project.runs()[0] / f"{name}.log").read_text()
    assert not [token for token in TOKENS.values() if token in log + synced.first.out]
    assert "access_token=" not in log


def test_metas_own_package_knows_every_word_of_every_request(synced):
    found = {word for asked in synced.hosts.asked for word in unknown(asked)}
    assert found == set()
    wrong = next(asked for asked in synced.hosts.asked if asked.path.endswith("/campaigns"))
    asked = dataclasses.replace(
        wrong, query={"fields": "id,colour", "effective_status": '["ASLEEP"]', "since": "1"}
    )
    assert set(unknown(asked)) == {"colour", "ASLEEP", "since"}
