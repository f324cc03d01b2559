"""CSV as it is found: every value as it stands there, or the line at which the file is broken."""

import csv
import datetime as dt
import decimal
import gzip
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dango_action.config.files import Table
from dango_action.errors import ConfigError, SourceError
from dango_action.sources.formats.data_file import DataFile
from dango_action.sources.formats.delimited import CsvReader


@pytest.fixture
def read(tmp_path):
    """A function that reads bytes as a CSV file, and returns the columns' names and the rows."""

    def reading(content, name="orders.csv", **options):
        path = tmp_path / name
        path.write_bytes(content)
        reader = CsvReader(tmp_path, lambda column: column.lower().replace(" ", "_"))
        table = Table.model_validate({"path": "orders.csv", **options})
        batches = list(reader.batches(DataFile(name=f"data/{name}", path=path, scratch=tmp_path), table))
        names = batches[0].schema.names if batches else []
        return names, [tuple(row.values()) for batch in batches for row in batch.to_pylist()]

    return reading


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"id,zip\n1,01234\n2,1e5\n", [("1", "01234"), ("2", "1e5")]),
        (b'id,zip\n1,\n2,""\n', [("1", None), ("2", "")]),
        (b"id,zip\r\n1,a\r\n2,b\r\n", [("1", "a"), ("2", "b")]),
        (b"id,zip\r1,a\r2,b\r", [("1", "a"), ("2", "b")]),
        (b'id,zip\r\n1,a\n2,"b\r\nc"\r\n3,d', [("1", "a"), ("2", "b\nc"), ("3", "d")]),
        (b'id,zip\n1,"a\r\nb"\n', [("1", "a\r\nb")]),
        (b"\xef\xbb\xbfid,zip\n1,a\n", [("1", "a")]),
        ("id,zip\n1,Zürich\n".encode("utf-16"), [("1", "Zürich")]),
        (b'id,zip\n1,"a ""b"", c\nd"\n', [("1", 'a "b", c\nd')]),
        (b"\n\nid,zip\n\n1,a\n\n", [("1", "a")]),
        (b'"id","zip"\n1,NULL\n2,NA\n', [("1", "NULL"), ("2", "NA")]),
        (b"id,zip\n# 1, a \n", [("# 1", " a ")]),
        ("id,zip\n1,日本\n".encode(), [("1", "日本")]),
        (gzip.compress(b"id,zip\n1,a\n", mtime=0), [("1", "a")]),
        (b'id,zip\n1,"' + b"x" * 3_000_000 + b'"\n', [("1", "x" * 3_000_000)]),
        (b"id,zip\n", []),
        (b"id,zip", []),
        (b"", []),
        (b"\n\n", []),
    ],
)
def test_a_value_is_the_text_that_stands_in_the_file(read, content, rows):
    assert read(content)[1] == rows


@pytest.mark.parametrize(
    ("content", "options", "names", "rows"),
    [
        (b"Order ID,,x\n1,2,3\n", {}, ["order_id", "column_2", "x"], [("1", "2", "3")]),
        (b"1,2\n", {"header": False}, ["column_1", "column_2"], [("1", "2")]),
        (b"1,2\n", {"header": ["id", "zip"]}, ["id", "zip"], [("1", "2")]),
        (b'a "title\nid;zip\n1;2\n', {"delimiter": ";", "skip_rows": 1}, ["id", "zip"], [("1", "2")]),
        (b"id,'zip'\n'1,1','it''s'\n", {"quote": "'"}, ["id", "zip"], [("1,1", "it's")]),
        ("id,zip\n1,Zürich €\n".encode("cp1252"), {"encoding": "cp1252"}, ["id", "zip"], [("1", "Zürich €")]),
        (b'id\n1\n\n2\n""\n\n', {}, ["id"], [("1",), ("2",), ("",)]),
        (b"a;b\n1\n", {"delimiter": ","}, ["a;b"], [("1",)]),
    ],
)
def test_options_say_how_a_file_is_written(read, content, options, names, rows):
    assert read(content, **options) == (names, rows)


