"""The Shopee source against its API on loopback, which refuses what Shopee would."""

import time

import pytest
import shopee_api
from shopee import WINDOW, Shopee
from strict import served

DAY = 24 * 3600


@pytest.fixture
def shop():
    api = Shopee()
    with served(api) as address:
        api.address = address
        yield api
    assert not api.refused


@pytest.fixture
def sync(warehouse, shop):
    def load(begin, **given):
        return warehouse.sync(
            "shopee_api",
            function="shopee_source",
            partner_id=shop.partner,
            shop_id=shop.shop,
            start_date=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin)),
            base_url=shop.address,
            **{"partner_key": shop.key, "access_token": shop.token, **given},
        )

    return load


def test_all_orders_of_all_windows_come_once_and_then_only_what_has_changed(shop, sync, warehouse):
    begin = int(time.time()) - 40 * DAY
    seams = [begin, begin + WINDOW, begin + 2 * WINDOW]  # where one window ends and the next one begins
    for number, updated in enumerate([*seams, *(begin + WINDOW + n for n in range(-3, 4))]):
        shop.order(f"A{number}", updated, item_list=[{"item_id": 1}])
    shop.order("TOO_OLD", begin - 1)
    shop.items = {n: f"item {n}" for n in range(5)}
    shop.first = [
        (429, {"Retry-After": "0"}, {}),
        (200, {"Retry-After": "0"}, {"error": "error_too_many_request"}),
    ]

    sync(begin)

    assert warehouse.query("select count(*), count(distinct order_sn) from raw_shopee_api.orders") == [(10, 10)]
    assert warehouse.query("select count(*) from raw_shopee_api.orders__item_list") == [(10,)]
    assert warehouse.column("select item_name from raw_shopee_api.products order by 1") == [
        f"item {n}" for n in range(5)
    ]
    lists = [asked for asked in shop.asked if asked.path.endswith("get_order_list")]
    assert len(lists) >= 6  # three windows, one of them in several pages
    shop.order("A0", seams[-1] + 5, order_status="COMPLETED")
    shop.order("SAME_SECOND", seams[-1])
    del shop.items[0]

    assert sync(begin)["orders"] == 2
    assert "orders" not in sync(begin)

    assert warehouse.query("select count(*), count(distinct order_sn) from raw_shopee_api.orders") == [(11, 11)]
    assert warehouse.column("select order_status from raw_shopee_api.orders where order_sn = 'A0'") == [
        "COMPLETED"
    ]
    assert warehouse.query("select count(*) from raw_shopee_api.products") == [(4,)]


def test_an_order_that_changes_while_it_is_read_hides_no_other_one(shop, sync, warehouse):
    now = int(time.time())
    shop.order("MOVES", now - DAY)
    shop.when_listed = lambda: shop.order("MOVES", now)
    shop.order("MEANWHILE", now - 30)  # after what this run asks for, before what it is told of the other one

    sync(now - 2 * DAY)
    shop.when_listed = lambda: None
    shop.orders = {
        number: {**order, "update_time": order["update_time"] - 100} for number, order in shop.orders.items()
    }
    sync(now - 2 * DAY)

    assert warehouse.column("select order_sn from raw_shopee_api.orders order by 1") == ["MEANWHILE", "MOVES"]


def test_a_shop_without_anything_is_no_failure(shop, sync):
    assert sync(int(time.time()) - DAY) == {}
    assert {asked.path.rpartition("/")[2] for asked in shop.asked} == {"get_order_list", "get_item_list"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"access_token": "expired"}, r"get_order_list: error_auth Invalid access_token. \(status 403\)"),
        ({"partner_key": "wrong"}, r"get_order_list: error_sign Wrong sign. \(status 200\)"),
    ],
)
def test_a_refusal_has_shopees_words_and_no_secret(shop, sync, given, said):
    with pytest.raises(Exception, match=said) as raised:
        sync(int(time.time()) - DAY, **given)

    signs = [asked.query["sign"][0] for asked in shop.asked]
    assert not [word for word in (shop.key, shop.token, *given.values(), *signs) if word in str(raised.value)]


def test_where_nobody_answers_the_address_is_said_without_its_query():
    shop = shopee_api.Shop(
        partner_id=1, shop_id=2, partner_key="k-secret", access_token="t-secret", base_url="http://127.0.0.1:9"
    )

    with pytest.raises(shopee_api.ShopeeBusyError, match=r"ConnectionError at http://127\.0\.0\.1:9$"):
        shop.get("/api/v2/order/get_order_list", {})
    assert "secret" not in repr(shop)
