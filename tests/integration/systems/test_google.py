"""Google Ads, Analytics and Sheets, by their definitions alone, against doubles of their APIs under their own names.

The sources share the credentials of one, and two syncs: the second one comes after a day on which things have changed.
"""

import datetime as dt
import json
import subprocess
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import pytest
from hosts import Hosts
from systems.google_ads import Ads
from systems.google_analytics import Analytics
from systems.google_api import CLIENT, SECRET, TOKENS, Tokens, exhausted
from systems.google_sheets import Day, Sheets, Spreadsheet

from dango_action.config.registry import definition
from dango_action.sources.systems.google_ads import flat

ROOT = Path(__file__).parents[3]
READER = [ROOT / ".google/bin/python", "-P", ROOT / "tests/peers/systems/google_reader.py"]
needs_packages = pytest.mark.skipif(not READER[0].exists(), reason="`make .google/.installed` has not run")

ADS, ANALYTICS, SHEETS = "googleads.googleapis.com", "analyticsdata.googleapis.com", "sheets.googleapis.com"
REFRESH, DEVELOPER = "1//the-refresh-token", "the-developer-token"
ACCOUNT, MANAGER, EMPTY, FOREIGN, ROUND = "1234567890", "9876543210", "1111111111", "2222222222", "3333333333"
PROPERTY, QUIET, CIRCLE = "213025502", "213025503", "213025504"
BOOK, NOTES = "1VTtCiYgxjAwcIw7UM1_BSaxC3rzIpr0HwXZwd2OlPD4", "1QTjMdeTQfBMuqLn8Ye8mFGR9EXmq3VZP4pB1LGdcUHA"
TODAY = dt.datetime.now(dt.UTC).date()


def ago(days):
    return (TODAY - dt.timedelta(days=days)).isoformat()


def campaign(number, **more):
    name = f"customers/{ACCOUNT}/campaigns/{number}"
    return {"resourceName": name, "id": str(number), "name": f"Campaign {number} é", "status": "ENABLED", **more}


def figures(number, day, *, clicks, conversions):
    """Return what a campaign had on a day, as the API writes it."""
    return {
        "customer": {"resourceName": f"customers/{ACCOUNT}", "id": ACCOUNT},
        "campaign": campaign(number),
        "segments": {"date": day, "adNetworkType": "SEARCH"},
        "metrics": {
            "impressions": str(clicks * 10),
            "clicks": str(clicks),
            "costMicros": str(clicks * 1_250_000),
            "conversions": conversions,
        },
    }


def visit(day, source, sessions, **more):
    return {
        "date": day,
        "sessionSource": source,
        "sessionMedium": "cpc",
        "sessionCampaignName": "(not set)",
        "sessionDefaultChannelGroup": "Paid Search",
        "country": "Singapore",
        "sessions": sessions,
        "totalUsers": sessions,
        "totalRevenue": sessions * 0.5,
        **more,
    }


