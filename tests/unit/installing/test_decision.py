import pytest

from dango_action.inputs import SYNC_EVENTS
from dango_action.installing.decision import reason_against


def pull_request(head, base):
    return {"pull_request": {"head": {"repo": head}, "base": {"repo": base}}}


MAIN = {"repository": {"default_branch": "main"}, "ref": "refs/heads/main"}
# event, payload -> whether packages are installed
EVENTS = [
    *((event, MAIN, True) for event in sorted(SYNC_EVENTS)),
    ("workflow_dispatch", MAIN | {"ref": "refs/heads/side"}, True),
    ("push", MAIN | {"ref": "refs/heads/side"}, False),
    ("push", MAIN | {"ref": "refs/tags/main"}, False),
    ("push", {"ref": "refs/heads/main"}, False),
    ("push", {}, False),
    ("merge_group", {}, True),
    ("pull_request", pull_request({"id": 7}, {"id": 7}), True),
    ("pull_request", pull_request({"id": 8}, {"id": 7}), False),
    ("pull_request", pull_request({"id": 8, "full_name": "a/b"}, {"id": 7, "full_name": "a/b"}), False),
    ("pull_request", pull_request(None, {"id": 7}), False),
    ("pull_request", pull_request({"id": None}, {"id": None}), False),
    ("pull_request", pull_request({}, {}), False),
    ("pull_request", {}, False),
    ("pull_request_target", pull_request({"id": 7}, {"id": 7}), False),
    ("workflow_run", MAIN, False),
    ("issue_comment", MAIN, False),
    ("release", MAIN, False),
    ("PUSH", MAIN, False),
    ("", {}, False),
]


@pytest.mark.parametrize(("event", "payload", "installed"), EVENTS)
def test_only_what_the_repository_itself_brings_is_installed(event, payload, installed):
    reason = reason_against(event, payload)

    assert (reason is None) == installed
    assert reason is None or "may bring" in reason or "this pu" in reason
