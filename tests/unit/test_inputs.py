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
    assert mode_for(event, asked) == mode


@pytest.mark.parametrize("event", ["pull_request_target", "workflow_run", "issue_comment", "fork", "", "SCHEDULE"])
def test_an_event_that_may_come_from_outside_never_syncs(event):
    for asked in ("", "sync"):
        with pytest.raises(UsageError, match="may come from outside"):
            mode_for(event, asked)


def test_a_pull_request_cannot_be_talked_into_a_sync():
    with pytest.raises(UsageError, match="pull_request"):
        mode_for("pull_request", "sync")


def test_an_unknown_command_is_answered_with_the_near_one():
    with pytest.raises(UsageError, match="did you mean `sync`"):
        mode_for("push", "synch")


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

    assert arguments(environ) == ["sync", "--source=shop, ads", "--limit=5", "--full-refresh"]


def test_a_hostile_value_stays_a_value():
    [_, option] = arguments(
        {"GITHUB_EVENT_NAME": "push", "DANGO_INPUT_SOURCES": "--full-refresh; $(id)\n--target=x"}
    )

    assert option.startswith("--source=--full-refresh;")


def test_a_check_validates_the_configuration():
    assert arguments({"GITHUB_EVENT_NAME": "pull_request", "DANGO_INPUT_SOURCES": "shop"}) == [
        "config",
        "validate",
    ]


def test_all_wrong_inputs_are_reported_at_once():
    with pytest.raises(UsageError) as caught:
        arguments(
            {
                "GITHUB_EVENT_NAME": "push",
                "DANGO_INPUT_SORCES": "a",
                "DANGO_INPUT_DRY_RUN": "yes",
                "DANGO_INPUT_ZZ": "1",
            }
        )

    assert [problem.hint.partition(":")[0] for problem in caught.value.problems] == [
        "did you mean `sources`?",
        "use one of",
        "write `true` or `false`",
    ]


def test_lists_may_be_written_with_commas_spaces_and_lines():
    assert words(["a,b", " c\nd ", ""]) == ("a", "b", "c", "d")
