"""The first steps of somebody who comes with a dlt source: their files, their command."""

import hashlib
import hmac
import http.server
import json
import time
from urllib.parse import parse_qs, urlsplit

import pytest

PARTNER, KEY, SHOP = 20011, "a partner's key", 6001
PATH = "/api/v2/order/get_order_list"


class Orders(http.server.BaseHTTPRequestHandler):
    """A shop's API that checks what the real one checks: signature, partner, shop, and the age of the request."""

    rows: list

    def do_GET(self):
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        base = f"{PARTNER}{PATH}{query.get('timestamp')}".encode()
        sign = hmac.new(KEY.encode(), base, hashlib.sha256).hexdigest()
        fresh = abs(time.time() - int(query.get("timestamp", 0))) < 300
        if url.path != PATH or query.get("sign") != sign or not fresh or query.get("shop_id") != str(SHOP):
            return self.answer(403, {"error": "error_sign"})
        since, until = int(query["time_from"]), int(query["time_to"])
        found = [row for row in self.rows if since <= row["timestamp"] <= until]
        return self.answer(200, {"response": {"order_list": found}})

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def api(serve):
    rows = [{"order_sn": f"S{i}", "timestamp": 1000 + i} for i in range(5)]
    return serve(type("Handler", (Orders,), {"rows": rows})), rows


def module(base, cursor, products):
    return f'''
import dlt
from dlt.sources.helpers import requests


@dlt.source
def shopee_source(
    partner_id: int = dlt.secrets.value,
    partner_key: str = dlt.secrets.value,
    shop_id: int = dlt.secrets.value,
):
    """Orders and products of a shop."""

    @dlt.resource(write_disposition="merge", primary_key="order_sn")
    def orders({cursor}):
        import time, hmac, hashlib

        now = int(time.time())
        text = f"{{partner_id}}{PATH}{{now}}"
        sign = hmac.new(partner_key.encode(), text.encode(), hashlib.sha256).hexdigest()
        answer = requests.get(
            "{base}{PATH}",
            params={{
                "partner_id": partner_id, "timestamp": now, "sign": sign, "shop_id": shop_id,
                "time_from": timestamp.last_value or 0, "time_to": now, "page_size": 100,
            }},
        )
        for order in answer.json().get("response", {{}}).get("order_list", []):
            yield order

    @dlt.resource(write_disposition="merge", primary_key="item_id")
    def products():
        """The catalog."""
        {products}

    return orders, products
'''


@pytest.fixture
def shop(project):
    """The guide's three files: sources.yml without version and target, the secrets, and the module."""
    project.write(
        ".dango/sources.yml",
        """\
        sources:
          - name: shopee_sg
            type: dlt_native
            enabled: true
            description: "A shop in Singapore"
            dlt_native:
              source_module: shopee_api  # in custom_sources/
              source_function: shopee_source
              function_kwargs: {}  # secrets come from .dlt/secrets.toml
        """,
    )
    project.write(
        ".dlt/secrets.toml",
        f"""\
        [sources.shopee_sg]
        partner_id = {PARTNER}
        partner_key = "{KEY}"
        shop_id = {SHOP}
        """,
    )
    return project


def test_what_dlt_cannot_run_is_answered_with_line_and_fix(shop, api):
    base, _ = api
    shop.module("shopee_api", module(base, 'timestamp: int = dlt.sources.incremental("timestamp")', "pass"))

    done = shop.dango("sync", "--source", "shopee_sg")

    assert done.code == 5
    assert "custom_sources/shopee_api.py:15:16: `orders`: dlt takes `timestamp: int` for a setting" in done.out
    assert "write `timestamp=dlt.sources.incremental('timestamp')`" in done.out
    assert "custom_sources/shopee_api.py:32:5: `products` has no body" in done.out
    assert "Traceback" not in done.out
    assert KEY not in done.out + done.err


def test_a_resource_without_a_body_is_answered_even_if_it_is_the_only_fault(shop, api):
    base, _ = api
    shop.module("shopee_api", module(base, 'timestamp=dlt.sources.incremental("timestamp")', "pass"))

    [problem] = shop.sync("--source", "shopee_sg").source("shopee_sg")["problems"]

    assert problem["what"] == "`products` has no body, which dlt refuses"
    assert problem["at"] == {"file": "custom_sources/shopee_api.py", "line": 32, "column": 5}


def test_with_these_fixes_the_example_syncs_and_then_only_what_is_new(shop, api):
    base, rows = api
    fixed = 'timestamp=dlt.sources.incremental("timestamp")'
    shop.module("shopee_api", module(base, fixed, 'yield {"item_id": 1}'))

    first = shop.sync("--source", "shopee_sg")
    assert first.code == 0, first.out
    assert {t["name"]: t["rows"] for t in first.source("shopee_sg")["tables"]} == {"orders": 5, "products": 1}

    rows += [{"order_sn": "S9", "timestamp": 2000}]
    second = shop.sync("--source", "shopee_sg")
    assert {t["name"]: t["rows"] for t in second.source("shopee_sg")["tables"]} == {"orders": 1, "products": 1}
    assert shop.query("select count(*), count(distinct order_sn) from raw_shopee_sg.orders") == [(6, 6)]


def test_a_cursor_in_the_annotation_is_answered_with_line_and_fix(shop, api):
    base, _ = api
    text = module(base, 'timestamp: dlt.sources.incremental("timestamp") = None', 'yield {"item_id": 1}')
    shop.module("shopee_api", text)

    [problem] = shop.sync().source("shopee_sg")["problems"]

    assert "receives None" in problem["what"]
    assert problem["at"]["line"] == 15
    assert problem["hint"] == "write `timestamp=dlt.sources.incremental('timestamp')`"


def test_a_source_without_a_body_is_answered_with_line_and_fix(shop):
    shop.module(
        "shopee_api", "import dlt\n\n@dlt.source\ndef shopee_source(shop_id: int = dlt.secrets.value):\n    pass\n"
    )

    [problem] = shop.sync().source("shopee_sg")["problems"]

    assert problem["at"] == {"file": "custom_sources/shopee_api.py", "line": 4, "column": 1}
    assert "return its resources" in problem["hint"]


def test_a_wrong_module_name_is_answered_with_the_near_one(shop):
    shop.module("shoppee_api", "")

    [problem] = shop.sync().source("shopee_sg")["problems"]

    assert (
        problem["what"] == "there is no module `shopee_api` in custom_sources/, nor among the installed packages"
    )
    assert problem["hint"] == "did you mean `shoppee_api`?"
    assert problem["at"] == {"file": ".dango/sources.yml", "line": 7, "column": 7}
