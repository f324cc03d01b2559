from dlt.common.normalizers.naming.snake_case import NamingConvention
from hypothesis import given
from hypothesis import strategies as st

from dango_action.sources.rest.grids import records

CELLS = st.one_of(
    st.just(""), st.booleans(), st.integers(-5, 5), st.floats(-9, 9), st.sampled_from(["a", "é", "7", "#N/A"])
)
NAMES = st.sampled_from(["", "Name", "name", "NAME 2", "name_2", "名前", "Größe", "7", "Amount (€)", "amount"])


@given(st.lists(NAMES, max_size=6), st.lists(st.lists(CELLS, max_size=8), max_size=6))
def test_every_cell_is_in_one_column_of_one_type_whose_name_dlt_leaves_as_it_is(header, body):
    made = records([header, *body])

    held = [value for row in made for value in row.values() if value is not None]
    assert len(held) == len([cell for row in body for cell in row if cell not in ("", "#N/A")])
    assert all(len(row) == max(map(len, body)) for row in made)
    for name in {name for row in made for name in row}:
        assert NamingConvention().normalize_identifier(name) == name
        assert len({type(row[name]) for row in made} - {type(None)}) <= 1
    assert not any(isinstance(value, int) and not isinstance(value, bool) for value in held)


def test_a_range_without_rows_has_no_records():
    assert records([]) == records([["a", "b"]]) == []