class Google:
    """The doubles, with what they have on the first day."""

    def __init__(self):
        self.tokens = Tokens()
        self.ads = Ads(self.tokens, developer=DEVELOPER)
        self.analytics, self.sheets = Analytics(self.tokens), Sheets(self.tokens)
        self.tokens.grants[REFRESH] = [api.scopes[0] for api in (self.ads, self.analytics, self.sheets)]
        self.key = self.tokens.service_account("loader@a-project.iam.gserviceaccount.com")
        self._fill_ads()
        self._fill_analytics()
        self._fill_sheets()

    def _fill_ads(self):
        headlines = [{"text": "Cheap é", "pinnedField": "HEADLINE_1"}, {"text": "Good"}]
        ad = {"id": "71", "type": "RESPONSIVE_SEARCH_AD", "finalUrls": ["https://example.com/"]}
        self.stats = [
            figures(1, ago(400), clicks=9, conversions=1),
            figures(1, ago(50), clicks=2, conversions=0.5),
            figures(1, ago(20), clicks=3, conversions=1),
            figures(2, ago(20), clicks=1, conversions=0),
            figures(1, ago(1), clicks=4, conversions=2),
        ]
        self.ads.managers[ACCOUNT] = MANAGER
        self.ads.accounts[ACCOUNT] = {
            "customer": [
                {"customer": {"resourceName": f"customers/{ACCOUNT}", "id": ACCOUNT, "timeZone": "Etc/UTC"}}
            ],
            "campaign": self.stats,
            "campaign_budget": [
                {
                    "campaignBudget": {
                        "resourceName": f"customers/{ACCOUNT}/campaignBudgets/{n}",
                        "id": str(n),
                        "amountMicros": "50000000",
                    }
                }
                for n in range(5)
            ],
            "ad_group_ad": [
                {
                    "adGroupAd": {
                        "resourceName": f"customers/{ACCOUNT}/adGroupAds/11~71",
                        "ad": {
                            **ad,
                            "resourceName": f"customers/{ACCOUNT}/ads/71",
                            "responsiveSearchAd": {"headlines": headlines},
                        },
                    },
                    "customer": {"resourceName": f"customers/{ACCOUNT}", "id": ACCOUNT},
                    "campaign": campaign(1),
                    "adGroup": {"resourceName": f"customers/{ACCOUNT}/adGroups/11", "id": "11"},
                    "segments": {"date": ago(1), "adNetworkType": "SEARCH"},
                    "metrics": {"clicks": "1"},
                }
            ],
        }
        self.ads.accounts |= {EMPTY: {}, ROUND: self.ads.accounts[ACCOUNT]}
        self.ads.endless.add(ROUND)

    def _fill_analytics(self):
        self.visits = [visit(ago(n), source, 5) for n in (30, 2, 1) for source in ("google", "bing")]
        self.analytics.properties = {PROPERTY: self.visits, QUIET: [], CIRCLE: self.visits}
        self.analytics.endless.add(CIRCLE)

    def _fill_sheets(self):
        orders = [
            ["Order ID", "Amount", "Paid"],
            *([n, n + 0.5 if n % 2 else n, n % 3 == 0] for n in range(10_000)),
        ]
        odd = [
            ["Name", "Name", "", "Höhe (cm)", "名前", "When", "Mixed", "Formula"],
            ["a", "b", "c", 1, "日本", Day(45292, "2024-01-01"), 1, 2],
            ["d"],
            ["", "", "", ""],
            ["e", "", "", 2, "", Day(45293, "2024-01-02"), "x", "#N/A"],
            ["f", "", "", "", "", "", True, 3, "beyond"],
        ]
        self.book = Spreadsheet(
            {"Orders": orders, "Q1/2024's odd": odd, "Empty": [], "Header": [["a", "b"]]}, ["Chart 1"]
        )
        self.sheets.spreadsheets[BOOK] = self.book
        notes = Spreadsheet({"Notes": [["", "", ""], ["", "Key", "Value"], ["", "x", 1], ["", "y", 2]]})
        notes.named["the_notes"] = "Notes!B2:C"
        self.sheets.spreadsheets[NOTES] = notes

    def go_on(self):
        """Let a day pass: a late conversion, a renamed source, new rows of the last day and of today, an emptied sheet."""
        self.stats[2] = figures(1, ago(20), clicks=3, conversions=4)
        del self.stats[3]  # Google has counted it for another campaign meanwhile
        self.stats[0] = figures(1, ago(400), clicks=1000, conversions=1000)
        self.stats += [figures(2, ago(1), clicks=5, conversions=1), figures(1, ago(0), clicks=6, conversions=0)]
        self.visits[2]["sessionSource"] = "google.com"
        self.visits += [visit(ago(1), "duck", 1), visit(ago(0), "google", 2)]
        del self.book.sheets["Orders"][5001:]
        del self.book.sheets["Q1/2024's odd"][1:]

    def hosts(self, folder):
        apps = {TOKENS: self.tokens, ADS: self.ads, ANALYTICS: self.analytics, SHEETS: self.sheets}
        return Hosts(folder, apps)


@dataclass(frozen=True)
class Synced:
    """Two syncs of all that works; beside it, wrong credentials in the first, and what else fails in the second."""

    project: object
    google: Google
    done: list
    odd: list
    asked: list
    tokens: list

    def asked_by(self, number, api):
        """Return what an API was asked by a sync."""
        begin, end = (self.asked[n].get(api) for n in (number, number + 1))
        return getattr(self.google, api).exchanges[begin:end]

    def query(self, sql):
        return self.project.query(sql)

    def problem(self, number, name):
        [problem] = self.done[number].source(name)["problems"]
        return problem["what"]


