"""The harness itself, with a composite action of its own: what the tests of the product may rely on."""

import json
import time
from pathlib import Path

import pytest
from workflow_commands import Annotation

WORKFLOW = """
name: dango
on:
  schedule: [{cron: "0 3 * * *"}]
  workflow_dispatch: {inputs: {text: {type: string}}}
  pull_request:
jobs:
  sync:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@1111111111111111111111111111111111111111 # v6
      - id: dango
        uses: acme/dango-action@v0
        with:
          text: ${{ inputs.text }}
      - name: Afterwards
        if: always()
        shell: bash
        run: cat committed.txt
"""

UPLOAD = """
    - id: upload
      if: always()
      uses: actions/upload-artifact@2222222222222222222222222222222222222222 # v7
      with:
        name: things-${{ github.run_attempt }}
        path: |
          ${{ runner.temp }}/things/a.txt
          ${{ runner.temp }}/things/deep
          ${{ runner.temp }}/things/missing
        retention-days: 5
"""


@pytest.fixture
def composite(tmp_path):
    """Return a function that makes a composite action of a script, and of further steps as YAML."""

    def make(script, more=""):
        text = f"""
name: Something
description: Nothing
inputs: {{text: {{description: A text}}}}
outputs: {{answer: {{description: An answer, value: "${{{{ steps.script.outputs.answer }}}}"}}}}
runs:
  using: composite
  steps:
    - id: script
      shell: bash
      env: {{TEXT: "${{{{ inputs.text }}}}", TOKEN: "${{{{ github.token }}}}"}}
      run: {json.dumps(script, ensure_ascii=False)}
{more}
    - id: skipped
      if: github.event_name == 'push'
      shell: bash
      run: exit 1
"""
        folder = tmp_path / "composite"
        folder.mkdir(exist_ok=True)
        (folder / "action.yml").write_text(text, encoding="utf-8")
        return folder

    return make


@pytest.fixture
def shop(repository):
    return repository(**{".github/workflows/dango.yml": WORKFLOW, "committed.txt": "from the commit\n"})


def test_steps_succeed_and_are_skipped_and_the_peer_learns_of_it(runner_of, composite, shop, github):
    done = runner_of(composite("true")).run(shop, run_id=12, attempt=2)

    assert done.code == 0, done.trouble
    assert (done.conclusion, done.step("dango"), done.step("dango/script")) == ("success", "success", "success")
    assert (done.step("dango/skipped"), done.step("Afterwards")) == ("skipped", "success")
    assert (github.runs[12].conclusion, github.runs[12].attempt) == ("success", 2)
    with pytest.raises(KeyError, match="no step is called dango/scirpt"):
        done.step("dango/scirpt")


def test_a_failed_step_fails_the_run_and_none_of_its_last_lines_is_lost(runner_of, composite, shop, github):
    script = "seq 2000; echo '::error::the reason'; exec python3 -c 'import sys; print(1234567); sys.exit(5)'"

    done = runner_of(composite(script)).run(shop)

    assert (done.code, done.conclusion, done.step("dango")) == (1, "failure", "failure")
    assert done.annotations == [Annotation(level="error", message="the reason")]
    assert done.text.splitlines()[-3:] == ["::error::the reason", "1234567", "from the commit"]
    assert github.runs[1].conclusion == "failure"


def test_outputs_and_summary_come_through_as_they_were_written(runner_of, composite, shop):
    script = """
    printf '%s\\n' 'answer<<END' 'one' 'two = 2' 'END' >> "$GITHUB_OUTPUT"
    printf '# Title\\n\\n|a|\\n|-|\\n' >> "$GITHUB_STEP_SUMMARY"
    """

    done = runner_of(composite(script)).run(shop)

    assert done.outputs("dango") == {"answer": "one\ntwo = 2"}
    assert done.summary == "# Title\n\n|a|\n|-|\n"


def test_a_summary_that_github_rejects_is_not_shown(runner_of, composite, shop):
    done = runner_of(composite('head -c 1048577 /dev/zero | tr "\\0" x >> "$GITHUB_STEP_SUMMARY"')).run(shop)

    assert done.summary == ""


