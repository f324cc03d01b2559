import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dango_action.state.names import NOTHING, Lineage, Place, ReportName, StateName, parse

PARTS = {
    "key": st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*-[0-9a-f]{8}", fullmatch=True),
    "attempt": st.integers(1, 10**6 - 1),
    "shard": st.integers(1, 10**9 - 1),
}
GENERATION = st.integers(1, 10**9 - 1)
PLACES = st.builds(Place, generation=GENERATION, run=st.integers(1, 10**18)) | st.just(NOTHING) | st.none()
NAMES = st.builds(StateName, generation=GENERATION, **PARTS) | st.builds(
    ReportName, basis=PLACES, run=st.just("20260102T030405.678901Z"), **PARTS
)
# actions/upload-artifact refuses these
FORBIDDEN = re.compile(r'["::<>|*?\r\n\\\\/]')


@given(NAMES)
def test_a_name_says_what_it_was_made_of(name):
    assert parse(str(name)) == name
    assert not FORBIDDEN.search(str(name))


@given(st.text())
def test_any_other_text_is_no_name(text):
    assert parse(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "dango-state-w-12345678-g01-a1-s1",
        "dango-state-w-12345678-g1-a0-s1",
        "dango-state-w-12345678-g1-a1-s1\n",
        "dango-state-w-12345678-g1-a1-s1-../..",
        "dango-state-w-1234567-g1-a1-s1",
        "dango-state-w-12345678-g\u0661-a1-s1",
        "x-dango-state-w-12345678-g1-a1-s1",
        "dango-state-w-12345678-g9999999999-a1-s1",
        "dango-run-w-12345678-g1-a1-s1-20260102T030405.678901Z",
        "dango-run-w-12345678-g0r5-a1-s1-20260102T030405.678901Z",
        "dango-run-w-12345678-g1r5-a1-s1",
    ],
)
def test_a_name_that_is_nearly_one_is_none(text):
    assert parse(text) is None


LINEAGE = {"workflow": "w.yml", "project": "", "target": "duckdb:.dango/warehouse.duckdb"}


@pytest.mark.parametrize("other", [{"workflow": "x.yml"}, {"project": "a"}, {"target": "duckdb:b.duckdb"}])
def test_lineages_are_told_apart(other):
    assert Lineage(**LINEAGE).key != Lineage(**(LINEAGE | other)).key


@pytest.mark.parametrize(
    ("target", "word"),
    [
        ("duckdb:.dango/warehouse.duckdb", "warehouse"),
        ("duckdb:Größe & Co.duckdb", "gr-e-co"),
        ("motherduck:My_DB", "my-db"),
        ("duckdb:" + "x" * 99, "x" * 24),
        ("duckdb:.dango/日本.duckdb", "target"),
        ("", "target"),
    ],
)
def test_a_key_begins_with_a_word_for_people(target, word):
    key = Lineage(**(LINEAGE | {"target": target})).key

    assert re.fullmatch(rf"{word}-[0-9a-f]{{8}}", key)


def test_a_name_belongs_to_one_shard_of_its_lineage():
    lineage = Lineage(**LINEAGE, shard=2)
    name = StateName(key=lineage.key, generation=1, attempt=1, shard=2)

    assert name.of(lineage)
    assert not name.of(Lineage(**LINEAGE))
