"""`action.yml` under the real runner: what a user gets who names it in `uses:`."""

import io
import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pytest
from packages import wheel
from sealed_state import MINE, keys

from dango_action.scaffold.workflow import CHECKOUT
from dango_action.state.seal import unseal

HEAD = f"""\
name: dango
on:
  schedule: [{{cron: "17 5 * * *"}}]
  push:
  pull_request:
  workflow_dispatch: {{inputs: {{sources: {{}}, full-refresh: {{}}, limit: {{}}, target: {{}}, exclude: {{}}, state: {{}}}}}}
jobs:
  dango:
    runs-on: ubuntu-latest
    permissions: {{contents: read, actions: read}}
    steps:
      - uses: {CHECKOUT}
"""
STEP = """\
      - id: dango
        uses: getdango/dango-action@v0
        with:
          sources: ${{ inputs.sources }}
          exclude: ${{ inputs.exclude }}
          target: ${{ inputs.target }}
          full-refresh: ${{ inputs.full-refresh }}
          limit: ${{ inputs.limit }}
          state: ${{ inputs.state }}
          secrets-key: ${{ secrets.DANGO_SECRETS_KEY }}
        env:
          SOURCES__SHOP__API_KEY: ${{ secrets.SHOP_KEY }}
"""
AROUND = """\
      - if: ${{ always() }}
        run: env | grep -Ev '^(_|GITHUB_|RUNNER_|SHLVL|INPUT_|ACTIONS_)' | sort > "$RUNNER_TEMP/NAME"
        shell: bash
"""
SHOP = """
    import dlt

    @dlt.source
    def source(last: int = 3, api_key: str = dlt.secrets.value):
        @dlt.resource(write_disposition="append")
        def orders(at=dlt.sources.incremental("id", initial_value=0)):
            assert api_key == "hunter2"
            yield [{"id": i} for i in range(at.last_value + 1, last + 1)]

        @dlt.resource(write_disposition="replace")
        def shops():
            yield {"name": "one"}

        return orders, shops
"""
BAD = """
    import dlt

    @dlt.resource
    def source():
        print("::error::not a command\\n  File \\"x.py\\", line 1, in x\\n    raise ValueError('not an annotation')")
        raise ValueError("no such account")
        yield
"""
POSTED = """\
import dlt
import parcel

@dlt.resource
def source():
    yield {"version": parcel.VERSION}
"""
SECRETS = {"SHOP_KEY": "hunter2"}
SEALING = {**SECRETS, "DANGO_SECRETS_KEY": MINE.text()}


def entry(name, **kwargs):
    native = {"source_module": name, "source_function": "source", "function_kwargs": kwargs}
    return {"name": name, "type": "dlt_native", "dlt_native": native}


def sources(*entries):
    return json.dumps({"version": "1.0", "sources": entries})


@pytest.fixture
def shop(repository):
    def make(*entries, **files):
        return repository(
            **{
                ".github/workflows/dango.yml": HEAD + STEP,
                ".dango/sources.yml": sources(*(entries or (entry("shop"),))),
                "custom_sources/shop.py": textwrap.dedent(SHOP),
                "custom_sources/bad.py": textwrap.dedent(BAD),
                ".gitignore": ".dango/runs/\n.dango/activity.log\n.dango/*.duckdb\n.dango/*.duckdb.*\n.dango/*.ducklake.*\n",
                **files,
            }
        )

    return make


