"""Shopify, as the type `shopify` reads it: against a server that refuses what Shopify would."""

import datetime as dt
import functools
import json
import time
from dataclasses import dataclass

import pytest
from hosts import Hosts
from systems.shopify import BUSY, THROTTLED, Shopify

US, EU, APP = "us-store.myshopify.com", "eu-store.myshopify.com", "app-store.myshopify.com"
TOKENS = {US: "shpat_us_41c0ffee", EU: "shpat_eu_7ea5bad0"}
CLIENT = ("app-client-id", "shpss_app-secret")
ALL = (
    *("orders", "customers", "draft_orders", "abandoned_checkouts", "events", "shop", "locations", "products"),
    *("product_variants", "transactions", "collections", "collection_products", "inventory_items"),
    *("inventory_levels", "discounts"),
)


def day(number, zone="Z"):
    return f"2026-05-{number:02}T10:00:00{zone}"


def fill(shop):
    """Give a store three rows of each kind, the newest of the fifth of May, at 10 o'clock in Greenwich."""
    for number in (3, 4, 5):
        own = f"2026-05-{number:02}T06:00:00-04:00"
        of = {"id": f"gid://shopify/Order/{number}", "updatedAt": day(number)}
        lines = [{"id": 10 * number, "title": "Mug", "tax_lines": [{"price": "1.00"}]}]
        shop.add("orders", number, own, total_price="10.50", closed_at=own, line_items=lines, refunds=[{"id": 1}])
        shop.add("customers", number, own, addresses=[{"id": 20 * number}])
        shop.add("events", number, own, verb="create")
        shop.node("products", number, day(number), kind="Product", title="Mug", tags=["a", "b"])
        variant = {"product": {"id": "gid://shopify/Product/3"}, "price": "9.99", "kind": "ProductVariant"}
        shop.node("productVariants", number, day(number), **variant)
        shop.node("inventoryItems", number, day(number), kind="InventoryItem")
        paid = [
            {"id": f"gid://shopify/OrderTransaction/{number}{n}", "order": of, "createdAt": day(number)}
            for n in range(number - 3)
        ]
        shop.node("orders", number, day(number), kind="Order", transactions=paid)
        shop.node("collections", number, day(number), kind="Collection")
        shop.members[f"gid://shopify/Collection/{number}"] = shop.nodes["products"][:number]
        discount = {"__typename": "DiscountCodeBasic", "title": "Spring", "updatedAt": day(number)}
        shop.nodes["discountNodes"].append({"id": f"gid://shopify/DiscountNode/{number}", "discount": discount})
    for place in (1, 2):
        shop.add("locations", place, day(3), admin_graphql_api_id=f"gid://shopify/Location/{place}")
        shop.levels[place] = [level(place, item) for item in (3, 4, 5)]
    shop.add("shop", 1, day(3), name="US Store")
    shop.add("draft_orders", 1, day(3))
    shop.add("checkouts", 1, day(3))


def level(place, item):
    return {
        "id": f"gid://shopify/InventoryLevel/{place}?inventory_item_id={item}",
        "updatedAt": day(item),
        "item": {"id": f"gid://shopify/InventoryItem/{item}"},
        "location": {"id": f"gid://shopify/Location/{place}"},
        "quantities": lambda names: [{"name": name, "quantity": 1} for name in names],
    }


@dataclass(frozen=True)
class Synced:
    project: object
    shops: dict
    done: list
    before: int

    def asked_again(self, name):
        """Return what the second sync has first asked of the store for a list, over REST and over GraphQL."""
        asked = [given for asked, given, _ in self.shops[US].asked[self.before :] if asked == name]
        first = {"query" in given: given for given in reversed(asked)}
        return first.get(False), first.get(True, {}).get("variables")

    def column(self, sql):
        return [row[0] for row in self.project.query(sql)]


