"""GitHub for one repository: what tests plant in it, ask of it and let go wrong."""

from __future__ import annotations

import hashlib
import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from github.blobs import Blobs
from github.rest import rest
from github.results import Job, Results
from github.server import Fault, Host, Record
from github.store import RETENTION, Artifact, Comment, Repository, Run, digest_of, now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from github.server import Request

WORKFLOW = ".github/workflows/dango.yml"


@dataclass(kw_only=True)
class GitHub:
    """The server. Use it in a `with`; afterwards, `violations` should be empty.

    `permissions` are those of `token`, in the words of a workflow file: `actions:read`, `pull-requests:write`.
    Read access to a public repository needs none. Everything public may be set at any time.
    """

    full_name: str = "acme/shop"
    repository_id: int = 4711
    private: bool = True
    visibility: str | None = None
    default_branch: str = "main"
    token: str = "ghs_peer"
    permissions: set[str] = field(default_factory=lambda: {"actions:read", "contents:read"})
    workflows: set[str] = field(default_factory=lambda: {WORKFLOW})
    runs: dict[int, Run] = field(default_factory=dict)
    artifacts: list[Artifact] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    unlisted: set[int] = field(
        default_factory=set
    )  # runs that the index behind filtered listings does not have yet
    before: Callable[[Request], None] = lambda _: None  # what happens just before an answer is made

    def __enter__(self) -> Self:
        self.repository = Repository(
            full_name=self.full_name,
            id=self.repository_id,
            private=self.private,
            visibility=self.visibility or ("private" if self.private else "public"),
            default_branch=self.default_branch,
        )
        self._record = Record()
        self._results = Results(peer=self)
        routes = rest(self)
        self._results.add_to(routes)
        self._host = Host("127.0.0.1", routes, self._record)
        self.blobs = Blobs(self._record)
        self.repository.api_url = self._host.url
        return self

    def __exit__(self, *_: object) -> None:
        self._host.close()
        self.blobs.close()

    @property
    def api_url(self) -> str:
        """What a runner calls GITHUB_API_URL."""
        return self._host.url

    @property
    def results_url(self) -> str:
        """What a runner calls ACTIONS_RESULTS_URL."""
        return f"{self._host.url}/"

    @property
    def requests(self) -> list[Request]:
        """Every request to any of the hosts, in order."""
        return self._record.requests

    @property
    def violations(self) -> list[str]:
        """What clients did that no documentation allows, and tracebacks of the peer itself."""
        return self._record.violations

    def fail_next(
        self, path: str, status: int | None, times: int = 1, headers: Mapping[str, str] | None = None
    ) -> None:
        """Let the next requests whose path holds this pattern fail; status None breaks the connection."""
        fault = Fault(pattern=path, status=status, left=times, headers=headers or {})
        self._record.faults.append(fault)

    def hold(self, path: str) -> threading.Event:
        """Hold back the answers to requests whose path holds this pattern, until the event is set."""
        let_go = threading.Event()
        self._record.holds.append((path, let_go))
        return let_go

    @property
    def held(self) -> int:
        """How many requests were held back."""
        return self._record.held

    def add_run(
        self,
        run_id: int,
        *,
        event: str = "schedule",
        branch: str = "main",
        path: str = WORKFLOW,
        head_repository_id: int | None = None,
        attempt: int = 1,
        status: str = "completed",
        conclusion: str | None = "success",
        created_at: datetime | None = None,
        updated_at: datetime | None = None,
        head_sha: str | None = None,
    ) -> Run:
        """Add a run, or the next attempt of a known one, which keeps its number and its artifacts."""
        known = self.runs.get(run_id)
        created_at = created_at or (known.created_at if known else now())
        self.runs[run_id] = run = Run(
            id=run_id,
            number=known.number if known else len(self.runs) + 1,
            event=event,
            branch=branch,
            path=path,
            head_repository_id=self.repository_id if head_repository_id is None else head_repository_id,
            attempt=attempt,
            status=status,
            conclusion=conclusion if status == "completed" else None,
            created_at=created_at,
            updated_at=updated_at or max(created_at, now()),
            started_at=now() if known else created_at,
            head_sha=head_sha or hashlib.sha1(str(run_id).encode()).hexdigest(),
        )
        return run

    def finish(self, run_id: int, conclusion: str) -> None:
        """End a run."""
        run = self.runs[run_id]
        run.status, run.conclusion, run.updated_at = "completed", conclusion, now()

    def add_artifact(
        self,
        run_id: int,
        name: str,
        content: bytes,
        *,
        expired: bool = False,
        created_at: datetime | None = None,
        digest: str | None = None,
    ) -> Artifact:
        """Store an artifact of a run; without a digest, the right one is shown."""
        created_at = created_at or now()
        self._last_artifact = getattr(self, "_last_artifact", 1000) + 1
        artifact = Artifact(
            id=self._last_artifact,
            name=name,
            run_id=self.runs[run_id].id,
            content=content,
            expired=expired,
            created_at=created_at,
            expires_at=created_at + RETENTION,
            digest=digest or digest_of(content),
        )
        self.artifacts.append(artifact)
        return artifact

    def artifact(self, name: int | str) -> Artifact | None:
        """Return the artifact with this id, or the newest one with this name."""
        found = (each for each in reversed(self.artifacts) if name in (each.id, each.name))
        return next(found, None)

    def add_comment(self, issue: int, body: str, user: str = "github-actions[bot]") -> Comment:
        comment = Comment(
            id=5000 + len(self.comments), issue=issue, body=body, user=user, created_at=now(), updated_at=now()
        )
        self.comments.append(comment)
        return comment

    def runtime_token(self, run_id: int, job: str = "sync") -> str:
        """Return what a runner calls ACTIONS_RUNTIME_TOKEN in this job of the run."""
        names = f"run {self.runs[run_id].id}", f"job {job} of run {run_id}"
        run, each = (str(uuid.uuid5(uuid.NAMESPACE_URL, name)) for name in names)
        known = Job(run_id=run_id, run_backend_id=run, job_backend_id=each)
        self._results.jobs[known.token()] = known
        return known.token()
