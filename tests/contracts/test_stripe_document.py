"""What the type `stripe` asks, and what the tests' server answers, held against Stripe's own OpenAPI document.

`make contracts` runs it; see CONTRIBUTING.md.
"""

import json

import contracts
import pytest
from hosts import Hosts
from systems.stripe import LISTS, Stripe

from dango_action.config.registry import definition

pytestmark = pytest.mark.skipif(not contracts.FOLDER.exists(), reason="`make contracts` installs the documents")
KEY, HOST = "rk_test_51Hq0aBcD", "api.stripe.com"
LINES = "invoices/{invoice}/lines"


@pytest.fixture(scope="module")
def described():
    return contracts.document(HOST.removeprefix("api."))


def path_of(resource):
    return (resource.endpoint.path or resource.name).replace("{resources.line_item_invoices.id}", "{invoice}")


def rows_of(described, path):
    """Return the schema of what a list has."""
    answer = described["paths"][f"/v1/{path}"]["get"]["responses"]["200"]
    return answer["content"]["application/json"]["schema"]["properties"]["data"]["items"]


def test_each_list_exists_and_takes_the_parameters_that_it_is_sent(described):
    for resource in definition("stripe").resources:
        endpoint, path = resource.endpoint, path_of(resource)
        known = {each["name"]: each["schema"] for each in described["paths"][f"/v1/{path}"]["get"]["parameters"]}
        sent = {*endpoint.params, "limit", "starting_after"}
        if endpoint.incremental and path not in ("checkout/sessions", "credit_notes"):  # newer than the document
            sent.add("created")
            assert {"gte", "lte"} <= known["created"]["anyOf"][0]["properties"].keys()
        assert (path, sent - known.keys()) == (path, set())


def test_each_row_has_the_key_and_the_cursor_that_it_is_merged_by(described):
    for resource in definition("stripe").resources:
        cursor = resource.endpoint.incremental
        known = contracts.resolved(described, rows_of(described, path_of(resource)))["properties"].keys()
        needed = {"id", *resource.columns, *([cursor.cursor_path] if cursor else [])}
        assert (resource.name, needed - known) == (resource.name, set())


def test_requests_and_answers_of_two_syncs_keep_to_the_document(described, project, tmp_path):
    names = [resource.name for resource in definition("stripe").resources]
    paths = [f"/v1/{path_of(resource)}" for resource in definition("stripe").resources]
    small = contracts.reduced(described, paths)
    shop = Stripe(KEY)
    for path in LISTS:
        for number in range(3):
            made = contracts.example(small, rows_of(small, path))
            times = {key: 1_700_000_000 for key in ("created", "date") if key in made}
            shop.objects[path].append({**made, **times, "id": f"x_{path.replace('/', '_')}_{number}"})
    shop.objects |= {f"invoices/x_invoices_{number}/lines": [] for number in range(3)}
    project.write(".dlt/secrets.toml", f'[sources.cards]\napi_key = "{KEY}"\n')
    with Hosts(tmp_path, {HOST: shop}) as hosts, contracts.proxied(small, hosts.url(HOST), tmp_path) as address:
        block = {"base_url": f"{address}/v1/", "allow_base_url": True}
        project.write(
            ".dango/sources.yml",
            json.dumps({"sources": [{"name": "cards", "type": "stripe", "stripe": block, "resources": names}]}),
        )
        for _ in range(2):
            done = project.sync()
            assert done.code == 0, done.err
    assert {path for path, _, _ in shop.asked} >= {*LISTS}
    assert shop.refused == []
    for table in set(names) - {"invoice_line_items", "subscription_items"}:
        assert (table, project.one(f"select count(*) from raw_cards.{table}")) == (table, 3)