def test_tabs_separate_the_values_of_a_tsv_file_and_no_name_of_a_file_is_a_pattern(read):
    assert read(b"id\tzip\n1\ta,b\n", "o [1]*.tsv") == (["id", "zip"], [("1", "a,b")])


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (b'id,zip\n1,"a\n\nb"\n2\n3,c\n', 5, "fewer values"),
        (b"id,zip\r\n1,a\r\n2,b,c\r\n", 3, "more values"),
        (b"id,zip\r1,a\r2\r", 3, "fewer values"),
        (b'id,zip\n1,a\n2,"b\n3,c\n', 3, "quote"),
        (b'id,zip\n1,"a"b\n', 2, "quote"),
        (b'id,zip\n1,"a"\r\n2,b\n3\n', 4, "fewer values"),
        (b"id,zip\n1,a\n2,\xe9\n", 3, "not UTF-8"),
        (b"id,\xe9\n1,a\n", 1, "not UTF-8"),
        (b"id;zip\n1;a\n", 1, "';'"),
        (b"ID,id\n1,a\n", 1, "both become `id`"),
        (b"id,zip\n" + b"1,a\n" * 50_000 + b"2\n" + b"1,a\n" * 50_000, 50_002, "fewer values"),
    ],
)
def test_a_broken_file_is_told_with_its_line(read, content, line, said):
    with pytest.raises(SourceError) as failed:
        read(content)

    [problem] = failed.value.problems
    assert (problem.at.file, problem.at.line) == ("data/orders.csv", line)
    assert said in problem.what
    assert problem.hint


def test_lines_above_the_data_count_in_what_is_said_of_a_line(read):
    with pytest.raises(SourceError, match=r"orders\.csv:4:1: it has fewer values"):
        read(b'by "us\nid,zip\n1,a\n2\n', skip_rows=1)


@pytest.mark.parametrize("content", [gzip.compress(b"id,zip\n1,a\n", mtime=0)[:-9], b"\x1f\x8b\x08nonsense"])
def test_a_packed_file_that_is_cut_off_is_told(read, content):
    with pytest.raises(SourceError, match=r"data/orders\.csv is packed by gzip, and broken or cut off"):
        read(content)


def test_text_in_another_encoding_than_the_configured_one_is_told(read):
    with pytest.raises(SourceError, match="not ascii"):
        read("id\n1\nü\n".encode(), encoding="ascii")
    with pytest.raises(ConfigError, match="there is no encoding `latin-99`"):
        read(b"id\n1\n", encoding="latin-99")


def test_columns_have_the_types_that_are_configured_and_lose_nothing(read):
    content = (
        b"n,x,d,ok,at,day\n"
        b"9223372036854775807,0.1,12345678901234567890.123456789,true,2024-01-31T08:00:00Z,2024-02-29\n"
        b"-1,1e3,0.10,FALSE,2024-01-31 09:00:00.5,\n"
        b",,,,2024-01-31T09:00:00+01:00,\n"
    )
    columns = {"n": "bigint", "x": "double", "d": "decimal", "ok": "bool", "at": "timestamp", "day": "date"}

    _, rows = read(content, columns=columns)

    eight = dt.datetime(2024, 1, 31, 8, tzinfo=dt.UTC)
    assert rows == [
        (
            2**63 - 1,
            0.1,
            decimal.Decimal("12345678901234567890.123456789"),
            True,
            eight,
            dt.date(2024, 2, 29),
        ),
        (
            -1,
            1000.0,
            decimal.Decimal("0.10"),
            False,
            eight + dt.timedelta(minutes=60, milliseconds=500),
            None,
        ),
        (None, None, None, None, eight, None),
    ]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("bigint", "1.5"),
        ("bigint", "9223372036854775808"),
        ("bigint", "1,000"),
        ("decimal", "0.1234567891"),
        ("double", "12,5"),
        ("bool", "maybe"),
        ("timestamp", "31/01/2024"),
        ("timestamp", "2024-02-30"),
        ("date", "2023-02-29"),
        ("bigint", ""),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_told_with_its_line(read, kind, value):
    with pytest.raises(SourceError) as failed:
        read(f'note,n\n"a\nb",\nc,"{value}"\n'.encode(), columns={"n": kind})

    assert str(failed.value).startswith(f"data/orders.csv:4:1: the value of `n` is no {kind}")
    assert value not in failed.value.problems[0].what or not value


ROWS = st.integers(2, 4).flatmap(
    lambda width: st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=6),
            min_size=width,
            max_size=width,
        ),
        min_size=1,
        max_size=6,
    )
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.sampled_from(["\n", "\r\n"]), st.sampled_from([",", ";", "\t"]))
def test_what_python_writes_is_read_again(read, rows, end, delimiter):
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(
        [[f"c{number}" for number in range(len(rows[0]))], *rows]
    )

    _, found = read(written.getvalue().encode(), delimiter=delimiter)

    assert [list(row) for row in found] == rows