def test_annotations_are_read_as_github_reads_them(runner_of, composite, shop):
    script = """
    echo '::error title=A%2C b,file=.dango/sources.yml,line=3,col=5::50%25 of it::\U0001f300%0Asecond line'
    echo '   ::notice::see http://localhost::x'
    echo '::stop-commands::t0ken'
    echo '::error::only text'
    echo '::t0ken::'
    """

    done = runner_of(composite(script)).run(shop)

    place = {"title": "A, b", "file": ".dango/sources.yml", "line": 3, "col": 5}
    assert done.annotations == [
        Annotation(level="error", message="50% of it::\U0001f300\nsecond line", **place),
        Annotation(level="notice", message="see http://localhost::x"),
    ]


def test_secrets_and_masks_are_hidden_wherever_a_person_may_look(runner_of, composite, shop):
    script = """
    echo "token $TOKEN"
    echo '::add-mask::tops%0Aecret'
    echo 'tops ecret' | tee -a "$GITHUB_STEP_SUMMARY"
    echo '::warning title=tops::of two lines: second'
    """

    done = runner_of(composite(script)).run(shop, secrets={"KEY": "first\nsecond"})

    assert done.text.splitlines()[0] == "token ***"
    assert "tops" not in done.text
    assert done.summary == "*** ***\n"
    assert done.annotations == [Annotation(level="warning", title="***", message="of two lines: ***")]


def test_an_artifact_arrives_with_the_files_that_the_real_action_would_take(runner_of, composite, shop):
    script = """
    cd "$RUNNER_TEMP"; mkdir -p things/deep/.hidden
    touch things/deep/.hidden/h.txt things/deep/.h.txt things/other.txt
    echo a > things/a.txt; echo b > things/deep/b.txt
    """

    done = runner_of(composite(script, UPLOAD)).run(shop)

    [artifact] = done.artifacts
    assert artifact.name == "things-1"
    assert artifact.files() == {"a.txt": b"a\n", "deep/b.txt": b"b\n"}
    assert (artifact.expires_at - artifact.created_at).days in (4, 5)
    outputs = done.outputs("dango/upload")
    assert outputs["artifact-id"] == str(artifact.id)
    assert f"sha256:{outputs['artifact-digest']}" == artifact.digest
    assert outputs["artifact-url"] == f"https://github.com/acme/shop/actions/runs/1/artifacts/{artifact.id}"


def test_a_name_can_be_used_once_in_a_run(runner_of, composite, shop, github):
    script = 'mkdir "$RUNNER_TEMP/things"; touch "$RUNNER_TEMP/things/a.txt"'
    second = UPLOAD.replace("id: upload", "id: again")

    done = runner_of(composite(script, UPLOAD + second)).run(shop)

    assert (done.step("dango/upload"), done.step("dango/again")) == ("success", "failure")
    [annotation] = done.annotations
    assert "an artifact with this name already exists on the workflow run" in annotation.message
    assert [artifact.name for artifact in github.artifacts] == ["things-1"]


def test_an_input_that_the_double_does_not_have_fails_the_step(runner_of, composite, shop):
    done = runner_of(composite("true", UPLOAD + "        archive: true\n")).run(shop)

    assert done.step("dango/upload") == "failure"
    assert "does not have: INPUT_ARCHIVE" in done.text


def test_an_action_without_a_folder_fails_at_once(runner_of, composite, shop):
    started = time.monotonic()
    done = runner_of(composite("true", "    - uses: somebody/else@v1")).run(shop)

    assert (done.code, done.conclusion) == (1, "failure")
    assert "somebody/else" in done.trouble
    assert time.monotonic() - started < 10


def test_an_event_that_the_workflow_does_not_name_starts_nothing(runner_of, composite, shop, github):
    done = runner_of(composite("true")).run(shop, event="push")

    assert (done.conclusion, github.runs[1].conclusion) == ("startup_failure", "startup_failure")


def test_a_step_has_what_a_step_on_github_has_and_no_more(runner_of, composite, shop, github):
    script = """
    python3 -c 'import json, os, sys; json.dump([dict(os.environ), sys.stdout.isatty()], open("seen.json", "w"))'
    """

    done = runner_of(composite(script)).run(shop, run_id=7, attempt=3, payload={"inputs": {"text": "t"}})

    seen, terminal = json.loads((done.workspace() / "seen.json").read_text())
    expected = {
        "GITHUB_RUN_ID": "7",
        "GITHUB_RUN_ATTEMPT": "3",
        "GITHUB_RUN_NUMBER": "1",
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_REPOSITORY_ID": "4711",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REF_NAME": "main",
        "GITHUB_WORKFLOW_REF": "acme/shop/.github/workflows/dango.yml@refs/heads/main",
        "GITHUB_EVENT_NAME": "schedule",
        "GITHUB_API_URL": github.api_url,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_JOB": "sync",
        "GITHUB_ACTIONS": "true",
        "RUNNER_OS": "Linux",
        "TOKEN": github.token,
    }
    assert seen.items() >= expected.items()
    assert not terminal
    assert [name for name in seen if name.startswith(("INPUT_", "ACTIONS_", "HTTP_PROXY", "PEER_MACHINE_"))] == []


