"""Which runs may hand something on to a later one: those that an outsider can't have had a hand in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from dango_action.github.api import GitHub, Repository, WorkflowRun
    from dango_action.state.manifest import Manifest, Origin


def distrust_run(run: WorkflowRun, repository: Repository, workflow: str, events: Collection[str]) -> str | None:
    """Return why nothing of a run is restored; None if it is trusted.

    What counts is what GitHub says of the run, not what is written inside an artifact of it.
    """
    if run.head_repository is None or run.head_repository.id != repository.id:
        return "it ran for a fork"
    path, _, ref = run.path.partition("@refs/")
    if path != workflow:
        return "it belongs to another workflow"
    if ref.startswith("tags/"):
        return "it ran for a tag"
    if run.head_branch != repository.default_branch:
        return f"it ran for another branch than `{repository.default_branch}`"
    if run.event not in events:
        return f"it was started by `{run.event}`, which outsiders can set off"
    return None


def distrust_commit(github: GitHub, run: WorkflowRun, repository: Repository) -> str | None:
    """Return why the commit of a run is not trusted; None if it is one of the default branch.

    A tag can be called like the branch, and GitHub calls both `head_branch`. A schedule runs on the branch only.
    """
    if run.event == "schedule" or github.contains(repository.default_branch, run.head_sha):
        return None
    return f"its commit is not on `{repository.default_branch}`"


def distrust_manifest(manifest: Manifest, *, generation: int, run_id: int, origin: Origin) -> str | None:
    """Return what a manifest says otherwise than GitHub does; None if both agree."""
    for what, said, right in (
        ("repository", manifest.origin.repository_id, origin.repository_id),
        ("workflow", manifest.origin.workflow, origin.workflow),
        ("project", manifest.origin.project, origin.project),
        ("branch", manifest.origin.branch, origin.branch),
        ("target", manifest.origin.target, origin.target),
        ("shard", manifest.origin.shard, origin.shard),
        ("generation", manifest.generation, generation),
        ("run", manifest.run_id, run_id),
    ):
        if said != right:
            return f"its manifest is of another {what}"
    return None