def entry(name, kind, *resources, borrows=True, **block):
    made = {"name": name, "type": kind, kind: block}
    made |= {"credentials_from": "google_ads"} if borrows else {}
    return made | ({"resources": resources} if resources else {})


def resources(kind):
    return [one.name for one in definition(kind).resources if not one.for_each]


TABLES = ("customers", "campaign_budgets", "ads", "campaign_stats", "ad_stats", "cheap")
CHEAP = {"name": "cheap", "query": "SELECT campaign_budget.id FROM campaign_budget LIMIT 3"}
COUNTRIES = {"resource_name": "countries", "dimensions": ["date", "country"], "metrics": ["sessions"]}
URL = f"https://docs.google.com/spreadsheets/d/{BOOK}/edit#gid=0"
LENDER = entry(
    "google_ads",
    "google_ads",
    *TABLES,
    borrows=False,
    login_customer_id="987-654-3210",
    start_date=ago(60),
    queries=[CHEAP],
)
ANALYSED = {"property_id": f"properties/{PROPERTY}", "page_size": 2, "start_date": ago(40)}
GOOD = [
    LENDER,
    entry("ads_empty", "google_ads", *resources("google_ads"), customer_id=EMPTY, start_date="2015-01-01"),
    entry("google_analytics", "google_analytics", "traffic", "countries", **ANALYSED, queries=[COUNTRIES]),
    entry("prompt", "google_analytics", "traffic", **ANALYSED, lag_days=0),
    entry("quiet", "google_analytics", property_id=QUIET),
    entry("google_sheets", "google_sheets", borrows=False, spreadsheet_url_or_id=URL),
    entry(
        "notes",
        "google_sheets",
        borrows=False,
        spreadsheet_id=NOTES,
        range_names=["the_notes", {"name": "cells", "range": "Notes!B2:B4"}],
    ),
]
DENIED = [
    entry("foreign", "google_ads", customer_id=FOREIGN),
    entry("revoked", "google_sheets", spreadsheet_id=BOOK),
    entry("no_key", "google_sheets", borrows=False, spreadsheet_id=BOOK),
    entry("nothing", "google_analytics", borrows=False, property_id=PROPERTY),
    entry("ours", "google_analytics", property_id="1"),
]
BAD = [
    entry("ads_endless", "google_ads", "campaign_budgets", customer_id=ROUND),
    entry("endless", "google_analytics", "traffic", **{**ANALYSED, "property_id": CIRCLE}),
    entry(
        "ads_wrong",
        "google_ads",
        "odd",
        customer_id=EMPTY,
        queries=[{"name": "odd", "query": "SELECT x.id FROM x"}],
    ),
    entry(
        "much",
        "google_analytics",
        "wide",
        **ANALYSED,
        queries=[{**COUNTRIES, "resource_name": "wide", "dimensions": ["date", "nonsense"]}],
    ),
    entry("no_range", "google_sheets", spreadsheet_id=BOOK, range_names=["Order"]),
    entry("clash", "google_analytics", property_id=PROPERTY, queries=[{**COUNTRIES, "resource_name": "traffic"}]),
    entry(
        "dayless",
        "google_analytics",
        "by_country",
        **ANALYSED,
        queries=[{**COUNTRIES, "resource_name": "by_country", "dimensions": ["country"]}],
    ),
    entry("nameless", "google_ads", customer_id=EMPTY, queries=[{"query": "SELECT label.id FROM label"}]),
    entry("twins", "google_sheets", spreadsheet_id=BOOK, range_names=["Orders", "Orders!"]),
]


