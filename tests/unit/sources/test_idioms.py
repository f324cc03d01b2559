import pytest

from dango_action.sources.idioms import find_idioms


def problems(text):
    return [(str(i.problem.at), i.problem.what, i.problem.hint) for i in find_idioms(text, "s.py")]


def test_a_cursor_whose_annotation_is_the_type_of_its_value():
    text = 'import dlt\n@dlt.resource(primary_key="id")\ndef orders(ts: int = dlt.sources.incremental("ts")):\n    yield 1\n'

    [(place, what, hint)] = problems(text)

    assert place == "s.py:3:12"
    assert "`ts: int`" in what
    assert hint == "write `ts=dlt.sources.incremental('ts')`"


def test_a_cursor_in_the_annotation_itself():
    text = 'import dlt\n@dlt.resource\ndef users(at: dlt.sources.incremental("at") = None):\n    yield 1\n'

    [(place, what, hint)] = problems(text)

    assert place == "s.py:3:11"
    assert "receives None" in what
    assert hint == "write `at=dlt.sources.incremental('at')`"


@pytest.mark.parametrize(("default", "kind"), [("{}", "mapping"), ("[1]", "list")])
def test_a_default_that_dlt_cannot_have(default, kind):
    text = f"import dlt\n@dlt.source\ndef shop(a, *, b={default}):\n    return []\n"

    [(place, what, hint)] = problems(text)

    assert place == "s.py:3:16"
    assert what == f"`shop`: dlt can't have a {kind} as the default of `b`"
    assert hint == f"write `b=None`, and `b = b or {default}` below"


@pytest.mark.parametrize("body", ["pass", '"""Doc."""', '"""Doc."""\n    pass', "..."])
def test_a_resource_or_source_without_a_body(body):
    resource = f"import dlt\n@dlt.resource\ndef a():\n    {body}\n"
    source = f"import dlt\n@dlt.source\ndef a():\n    {body}\n"

    assert [what for _, what, _ in problems(resource)] == ["`a` has no body, which dlt refuses"]
    assert "return its resources" in problems(source)[0][2]


@pytest.mark.parametrize(
    "signature",
    [
        'at=dlt.sources.incremental("at")',
        'at: dlt.sources.incremental[int] = dlt.sources.incremental("at")',
        "at: 'dlt.sources.incremental[int]' = dlt.sources.incremental('at')",
        'at: Optional[dlt.sources.incremental[str]] = dlt.sources.incremental("at")',
        'at: Any = dlt.sources.incremental("at")',
        'at: typing.Any = dlt.sources.incremental("at")',
        'at: object = dlt.sources.incremental("at")',
        "at: int = 3",
        "at: int = dlt.secrets.value",
        "*, at=dlt.sources.incremental('at')",
    ],
)
def test_what_dlt_can_run_is_left_alone(signature):
    assert problems(f"import dlt\n@dlt.resource\ndef a({signature}):\n    yield 1\n") == []


def test_functions_that_dlt_does_not_see_are_left_alone():
    assert problems("def a():\n    pass\n@property\ndef b():\n    pass\n") == []


def test_resources_inside_a_source_are_found_in_the_order_of_their_lines():
    text = """
import dlt
@dlt.source
def s():
    @dlt.resource
    def b(x: str = dlt.sources.incremental("x")):
        yield 1
    @dlt.resource
    async def a(*, y: int = dlt.sources.incremental("y")):
        pass
    return a, b
"""
    assert [place for place, _, _ in problems(text)] == ["s.py:6:11", "s.py:9:5", "s.py:9:20"]


@pytest.mark.parametrize("text", ["def (", "\0", ""])
def test_text_that_is_no_python_has_no_idioms(text):
    assert find_idioms(text, "s.py") == []