def test_a_pull_request_of_a_fork_is_one_for_the_job_and_for_the_peer(runner_of, composite, shop, github):
    head = {"repo": {"id": 99, "full_name": "somebody/shop", "fork": True}}
    script = 'echo "$GITHUB_REF $GITHUB_HEAD_REF $GITHUB_BASE_REF"; cat "$GITHUB_EVENT_PATH" > event.json'

    done = runner_of(composite(script)).run(
        shop, event="pull_request", branch="patch", payload={"pull_request": {"head": head}}
    )

    assert done.text.splitlines()[0] == "refs/pull/7/merge patch main"
    event = json.loads((done.workspace() / "event.json").read_text())
    assert event["pull_request"]["head"] == {**event["pull_request"]["head"], "ref": "patch"}
    assert event["pull_request"]["head"]["repo"]["full_name"] == "somebody/shop"
    assert (github.runs[1].head_repository_id, github.runs[1].branch) == (99, "patch")


def test_a_hostile_input_arrives_as_it_is(runner_of, composite, shop):
    hostile = (
        "$(touch pwned) `touch pwned`; touch pwned\n\"quoted' & <é> ::set-output name=answer::x\n  blanks  \\n %0A"
    )
    script = """
    python3 -c 'import os; open("seen", "w").write(os.environ["TEXT"])'
    """

    done = runner_of(composite(script)).run(shop, event="workflow_dispatch", payload={"inputs": {"text": hostile}})

    assert (done.workspace() / "seen").read_text() == hostile
    assert not (done.workspace() / "pwned").exists()
    assert done.outputs("dango") == {"answer": ""}


def test_only_what_is_committed_is_checked_out_and_the_project_stays_as_it_was(runner_of, composite, shop):
    (shop / "uncommitted.txt").write_text("x")
    before = sorted(path.relative_to(shop) for path in shop.rglob("*") if ".git" not in path.parts)

    done = runner_of(composite("ls; touch left-behind")).run(shop)

    assert done.text.splitlines()[0] == "committed.txt"
    assert sorted(path.relative_to(shop) for path in shop.rglob("*") if ".git" not in path.parts) == before
    assert (done.workspace() / "left-behind").exists()


def test_setup_python_names_an_interpreter_and_leaves_the_path_alone(runner_of, composite, shop):
    more = """
    - id: python
      uses: actions/setup-python@3333333333333333333333333333333333333333
      with: {python-version: "3.11", update-environment: false}
    - id: use
      shell: bash
      env: {PYTHON: "${{ steps.python.outputs.python-path }}"}
      run: exec "$PYTHON" -c 'import sys; print(sys.version_info[:2])'
    """

    done = runner_of(composite('echo "$PATH"', more)).run(shop)

    assert done.step("dango/use") == "success", done.text
    assert done.outputs("dango/python")["python-path"].startswith("/")
    assert done.outputs("dango/python")["python-version"].startswith("3.")


def test_a_run_without_an_end_is_ended_with_all_that_it_started(runner_of, composite, shop, tmp_path):
    script = f"echo $$ > {tmp_path}/pid; exec sleep 600"

    with pytest.raises(TimeoutError, match="act did not end within 2 s"):
        runner_of(composite(script), timeout=2).run(shop)

    process = Path("/proc", (tmp_path / "pid").read_text().strip())
    deadline = time.monotonic() + 10
    while lives(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not lives(process)


def lives(process):
    """Tell whether a process runs; one that has ended may be listed until somebody asks for its status."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_input_that_crashes_act_is_no_result_of_a_run(runner_of, composite, shop):
    with pytest.raises(RuntimeError, match="unclosed expression"):
        runner_of(composite("true")).run(
            shop, event="workflow_dispatch", payload={"inputs": {"text": "${{ a }} ${{ b"}}
        )


def test_a_run_costs_little(runner_of, composite, shop):
    started = time.monotonic()
    runner_of(composite("true")).run(shop)

    assert time.monotonic() - started < 3
