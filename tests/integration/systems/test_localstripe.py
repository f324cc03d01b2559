"""The type `stripe` with what nobody here has written: a stand-in for Stripe's API, and Stripe's own package."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import requests

from dango_action.config.registry import definition

ROOT = Path(__file__).parents[3]
PYTHON, SYSTEMS = ROOT / ".stripe/bin/python", ROOT / "tests/peers/systems"
KEY = "sk_test_localstripe"
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="`make test` installs localstripe")


@pytest.fixture
def address():
    process = subprocess.Popen(
        [PYTHON, "-P", SYSTEMS / "localstripe_server.py"], stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1/"
        finally:
            process.kill()


def test_a_stand_in_of_others_is_read_page_by_page_and_then_for_what_is_new(address, project):
    with requests.Session() as session:

        def post(path, **data):
            answer = session.post(
                f"{address}{path}", data=data, headers={"Authorization": f"Bearer {KEY}"}, timeout=30
            )
            assert answer.ok, answer.text
            return answer.json()

        for number in range(205):  # each of them is an event
            post("customers", email=f"{number}@example.com")
        product = post("products", name="Mug", type="good")["id"]
        post("coupons", id="SPRING", percent_off=10, duration="once")
        block = {"base_url": address, "allow_base_url": True, "api_key_env": "KEY"}
        source = {
            "name": "cards",
            "type": "stripe",
            "stripe": block,
            "resources": ["events", "products", "coupons"],
        }
        project.write(".dango/sources.yml", json.dumps({"sources": [source]}))
        first = project.sync(KEY=KEY)
        post("customers", email="new@example.com")
        post(f"products/{product}", name="Cup")
        second = project.sync(KEY=KEY)

    assert (first.code, second.code) == (0, 0), first.err + second.err
    events = [{t["name"]: t["rows"] for t in done.source("cards")["tables"]}["events"] for done in (first, second)]
    made = "select count(*), count(distinct id) from raw_cards.events where type = 'customer.created'"
    assert project.query(made) == [(206, 206)]
    assert events[0] >= 205 > events[1] >= 1
    assert project.query("select name, c.id from raw_cards.products, raw_cards.coupons c") == [("Cup", "SPRING")]


def test_stripes_package_of_this_version_knows_each_list_with_its_parameters_and_columns():
    command = [PYTHON, "-P", SYSTEMS / "stripe_reader.py"]
    told = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    made = definition("stripe")
    assert made.parameters["api_version"].default == told["version"]

    for resource in made.resources:
        endpoint, cursor = resource.endpoint, resource.endpoint.incremental
        if endpoint.path == "invoices/{resources.line_item_invoices.id}/lines":
            continue  # it is a list within an object
        params, fields = told["lists"][endpoint.path]
        names = [
            *endpoint.params,
            "limit",
            "starting_after",
            *([cursor.start_param, cursor.end_param] if cursor else []),
        ]
        sent = {re.sub(r"\[.*", "", name) for name in names}
        needed = {"id", *resource.columns, *([cursor.cursor_path] if cursor else [])}
        assert (resource.name, sent - {*params}, needed - {*fields}) == (resource.name, set(), set())