@pytest.fixture(scope="module")
def synced(one_project, tmp_path_factory):
    shops = {host: Shopify(token) for host, token in TOKENS.items()}
    shops[APP] = Shopify("shpat_of_nobody", client=CLIENT)
    us = shops[US]
    fill(us)
    for shop in (shops[EU], shops[APP]):
        shop.add("shop", 1, day(3), name="Another")
    us.first["customers"] = [(429, {"errors": BUSY}, {"Retry-After": "1.5"})]
    us.first["products"] = [THROTTLED]
    entries = [
        {
            "name": "shopify_us",
            "shopify": {"shop_url": US, "api_key_env": "SHOPIFY_US_ACCESS_TOKEN"},
            "resources": ALL,
        },
        {"name": "shopify_eu"},
        {"name": "shopify_app", "shopify": {"shop_url": f"https://A{APP[1:]}/"}},
    ]
    sources = [{"type": "shopify", **entry} for entry in entries]
    one_project.write(".dango/sources.yml", json.dumps({"defaults": {"retries": 0}, "sources": sources}))
    one_project.write(
        ".dlt/secrets.toml",
        f"""
        [sources.shopify_eu]
        private_app_password = "{TOKENS[EU]}"
        shop_url = "{EU}"
        [sources.shopify_app]
        client_id = "{CLIENT[0]}"
        client_secret = "{CLIENT[1]}"
        """,
    )
    with Hosts(tmp_path_factory.mktemp("hosts"), shops) as hosts:
        environ = {**hosts.environ, "SHOPIFY_US_ACCESS_TOKEN": TOKENS[US]}
        done, before = [one_project.sync(**environ)], len(us.asked)
        us.rows["orders"][0] |= {"updated_at": "2026-05-05T12:00:00+02:00", "total_price": "11"}
        us.add("orders", 6, day(5))
        us.node("products", 6, day(5, "+00:00"), kind="Product")
        us.nodes["products"][0] |= {"updatedAt": day(6), "title": "Cup"}
        done.append(one_project.sync(**environ))
    assert hosts.refused == [refused for shop in shops.values() for refused in shop.refused] == []
    assert [it.code for it in done] == [0, 0], done[0].err + done[1].err
    return Synced(one_project, shops, done, before)


def test_every_list_comes_whole_and_no_row_is_lost_or_doubled_by_a_second_sync(synced):
    counts = dict.fromkeys(ALL, 3) | {"shop": 1, "draft_orders": 1, "abandoned_checkouts": 1, "locations": 2}
    counts |= {"orders": 4, "products": 4, "inventory_levels": 6, "collection_products": 6}
    for table, count in counts.items():
        key = "(_collections_id, id)" if table == "collection_products" else "id"
        found = synced.project.query(f"select count(*), count(distinct {key}) from raw_shopify_us.{table}")
        assert (table, found) == (table, [(count, count)])
    assert synced.column("select total_price from raw_shopify_us.orders where id = 3") == [11]
    assert synced.column("select title from raw_shopify_us.products where id = 3") == ["Cup"]


def test_a_second_sync_asks_for_what_has_changed_since_the_newest_row(synced):
    rest, graphql = synced.asked_again("orders")
    assert rest == {"limit": "250", "status": "any", "order": "updated_at asc", "updated_at_min": day(5)}
    assert graphql["query"].startswith(f"updated_at:>='{day(5)}' updated_at:<='20")
    assert synced.asked_again("events")[0] == {"limit": "250", "created_at_min": day(5)}
    for name in ("products", "productVariants", "inventoryItems", "location"):
        assert synced.asked_again(name)[1]["query"].startswith(f"updated_at:>='{day(5)}' ")
    assert synced.asked_again("discountNodes")[1]["query"].startswith(f"updated_at:>='{day(4)}' ")


def test_what_is_nested_is_kept_and_numbers_join(synced):
    lines = "select l.title, t.price from raw_shopify_us.orders__line_items l"
    taxed = f"{lines} join raw_shopify_us.orders__line_items__tax_lines t on t._dlt_parent_id = l._dlt_id"
    assert synced.project.query(taxed) == [("Mug", "1.00")] * 3
    joined = "from raw_shopify_us.product_variants v join raw_shopify_us.products p on p.id = v.product__id"
    assert synced.project.query(f"select count(*), sum(v.price) = 29.97 {joined}") == [(3, True)]
    assert synced.column("select count(*) from raw_shopify_us.inventory_levels__quantities") == [6 * 8]
    paid = "from raw_shopify_us.transactions t join raw_shopify_us.orders o on o.id = t.order__id"
    assert synced.column(f"select o.id {paid} order by 1") == [4, 5, 5]


def test_both_limits_of_requests_are_waited_for(synced):
    (_, refused), (_, again), *_ = synced.shops[US].of("customers")
    assert again - refused >= 1.5
    (throttled, _), (after, _), *_ = synced.shops[US].of("products")
    assert throttled == after


def test_each_store_has_its_own_login_and_an_empty_one_is_no_failure(synced):
    names = {name: synced.column(f"select name from raw_{name}.shop") for name in ("shopify_us", "shopify_app")}
    assert names == {"shopify_us": ["US Store"], "shopify_app": ["Another"]}
    assert len(synced.shops[APP].tokens) == 3  # that of nobody, and one for each sync
    for name in ("shopify_eu", "shopify_app"):
        assert synced.done[1].source(name)["rows"] == 1
    asked = {name for name, _, _ in synced.shops[EU].asked}
    assert asked == {"orders", "customers", "shop", "products", "productVariants", "collections"}


