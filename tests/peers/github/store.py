"""What the repository holds: runs, artifacts and comments, each with the JSON that the REST API shows of it."""

from __future__ import annotations

import binascii
import hashlib
import io
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

RETENTION = timedelta(days=90)


def now() -> datetime:
    """Return the time as GitHub tells it: UTC, whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def shown(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(kw_only=True)
class Repository:
    """The one repository."""

    full_name: str
    id: int
    private: bool
    visibility: str
    default_branch: str
    api_url: str = ""

    @property
    def url(self) -> str:
        return f"{self.api_url}/repos/{self.full_name}"

    def minimal(self) -> dict[str, Any]:
        owner, name = self.full_name.split("/")
        return {
            "id": self.id,
            "name": name,
            "full_name": self.full_name,
            "private": self.private,
            "owner": {"login": owner, "id": 9001, "type": "Organization"},
            "html_url": f"https://github.com/{self.full_name}",
            "fork": False,
            "url": self.url,
        }

    def json(self) -> dict[str, Any]:
        extra = {"visibility": self.visibility, "default_branch": self.default_branch, "archived": False}
        return {**self.minimal(), **extra}


@dataclass(kw_only=True)
class Run:
    """A workflow run. All of it may be set: it is what a test says has happened."""

    id: int
    number: int
    event: str
    branch: str
    path: str
    head_repository_id: int
    attempt: int
    status: str
    conclusion: str | None
    created_at: datetime
    updated_at: datetime
    head_sha: str
    started_at: datetime  # of the last attempt
    on_branch: bool = True  # whether its commit is one of the default branch

    @property
    def file(self) -> str:
        """The workflow's file; `path` may name the ref, too."""
        return self.path.partition("@")[0]

    @property
    def workflow_id(self) -> int:
        return binascii.crc32(self.file.encode())

    def json(self, repository: Repository) -> dict[str, Any]:
        head = repository.minimal()
        if self.head_repository_id != repository.id:
            name = repository.full_name.split("/")[1]
            head |= {"id": self.head_repository_id, "full_name": f"somebody/{name}", "fork": True}
        url = f"{repository.url}/actions/runs/{self.id}"
        return {
            "id": self.id,
            "name": "dango",
            "path": self.path,
            "display_title": "dango",
            "run_number": self.number,
            "run_attempt": self.attempt,
            "event": self.event,
            "status": self.status,
            "conclusion": self.conclusion,
            "workflow_id": self.workflow_id,
            "head_branch": self.branch,
            "head_sha": self.head_sha,
            "url": url,
            "html_url": f"https://github.com/{repository.full_name}/actions/runs/{self.id}",
            "artifacts_url": f"{url}/artifacts",
            "pull_requests": [],
            "created_at": shown(self.created_at),
            "updated_at": shown(self.updated_at),
            "run_started_at": shown(self.started_at),
            "repository": repository.minimal(),
            "head_repository": head,
        }


@dataclass(kw_only=True)
class Artifact:
    """An uploaded artifact. `digest` is what the API says, which a test may make differ from the content."""

    id: int
    name: str
    run_id: int
    content: bytes = field(repr=False)
    expired: bool
    created_at: datetime
    expires_at: datetime
    digest: str | None

    def files(self) -> dict[str, bytes]:
        """Return what its zip holds, by name."""
        with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def json(self, repository: Repository, run: Run) -> dict[str, Any]:
        url = f"{repository.url}/actions/artifacts/{self.id}"
        return {
            "id": self.id,
            "name": self.name,
            "size_in_bytes": len(self.content),
            "url": url,
            "archive_download_url": f"{url}/zip",
            "expired": self.expired,
            "created_at": shown(self.created_at),
            "updated_at": shown(self.created_at),
            "expires_at": shown(self.expires_at),
            "digest": self.digest,
            "workflow_run": {
                "id": run.id,
                "repository_id": repository.id,
                "head_repository_id": run.head_repository_id,
                "head_branch": run.branch,
                "head_sha": run.head_sha,
            },
        }


@dataclass(kw_only=True)
class Comment:
    """A comment on an issue or pull request."""

    id: int
    issue: int
    body: str
    user: str
    created_at: datetime
    updated_at: datetime

    def json(self, repository: Repository) -> dict[str, Any]:
        return {
            "id": self.id,
            "body": self.body,
            "url": f"{repository.url}/issues/comments/{self.id}",
            "html_url": f"https://github.com/{repository.full_name}/issues/{self.issue}#issuecomment-{self.id}",
            "issue_url": f"{repository.url}/issues/{self.issue}",
            "user": {"login": self.user, "type": "Bot"},
            "created_at": shown(self.created_at),
            "updated_at": shown(self.updated_at),
        }
