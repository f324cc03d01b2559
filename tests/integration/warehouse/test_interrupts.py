"""A signal in the middle of a query of DuckDB's, as when the time is up while a warehouse is searched."""

import contextlib
import signal

import duckdb
import pytest

from dango_action.warehouse.contents import reading

ENDLESS = "select count(*) from range(1000000000000) a where hash(a.range) = 1"


@pytest.fixture
def warehouse(tmp_path):
    file = tmp_path / "w.duckdb"
    duckdb.connect(str(file)).close()
    return file


@contextlib.contextmanager
def interrupted():
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_an_interrupt_ends_the_query_and_is_no_bug(warehouse):
    with pytest.raises(KeyboardInterrupt), interrupted(), reading(warehouse) as (connection, _):
        connection.execute(ENDLESS)


def test_another_error_in_there_stays_what_it_is(warehouse):
    with pytest.raises(RuntimeError, match="another"), reading(warehouse):
        raise RuntimeError("another")
