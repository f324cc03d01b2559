"""Lakes to load into: their catalog in a SQLite file, or in PostgreSQL."""

import pytest

from dango_action.warehouse.lakes import ducklake

SETTINGS = "DESTINATION__DUCKLAKE__CREDENTIALS__"


@pytest.fixture(autouse=True)
def _quiet(monkeypatch, tmp_path):
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def lake_with(monkeypatch, tmp_path, request):
    """Return the lake of this test; with `postgres`, in a schema of its own."""

    def make(catalog):
        name = f"lake_{abs(hash(request.node.nodeid)):x}"
        url = f"sqlite:///{tmp_path}/lake.sqlite" if catalog == "sqlite" else request.getfixturevalue("postgres")
        monkeypatch.setenv(f"{SETTINGS}CATALOG", url)
        monkeypatch.setenv(f"{SETTINGS}STORAGE__BUCKET_URL", str(tmp_path / "files"))
        monkeypatch.setenv("PGPASSWORD", "")
        return ducklake(name)

    return make


@pytest.fixture(params=["sqlite", "postgres"])
def lake(request, lake_with):
    return lake_with(request.param)
