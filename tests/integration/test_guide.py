"""The first steps of somebody who comes with a dlt source: their files, their command."""

import json

import duckdb
import pytest
from guided import GOOGLE, MINE, STORE, SUPPORT, entry
from hosts import Hosts
from vendors import Shopee

PARTNER, KEY, SHOP = 20011, "a partner's key", 6001
PATH = Shopee.path


@pytest.fixture
def api(tmp_path):
    shopee = Shopee(PARTNER, KEY, SHOP)
    with Hosts(tmp_path, {"shopee.example": shopee}) as hosts:
        yield hosts.url("shopee.example"), shopee.orders


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


def test_fragments_are_answered_by_what_is_not_there_and_what_is_whole_runs(project, flaky):
    url, answers = flaky
    answers += [429]
    parts = {
        "whole": "@dlt.source\ndef source():\n    @dlt.resource\n    def rows():\n        yield {'id': 1}\n    return rows\n",
        "since": "@dlt.resource\ndef rows(at=dlt.sources.incremental('at')):\n    yield from client.rows(at.last_value)\n",
        "retry": """@dlt.resource
def rows():
    for _ in range(2):
        try:
            answer = requests.get(URL)
            answer.raise_for_status()
            yield answer.json()
            break
        except requests.HTTPError as error:
            if error.response.status_code != 429:
                raise
""",
    }
    for name, text in parts.items():
        project.module(name, f"import dlt\n{text}")
        project.module(f"bare_{name}", text)
    project.module("retry", f"import dlt, requests\nURL = '{url}'\n{parts['retry']}")
    names = [*parts, *(f"bare_{name}" for name in parts)]
    project.sources(*({"name": name, "function": None} for name in names), defaults={"retries": 0})

    done = project.sync()

    assert [source["name"] for source in done.document["sources"] if source["status"] == "ok"] == [
        "whole",
        "retry",
    ]
    told = {name: done.source(name)["problems"][0] for name in names if name not in ("whole", "retry")}
    for name in parts:
        problem = told[f"bare_{name}"]
        assert problem["what"] == "NameError: `dlt` is not defined"
        assert problem["hint"] == "add `import dlt` at the top of the file"
        assert problem["at"]["file"] == f"custom_sources/bare_{name}.py"
    assert told["since"]["what"] == "NameError: `client` is not defined"
    assert told["since"]["at"]["line"] == 4


@pytest.fixture(scope="module")
def chapters(new_project):
    """Sources whose settings come from every place that people put them, synced once."""
    project = new_project()
    for name, text in {"support": SUPPORT, "store": STORE, "google": GOOGLE, "mine": MINE}.items():
        project.module(name, text)
    entries = [
        entry("help_desk", "support", "zendesk_support", kwargs={"subdomain": "acme", "start_date": "2024-01-01"}),
        entry("help_chat", "support", "zendesk_support", kwargs={"subdomain": "chat"}),
        entry("store_us", "store", "shopify_source", kwargs={"api_key_env": "STORE_US_TOKEN"}),
        entry("store_eu", "store", "shopify_source", kwargs={"shop_url": "eu.example.com"}),
        entry("google_ads", "google", "google_source"),
        entry("google_sheets", "google", "google_source", credentials_from="google_ads"),
        entry("mine", "mine", "my_source"),
    ]
    project.write(".dango/sources.yml", json.dumps({"sources": entries}))
    project.write(
        ".dlt/secrets.toml",
        """
        [sources.help_desk.credentials]
        email = "desk@example.com"
        token = "desk-token-5521"

        [sources.store_us]
        private_app_password = "shpat-us-9102"
        shop_url = "us.example.com"

        [sources.store_eu]
        private_app_password = "shpat-eu-7713"
        shop_url = "this loses against function_kwargs"

        [sources.google_ads]
        client_id = "4411.apps.example.com"
        client_secret = "GOCSPX-a72bc0"
        refresh_token = "1//0ff31a2b"
        project_id = "acme-ads"
        customer_id = "77-1020"

        [sources.mine]
        api_key = "from-secrets-4d2e"
        username = "robot-user"
        """,
    )
    project.write(
        ".dlt/config.toml",
        """
        [sources.mine]
        batch_size = 1000
        timeout = 30
        start_date = "2024-01-01"
        """,
    )
    project.write(
        ".env",
        """
        MINE__API_KEY=this-loses-9f3a
        MINE__BATCH_SIZE=1
        MINE__PASSWORD="from .env, 6b1c"
        MINE__PAGE=25
        HELP_CHAT__CREDENTIALS__EMAIL=chat@example.com
        SOURCES__HELP_CHAT__CREDENTIALS__TOKEN=chat-token-8830
        STORE_US_TOKEN=us-key-3141
        """,
    )
    done = project.sync()
    assert done.code == 0, done.out
    return project, done