def configure(project, google, entries):
    borrowers = {one["name"]: one for one in entries if one["type"] == "google_ads" and one is not LENDER}
    project.write(".dango/sources.yml", json.dumps({"version": "1.0", "sources": entries}))
    developers = "".join(f'{name}.developer_token = "{DEVELOPER}"\n' for name in borrowers)
    project.write(
        ".dlt/secrets.toml",
        f"""
[sources]
{developers}
no_key.client_email = "loader@example.com"
no_key.private_key = "not a key"
[sources.google_ads]
client_id = "{CLIENT}"
client_secret = "{SECRET}"
refresh_token = "{REFRESH}"
developer_token = "{DEVELOPER}"
customer_id = "123-456-7890"
[sources.notes]
client_email = "{google.key["client_email"]}"
private_key = {json.dumps(google.key["private_key"])}
[sources.revoked]
refresh_token = "1//an-old-one"
""",
    )


@pytest.fixture(scope="module")
def synced(one_project, tmp_path_factory):
    google, done, asked = Google(), [], []
    key = {"SOURCES__GOOGLE_SHEETS__SERVICE_ACCOUNT_INFO": json.dumps(google.key)}
    with google.hosts(tmp_path_factory.mktemp("hosts")) as hosts:

        def sync(entries):
            asked.append({api: len(getattr(google, api).exchanges) for api in ("ads", "analytics", "sheets")})
            configure(one_project, google, entries)
            done.append(one_project.sync(**hosts.environ, **key))

        google.ads.first.append(exhausted("Too many requests."))
        sync(GOOD + DENIED)
        odd = one_project.query("select columns(c -> c not like '_dlt%') from raw_google_sheets.q1_2024_s_odd")
        tokens = [asked.form for asked in hosts.of(TOKENS)]
        google.go_on()
        sync(GOOD + BAD)
        asked.append({})  # of the end
        assert hosts.refused == []
    return Synced(one_project, google, done, odd, asked, tokens)


def tables(done, name):
    return {table["name"]: table["rows"] for table in done.source(name)["tables"]}


def test_every_page_of_every_table_is_loaded(synced):
    first = synced.done[0]
    assert tables(first, "google_ads") == {
        "ad_stats": 1,
        "ads": 1,
        "ads__ad_group_ad_ad_final_urls": 1,
        "ads__ad_group_ad_ad_responsive_search_ad_headlines": 2,
        "campaign_budgets": 5,
        "campaign_stats": 4,
        "cheap": 3,
        "customers": 1,
    }
    assert tables(first, "google_analytics") == {"countries": 3, "traffic": 6}
    assert tables(first, "google_sheets") == {"orders": 10_000, "q1_2024_s_odd": 4, "rows": 0}
    assert tables(first, "notes") == {"cells": 2, "the_notes": 2, "rows": 0}
    pages = [one for one in synced.asked_by(0, "ads") if "amount_micros" in one["body"]["query"]]
    assert len([one for one in pages if one["answer"].get("results")]) == 3
    asked = [one["body"] for one in synced.asked_by(0, "analytics") if PROPERTY in one["path"]]
    assert sorted(body["offset"] for body in asked if len(body["dimensions"]) == 5) == [0, 0, 2, 2, 4, 4]


def test_an_account_without_anything_is_no_failure(synced):
    for done in synced.done:
        for name in ("ads_empty", "quiet"):
            assert done.source(name)["status"] == "ok"
            assert {*tables(done, name).values()} == {0}


def test_a_second_sync_asks_for_the_days_that_may_have_changed_and_no_more(synced):
    assert {synced.done[1].source(one["name"])["status"] for one in GOOD} == {"ok"}, synced.done[1].err
    [query] = {
        one["body"]["query"]
        for one in synced.asked_by(1, "ads")
        if "FROM campaign WHERE" in one["body"]["query"] and one["answer"].get("results")
    }
    assert query.endswith(f"segments.date BETWEEN '{ago(31)}' AND '{ago(0)}'")
    starts = {
        one["body"]["dateRanges"][0]["startDate"]
        for one in synced.asked_by(1, "analytics")
        if PROPERTY in one["path"] and {"name": "date"} in one["body"]["dimensions"]
    }
    assert starts == {ago(4), ago(1)}  # by default, and without a lag


def test_no_day_is_asked_for_that_google_does_not_keep(synced):
    asked = [one["body"]["query"] for one in synced.asked_by(1, "ads") if EMPTY in one["path"]]
    assert len([query for query in asked if f"BETWEEN '{ago(1125)}' AND" in query]) == 5