def test_what_shopify_refuses_and_what_never_ends_is_said_with_its_words(project, tmp_path):
    shops = {f"{name}.myshopify.com": Shopify("shpat_right") for name in ("poor", "stuck", "stuck-too", "mad")}
    shops |= {"stale.myshopify.com": Shopify("shpat_other"), "apps.myshopify.com": Shopify("-", client=CLIENT)}
    for shop in shops.values():
        fill(shop)
        shop.scopes -= {"read_customers", "read_discounts"}
    shops["stuck.myshopify.com"].stuck.add("orders")
    shops["stuck-too.myshopify.com"].stuck.add("products")
    away = {"Link": '<https://elsewhere.example/admin/api/2026-10/orders.json?page_info=x>; rel="next"'}
    shops["mad.myshopify.com"].first["orders"] = [(200, {"orders": [{"id": 1, "updated_at": day(3)}]}, away)]
    expected = {
        "stale": (
            "stale",
            "orders",
            4,
            "401 Unauthorized to /admin/api/2026-10/orders.json: [API] Invalid API key",
        ),
        "scope": ("poor", "customers", 4, "This action requires merchant approval for read_customers scope."),
        "field": ("poor", "discounts", 4, "Required access: `read_discounts` access scope."),
        "client": (
            "apps",
            "orders",
            4,
            "400 shop_not_permitted Client credentials cannot be performed on this shop.",
        ),
        "endless": ("stuck", "orders", 5, "the pages of the API do not end"),
        "endless_too": ("stuck-too", "products", 5, "the pages of the API do not end"),
        "away": ("mad", "orders", 5, "an answer leads to another host, elsewhere.example"),
    }
    sources = [
        {
            "name": name,
            "type": "shopify",
            "shopify": {"shop_url": f"{shop}.myshopify.com"},
            "resources": [resource],
        }
        for name, (shop, resource, _, _) in expected.items()
    ]
    project.write(".dango/sources.yml", json.dumps({"defaults": {"retries": 0}, "sources": sources}))
    keys = dict.fromkeys(expected, 'private_app_password = "shpat_right"')
    keys["client"] = 'client_id = "app-client-id"\nclient_secret = "shpss_wrong"'
    project.write(".dlt/secrets.toml", "".join(f"[sources.{name}]\n{lines}\n" for name, lines in keys.items()))

    with Hosts(tmp_path, shops) as hosts:
        done = project.sync(**hosts.environ)

    for name, (_, _, code, words) in expected.items():
        source = done.source(name)
        [problem] = source["problems"]
        assert (name, source["exit_code"]) == (name, code), source["problems"]
        assert words in problem["what"]
    assert hosts.refused == []
    assert "shpat_right" not in done.out + done.err
    assert "shpss_wrong" not in done.out + done.err


def test_a_row_that_changes_while_others_are_read_is_missed_neither_over_rest_nor_over_graphql(project, tmp_path):
    shop, latest = Shopify("shpat_right"), []
    for number in (1, 2, 3):
        shop.add("customers", number, day(number), note="old")
        shop.node("productVariants", number, day(number), kind="ProductVariant", sku="old")

    def change(name, stamp, read, unread, **more):
        """Change a row that the first page has, and a moment later one that it has not."""
        latest[:] = [int(time.time()) + 2]
        for number, second in ((read, latest[0] - 1), (unread, latest[0])):
            shop.change(name, number, **{stamp: dt.datetime.fromtimestamp(second, dt.UTC).isoformat()}, **more)

    shop.meanwhile = {  # without an order of its own, a list over REST would begin with the newest row
        "customers": functools.partial(change, "customers", "updated_at", 3, 1, note="new"),
        "productVariants": functools.partial(change, "productVariants", "updatedAt", 1, 3, sku="new"),
    }
    block = {"shop_url": US, "api_key_env": "TOKEN"}
    source = {"name": "us", "type": "shopify", "shopify": block, "resources": ["customers", "product_variants"]}
    project.write(".dango/sources.yml", json.dumps({"sources": [source]}))
    with Hosts(tmp_path, {US: shop}) as hosts:
        first = project.sync(**hosts.environ, TOKEN="shpat_right")
        time.sleep(max(0, latest[0] - time.time()))  # until the changes are past
        second = project.sync(**hosts.environ, TOKEN="shpat_right")

    assert (first.code, second.code) == (0, 0)
    for column in ("customers", "note"), ("product_variants", "sku"):
        found = project.query(f"select id, {column[1]} from raw_us.{column[0]} order by id")
        assert found == [(1, "new"), (2, "old"), (3, "new")]


def test_a_token_goes_to_no_other_host_than_shopifys(project):
    for address in ("myshop.example.com", "us-store.myshopify.com.example.com", "http://us-store.myshopify.com"):
        source = {"name": "shop", "type": "shopify", "shopify": {"shop_url": address}}
        project.write(".dango/sources.yml", json.dumps({"sources": [source]}))
        done = project.dango("config", "validate")
        assert done.code == 3
        assert "`shop_url` does not have the form of such a value" in done.out
