"""Stripe, as the type `stripe` reads it: against a server that refuses what Stripe would."""

import calendar
import json
import time
from dataclasses import dataclass

import pytest
from hosts import Hosts
from systems.stripe import Stripe

DAY = 24 * 3600
KEY, PLATFORM, ACCOUNT = "rk_live_51Hq0aBcD", "sk_live_77Zx4platform", "acct_1032D82eZvKYlo2C"
HOST = "api.stripe.com"
LATE = {"code": "rate_limit", "message": "Request rate limit exceeded.", "type": "invalid_request_error"}


class Accounts:
    """One host for several accounts, by the key of each."""

    def __init__(self, *accounts):
        self.of = {account.key: account for account in accounts}

    def __call__(self, asked):
        return self.of.get(asked.bearer, next(iter(self.of.values())))(asked)


@dataclass(frozen=True)
class Backfill:
    """A charge's amount before it, its days, and what was asked for."""

    seen: int
    window: list
    query: dict


@dataclass(frozen=True)
class Synced:
    project: object
    shop: Stripe
    platform: Stripe
    second: object
    now: int
    before: int
    backfill: Backfill

    def asked_again(self, path):
        """Return the first query of the second sync for a list."""
        return next(query for asked, query, _ in self.shop.asked[self.before :] if asked == path)

    def column(self, sql):
        return [row[0] for row in self.project.query(sql)]


def entry(name, *resources, **block):
    return {"name": name, "type": "stripe", "stripe": block, **({"resources": resources} if resources else {})}


def write(project, keys, *entries):
    project.write(".dango/sources.yml", json.dumps({"defaults": {"retries": 0}, "sources": entries}))
    project.write(".dlt/secrets.toml", "".join(f'[sources.{name}]\napi_key = "{keys[name]}"\n' for name in keys))


@pytest.fixture(scope="module")
def synced(one_project, tmp_path_factory):
    now = int(time.time())
    shop, platform = Stripe(KEY), Stripe(PLATFORM, account=ACCOUNT)
    for number in range(5):
        shop.add(
            "charges", f"ch_{number}", now - 100 * DAY + number, amount=number, refunded=False, metadata={"n": 1}
        )
        shop.add("events", f"evt_{number}", now - 10 * DAY, data={"object": {"id": f"ch_{number}", "deep": [1]}})
        shop.add("products", f"prod_{number}", now - 900 * DAY, name="Old", metadata={})
    shop.add("charges", "ch_recent", now - 20 * DAY, amount=7, refunded=False, metadata={"key of a user's": "x"})
    shop.add("charges", "ch_latest", now - 5 * DAY, amount=7, refunded=False)
    lines = {"object": "list", "data": [{"id": "il_1", "amount": 5}], "has_more": True}
    shop.add("invoices", "in_1", now - 200 * DAY, lines=lines)
    shop.add("invoices", "in_2", now - DAY)
    shop.objects["invoices/in_2/lines"] = []
    shop.objects["invoices/in_1/lines"] = [{"id": f"il_{number}", "amount": 5} for number in range(1, 6)]
    shop.add("subscriptions", "sub_gone", now - 900 * DAY, status="canceled", items={"data": [{"id": "si_1"}]})
    shop.first["charges"] = [(429, {"error": LATE}, {"Retry-After": "1"})]
    resources = ("charges", "events", "products", "invoices", "subscriptions")
    keys, connected = {"cards": KEY, "connected": PLATFORM}, entry("connected", account_id=ACCOUNT)
    write(one_project, keys, entry("cards", *resources), connected)
    with Hosts(tmp_path_factory.mktemp("hosts"), {HOST: Accounts(shop, platform)}) as hosts:
        first = one_project.sync(**hosts.environ)
        before = len(shop.asked)
        shop.change("charges", "ch_recent", refunded=True)
        shop.change("charges", "ch_0", amount=50)  # too old to be noticed
        shop.change("products", "prod_0", name="New")
        shop.add("charges", "ch_same", now - 5 * DAY, amount=8)
        shop.add("charges", "ch_new", now - DAY, amount=9)
        shop.add("events", "evt_same", now - 10 * DAY, data={"object": {}})
        write(one_project, keys, entry("cards", *resources, "invoice_line_items"), connected)
        second = one_project.sync(**hosts.environ)
        seen = one_project.one("select amount from raw_cards.charges where id = 'ch_0'")
        window = [time.strftime("%Y-%m-%d", time.gmtime(now - age * DAY)) for age in (101, 98)]
        asked = len(shop.asked)
        filled = one_project.sync("--source", "cards", "--since", window[0], "--until", window[1], **hosts.environ)
    assert hosts.refused == shop.refused == platform.refused == []
    assert (first.code, second.code, filled.code) == (0, 0, 0), first.err + second.err + filled.err
    backfill = next(query for path, query, _ in shop.asked[asked:] if path == "charges")
    return Synced(one_project, shop, platform, second, now, before, Backfill(seen, window, backfill))