def test_credentials_in_a_table_and_in_variables(chapters):
    project, _ = chapters
    columns = "subdomain, start_date, email, token"

    assert project.query(f"select {columns} from raw_help_desk.tickets") == [
        ("acme", "2024-01-01", "desk@example.com", "desk-token-5521")
    ]
    assert project.query(f"select {columns} from raw_help_chat.tickets") == [
        ("chat", "2000-01-01", "chat@example.com", "chat-token-8830")
    ]


def test_each_store_has_its_own_keys_and_dataset(chapters):
    project, _ = chapters

    stores = [project.query(f'select password, shop, "key" from raw_store_{it}.orders') for it in ("us", "eu")]

    assert stores == [
        [("shpat-us-9102", "us.example.com", "us-key-3141")],
        [("shpat-eu-7713", "eu.example.com", "none")],
    ]
    assert project.one("select count(*) from raw_store_us.customers, raw_store_eu.customers") == 1


def test_google_keys_may_be_flat_and_are_shared_by_name(chapters):
    project, _ = chapters
    keys = ("4411.apps.example.com", "GOCSPX-a72bc0", "1//0ff31a2b")

    ads, sheets = (project.query(f"from raw_google_{it}.rows")[0][:4] for it in ("ads", "sheets"))

    assert ads == (*keys, "77-1020")
    assert sheets == (*keys, "none")  # what is lent are credentials, not settings


def test_files_come_before_variables_and_variables_before_defaults(chapters):
    project, done = chapters

    [given] = project.query("select * exclude (_dlt_id, _dlt_load_id) from raw_mine.rows")

    assert given == ("from-secrets-4d2e", "robot-user", "from .env, 6b1c", 1000, 30.0, "2024-01-01", 25)
    warned = [warning["what"] for warning in done.document["warnings"]]
    assert any("MINE__BATCH_SIZE" in what and ".dlt/config.toml" in what for what in warned), warned


def test_a_key_that_the_code_looks_for_itself_is_answered_with_its_place(project):
    project.module("mine", "import dlt\n\n@dlt.source\ndef my_source():\n    return dlt.secrets['api_key']\n")
    project.module("other", "import dlt\n\n@dlt.resource\ndef rows():\n    yield {}['api_key']\n")
    project.write(
        ".dango/sources.yml",
        json.dumps({"sources": [entry("mine", "mine", "my_source"), entry("other", "other", "rows")]}),
    )

    done = project.sync()

    [missing] = done.source("mine")["problems"]
    assert missing["what"] == "`api_key` is missing for source `mine`"
    assert missing["hint"].startswith("put `api_key = …` below `[sources.mine]` in .dlt/secrets.toml")
    [other] = done.source("other")["problems"]
    assert other["what"] == "KeyError: 'api_key'"
    assert other["at"] == {"file": "custom_sources/other.py", "line": 5, "column": 11}


def test_damaged_state_is_named_with_the_command_that_mends_it(project):
    project.module("mine", MINE.replace("dlt.secrets.value", '"a"'))
    project.write(".dango/sources.yml", json.dumps({"sources": [entry("mine", "mine", "my_source")]}))
    assert project.sync().code == 0
    with duckdb.connect(str(project.warehouse)) as connection:
        connection.execute("update raw_mine._dlt_pipeline_state set state = 'damaged'")

    [problem] = project.sync().source("mine")["problems"]

    assert "the state of `mine` in the warehouse cannot be read" in problem["what"]
    command = problem["hint"].rpartition(": ")[2]
    assert command == "dango sync --source mine --full-refresh"
    assert project.shell(command).code == 0
    assert project.sync().code == 0
    assert project.one("select count(*) from raw_mine.rows") == 2
