"""What the type `shopify` asks over GraphQL, and the part of the schema that the tests' server has, held against Shopify's.

`make contracts` runs it; see CONTRIBUTING.md.
"""

import gzip
import json

import contracts
import graphql
import pytest
from systems.shopify import SCHEMA

from dango_action.config.registry import definition

FILE = contracts.FOLDER / "admin_2026-10.json.gz"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="`make contracts` installs the schema")
QUERIES = {each.name: each.endpoint.graphql for each in definition("shopify").resources if each.endpoint.graphql}
VERSION = definition("shopify").parameters["api_version"].default


@pytest.fixture(scope="module")
def real():
    document = json.loads(gzip.decompress(FILE.read_bytes()))
    return graphql.build_client_schema(document["data"], assume_valid=True)  # it breaks a rule of its own


def test_each_query_is_one_of_the_version_that_is_asked_for_and_of_nothing_outdated(real):
    assert VERSION in FILE.name
    rules = [*graphql.specified_rules, graphql.NoDeprecatedCustomRule]
    for name, query in QUERIES.items():
        assert (name, graphql.validate(real, graphql.parse(query), rules)) == (name, [])
    assert len(QUERIES) == 8


def test_the_search_of_each_list_knows_the_last_change(real):
    for name in ("products", "productVariants", "orders", "inventoryItems", "discountNodes"):
        assert "| updated_at | time |" in real.query_type.fields[name].args["query"].description
    levels = real.type_map["Location"].fields["inventoryLevels"]
    assert "| updated_at | time |" in levels.args["query"].description


def test_the_server_of_the_tests_has_a_part_of_the_same_schema(real):
    for name, part in SCHEMA.type_map.items():
        whole = real.type_map[name]
        if isinstance(part, graphql.GraphQLUnionType):
            assert {each.name for each in part.types} == {each.name for each in whole.types}
        if isinstance(part, graphql.GraphQLEnumType) and not name.startswith("__"):
            assert part.values.keys() <= whole.values.keys()
        for field, told in getattr(part, "fields", {}).items():
            assert (name, field, str(told.type)) == (name, field, str(whole.fields[field].type))
            for argument, given in told.args.items():
                assert str(given.type) == str(whole.fields[field].args[argument].type)