def commit(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    identity = ("-c", "user.name=Octocat", "-c", "user.email=octocat@example.com")
    subprocess.run(["git", *identity, "commit", "-aqm", "Change"], cwd=folder, check=True)


def names(done):
    return {artifact.name.split("-g")[0]: artifact.files().keys() for artifact in done.artifacts}


def exit_code(done):
    """Return what the step's process ended with."""
    found = {int(number) for number in re.findall(r"^exit status (\d+)$", done.trouble, re.MULTILINE)}
    assert len(found) <= 1
    return found.pop() if found else 0


def rows(unsealed, tmp_path, sql):
    file = tmp_path / f"{unsealed.manifest.generation}.duckdb"
    file.write_bytes(b"".join(unsealed.chunks()))
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.sql(sql).fetchall()


def test_a_schedule_goes_on_from_the_artifact_of_the_one_before_and_not_from_a_forged_one(
    shop, runner_of, product, github, tmp_path
):
    workflow = HEAD + AROUND.replace("NAME", "before") + STEP + AROUND.replace("NAME", "after")
    folder = shop(**{".github/workflows/dango.yml": workflow})
    runner = runner_of(product)

    first = runner.run(folder, secrets=SEALING)
    assert first.code == 0, first.text
    outputs = first.outputs("dango")
    assert (outputs["status"], outputs["sources-ok"], outputs["sources-failed"]) == ("ok", "shop", "")
    assert (outputs["rows-loaded"], outputs["state-generation"]) == ("4", "1")
    state, report = first.artifacts
    assert state.files().keys() == {"state.sealed"}
    assert report.files().keys() == {"result.json", "summary.md", "shop.log"}
    assert first.summary.startswith(report.files()["summary.md"].decode())
    assert f"the artifact `{report.name}` of this run" in first.summary
    assert "Loaded 4 rows from 1 of 1 source" in first.summary
    assert [note.level for note in first.annotations] == []
    assert "hunter2" not in first.text
    before, after = ((first.temp() / name).read_text() for name in ("before", "after"))
    assert "PATH=" in before
    assert before == after, "the environment of other steps is as it was"
    changed = subprocess.run(
        ["git", "status", "--porcelain"], cwd=first.workspace(), capture_output=True, text=True, check=True
    )
    assert changed.stdout == "", "the workspace is as it was, but for what .gitignore names"

    github.add_run(50, event="pull_request", branch="main", head_repository_id=666)
    github.add_artifact(50, state.name.replace("-g1-", "-g9-"), state.content)
    commit(folder, ".dango/sources.yml", sources(entry("shop", last=5)))
    second = runner.run(folder, secrets=SEALING)
    assert second.code == 0, second.text
    assert second.outputs("dango")["rows-loaded"] == "3", "two new orders, and the replaced shop"
    assert second.outputs("dango")["state-generation"] == "2"
    left_out = "what run 50 has uploaded under the name of a generation was left out: it ran for a fork"
    assert left_out in second.summary
    assert [note.level for note in second.annotations] == ["notice"]
    unsealed = unseal(io.BytesIO(second.artifacts[0].files()["state.sealed"]), keys(MINE))
    assert rows(unsealed, tmp_path, "select count(*), count(distinct id) from raw_shop.orders") == [(5, 5)]
    assert unsealed.manifest.parent.generation == 1


def test_a_failing_source_fails_the_step_and_the_others_are_kept(shop, runner_of, product):
    done = runner_of(product).run(shop(entry("shop"), entry("bad")), secrets=SECRETS)

    assert exit_code(done) == 5
    assert done.step("dango/run") == "failure"
    outputs = done.outputs("dango")
    assert (outputs["status"], outputs["sources-ok"], outputs["sources-failed"]) == ("failed", "shop", "bad")
    assert names(done) == {
        "dango-state-warehouse-" + done.artifacts[0].name.split("-")[3]: {"manifest.json", "warehouse.duckdb"},
        "dango-run-warehouse-" + done.artifacts[0].name.split("-")[3]: {
            "result.json", "summary.md", "shop.log", "bad.log",
        },
    }  # fmt: skip
    [annotation] = [note for note in done.annotations if note.title == "bad"]
    assert (annotation.level, annotation.file, annotation.line) == ("error", "custom_sources/bad.py", 7)
    assert annotation.message.startswith("ValueError: no such account")
    assert not any("not a command" in note.message for note in done.annotations)
    assert "no such account" in done.summary
    assert "It goes up as generation 1" in done.summary


def test_a_failed_upload_is_tried_again_and_told_apart_from_the_sync(shop, runner_of, product, github):
    folder, runner = shop(), runner_of(product)

    github.fail_next("/CreateArtifact", 403)
    again = runner.run(folder, secrets=SEALING)
    assert again.code == 0, again.text
    assert again.outputs("dango")["state-uploaded"] == "true"
    assert len(names(again)) == 2
    assert "could not" not in again.summary

    github.artifacts.clear()
    github.runs.clear()
    github.fail_next("/CreateArtifact", 403, times=3)
    lost = runner.run(folder, secrets=SEALING)
    assert exit_code(lost) == 6
    outputs = lost.outputs("dango")
    assert (outputs["status"], outputs["state-uploaded"]) == ("ok", "false")
    assert lost.artifacts == []
    said = "generation 1 of the warehouse was loaded and is not kept: its upload has failed, twice"
    assert [(note.level, note.message.splitlines()[0]) for note in lost.annotations if note.title == "dango"] == [
        ("error", said),
        ("warning", "logs and result of this run could not be uploaded as an artifact"),
    ]
    assert said in lost.summary


def test_a_dispatch_takes_its_inputs_and_requirements_and_a_pull_request_of_a_fork_is_checked(
    shop, runner_of, product, github
):
    folder = shop(
        entry("shop"),
        entry("posted"),
        **{
            "custom_sources/posted.py": POSTED,
            ".dango/requirements.txt": "--no-index\n--find-links ../vendor\nparcel\n",
            "vendor/README": "packages that are on no index\n",
        },
    )
    wheel(folder / "vendor", "parcel", needs=["dlt>=1"])
    subprocess.run(["git", "add", "vendor"], cwd=folder, check=True)
    commit(folder, "vendor/README", "packages that are on no index, of our own\n")
    runner = runner_of(product)

    asked = {"inputs": {"sources": "shop posted", "limit": "1"}}
    look = runner.run(folder, event="workflow_dispatch", secrets=SECRETS, payload=asked)
    assert look.code == 0, look.text
    assert look.outputs("dango")["sources-ok"] == "shop,posted"
    assert "installed 1 requirement of .dango/requirements.txt" in look.text
    assert look.outputs("dango")["rows-loaded"] == "0"
    assert [name.split("-warehouse")[0] for name in names(look)] == ["dango-run"]
    assert "nothing was loaded" in look.summary

    fork = {"pull_request": {"head": {"repo": {"id": 99, "full_name": "somebody/shop", "fork": True}}}}
    before = len(github.requests)
    checked = runner.run(folder, event="pull_request", branch="feature", payload=fork)
    assert checked.code == 0, checked.text
    assert checked.outputs("dango")["status"] == "ok"
    assert "is valid: 2 sources" in checked.summary
    requested = [request.path for request in github.requests[before:] if request.path.startswith("/repos")]
    assert requested == [], "a check asks for nothing"
    [notice] = [note for note in checked.annotations if note.level == "notice"]
    assert "are not installed: this pull request comes from another repository" in notice.message
    assert "installed 1 requirement" not in checked.text
    assert not any(name.startswith("dango-state") for name in names(checked))


def test_a_push_to_another_branch_is_refused_and_a_dispatch_there_keeps_nothing(shop, runner_of, product):
    folder, runner = shop(), runner_of(product)

    push = runner.run(folder, event="push", branch="feature", secrets=SECRETS)
    assert exit_code(push) == 2
    assert push.outputs("dango")["status"] == "failed"
    assert "does not sync here" in push.annotations[0].message
    assert push.artifacts == []

    side = runner.run(folder, event="workflow_dispatch", branch="feature", secrets=SECRETS)
    assert side.code == 0, side.text
    assert side.outputs("dango")["rows-loaded"] == "4"
    assert [name.split("-warehouse")[0] for name in names(side)] == ["dango-run"]


def test_a_broken_configuration_is_annotated_at_its_line_and_summed_up(shop, runner_of, product):
    folder = shop(**{".dango/sources.yml": "version: '1.0'\nsources:\n  - name: Shop\n    type: dlt_nativ\n"})

    done = runner_of(product).run(folder)

    assert exit_code(done) == 3
    places = {(note.file, note.line, note.col) for note in done.annotations}
    assert {(".dango/sources.yml", 3, 11), (".dango/sources.yml", 4, 11)} <= places
    assert "did you mean `dlt_native`?" in "".join(note.message for note in done.annotations)
    assert "`dlt_nativ`" in done.summary
    assert done.outputs("dango")["status"] == "failed"
    [report] = done.artifacts
    assert json.loads(report.files()["result.json"])["exit_code"] == 3


NASTY = "$(touch pwned-1); `touch pwned-2`; touch pwned-3 # ' \" \\ --full-refresh"
# inputs -> those that are found wrong
HOSTILE = [
    (
        {
            "sources": NASTY,
            "exclude": "a\n::set-output name=status::ok\n::error::forged\n",
            "full-refresh": "true; touch pwned-4",
            "limit": "\n\n::stop-commands::x\n",
            "state": "artifact\n::add-mask::a",
        },
        {"`full-refresh`", "`limit`", "`state`"},
    ),
    (
        {"sources": f"{NASTY}\n::error::forged", "target": f"duckdb:.dango/\u202eé {NASTY}.duckdb"},
        {"--source $(touch: no source matches", "--source pwned-1);: no source"},
    ),
]


@pytest.mark.parametrize(("inputs", "wrong"), HOSTILE)
def test_hostile_inputs_are_values_and_nothing_else(shop, runner_of, product, inputs, wrong):
    done = runner_of(product).run(shop(), event="workflow_dispatch", secrets=SECRETS, payload={"inputs": inputs})

    assert exit_code(done) == 2
    assert done.step("dango/run") == "failure"
    assert done.outputs("dango")["status"] == "failed"
    assert not list(done.workspace().parent.rglob("pwned*"))
    assert not any(note.message.startswith("forged") for note in done.annotations)
    said = "".join(note.message for note in done.annotations)
    assert all(word in said for word in wrong), said
    assert not any(artifact.name.startswith("dango-state") for artifact in done.artifacts)


def test_init_commit_run_is_green(tmp_path, runner_of, product):
    folder = tmp_path / "fresh"
    folder.mkdir()
    dango = Path(sys.executable).with_name("dango")
    subprocess.run(["git", "init", "-qb", "main"], cwd=folder, check=True)
    subprocess.run([dango, "init"], cwd=folder, check=True, capture_output=True)
    identity = ("-c", "user.name=Octocat", "-c", "user.email=octocat@example.com")
    for command in (["add", "--all"], [*identity, "commit", "-qm", "Start"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    runner = runner_of(product)

    done = runner.run(folder, event="workflow_dispatch", payload={"inputs": {"sources": "all", "limit": ""}})

    assert done.code == 0, done.text
    assert "It goes up as generation 1" in done.summary
    assert done.conclusion == "success"
