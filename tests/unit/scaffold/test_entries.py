import pytest
from hypothesis import given
from hypothesis import strategies as st

from dango_action.config.parse import parse
from dango_action.scaffold.entries import entries, sources_yml
from dango_action.sources.factories import Factory

words = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,80}", fullmatch=True)


def named(*pairs):
    found = [Factory(module=module, function=function) for module, function in pairs]
    return [entry.name for entry in entries(found)]


@pytest.mark.parametrize(
    ("found", "names"),
    [
        ([("shop", "load")], ["shop"]),
        ([("shop_source", "load")], ["shop"]),
        ([("shop", "eu_source"), ("shop", "us_source")], ["eu", "us"]),
        ([("ShopAPI", "x"), ("_private", "x"), ("load", "x")], ["shop_api", "private", "my_load"]),
        ([("true", "x"), ("_source", "x")], ["true", "my_source"]),
        ([("a", "run"), ("a", "go"), ("run", "x")], ["run", "go", "run_2"]),
        ([("a", "x"), ("a_staging", "x")], ["a", "a_2"]),
        ([("a_staging", "x"), ("a", "x")], ["a_staging", "a_2"]),
    ],
)
def test_a_source_is_called_like_its_module_or_its_function(found, names):
    assert named(*found) == names


@given(
    st.lists(
        st.builds(Factory, module=words, function=words, needs=st.just(("a",)), secrets=st.just(("b",))),
        max_size=6,
    )
)
def test_whatever_is_found_gives_a_file_without_a_problem(found):
    listed = entries(found)
    parsed = parse(sources_yml(listed).encode(), "sources.yml")

    assert parsed.problems == ()
    assert [source.name for source in parsed.config.sources] == [entry.name for entry in listed]
    assert [source.dlt_native.source_function for source in parsed.config.sources] == [f.function for f in found]


def test_the_second_entry_that_the_file_shows_is_valid_without_its_comment_signs():
    text = sources_yml(entries([Factory(module="example", function="example_source")]))
    text = "\n".join(
        line.replace("  # ", "  ", 1) if line.startswith("  # ") else line for line in text.splitlines()
    )
    parsed = parse(text.replace("  Another", "  # Another").encode(), "sources.yml")

    assert parsed.problems == ()
    assert [source.name for source in parsed.config.sources] == ["example", "shop_eu"]


def test_what_a_source_needs_is_written_beside_it():
    text = sources_yml(entries([Factory(module="shop", function="f", needs=("url",), secrets=("api_key",))]))

    assert "# it needs: url" in text
    assert "SOURCES__SHOP__API_KEY" in text
