"""`dango state`, and `dango pull` from a bucket, on a laptop."""

import subprocess

import duckdb
import pytest
from steps import Workflow

WORKFLOW = """
    on: {schedule: [{cron: "1 2 * * *"}]}
    jobs:
      dango:
        runs-on: ubuntu-latest
        steps:
          - uses: getdango/dango-action@v0
            with: {state: "%s"}
"""
SOURCE = """
    import dlt

    @dlt.resource(write_disposition="append")
    def source(at=dlt.sources.incremental("id", initial_value=0)):
        yield [{"id": i} for i in range(at.last_value + 1, 4)]
"""


@pytest.fixture
def shop(project, github, tmp_path):
    """A repository with a workflow that has not run yet."""
    project.module("shop", SOURCE)
    project.module("ads", SOURCE)
    project.sources("shop", "ads")
    project.write(".github/workflows/dango.yml", WORKFLOW % "artifact")
    for command in (["init", "-q"], ["remote", "add", "origin", "git@github.com:acme/shop.git"]):
        subprocess.run(["git", *command], cwd=project.path, check=True)
    return Workflow(project, github, tmp_path / "temp")


def dango(shop, *arguments, **variables):
    known = {"GITHUB_API_URL": shop.github.api_url, "GH_TOKEN": shop.github.token}
    return shop.project.dango(*arguments, **(known | variables))


def test_what_is_kept_here_and_by_the_workflow_is_shown(shop):
    assert "there is no warehouse on this machine yet" in dango(shop, "state", "show").out
    run = shop.run(state="artifact unsealed")
    assert run.code == 0, run.out

    seen = dango(shop, "state", "show")

    assert seen.code == 0, seen
    assert "raw_shop.source  3\n" in seen.out
    assert "raw_shop: source is at id 3\n" in seen.out
    assert ".github/workflows/dango.yml of acme/shop keeps, in artifacts:\n  generation 1  " in seen.out
    assert f"run 101 (schedule)  0.0 MB  {run.outputs['state-name']}".split("  ")[0] in seen.out
    document = dango(shop, "state", "show", "--json").document
    assert document["local"]["size"] == shop.project.warehouse.stat().st_size
    [kept] = document["workflow"]["generations"]
    assert (kept["generation"], kept["run_id"], kept["event"], kept["name"]) == (
        1,
        101,
        "schedule",
        run.outputs["state-name"],
    )

    blind = dango(shop, "state", "show", GH_TOKEN="", PATH="/usr/bin:/bin")
    assert blind.code == 0
    assert "raw_shop.source  3\n" in blind.out
    assert "log in with `gh auth login`" in blind.out


def test_a_bucket_is_found_in_the_workflow_s_file_and_pulled_from(shop, tmp_path):
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    url = f"file://{bucket}"
    assert shop.run(state=f"{url} unsealed").code == 0
    shop.forget()
    elsewhere = dango(shop, "pull")
    assert elsewhere.code == 6, "its file says that there are artifacts"
    named = dango(shop, "pull", "--state", url, "--json")
    assert (named.code, named.document["generation"]) == (0, 1)
    shop.project.write(".github/workflows/dango.yml", WORKFLOW % f"{url} unsealed")

    found = dango(shop, "pull", "--json")
    shown = dango(shop, "state", "show", "--json").document

    assert (found.code, found.document["fetched"]) == (0, False)
    assert shown["workflow"]["where"] == url
    assert shown["workflow"]["generations"][0]["sealed"] is False
    assert dango(shop, "pull", "--state", "s3://key:secret@bucket").code == 2


def test_a_reset_drops_a_source_and_its_cursor_and_nothing_else(shop):
    assert shop.project.sync().code == 0

    asked = dango(shop, "state", "reset", "shop")
    assert (asked.code, "add --yes" in asked.err) == (2, True)
    assert "did you mean `shop`?" in dango(shop, "state", "reset", "shpo", "--yes").err
    assert shop.project.query("select count(*) from raw_shop.source") == [(3,)]
    done = dango(shop, "state", "reset", "shop", "--yes")

    assert done.code == 0, done
    assert "gh workflow run dango.yml -f sources=shop -f full-refresh=true" in done.out
    assert shop.project.query("select distinct schema_name from duckdb_tables()") == [("raw_ads",)]
    assert shop.project.sync().document["rows_loaded"] == 3, "the cursor is gone, too"
    again = dango(shop, "state", "reset", "nothing", "--yes")
    assert again.code == 2


def test_a_reset_while_somebody_writes_changes_nothing(shop):
    assert shop.project.sync().code == 0
    before = shop.project.warehouse.read_bytes()

    with duckdb.connect(str(shop.project.warehouse)):
        refused = dango(shop, "state", "reset", "shop", "--yes")

    assert refused.code == 6
    assert shop.project.warehouse.read_bytes() == before
