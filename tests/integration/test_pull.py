"""`dango pull` on a laptop, after a workflow has kept something."""

import json
import subprocess

import duckdb
import pytest
from steps import Workflow

from dango_action.errors import UsageError
from dango_action.whereabouts import _REMOTE, _api

WORKFLOW = """
    on: {schedule: [{cron: "1 2 * * *"}]}
    jobs:
      dango:
        runs-on: ubuntu-latest
        steps:
          - uses: getdango/dango-action@v0
"""


@pytest.fixture
def shop(project, github, tmp_path):
    """A repository whose workflow has run once, on a machine that is gone."""
    project.module("shop", "import dlt\n@dlt.resource\ndef source(n=2):\n    yield [{'a': i} for i in range(n)]\n")
    project.sources("shop")
    project.write(".github/workflows/dango.yml", WORKFLOW)
    for command in (["init", "-q"], ["remote", "add", "origin", "git@github.com:acme/shop.git"]):
        subprocess.run(["git", *command], cwd=project.path, check=True)
    workflow = Workflow(project, github, tmp_path / "temp")
    workflow.run()
    workflow.forget()
    return workflow


def pull(shop, *arguments, **variables):
    known = {"GITHUB_API_URL": shop.github.api_url, "GH_TOKEN": shop.github.token}
    return shop.project.dango("pull", *arguments, **(known | variables))


def test_the_newest_warehouse_is_fetched_and_opened(shop):
    done = pull(shop)

    assert done.code == 0, done.err
    assert "generation 1 of " in done.out
    assert "raw_shop.source  2" in done.out
    assert "open it: duckdb -readonly .dango/pulled.duckdb" in done.out
    with duckdb.connect(str(shop.project.path / ".dango/pulled.duckdb"), read_only=True) as connection:
        assert connection.sql("select count(*) from raw_shop.source").fetchall() == [(2,)]
    assert not shop.project.warehouse.exists(), "a sync on this machine has a warehouse of its own"


def test_nothing_is_fetched_twice_and_a_newer_one_replaces_what_was_pulled(shop):
    pull(shop)
    before = len(shop.github.requests)
    again = pull(shop, "--json")
    assert again.document["fetched"] is False
    assert not any("zip" in request.path for request in shop.github.requests[before:])

    shop.project.sources({"name": "shop", "kwargs": {"n": 5}})
    shop.forget()
    shop.run()
    shop.forget()
    newer = pull(shop, "--json")
    assert (newer.document["fetched"], newer.document["generation"]) == (True, 2)
    assert newer.document["datasets"]["raw_shop"]["rows"] == {"source": 7}


def test_data_of_one_s_own_is_not_replaced_unless_asked(shop):
    own = shop.project.warehouse
    duckdb.connect(str(own)).close()

    refused = pull(shop, "--output", str(own))
    assert refused.code == 6
    assert "put the pulled one elsewhere with --output OTHER.duckdb" in refused.err

    assert pull(shop, "--output", "other.duckdb").code == 0
    assert (shop.project.path / "other.duckdb").exists()
    assert pull(shop, "--output", str(own), "--force").code == 0
    with duckdb.connect(str(own)) as connection:
        connection.execute("create table mine(a int)")
    assert pull(shop, "--output", str(own)).code == 6, "it was changed since it was pulled"


def test_a_pull_that_was_killed_at_any_point_does_not_stop_the_next_one(shop):
    pulled = shop.project.path / ".dango/pulled.duckdb"
    note = pulled.with_name("pulled.duckdb.pulled.json")
    assert pull(shop).code == 0
    note.write_text("{")
    assert pull(shop).code == 6, "nobody knows whose file that is"
    assert pull(shop, "--force").code == 0
    note.rename(note.with_suffix(".new"))  # killed between the file and its note
    pulled.with_name("pulled.duckdb.999999999.fetched.work").mkdir()
    assert pull(shop).code == 0
    assert pull(shop, "--json").document["fetched"] is False
    assert [file.name for file in pulled.parent.iterdir() if ".work" in file.name or ".new" in file.name] == []


def test_a_file_that_is_being_written_is_not_replaced(shop):
    assert pull(shop).code == 0
    shop.project.sources({"name": "shop", "kwargs": {"n": 5}})
    shop.run()
    pulled = shop.project.path / ".dango/pulled.duckdb"
    with duckdb.connect(str(pulled)):
        refused = pull(shop)

    assert refused.code == 6
    assert "DuckDB cannot open" in refused.err
    assert pull(shop).code == 0


def test_what_is_missing_is_said(shop):
    assert "log in with `gh auth login`" in pull(shop, GH_TOKEN="", PATH="/usr/bin:/bin").err
    assert pull(shop, GH_TOKEN="", PATH="/usr/bin:/bin").code == 4
    nothing = pull(shop, "--shard", "2")
    assert nothing.code == 6
    assert "nothing is kept of duckdb:.dango/warehouse.duckdb by .github/workflows/dango.yml" in nothing.err
    shop.project.write(".github/workflows/second.yml", WORKFLOW)
    assert "several workflows sync this project: dango.yml, second.yml" in pull(shop).err
    assert pull(shop, "--workflow", "dango.yml").code == 0
    for name in ("dango", "second"):
        (shop.project.path / f".github/workflows/{name}.yml").unlink()
    assert "write one with `dango init`" in pull(shop).err
    subprocess.run(["git", "remote", "remove", "origin"], cwd=shop.project.path, check=True)
    assert "add --repository OWNER/NAME" in pull(shop, "--workflow", "dango.yml").err


@pytest.mark.parametrize(
    ("remote", "works"),
    [
        ("https://github.com/acme/shop.git", True),
        ("https://github.com/acme/shop", True),
        ("https://x-access-token:t@github.com/acme/shop.git/", True),
        ("ssh://git@github.com/acme/shop.git", True),
        ("ssh://git@ssh.github.com:443/acme/shop.git", True),
        ("https://GitHub.com/acme/shop.git", True),
        ("https://example.com/acme/shop.git", False),
        ("https://evil.example?.ghe.com/acme/shop.git", False),
        ("https://evil.example#.ghe.com/acme/shop.git", False),
        ("https://a.b.ghe.com/acme/shop.git", False),
        ("https://github.com.example.com/acme/shop.git", False),
    ],
)
def test_a_token_goes_only_to_the_host_that_it_is_for(remote, works):
    host, name = _REMOTE.fullmatch(remote).groups()
    assert name == "acme/shop"
    if works:
        assert _api(host, {}) == "https://api.github.com"
    else:
        with pytest.raises(UsageError, match="which is not GitHub's"):
            _api(host, {})


def test_json_has_the_manifest(shop):
    document = json.loads(pull(shop, "--json").out)

    assert document["origin"]["repository_id"] == shop.github.repository_id
    assert document["run_id"] == 101
