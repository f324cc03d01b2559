import pytest

from dango_action.sources.pages import find_moving, find_pages

REQUEST = "requests.get(url, params={0}).json()"


def pages(body, name="orders"):
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return [(page.function, page.name, page.size) for page in find_pages(f"def {name}():\n{lines}\n", "shop.py")]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("{'page_size': 100}", [("orders", "page_size", 100)]),
        ("{'pageSize': 100, 'sort': 'x'}", [("orders", "pageSize", 100)]),
        ("{'page[size]': 50}", [("orders", "page[size]", 50)]),
        ("{'$top': 50}", [("orders", "$top", 50)]),
        ("dict(per_page=20)", [("orders", "per_page", 20)]),
        ("{'page_size': 1}", []),
        ("{'page_size': True}", []),
        ("{'page_size': size}", []),
        ("{'page': 100}", []),
        ("{**others, 'limit': 10}", [("orders", "limit", 10)]),
    ],
)
def test_the_size_of_a_page_is_found_by_its_name(asked, found):
    assert pages(f"yield {REQUEST.format(asked)}") == found


@pytest.mark.parametrize(
    "body",
    [
        "while True:\n    yield " + REQUEST.format("{'limit': 10}"),
        "for page in range(9):\n    yield " + REQUEST.format("{'limit': 10}"),
        "return [" + REQUEST.format("{'limit': 10}") + " for page in range(9)]",
    ],
)
def test_a_request_in_a_loop_is_no_single_one(body):
    assert pages(body) == []


def test_each_function_has_its_own_pages_and_their_places():
    text = "def shop():\n    def orders():\n        yield get(limit=10)\n    def items():\n        yield get(limit=20)\n"

    assert [(page.function, page.size, str(page.at)) for page in find_pages(text, "shop.py")] == [
        ("orders", 10, "shop.py:3:25"),
        ("items", 20, "shop.py:5:25"),
    ]


def test_what_is_no_python_has_none():
    assert find_pages("def (", "shop.py") == []


def moving(body):
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    text = f"def orders(at=dlt.sources.incremental('at')):\n{lines}\n"
    return [
        (problem.what.split("`")[3], problem.hint, problem.at.line) for problem in find_moving(text, "shop.py")
    ]


@pytest.mark.parametrize(
    "body",
    [
        "for page in range(9):\n    yield get(since=at.last_value, page=page)",
        "offset = 0\nwhile True:\n    yield get({'since': at.last_value, 'offset': offset})\n    offset += 1",
        "token = None\nwhile True:\n    data = get(f'{url}?since={at.last_value}&next={token}')\n    token = data['next']\n    yield from data['rows']",
        "for page in range(9):\n    params = {'since': at.last_value, 'page': page}\n    yield get(params)",
    ],
)
def test_a_cursor_that_moves_between_the_pages_that_it_is_asked_for_with_is_found_once(body):
    [(name, hint, _)] = moving(body)

    assert (name, hint) == ("at.last_value", "take it before the loop: `since = at.last_value`")


@pytest.mark.parametrize(
    "body",
    [
        "since = at.last_value\nfor page in range(9):\n    yield get(since=since, page=page)",
        "while True:\n    rows = get(since=at.last_value)\n    yield rows",
        "rows = []\nfor page in range(9):\n    rows += get(since=at.last_value, page=page)\nyield rows",
        "for row in get(since=at.last_value):\n    yield row",
        "for page in range(9):\n    yield get(since=other.last_value, page=page)",
        "for page in range(9):\n    yield get(since=at.start_value, page=page)",
    ],
)
def test_a_cursor_that_stays_or_is_the_only_way_to_ask_is_none(body):
    assert moving(body) == []