def test_days_that_are_loaded_again_are_as_google_has_them_now_and_older_ones_stay(synced):
    found = synced.query(
        "select segments_date::text, campaign_id, metrics_clicks, metrics_cost_micros, metrics_conversions"
        " from raw_google_ads.campaign_stats order by all"
    )
    assert found == [
        (ago(50), 1, 2, 2_500_000, 0.5),
        (ago(20), 1, 3, 3_750_000, 4.0),
        (ago(1), 1, 4, 5_000_000, 2.0),
        (ago(1), 2, 5, 6_250_000, 1.0),
        (ago(0), 1, 6, 7_500_000, 0.0),
    ]
    found = synced.query(
        "select date::text, session_source, sessions, total_revenue from raw_google_analytics.traffic order by all"
    )
    assert found == [
        (ago(30), "bing", 5, 2.5),
        (ago(30), "google", 5, 2.5),
        (ago(2), "bing", 5, 2.5),
        (ago(2), "google.com", 5, 2.5),
        (ago(1), "bing", 5, 2.5),
        (ago(1), "duck", 1, 0.5),
        (ago(1), "google", 5, 2.5),
        (ago(0), "google", 2, 1.0),
    ]


def test_the_last_day_comes_again_as_a_whole_and_its_unchanged_rows_are_not_lost(synced):
    days = "select date::text, count(*) from raw_prompt.traffic group by 1 order by 1"
    assert synced.query(days) == [(ago(30), 2), (ago(2), 2), (ago(1), 3), (ago(0), 1)]


def test_numbers_and_days_have_their_types_and_lists_their_tables(synced):
    kinds = dict(
        synced.query(
            "select column_name, data_type from duckdb_columns() where schema_name in ('raw_google_ads', 'raw_google_analytics')"
            " and table_name in ('campaign_stats', 'traffic') and column_name not like '_dlt%'"
        )
    )
    assert kinds["campaign_id"] == kinds["metrics_cost_micros"] == kinds["sessions"] == "BIGINT"
    assert kinds["metrics_conversions"] == kinds["total_revenue"] == "DOUBLE"
    assert kinds["segments_date"] == kinds["date"] == "DATE"
    assert not [name for name in kinds if "__v_" in name]
    headlines = "select text, pinned_field from raw_google_ads.ads__ad_group_ad_ad_responsive_search_ad_headlines order by all"
    assert synced.query(headlines) == [("Cheap é", "HEADLINE_1"), ("Good", None)]


def test_cells_become_columns_of_one_type_by_names_that_are_free(synced):
    assert synced.odd == [
        ("a", "b", "c", 1.0, "日本", "2024-01-01", "1", 2.0, None),
        ("d", None, None, None, None, None, None, None, None),
        ("e", None, None, 2.0, None, "2024-01-02", "x", None, None),
        ("f", None, None, None, None, None, "TRUE", 3.0, "beyond"),
    ]
    names = synced.query(
        "select column_name from duckdb_columns() where table_name = 'q1_2024_s_odd' and column_name not like '_dlt%'"
        " order by column_index"
    )
    assert [name for (name,) in names] == [
        "name", "name_2", "column_3", "hohe_cm", "column_5", "when", "mixed", "formula", "column_9",
    ]  # fmt: skip
    assert synced.query("from raw_notes.the_notes select key, value order by key") == [("x", 1.0), ("y", 2.0)]


def test_rows_that_are_gone_from_a_sheet_go_even_the_last_one(synced):
    assert synced.query("select count(*), max(order_id) from raw_google_sheets.orders") == [(5000, 4999)]
    assert synced.query("select count(*) from raw_google_sheets.q1_2024_s_odd") == [(0,)]


def test_whoever_asks_too_much_waits_as_long_as_it_is_told_to(synced):
    (path, first), *others = synced.google.ads.times
    assert next(second for other, second in others if other == path) - first >= 1


def test_one_login_serves_all_and_a_service_account_signs_its_own(synced):
    grants = sorted(form["grant_type"].rpartition(":")[2] for form in synced.tokens)
    borrowers = [one for one in GOOD + DENIED if "credentials_from" in one]
    assert grants == ["jwt-bearer"] * 2 + ["refresh_token"] * (1 + len(borrowers))
    assert {form["refresh_token"] for form in synced.tokens if "refresh_token" in form} == {
        REFRESH,
        "1//an-old-one",
    }


