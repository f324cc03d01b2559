"""Packages that others have published, as they come from the index, against their vendors' APIs on loopback.

Nothing is written for them but what a user would write: `sources.yml`, the files in `.dlt/`, and an address where
the package takes one. Those that take none are reached by the proxy of `tests/peers/hosts.py`, at their own names.
"""

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from commands import Done
from hosts import Hosts
from vendors import Aquabyte, Dialpad, NextDNS, Notion, Personio, Slack, Stripe, UniRate, instant

ROOT = Path(__file__).parents[2]
COMMAND = ROOT / ".unofficial/bin/dango"
EAST, STALE = "dialpad-key-east-81ab", "dialpad-key-stale-93ef"
DNS, RATES, FISH, CARDS = "nextdns-key-7733", "unirate-key-9a1c", "aquabyte-key-02bb", "sk_live_4eC39HqLyjWD"
PEOPLE, PAGES, BOTS = "personio-secret-18f2", "ntn_61f0notion", ("xoxb-2044-slack", "xoxb-7310-slack")
KEYS = (EAST, STALE, DNS, RATES, FISH, CARDS, PEOPLE, PAGES, *BOTS)
DAY = 24 * 60 * 60
TODAY = dt.datetime.now(dt.UTC).date()
pytestmark = pytest.mark.skipif(
    not COMMAND.exists(), reason="these packages need Python 3.12, see CONTRIBUTING.md"
)


class Vendors:
    """The APIs with their first rows."""

    def __init__(self):
        self.dialpad, self.dns, self.rates = Dialpad(EAST), NextDNS(DNS), UniRate(RATES)
        self.fish, self.cards = Aquabyte(FISH), Stripe(CARDS)
        self.people, self.slack, self.notion = Personio("papi-client", PEOPLE), Slack(*BOTS), Notion(PAGES)
        for number in (1, 2, 3):
            self.add(number)

    def add(self, number):
        """Let a further row come up everywhere, each newer than those before."""
        moment = f"2024-05-{number:02}T10:00:00+00:00"
        self.dialpad.add(EAST, number, moment)
        self.dns.logs.insert(0, {"timestamp": f"2024-05-{number:02}T10:00:00.000Z", "domain": f"{number}.example"})
        day = TODAY - dt.timedelta(days=10 - number)
        self.fish.biomass.append({"penId": "p1", "date": day.isoformat(), "avgWeight": 4.5})
        lines = {"data": [{"id": f"il_{number}", "amount": 5}], "has_more": False}
        self.cards.add("charges", f"ch_{number}", instant(moment), amount=100)
        self.cards.add("invoices", f"in_{number}", instant(moment), lines=lines)
        self.people.add(f"{number}", f"Person{number}")
        self.notion.add(number, f"Person{number}")

    def hosts(self, folder):
        return Hosts(
            folder,
            {
                "dialpad.com": self.dialpad,
                "api.nextdns.io": self.dns,
                "api.unirateapi.com": self.rates,
                "api.aquabyte.ai": self.fish,
                "api.stripe.com": self.cards,
                "api.personio.de": self.people,
                "slack.com": self.slack,
                "www.slack.com": self.slack,
                "api.notion.com": self.notion,
            },
        )


@dataclass(frozen=True)
class Synced:
    """Two syncs of everything, with new rows at every vendor between them."""

    project: object
    hosts: Hosts
    first: Done
    second: Done
    asked_first: int

    def rows(self, name):
        return [{t["name"]: t["rows"] for t in done.source(name)["tables"]} for done in (self.first, self.second)]

    def asked_again(self, host, path):
        """Return the query for a path's first page in the second sync, with a key that is taken."""
        asked = [it for it in self.hosts.asked[self.asked_first :] if (it.host, it.path) == (host, path)]
        return next(it.query for it in asked if it.bearer != STALE)

    def texts(self):
        """Return all that the second sync has left to read, by the file's name."""
        run = self.project.runs()[1]
        left = {file.name: file.read_text() for file in run.rglob("*") if file.is_file()}
        return {**left, "activity.log": (self.project.path / ".dango/activity.log").read_text()}


@pytest.fixture(scope="module")
def synced(new_project, tmp_path_factory):
    project = replace(new_project(), command=COMMAND)
    vendors = Vendors()
    with vendors.hosts(tmp_path_factory.mktemp("hosts")) as hosts:
        configure(project, hosts)
        first = project.sync(**hosts.environ)
        asked_first = len(hosts.asked)
        vendors.add(4)
        second = project.sync(**hosts.environ)
    assert hosts.refused == []
    return Synced(project, hosts, first, second, asked_first)


