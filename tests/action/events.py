"""What GitHub tells a job about the event that has set it off: the payload, and the variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from github import Run
    from github.store import Repository

PULL_REQUEST = 7


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event of the repository. `branch` is where it happened; for a pull request, the one it comes from."""

    name: str
    branch: str
    sha: str
    repository: Repository
    extra: Mapping[str, Any]

    def payload(self) -> dict[str, Any]:
        """Return event.json, in the shape that GitHub documents, with `extra` laid over it."""
        common = {"repository": self.repository.json(), "sender": {"login": "octocat", "id": 1}}
        return _laid_over({**common, **self._own()}, self.extra)

    def _own(self) -> dict[str, Any]:
        match self.name:
            case "schedule":
                return {"schedule": "0 3 * * *"}
            case "workflow_dispatch":
                return {"inputs": {}, "ref": self._ref}
            case "push":
                return {"ref": self._ref, "before": "0" * 40, "after": self.sha, "forced": False, "deleted": False}
            case "pull_request" | "pull_request_target":
                head = {"ref": self.branch, "sha": self.sha, "repo": self.repository.json()}
                base = {"ref": self.repository.default_branch, "sha": self.sha, "repo": self.repository.json()}
                pull_request = {"number": PULL_REQUEST, "head": head, "base": base, "draft": False}
                return {"action": "opened", "number": PULL_REQUEST, "pull_request": pull_request}
            case _:
                return {}

    @property
    def head_repository_id(self) -> int:
        """The repository that the commit comes from; another one for a fork's pull request."""
        pull_request = self.payload().get("pull_request", {"head": {"repo": {"id": self.repository.id}}})
        return pull_request["head"]["repo"]["id"]

    @property
    def _ref(self) -> str:
        if self.name == "pull_request":
            return f"refs/pull/{self.extra.get('number', PULL_REQUEST)}/merge"
        branch = self.repository.default_branch if self.name == "pull_request_target" else self.branch
        return f"refs/heads/{branch}"

    def variables(self, run: Run, workflow: str) -> dict[str, str]:
        """Return the variables of the job, without those that act can't be told."""
        pull_request = self.name.startswith("pull_request")
        full_name = self.repository.full_name
        return {
            "GITHUB_RUN_ID": str(run.id),
            "GITHUB_RUN_NUMBER": str(run.number),
            "GITHUB_RUN_ATTEMPT": str(run.attempt),
            "GITHUB_REPOSITORY": full_name,
            "GITHUB_REPOSITORY_ID": str(self.repository.id),
            "GITHUB_REPOSITORY_OWNER": full_name.partition("/")[0],
            "GITHUB_REPOSITORY_OWNER_ID": "9001",
            "GITHUB_REF": self._ref,
            "GITHUB_REF_NAME": self._ref.split("/", 2)[2],
            "GITHUB_REF_TYPE": "branch",
            "GITHUB_REF_PROTECTED": "false",
            "GITHUB_HEAD_REF": self.branch if pull_request else "",
            "GITHUB_BASE_REF": self.repository.default_branch if pull_request else "",
            "GITHUB_WORKFLOW_REF": f"{full_name}/{workflow}@{self._ref}",
            "GITHUB_WORKFLOW_SHA": self.sha,
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_RETENTION_DAYS": "90",
            "GITHUB_ACTOR_ID": "1",
            "GITHUB_TRIGGERING_ACTOR": "octocat",
            "RUNNER_NAME": "GitHub Actions 1",
            "RUNNER_ENVIRONMENT": "github-hosted",
        }


def _laid_over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **below,
        **{
            key: _laid_over(below[key], value)
            if isinstance(value, Mapping) and isinstance(below.get(key), dict)
            else value
            for key, value in above.items()
        },
    }
