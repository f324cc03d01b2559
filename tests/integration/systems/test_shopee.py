"""Shopee: what two syncs of several shops ask for, load, and say."""

import json
import time
from dataclasses import dataclass

import pytest
from commands import Done
from hosts import Hosts
from systems.shopee import HOST, WINDOW, OpenPlatform

NOW = int(time.time())
DAY = 24 * 3600
BEGIN = NOW - 40 * DAY
SEAM = BEGIN + WINDOW
KEY, TOKENS = (
    "partner-key-8f1e",
    {name: f"token-{name}-55" for name in ("sg", "empty", "lost", "endless", "expired", "models")},
)
LATEST = NOW - DAY


class Shops:
    """The host of several shops."""

    def __init__(self, shops):
        self.shops = {str(shop.shop): shop for shop in shops}

    def __call__(self, asked):
        return self.shops[asked.query["shop_id"]](asked)


@dataclass(frozen=True)
class Synced:
    """Two syncs, with changes between them."""

    project: object
    hosts: Hosts
    shops: dict
    first: Done
    second: Done
    before: int

    def asked(self, path, *, again=False):
        """Return the requests of the shop in Singapore for a path, in the first sync or the second one."""
        asked = self.hosts.asked[self.before :] if again else self.hosts.asked[: self.before]
        return [it for it in asked if it.path.endswith(path) and it.query["shop_id"] == "1"]


@pytest.fixture(scope="module")
def synced(one_project, tmp_path_factory):
    given = {"partner": 1000001, "key": KEY}
    shops = {name: OpenPlatform(shop=n, token=token, **given) for n, (name, token) in enumerate(TOKENS.items(), 1)}
    fill(shops["sg"])
    shops["sg"].first = [
        (200, {"Retry-After": "1"}, {"error": "error_rate_limit", "message": "Too many requests."})
    ]
    shops["models"].items = {1: "plain", 2: "in two colours"}
    shops["models"].models = {2: [{"model_id": 21, "model_sku": "red"}, {"model_id": 22, "model_sku": "blue"}]}
    shops["lost"].escrows = [{"order_sn": "GONE", "escrow_release_time": LATEST, "payout_amount": 1.5}]
    shops["lost"].left_out = {"GONE"}
    listed = {"item": [{"item_id": 1}], "has_next_page": True, "next_offset": 1}
    shops["endless"].first = [(200, {}, {"error": "", "response": listed})] * 99
    configure(one_project)
    with Hosts(tmp_path_factory.mktemp("hosts"), {HOST: Shops(shops.values())}) as hosts:
        first = one_project.sync(**hosts.environ)
        before = len(hosts.asked)
        change(shops["sg"])
        second = one_project.sync("--source", "sg", **hosts.environ)
    assert hosts.refused == []
    assert [refused for shop in shops.values() for refused in shop.refused] == []
    return Synced(one_project, hosts, shops, first, second, before)


def configure(project):
    def entry(name, number, **more):
        start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(BEGIN))
        block = {"partner_id": 1000001, "shop_id": number, "start_date": start}
        return {"name": name, "type": "shopee", "shopee": block, **more}

    entries = [
        entry("sg", 1),
        entry("empty", 2),
        entry("lost", 3, resources=["escrows"]),
        entry("endless", 4, resources=["products"]),
        entry("models", 6, resources=["products", "product_models"]),
        entry("expired", 5, resources=["shop"]),
        entry("wrong_key", 2, resources=["shop"]),
    ]
    project.write(".dango/sources.yml", json.dumps({"version": "1.0", "sources": entries}))
    secrets = {name: (KEY, token) for name, token in TOKENS.items()}
    secrets |= {"expired": (KEY, "token-expired"), "wrong_key": ("another-key", TOKENS["empty"])}
    lines = [
        f'[sources.{name}]\npartner_key = "{key}"\naccess_token = "{token}"'
        for name, (key, token) in secrets.items()
    ]
    project.write(".dlt/secrets.toml", "\n".join(lines))


def fill(shop):
    moments = [BEGIN, SEAM, SEAM + WINDOW, *(SEAM + n for n in range(-3, 4)), LATEST]
    for number, moment in enumerate(moments):
        shop.order(f"A{number}", moment, item_list=[{"item_id": 1}, {"item_id": 2}])
    shop.order("TOO_OLD", BEGIN - 1)
    shop.items = {number: f"item {number}" for number in range(5)}
    for number in range(5):
        back = {"item": [{"item_id": 7}], "reason": "NOT_RECEIPT"}
        shop.returns.append({"return_sn": f"R{number}", "update_time": LATEST + number, **back})
        shop.escrows.append({"order_sn": f"A{number}", "escrow_release_time": SEAM + number, "payout_amount": 9.5})
        shop.transactions.append({"create_time": LATEST, "amount": 1.0, "transaction_type": "ESCROW_VERIFIED_ADD"})
        shop.discounts.append({"discount_id": number, "discount_name": "d"})
        shop.vouchers.append({"voucher_id": number, "voucher_code": "v"})