def configure(project, hosts):
    community, paradox = "dlt_community_sources", "paradox_dlt_sources"
    calls = {"base_url": hosts.url("dialpad.com")}
    dialpad = {"module": f"{community}.dialpad", "function": "dialpad_source", "kwargs": calls}
    project.sources(
        {"name": "phone_east", **dialpad, "resources": ["calls", "users"]},
        {"name": "phone_west", **dialpad, "resources": ["calls"]},
        {"name": "dns", "module": f"{community}.nextdns", "function": None, "resources": ["logs", "profiles"]},
        {
            "name": "rates",
            "module": "dlt_unirate",
            "function": "unirate_source",
            "kwargs": {"base_currency": "EUR"},
        },
        {"name": "fish", "module": "dlt_source_aquabyte", "function": None, "resources": ["sites", "biomass"]},
        {"name": "cards", "module": f"{paradox}.stripe", "function": "stripe_source"},
        {"name": "people", "module": "dlt_source_personio"},
        {"name": "chat", "module": "dlt_source_slack"},
        {"name": "chat_guests", "module": "dlt_source_slack"},
        {"name": "pages", "module": "dlt_source_notion", "kwargs": {"database_resources": []}},
    )
    project.write(
        ".dlt/config.toml",
        f"""
        [sources.dns]
        base_url = "{hosts.url("api.nextdns.io")}"
        [sources.rates]
        base_url = "{hosts.url("api.unirateapi.com")}"
        [sources.fish]
        base_url = "{hosts.url("api.aquabyte.ai")}/v3"
        initial_date = "{TODAY - dt.timedelta(days=400)}"
        [sources.cards]
        base_url = "{hosts.url("api.stripe.com")}/v1"
        """,
    )
    project.write(
        ".dlt/secrets.toml",
        f"""
        [sources]
        phone_east.api_key = "{EAST}"
        phone_west.api_key = "{STALE}"
        dns.api_key = "{DNS}"
        rates.api_key = "{RATES}"
        fish.api_key = "{FISH}"
        cards.api_key = "{CARDS}"
        chat.slack_bot_token = "{BOTS[0]}"
        chat_guests.slack_bot_token = "{BOTS[1]}"
        pages.notion_token = "{PAGES}"
        [sources.people]
        personio_client_id = "papi-client"
        personio_client_secret = "{PEOPLE}"
        """,
    )


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("phone_east", {"calls": 3, "users": 1}, {"calls": 3, "users": 1}),  # it asks for the last day once more
        ("dns", {"logs": 3, "profiles": 1}, {"logs": 1, "profiles": 1}),
        ("rates", {"currencies": 2, "exchange_rates": 2, "vat_rates": 1}, None),
        ("fish", {"biomass": 3, "sites": 1}, {"biomass": 1, "sites": 1}),
        (
            "cards",
            {"charges": 3, "customers": 0, "invoice_line_items": 3, "invoices": 3, "refunds": 0},
            {"charges": 1, "customers": 0, "invoice_line_items": 1, "invoices": 1, "refunds": 0},
        ),
        ("people", {"persons": 3, "persons_custom_attributes": 3}, {"persons": 4, "persons_custom_attributes": 4}),
        ("chat", {"bots": 1, "profiles": 2, "user_details": 0, "users": 1}, None),
        ("chat_guests", {"bots": 1, "profiles": 2, "user_details": 0, "users": 1}, None),
        ("pages", {"persons": 3, "users": 0}, {"persons": 4, "users": 0}),
    ],
)
def test_a_published_source_syncs_and_then_only_what_its_cursor_leaves(synced, name, first, second):
    assert synced.rows(name) == [first, second or first]


def test_a_second_sync_asks_the_vendors_for_what_is_new(synced):
    newest = instant("2024-05-03T10:00Z")
    asked = synced.asked_again
    assert asked("dialpad.com", "/api/v2/call")["started_after"] == str((newest - DAY) * 1000)
    assert asked("api.nextdns.io", "/profiles/p1/logs")["from"] == str(newest * 1000)
    assert asked("api.stripe.com", "/v1/charges")["created[gt]"] == str(newest)
    assert asked("api.aquabyte.ai", "/v3/biomass")["fromDate"] == str(TODAY - dt.timedelta(days=7))


def test_no_row_is_doubled_or_lost_over_both_syncs(synced):
    counts = {
        "phone_east.calls": ("call_id", 4),
        "dns.logs": ("domain", 4),
        "fish.biomass": ('"date"', 4),
        "fish.sites": ("id", 1),
        "cards.charges": ("id", 4),
        "cards.invoice_line_items": ("id", 4),
        "rates.exchange_rates": ("target_currency", 2),
        "pages.persons": ("id", 4),
    }
    found = {
        table: synced.project.query(f"select count(*), count(distinct {key}) from raw_{table}")
        for table, (key, _) in counts.items()
    }

    assert found == {table: [(expected, expected)] for table, (_, expected) in counts.items()}


def test_one_instance_with_a_stale_key_fails_alone(synced):
    for done in (synced.first, synced.second):
        assert done.code == 5
        failed = [source["name"] for source in done.document["sources"] if source["status"] != "ok"]
        assert failed == ["phone_west"]
        [problem] = done.source("phone_west")["problems"]
        assert "HTTP 401" in problem["what"]

    datasets = synced.project.query("select distinct schema_name from duckdb_schemas()")
    assert ("raw_phone_east",) in datasets
    assert ("raw_phone_west",) not in datasets


def test_each_instance_has_its_own_key_data_and_log(synced):
    assert {asked.bearer for asked in synced.hosts.of("dialpad.com")} == {EAST, STALE}
    guests = "select u.id, g.id from raw_chat.users u, raw_chat_guests.users g"
    assert synced.project.query(guests) == [("U0", "U1")]

    texts = synced.texts()
    assert "PrimaryResourceTerminalError" in texts["phone_west.log"]
    assert "PrimaryResourceTerminalError" not in texts["phone_east.log"]
    assert [name for name, text in texts.items() for key in KEYS if key in text] == []
    assert "no such key: ***" in texts["phone_west.log"]  # the vendor has echoed it


def test_the_command_itself_prints_no_warning_of_python(synced):
    assert "Warning" not in synced.first.err + synced.second.err
