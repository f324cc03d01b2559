"""Of a type with several logins, one has to be complete; that is told before a sync, and by a sync."""

import json

import pytest

SOURCES = {
    "none": ("shopify", {"shop_url": "us-store.myshopify.com"}),
    "token": ("shopify", {"shop_url": "us-store.myshopify.com", "api_key_env": "STORE_TOKEN"}),
    "half": ("shopify", {"shop_url": "us-store.myshopify.com"}),
    "elsewhere": ("zendesk", {"subdomain": "acme"}),
    "enough": ("facebook_ads", {"account_id": "1"}),
}
SECRETS = """
    [sources.half]
    client_id = "0123456789abcdef"
    [sources.elsewhere.credentials]
    email = "desk@acme.example"
    token = "token-77ab01fe"
"""


@pytest.fixture
def stores(project):
    listed = [{"name": name, "type": kind, kind: block, "retries": 0} for name, (kind, block) in SOURCES.items()]
    project.write(".dango/sources.yml", json.dumps({"sources": listed}))
    project.write(".dlt/secrets.toml", SECRETS)
    return project


def test_a_login_that_is_not_complete_is_told_before_a_sync(stores):
    done = stores.dango(
        "config", "explain", "--json", STORE_TOKEN="shpat_5f1e77c0", ENOUGH__ACCESS_TOKEN="EAAB55ce71"
    )

    assert {source["name"]: source["missing"] for source in done.document["sources"]} == {
        "none": ["private_app_password"],
        "token": [],
        "half": ["client_secret"],
        "elsewhere": [],
        "enough": [],
    }
    assert all(source["unused"] == [] for source in done.document["sources"])


def test_a_sync_names_each_way_to_log_in(stores):
    done = stores.sync("--source", "none", "--source", "half")

    assert done.code == 4
    for name, words in {"none": "`client_id` and `client_secret`", "half": "or `client_secret`"}.items():
        [problem] = done.source(name)["problems"]
        assert problem["what"].startswith("the credentials are not complete: there is no `private_app_password`; ")
        assert problem["what"].endswith(words)
