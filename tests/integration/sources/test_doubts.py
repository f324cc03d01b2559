"""What has worked and is perhaps not what was meant is a warning, by what arrived and not by what was hoped for."""

import json

import pytest

PAGED = """
import dlt

def get(limit):
    return [{"id": i} for i in range(min(limit, ROWS))]

@dlt.source
def source():
    @dlt.resource
    def orders():
        yield get(limit=10)

    @dlt.resource
    def items():
        for page in range(2):
            yield get(limit=10)

    return orders, items
"""
EMPTY = "import dlt\n@dlt.resource\ndef source():\n    yield from ({'id': i} for i in range(ROWS))\n"


def warnings(project, text, rows, *arguments):
    project.module("shop", f"ROWS = {rows}\n{text}")
    project.sources("shop")
    done = project.sync(*arguments)
    assert done.code == 0, done.out
    return json.loads(done.out)["warnings"]


def test_a_full_page_of_an_only_request_is_doubted_with_its_line(project):
    [warning] = warnings(project, PAGED, 25)

    assert warning["what"] == "`orders` has brought 10 rows, exactly what its only request asks for, `limit`"
    assert "is there a second page?" in warning["hint"]
    assert warning["at"] == {"file": "custom_sources/shop.py", "line": 12, "column": 25}


@pytest.mark.parametrize("rows", [9, 1])
def test_a_page_that_is_not_full_is_the_last(project, rows):
    assert warnings(project, PAGED, rows) == []


def test_a_look_is_no_reason_to_doubt(project):
    assert warnings(project, PAGED, 25, "--limit", "10") == []


def test_a_first_load_without_rows_is_doubted_and_a_later_one_is_not(project):
    [warning] = warnings(project, EMPTY, 0)
    assert warning["what"] == "source `shop` has brought no row, and this is its first load"

    assert warnings(project, EMPTY, 2) == []
    assert warnings(project, EMPTY, 0) == []


def test_a_source_without_resources_is_doubted_each_time(project):
    text = "import dlt\n@dlt.source\ndef source():\n    return []\n"

    for _ in range(2):
        [warning] = warnings(project, text, 0)
        assert warning["what"] == "source `shop` has no resource, so there is nothing to load"
        assert warning["at"]["file"] == ".dango/sources.yml"
