import re
from pathlib import Path

import pytest

from dango_action.environment import PREFIX
from dango_action.errors import UsageError
from dango_action.inputs import StateWish, mode_for, step, words

PACKAGE = Path(__file__).parents[2] / "dango_action"
EVENT = {"repository": {"default_branch": "main"}}
ON_MAIN = {
    "GITHUB_EVENT_NAME": "schedule",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_RUN_ID": "7",
    "GITHUB_WORKFLOW_REF": "acme/shop/.github/workflows/dango.yml@refs/heads/main",
}


def asked(event="schedule", **inputs):
    given = {f"{PREFIX}{name.upper()}": value for name, value in inputs.items()}
    return step(ON_MAIN | {"GITHUB_EVENT_NAME": event} | given, EVENT)


def problems(**inputs):
    with pytest.raises(UsageError) as caught:
        asked(**inputs)
    return [(problem.what, problem.hint) for problem in caught.value.problems]


# event, input `command`, on the default branch -> what is done; None: refused
MODES = [
    ("schedule", "", True, "sync"),
    ("workflow_dispatch", "", True, "sync"),
    ("workflow_dispatch", "", False, "sync"),
    ("repository_dispatch", "", True, "sync"),
    ("push", "", True, "sync"),
    ("push", "sync", True, "sync"),
    ("push", "", False, None),
    ("push", "sync", False, None),
    ("push", "check", False, "check"),
    ("push", "check", True, "check"),
    ("pull_request", "", False, "check"),
    ("pull_request", "check", False, "check"),
    ("pull_request", "sync", False, None),
    ("pull_request", "sync", True, None),
    ("merge_group", "", False, "check"),
    ("merge_group", "sync", False, None),
    ("pull_request_target", "", True, None),
    ("pull_request_target", "sync", True, None),
    ("pull_request_target", "check", True, "check"),
    ("workflow_run", "", True, None),
    ("workflow_run", "sync", True, None),
    ("workflow_run", "check", True, "check"),
    ("issue_comment", "", True, None),
    ("issue_comment", "check", True, "check"),
    ("fork", "sync", True, None),
    ("release", "", True, None),
    ("SCHEDULE", "", True, None),
    ("", "", True, None),
]


@pytest.mark.parametrize(("event", "command", "default_branch", "mode"), MODES)
def test_an_event_decides_what_is_done_unless_less_is_asked_for(event, command, default_branch, mode):
    if mode is None:
        with pytest.raises(UsageError, match="does not sync here"):
            mode_for(event, command, default_branch=default_branch)
    else:
        assert mode_for(event, command, default_branch=default_branch) == mode


def test_an_unknown_command_is_answered_with_the_near_one():
    with pytest.raises(UsageError, match="did you mean `sync`"):
        mode_for("push", "synch", default_branch=True)


def test_inputs_are_taken_apart_and_empty_ones_are_absent(tmp_path):
    environ = ON_MAIN | {
        "GITHUB_WORKSPACE": str(tmp_path),
        "GITHUB_REPOSITORY_ID": "4711",
        "GITHUB_RUN_ATTEMPT": "2",
        "DANGO_INPUT_SOURCES": "shop, ads\ntag:x",
        "DANGO_INPUT_EXCLUDE": " ",
        "DANGO_INPUT_FULL_REFRESH": "true",
        "DANGO_INPUT_DRY_RUN": "False",
        "DANGO_INPUT_LIMIT": "",
        "DANGO_INPUT_JOBS": " 5 ",
        "DANGO_INPUT_SHARD": "3",
        "DANGO_INPUT_WORKING_DIRECTORY": "ingest",
        "DANGO_INPUT_GITHUB_TOKEN": "t0ken",
        "INPUT_SOURCES": "not ours",
    }
    (tmp_path / "ingest").mkdir()

    made = step(environ, EVENT)

    assert made.mode == "sync"
    assert made.inputs.sources == ("shop", "ads", "tag:x")
    assert made.inputs.exclude == ()
    assert made.inputs.full_refresh
    assert made.inputs.limit is None
    assert made.inputs.jobs == 5
    assert made.inputs.project == tmp_path / "ingest"
    assert (made.dry_run, made.shard) == (False, 3)
    assert made.context.workflow == ".github/workflows/dango.yml"
    assert (made.context.repository_id, made.context.run_id, made.context.run_attempt) == (4711, 7, 2)
    assert made.context.api_url == "https://api.github.com"
    assert "t0ken" not in repr(made)


@pytest.mark.parametrize(
    ("value", "wish"),
    [
        ("", StateWish()),
        ("artifact", StateWish()),
        ("new", StateWish(new=True)),
        ("artifact new", StateWish(new=True)),
        ("artifact sealed", StateWish(asked="sealed")),
        ("artifact unsealed", StateWish(asked="unsealed")),
        (" artifact  new unsealed ", StateWish(new=True, asked="unsealed")),
        ("none", StateWish(store="none")),
        ("s3://bucket/a", StateWish(store="url", url="s3://bucket/a")),
        (
            "abfss://c@account.dfs.core.windows.net/a",
            StateWish(store="url", url="abfss://c@account.dfs.core.windows.net/a"),
        ),
        (
            "file:///srv/state new unsealed",
            StateWish(store="url", url="file:///srv/state", new=True, asked="unsealed"),
        ),
    ],
)
def test_the_state_is_a_store_and_how_it_is_used(value, wish):
    assert asked("workflow_dispatch", state=value).state == wish


