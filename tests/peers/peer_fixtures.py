"""The peers as pytest fixtures: name this module in `pytest_plugins` of the top-level conftest."""

from __future__ import annotations

import mariadb as peer_mariadb
import postgres as peer_postgres
import pytest
from github import GitHub


@pytest.fixture
def github():
    """GitHub for `acme/shop`, a private repository. A client that leaves the documented paths fails the test."""
    with GitHub() as peer:
        yield peer
    assert peer.violations == []


@pytest.fixture(scope="session")
def postgres():
    """The address of an empty PostgreSQL database; without the programs of a server the test is skipped."""
    if not peer_postgres.programs():
        pytest.skip("no PostgreSQL is installed")
    with peer_postgres.server() as url:
        yield url


@pytest.fixture(scope="session")
def mariadb():
    """A MariaDB server with an empty database `shop`; without the programs of one the test is skipped."""
    if not peer_mariadb.INSTALLED:
        pytest.skip("no MariaDB is installed")
    with peer_mariadb.server() as server:
        yield server
