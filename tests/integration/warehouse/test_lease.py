"""A dataset of a lake has one writer, whatever is killed, frozen or late."""

import threading

import duckdb
import pytest

from dango_action.errors import StateError
from dango_action.warehouse import lease as leases
from dango_action.warehouse.lease import acquire, release, renew, use


@pytest.fixture
def two(lake):
    with lake.connect() as one, lake.connect() as other:
        yield one, other


def end_now(connection):
    connection.execute(f"update raw_shop.{leases.END} set ends = now()")


def load(connection, lease):
    """Begin a load and do everything but commit."""
    connection.begin()
    connection.execute("create table if not exists raw_shop.t (i integer)")
    use(connection, lease)
    connection.execute("insert into raw_shop.t values (1)")


def rows(connection):
    return connection.sql("select count(*) from raw_shop.t").fetchone()[0]


def test_a_lease_that_is_held_is_refused_and_names_its_holder_and_its_end(two):
    one, other = two
    acquire(one, "raw_shop", "run one")

    with pytest.raises(StateError, match=r"run one holds its lease until \d\d:\d\d:\d\d UTC"):
        acquire(other, "raw_shop", "run two")
    assert acquire(other, "raw_else", "run two").token == 1


def test_a_lease_that_was_released_or_has_ended_goes_to_the_next_with_a_greater_token(two):
    one, other = two
    first = acquire(one, "raw_shop", "run one")
    release(one, first)
    second = acquire(other, "raw_shop", "run two")
    end_now(one)
    third = acquire(one, "raw_shop", "run three")

    assert (first.token, second.token, third.token) == (1, 2, 3)
    assert not renew(other, second)
    release(other, second)  # it ends no lease of another's
    assert renew(one, third)
    with pytest.raises(StateError, match="run three"):
        acquire(other, "raw_shop", "run four")


def test_of_many_that_want_a_lease_at_once_one_gets_it(lake):
    begin, got = threading.Barrier(4), []

    def want(number):
        with lake.connect() as connection:
            begin.wait(20)
            try:
                with lake.writing():
                    got.append(acquire(connection, "raw_shop", f"run {number}"))
            except StateError:
                got.append(None)

    with lake.connect() as connection:
        connection.execute("create schema raw_shop")
    threads = [threading.Thread(target=want, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(got) == 4
    assert len([lease for lease in got if lease]) == 1


def test_a_renewal_does_not_disturb_the_load_that_is_under_way(lake_with):
    lake = lake_with("postgres")  # a SQLite catalog has one writer at a time: see `Lake.writing`
    with lake.connect() as one, lake.connect() as other:
        lease = acquire(one, "raw_shop", "run one")
        load(one, lease)
        assert renew(other, lease)
        one.commit()

        assert rows(other) == 1


def test_a_frozen_owner_cannot_commit_once_another_run_has_taken_over(two):
    one, other = two
    old = acquire(one, "raw_shop", "run one")
    load(one, old)
    end_now(other)
    new = acquire(other, "raw_shop", "run two")

    with pytest.raises(duckdb.TransactionException):
        one.commit()
    load(other, new)
    other.commit()
    assert rows(other) == 1


def test_an_owner_that_wakes_up_before_its_load_is_told_that_its_lease_has_gone(two):
    one, other = two
    old = acquire(one, "raw_shop", "run one")
    end_now(other)
    acquire(other, "raw_shop", "run two")

    with pytest.raises(StateError, match="has gone to another run"):
        load(one, old)


def test_a_lease_whose_row_was_deleted_by_hand_is_lost_even_if_its_token_comes_again(two):
    one, other = two
    old = acquire(one, "raw_shop", "run one")
    other.execute(f"delete from raw_shop.{leases.OWNER}")
    assert acquire(other, "raw_shop", "run two").token == old.token

    with pytest.raises(StateError, match="has gone to another run"):
        load(one, old)
