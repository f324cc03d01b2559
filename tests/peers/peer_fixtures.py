"""The peers as pytest fixtures: name this module in `pytest_plugins` of the top-level conftest."""

from __future__ import annotations

import pytest
from github import GitHub


@pytest.fixture
def github():
    """GitHub for `acme/shop`, a private repository. A client that leaves the documented paths fails the test."""
    with GitHub() as peer:
        yield peer
    assert peer.violations == []
