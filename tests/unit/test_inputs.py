import pytest

from dango_action.errors import UsageError
from dango_action.inputs import arguments, mode_for, words


@pytest.mark.parametrize(
    ("event", "asked", "mode"),
    [
        ("schedule", "", "sync"),
        ("workflow_dispatch", "", "sync"),
        ("repository_dispatch", "", "sync"),
        ("push", "", "sync"),
        ("push", "sync", "sync"),
        ("push", "check", "check"),
        ("pull_request", "", "check"),
        ("merge_group", "", "check"),
        ("pull_request", "check", "check"),
        ("pull_request_target", "check", "check"),
        ("issue_comment", "check", "check"),
    ],
)
def test_an_event_decides_unless_a_check_is_asked_for(event, asked, mode):
    assert mode_for(event, asked, default_branch=True) == mode


def test_a_push_to_another_branch_does_not_sync():
    with pytest.raises(UsageError, match="default branch"):
        mode_for("push", "", default_branch=False)


@pytest.mark.parametrize("event", ["pull_request_target", "workflow_run", "issue_comment", "fork", "", "SCHEDULE"])
def test_an_event_that_an_outsider_can_set_off_never_syncs(event):
    for asked in ("", "sync"):
        with pytest.raises(UsageError, match="does not sync here"):
            mode_for(event, asked, default_branch=True)


def test_a_pull_request_cannot_be_talked_into_a_sync():
    with pytest.raises(UsageError, match="pull_request"):
        mode_for("pull_request", "sync", default_branch=True)


def test_an_unknown_command_is_answered_with_the_near_one():
    with pytest.raises(UsageError, match="did you mean `sync`"):
        mode_for("push", "synch", default_branch=True)


def test_inputs_become_a_command_line():
    environ = {
        "GITHUB_EVENT_NAME": "schedule",
        "DANGO_INPUT_SOURCES": "shop, ads",
        "DANGO_INPUT_EXCLUDE": " ",
        "DANGO_INPUT_FULL_REFRESH": "true",
        "DANGO_INPUT_DRY_RUN": "false",
        "DANGO_INPUT_LIMIT": "5",
        "INPUT_SOURCES": "not ours",
    }

    assert arguments(environ, {}) == ["sync", "--source=shop, ads", "--limit=5", "--full-refresh"]


def test_a_hostile_value_stays_a_value():
    value = "--full-refresh; $(id)\n--target=x"

    assert arguments({"GITHUB_EVENT_NAME": "schedule", "DANGO_INPUT_SOURCES": value}, {}) == [
        "sync",
        f"--source={value}",
    ]


def test_a_check_validates_the_configuration():
    environ = {"GITHUB_EVENT_NAME": "pull_request", "DANGO_INPUT_SOURCES": "shop"}

    assert arguments(environ, {}) == ["config", "validate"]


def test_all_wrong_inputs_are_reported_at_once():
    wrong = {"DANGO_INPUT_SORCES": "a", "DANGO_INPUT_DRY_RUN": "yes", "DANGO_INPUT_ZZ": "1"}
    with pytest.raises(UsageError) as caught:
        arguments({"GITHUB_EVENT_NAME": "schedule", **wrong}, {})

    assert [problem.hint.partition(":")[0] for problem in caught.value.problems] == [
        "did you mean `sources`?",
        "use one of",
        "write `true` or `false`",
    ]


@pytest.mark.parametrize(
    ("ref", "works"), [("refs/heads/main", True), ("refs/heads/other", False), ("refs/tags/main", False)]
)
def test_the_default_branch_is_the_one_that_the_event_names(ref, works):
    environ = {"GITHUB_EVENT_NAME": "push", "GITHUB_REF": ref}
    event = {"repository": {"default_branch": "main"}}
    if works:
        assert arguments(environ, event) == ["sync"]
    else:
        with pytest.raises(UsageError):
            arguments(environ, event)
    with pytest.raises(UsageError):
        arguments(environ, {})


def test_lists_may_be_written_with_commas_spaces_and_lines():
    assert words(["a,b", " c\nd ", ""]) == ("a", "b", "c", "d")
