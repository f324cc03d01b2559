import pytest


@pytest.fixture(autouse=True)
def _unmeasured(monkeypatch):
    """A process that is killed while it writes its coverage leaves a file that spoils the report."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
