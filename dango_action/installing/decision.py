"""Whether an event may have packages installed: what it brings has to be the repository's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dango_action.inputs import SYNC_EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping


def reason_against(event: str, payload: Mapping[str, Any]) -> str | None:
    """Return why nothing is installed for an event with this payload; None if it is."""
    match event:
        case "push" if payload.get("ref") != _default_ref(payload):
            return "this push is not one to the default branch"
        case "pull_request":
            return _of_pull_request(payload.get("pull_request"))
        case _ if event in SYNC_EVENTS or event == "merge_group":
            return None
    return f"the event `{event}` may bring what is not the repository's own"


def _default_ref(payload: Mapping[str, Any]) -> str | None:
    match payload.get("repository"):
        case {"default_branch": str(branch)}:
            return f"refs/heads/{branch}"
    return ""


def _of_pull_request(pull_request: object) -> str | None:
    """Compare ids, since names can be given anew; a fork that was deleted has none."""
    match pull_request:
        case {"head": {"repo": {"id": int(head)}}, "base": {"repo": {"id": int(base)}}} if head == base:
            return None
    return "this pull request comes from another repository, and its author could name any package"
