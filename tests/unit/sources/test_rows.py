"""From lines of CSV to Arrow tables."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dango_action.errors import SourceError
from dango_action.sources.sql.rows import Field, tables

# PostgreSQL has no NUL in a text, and half of a surrogate pair is none.
TEXTS = st.none() | st.text(st.characters(exclude_characters="\0", codec="utf-8"))


def lines(rows):
    """Return rows as a server writes them: null as nothing, every text in quotes."""
    for row in rows:
        yield ",".join("" if it is None else '"' + it.replace('"', '""') + '"' for it in row).encode() + b"\n"


@given(
    st.integers(1, 3).flatmap(lambda width: st.lists(st.tuples(*[TEXTS] * width), min_size=1)), st.integers(1, 5)
)
def test_every_text_comes_back_as_it_was(rows, size):
    fields = [Field(name=f"column {index}", type=pa.string()) for index in range(len(rows[0]))]

    found = list(tables(lines(rows), fields, size, "orders"))

    assert [tuple(row.values()) for table in found for row in table.to_pylist()] == rows
    assert all(table.num_rows <= size for table in found)


def test_a_text_may_begin_like_a_file_with_a_mark_of_its_encoding():
    [table] = tables([b"\xef\xbb\xbfa\n"], [Field(name="t", type=pa.string())], 10, "orders")

    assert table.to_pylist() == [{"t": "\ufeffa"}]


def test_a_table_without_rows_still_has_its_columns():
    [table] = tables(
        [], [Field(name="id", type=pa.int64()), Field(name="n", type=pa.decimal128(12, 2))], 10, "empty"
    )

    assert (table.num_rows, table.schema.names) == (0, ["id", "n"])


def test_a_row_may_be_larger_than_what_is_held_at_once():
    text = "x" * 20_000_000

    [first, second] = tables(lines([[text], ["y"]]), [Field(name="t", type=pa.string())], 10, "large")

    assert (first.num_rows, first.column(0)[0].as_py() == text, second.num_rows) == (1, True, 1)


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        (pa.decimal128(5, 2), "1.234", "a number"),
        (pa.decimal128(38, 18), "NaN", "a number"),
        (pa.int64(), "9223372036854775808", "a number"),
        (pa.timestamp("us"), "10000-01-01 00:00:00", "a time"),
        (pa.date32(), "0044-03-15 BC", "a time"),
        (pa.time64("us"), "24:00:00", "a time"),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_its_column_and_never_changed(kind, text, says):
    with pytest.raises(SourceError) as raised:
        list(tables(lines([["1"], [text]]), [Field(name="v", type=kind)], 10, "orders"))

    assert f"`orders.v` has {says} that the warehouse has no room for" in str(raised.value)
    assert "as_text: [orders.v]" in str(raised.value)


def test_bytes_that_are_no_text_are_told():
    with pytest.raises(SourceError, match="`orders` has text that is not UTF-8"):
        list(tables([b"\xff\n"], [Field(name="v", type=pa.string())], 10, "orders"))