def change(shop):
    """Change an order, add one in the second of the last one, and one that changes while it is read."""
    shop.order("A0", LATEST + 5, order_status="COMPLETED", item_list=[{"item_id": 3}])
    shop.order("SAME_SECOND", LATEST)
    shop.order("A-MOVES", LATEST + 9)
    shop.when_listed = lambda: shop.order("A-MOVES", int(time.time()) + 900)
    shop.transactions.append({"create_time": LATEST, "amount": 2.0, "transaction_type": "ESCROW_VERIFIED_ADD"})
    shop.returns[0] |= {"update_time": LATEST + 60, "reason": "DAMAGED"}
    del shop.items[0]


def test_all_orders_of_all_windows_come_once_with_their_details(synced):
    assert (synced.first.source("sg")["status"], synced.first.source("sg")["problems"]) == ("ok", [])
    tables = {t["name"]: t["rows"] for t in synced.first.source("sg")["tables"]}
    assert {
        "products": 5,
        "returns": 5,
        "wallet_transactions": 5,
        "discounts": 5,
        "vouchers": 5,
    }.items() <= tables.items()
    assert synced.project.query("select count(*), count(distinct order_sn) from raw_sg.escrows") == [(5, 5)]
    assert synced.project.one("select count(*) from raw_sg.orders__item_list") == 21  # A0 has lost one
    assert len(synced.asked("get_order_list")) >= 6  # three windows, one of them in several pages
    assert len(synced.asked("get_item_list")) == 3
    assert synced.project.one("select sum(payout_amount + order_income__escrow_amount) from raw_sg.escrows") == 95
    assert synced.project.query("select shop_id, shop_name from raw_sg.shop") == [(1, "Shop")]


def test_a_second_sync_asks_from_the_last_order_on_and_leaves_one_that_moves_to_the_next_run(synced):
    [asked] = synced.asked("get_order_list", again=True)[:1]
    assert asked.query["time_from"] == str(LATEST)
    assert synced.project.query("select count(*), count(distinct order_sn) from raw_sg.orders") == [(12, 12)]
    assert synced.project.one("select order_status from raw_sg.orders where order_sn = 'A0'") == "COMPLETED"
    assert synced.project.one("select count(*) from raw_sg.orders where order_sn = 'A-MOVES'") == 0
    assert synced.project.one("select epoch(max(update_time))::bigint from raw_sg.orders") == LATEST + 5


def test_what_came_again_is_replaced_and_what_is_gone_goes(synced):
    assert synced.project.query("select item_name from raw_sg.products order by 1") == [
        (f"item {n}",) for n in range(1, 5)
    ]
    assert synced.project.query("select count(*), sum(amount) from raw_sg.wallet_transactions") == [(6, 7.0)]
    assert synced.project.query("select count(*), count(distinct return_sn) from raw_sg.returns") == [(5, 5)]
    assert synced.project.one("select reason from raw_sg.returns where return_sn = 'R0'") == "DAMAGED"


def test_variations_of_products_come_when_asked_for(synced):
    assert (synced.first.source("models")["status"], synced.first.source("models")["problems"]) == ("ok", [])
    models = "select item_id, model_id, model_sku from raw_models.product_models order by 2"
    assert synced.project.query(models) == [(2, 21, "red"), (2, 22, "blue")]


def test_shopee_is_asked_again_when_it_had_too_many_requests(synced):
    assert synced.shops["sg"].times[1] - synced.shops["sg"].times[0] >= 1
    busy, again = (int(asked.query["timestamp"]) for asked in synced.asked("get_shop_info"))
    assert again > busy  # signed anew: a pause may be longer than a signature is good for


def test_a_shop_without_anything_is_no_failure(synced):
    assert (synced.first.source("empty")["status"], synced.first.source("empty")["problems"]) == ("ok", [])


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("expired", 4, "Shopee does not take the app's key, the shop, or its access token"),
        ("wrong_key", 4, "Shopee does not take the app's key, the shop, or its access token"),
        ("lost", 5, "has left out GONE"),
        ("endless", 5, "the pages of the API do not end"),
    ],
)
def test_what_goes_wrong_is_said_without_a_secret(synced, name, code, said):
    [problem] = synced.first.source(name)["problems"]
    assert (synced.first.source(name)["exit_code"], said in problem["what"]) == (code, True)
    log = (synced.project.runs()[0] / f"{name}.log").read_text()
    assert not [secret for secret in (KEY, *TOKENS.values()) if secret in log + synced.first.out]
    assert "sign=" not in log