def test_wrong_credentials_are_said_as_such(synced):
    assert synced.done[0].code == 4, synced.done[0].err
    foreign = synced.problem(0, "foreign")
    assert "403" in foreign
    assert "User doesn't have permission to access customer" in foreign
    assert "403" in synced.problem(0, "ours")
    assert "Token has been expired or revoked" in synced.problem(0, "revoked")
    assert "`private_key` is no RSA key" in synced.problem(0, "no_key")
    incomplete = synced.problem(0, "nothing")
    assert "no `client_id` and `client_secret` and `refresh_token`; or `client_email`" in incomplete


def test_what_google_refuses_is_said_in_its_words_and_pages_without_an_end_are_stopped(synced):
    assert synced.done[1].code == 3  # some of it is configuration, which is said first
    assert "do not end" in synced.problem(1, "ads_endless")
    assert "do not end" in synced.problem(1, "endless")
    assert "'x' is not a valid resource" in synced.problem(1, "ads_wrong")
    assert "nonsense is not a valid dimension" in synced.problem(1, "much")
    assert "Unable to parse range: Order" in synced.problem(1, "no_range")
    assert "both become the table `orders`" in synced.problem(1, "twins")
    assert "two resources would be called `traffic`" in synced.problem(1, "clash")
    assert "JSON path `date` was not found" in synced.problem(1, "dayless")  # each run would add its rows
    nameless = synced.problem(1, "nameless")
    assert nameless == "`queries` must have `name` and `query` in each item"


@pytest.fixture(scope="module")
def read(synced):
    """What Google's packages say of all exchanges, and of some that are wrong, which come last."""
    exchanges = {api: getattr(synced.google, api).exchanges for api in ("ads", "analytics", "sheets")}
    ads, analytics, sheets = (exchanges[api][0] for api in exchanges)
    wrong = {
        "ads": [{**ads, "body": {"query": "SELECT campaign.nme FROM campaign"}}, {**ads, "body": {"q": ""}}],
        "analytics": [{**analytics, "body": {**analytics["body"], "size": 2}}],
        "sheets": [{**sheets, "query": [["valueRender", "X"]]}],
    }
    text = json.dumps({api: exchanges[api] + wrong[api] for api in exchanges})
    done = subprocess.run([*map(str, READER)], input=text, capture_output=True, text=True, check=True, timeout=120)
    said = json.loads(done.stdout)
    ends = {api: len(exchanges[api]) for api in exchanges}
    return (
        [what for api, end in ends.items() for what in said[api][:end]],
        [what for api, end in ends.items() for what in said[api][end:]],
        said["fields"],
    )


@needs_packages
def test_googles_own_packages_read_all_that_is_sent_and_answered(synced, read):
    queries = [one["body"]["query"] for one in synced.google.ads.exchanges]
    assert (
        len({query.partition(" FROM ")[2].partition(" ")[0] for query in queries}) == 11
    )  # every table was asked
    right, wrong, _ = read

    assert {*map(tuple, right)} == {()}
    assert all(wrong), wrong


@needs_packages
def test_each_plain_field_of_a_row_is_a_column_of_its_type(read):
    columns = {}
    for field in read[2]:
        value = {"double": 2, "int64": "123", "string": "123"}.get(field["kind"], "WORD")
        row = reduce(lambda below, name: {name[1]: below}, reversed(field["path"]), value)
        [(name, held)] = flat(row, {}).items()
        expected = "_".join(name for name, _ in field["path"])
        columns.setdefault(name, []).append(expected)
        of_metrics = expected.startswith("metrics_")
        if field["kind"] == "string" and not of_metrics:  # no metric that is a text consists of digits
            assert held == "123", expected
        if of_metrics and field["kind"] in {"double", "int64"}:
            assert type(held) is (float if field["kind"] == "double" else int), expected
    assert len(columns) > 3000
    assert [names for names in columns.values() if len(names) > 1] == []
    odd = [name for name, [expected] in columns.items() if name != expected]
    assert [name for name in odd if "analytics4" not in name] == []