@pytest.mark.parametrize("event", ["schedule", "push"])
def test_a_workflow_does_not_start_over_each_time_it_runs_by_itself(event):
    with pytest.raises(UsageError, match=f"`new` on the event `{event}` would start over each time"):
        asked(event, state="new")


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("artefact", "did you mean `artifact`?"),
        ("nome", "did you mean `none`?"),
        ("unsealed", "did you mean `artifact unsealed`?"),
        ("s3://key:secret@bucket", "credentials are variables"),
        ("az://container/a?sig=secret", "credentials are variables"),
        ("artifact unsealed sealed", "leave out one of the two"),
        ("artifact nwe", "`sealed` or `unsealed`, and `new`, may follow `artifact` or a URL"),
        ("s3://bucket nwe", "`sealed` or `unsealed`, and `new`, may follow `artifact` or a URL"),
        ("none new", "nothing follows `none`"),
    ],
)
def test_an_unknown_state_is_answered_with_what_there_is(value, hint):
    [(what, answer), *_] = problems(state=value)

    assert what.startswith("input `state`")
    assert hint in answer
    assert "secret" not in what


def test_all_wrong_inputs_are_reported_at_once():
    found = problems(
        sorces="a",
        dry_run="yes",
        limit="0",
        jobs="-1",
        shard="1.5",
        retention_days="401",
        zz="1",
        command="snyc",
        working_directory="nowhere",
        state="x",
        full_refresh="1",
    )

    whats = " ".join(what for what, _ in found)
    for name in (
        "sorces", "dry-run", "limit", "jobs", "shard", "retention-days", "zz", "snyc", "working-directory",
        "state", "full-refresh",
    ):  # fmt: skip
        assert f"`{name}`" in whats
    assert ("unknown input `sorces`", "did you mean `sources`?") in found
    assert len(found) == 11


@pytest.mark.parametrize("number", ["\u0661", "1_0", "0x1", "1e3", "9" * 5000, "\u00b2", "+1"])
def test_a_number_is_written_in_plain_digits(number):
    assert problems(limit=number)


def test_a_job_without_a_checkout_is_told_what_it_lacks(tmp_path):
    with pytest.raises(UsageError, match="the repository was not checked out"):
        step(ON_MAIN | {"GITHUB_WORKSPACE": str(tmp_path)}, EVENT)


def test_outside_of_a_workflow_it_says_what_to_use():
    outside = {"GITHUB_EVENT_NAME": "schedule"}
    with pytest.raises(UsageError, match=r"outside of a workflow use `dango sync`"):
        step(outside, EVENT)
    assert step(outside | {f"{PREFIX}STATE": "none"}, EVENT).mode == "sync"


def test_a_look_and_a_full_refresh_contradict_each_other():
    [(what, _)] = problems(limit="5", full_refresh="true")

    assert "only looks" in what


def test_a_backfill_and_a_full_refresh_contradict_each_other():
    [(what, _)] = problems(since="2024-01-01", full_refresh="true")

    assert "loads a window" in what


def test_a_window_is_read_and_what_is_wrong_with_it_is_said_with_all_else():
    window = asked(since="2024-01-01", until="2024-02-01").inputs.window

    assert str(window) == "2024-01-01T00:00:00+00:00 to 2024-02-01T00:00:00+00:00"
    assert [what for what, _ in problems(until="soon", jobs="0")] == [
        "input `until` is no time and no number",
        "input `until` needs `since`",
        "input `jobs` can't be `0`",
    ]


HOSTILE = [
    "$(touch x)", "`touch x`", "a\nb", "; touch x", "'\"", "::set-output name=a::b", "--full-refresh", "é\u202e",
    "${{ github.token }}", "\\", "a\r::error::b", "../../etc", "%0A::error::x", "x" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_stays_a_value(value):
    made = asked(sources=value, target=value, exclude=value)

    assert made.inputs.target == value.strip()
    assert made.inputs.sources == words([value])
    assert made.inputs.full_refresh is False
    for name in ("limit", "state", "dry_run", "command", "shard", "working_directory"):
        for what, hint in problems(**{name: value}):
            assert (what + hint).isprintable()


@pytest.mark.parametrize(
    ("ref", "works"), [("refs/heads/main", True), ("refs/heads/other", False), ("refs/tags/main", False)]
)
def test_the_default_branch_is_the_one_that_the_event_names(ref, works):
    environ = ON_MAIN | {"GITHUB_EVENT_NAME": "push", "GITHUB_REF": ref}
    if works:
        assert step(environ, EVENT).mode == "sync"
    else:
        with pytest.raises(UsageError):
            step(environ, EVENT)
    with pytest.raises(UsageError):
        step(environ, {})


def test_lists_may_be_written_with_commas_spaces_and_lines():
    assert words(["a,b", " c\nd ", ""]) == ("a", "b", "c", "d")


def test_the_names_of_variables_stand_in_one_module_only():
    named = re.compile(r"environ\.get\(|environ\[|getenv")
    found = {
        file.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.rglob("*.py")
        for line in file.read_text().splitlines()
        if named.search(line)
    }

    # the second runs in the process of a source, and looks whether what obstore will read there is there
    assert found == {"environment.py", "sources/stores/objects.py"}