def test_all_pages_come_and_a_second_sync_reads_again_what_may_have_changed(synced):
    pages = [query.get("starting_after") for query, _ in synced.shop.of("charges")]
    assert pages[:4] == [None, None, "ch_recent", "ch_3"]  # the first one was refused
    assert synced.asked_again("charges") == {"limit": "100", "created[gte]": str(synced.now - 35 * DAY)}
    assert synced.asked_again("events") == {"limit": "100", "created[gte]": str(synced.now - 10 * DAY)}
    assert synced.asked_again("products") == {"limit": "100"}
    assert synced.asked_again("subscriptions") == {"limit": "100", "status": "all"}


def test_no_object_is_lost_or_doubled_and_a_changed_one_is_there_as_it_is_now(synced):
    counts = {"charges": 9, "events": 6, "products": 5, "invoices": 2, "subscriptions": 1}
    for table, count in counts.items():
        found = synced.project.query(f"select count(*), count(distinct id) from raw_cards.{table}")
        assert (table, found) == (table, [(count, count)])
    assert synced.column("select id from raw_cards.charges where refunded") == ["ch_recent"]
    assert synced.column("select name from raw_cards.products where id = 'prod_0'") == ["New"]


def test_lines_that_are_asked_for_later_are_those_of_all_invoices(synced):
    assert synced.column("select count(distinct id) from raw_cards.invoice_line_items") == [5]
    [(columns,)] = synced.project.query(
        "select list(column_name) from duckdb_columns() where table_name = 'line_item_invoices'"
        " and schema_name = 'raw_cards' and column_name not like '\\_dlt%' escape '\\'"
    )
    assert sorted(columns) == ["created", "id"]


def test_a_backfill_of_some_days_asks_for_them_alone_and_sees_an_old_change(synced):
    since, until = (calendar.timegm(time.strptime(day, "%Y-%m-%d")) for day in synced.backfill.window)
    assert synced.backfill.query == {"limit": "100", "created[gte]": str(since), "created[lte]": str(until)}
    assert synced.backfill.seen == 0
    assert synced.column("select amount from raw_cards.charges where id = 'ch_0'") == [50]
    assert synced.project.one("select min(created) from raw_cards.charges").timestamp() == synced.now - 100 * DAY


def test_what_is_nested_is_kept_and_keys_of_the_users_make_no_columns(synced):
    assert synced.column("select id from raw_cards.invoices__lines__data") == ["il_1"]
    assert synced.column("select id from raw_cards.subscriptions__items__data") == ["si_1"]
    told = synced.column("select metadata ->> 'key of a user''s' from raw_cards.charges where id = 'ch_recent'")
    assert told == ["x"]
    assert synced.column("select data -> '$.object.deep' from raw_cards.events where id = 'evt_0'") == ["[1]"]


def test_a_limit_of_requests_is_waited_for(synced):
    [(_, refused), (_, again), *_] = synced.shop.of("charges")
    assert again - refused >= 1


def test_an_account_without_anything_is_read_whole_and_is_no_failure(synced):
    asked = {path for path, _, _ in synced.platform.asked}
    assert {"customers", "checkout/sessions", "invoiceitems", "balance_transactions", "coupons"} <= asked
    assert not asked & {"accounts", "setup_intents", "tax_rates"}  # which a key may not be allowed to read
    assert synced.second.source("connected")["rows"] == 0


def test_what_stripe_refuses_and_what_never_ends_is_said_with_its_words(project, tmp_path):
    shop = Stripe(KEY)
    shop.add("charges", "ch_1", 1_700_000_000)
    shop.denied, shop.stuck = {"payouts"}, {"charges"}
    keys = {"stale": "rk_live_staleQ7w", "denied": KEY, "elsewhere": KEY, "endless": KEY, "odd": KEY}
    entries = (
        entry("stale", "charges"),
        entry("denied", "payouts"),
        entry("elsewhere", "refunds", account_id=ACCOUNT),
        entry("endless", "charges"),
        entry("odd", "refunds", api_version="2030-01-01"),
    )
    write(project, keys, *entries)
    with Hosts(tmp_path, {HOST: Accounts(shop)}) as hosts:
        done = project.sync(**hosts.environ)

    expected = {
        "stale": (4, "401 Unauthorized to /v1/charges: Invalid API Key provided: rk_live_"),
        "denied": (4, "403 Forbidden to /v1/payouts: The provided key does not have the required permissions"),
        "elsewhere": (
            4,
            f"403 Forbidden to /v1/refunds: The provided key does not have access to account '{ACCOUNT}'",
        ),
        "endless": (5, "the pages of the API do not end"),
        "odd": (5, "400 Bad Request to /v1/refunds: Invalid Stripe API version: 2030-01-01"),
    }
    for name, (code, words) in expected.items():
        source = done.source(name)
        [problem] = source["problems"]
        assert (name, source["exit_code"]) == (name, code)
        assert words in problem["what"]
    assert not [key for key in (KEY, *keys.values()) if key in done.out + done.err]
