"""The artifact service that `@actions/artifact` speaks to: Twirp, JSON with protobuf's field names.

The run comes from the token, never from the body: a client that names another one is refused.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from github.server import RefusedError, Request, Response, Routes, misuse
from github.store import digest_of, shown

if TYPE_CHECKING:
    from github.peer import GitHub
    from github.store import Artifact

SERVICE = "/twirp/github.actions.results.api.v1.ArtifactService"
IDS = {"workflow_run_backend_id", "workflow_job_run_backend_id"}
NO_NAME = re.compile(r'[":<>|*?\r\n\\/]')


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job of a run, as its runtime token names it."""

    run_id: int
    run_backend_id: str
    job_backend_id: str

    def token(self) -> str:
        """Return a JSON Web Token whose scopes hold both ids; nobody here checks its signature."""
        scope = f"Actions.GenericRead:00000000 Actions.Results:{self.run_backend_id}:{self.job_backend_id}"
        parts = {"alg": "HS256", "typ": "JWT"}, {"scp": scope, "iss": "peer", "exp": 4_102_444_800}
        return ".".join([*(_base64(json.dumps(part).encode()) for part in parts), _base64(b"no signature")])


@dataclass(kw_only=True)
class Upload:
    """An artifact between CreateArtifact and FinalizeArtifact."""

    blob: str
    expires_at: datetime | None


@dataclass(kw_only=True)
class Results:
    """Tokens given out, and uploads on their way."""

    peer: GitHub
    jobs: dict[str, Job] = field(default_factory=dict)
    uploads: dict[tuple[int, str], Upload] = field(default_factory=dict)

    def add_to(self, routes: Routes) -> None:
        for call in (self.create, self.finalize, self.find, self.link, self.delete):
            routes.add("POST", f"{SERVICE}/{CALLS[call.__name__]}", call)

    def create(self, request: Request) -> Response:
        job, body = self._call(request, {"name", "expires_at", "version", "mime_type"}, {"name", "version"})
        name = body["name"]
        if not name or NO_NAME.search(name):
            raise misuse(400, f"CreateArtifact: an artifact can't be called `{name}`")
        if (job.run_id, name) in self.uploads or self._stored(job, name):
            message = "an artifact with this name already exists on the workflow run"
            raise _error(409, "already_exists", message)
        expires_at = datetime.fromisoformat(body["expires_at"]) if "expires_at" in body else None
        blob, address = self.peer.blobs.reserve()
        self.uploads[job.run_id, name] = Upload(blob=blob, expires_at=expires_at)
        return Response(body={"ok": True, "signed_upload_url": address})

    def finalize(self, request: Request) -> Response:
        job, body = self._call(request, {"name", "size", "hash"}, {"name", "size"})
        upload = self.uploads.pop((job.run_id, body["name"]), None)
        if upload is None:
            raise misuse(404, f"FinalizeArtifact: `{body['name']}` was not created")
        content = self.peer.blobs.committed.get(upload.blob)
        if content is None or body["size"] != str(len(content)):
            raise misuse(400, f"FinalizeArtifact: `{body['name']}` has not the size that was uploaded")
        if body.get("hash", digest_of(content)) != digest_of(content):
            raise misuse(400, f"FinalizeArtifact: `{body['name']}` has not the hash that was uploaded")
        artifact = self.peer.add_artifact(job.run_id, body["name"], content, digest=body.get("hash"))
        artifact.expires_at = upload.expires_at or artifact.expires_at
        return Response(body={"ok": True, "artifact_id": str(artifact.id)})

    def find(self, request: Request) -> Response:
        job, body = self._call(request, {"name_filter", "id_filter"}, set())
        listed = [
            {
                "workflow_run_backend_id": job.run_backend_id,
                "workflow_job_run_backend_id": job.job_backend_id,
                "database_id": str(artifact.id),
                "name": artifact.name,
                "size": str(len(artifact.content)),
                "created_at": shown(artifact.created_at),
                "digest": artifact.digest,
            }
            for artifact in self.peer.artifacts
            if artifact.run_id == job.run_id
            and body.get("name_filter", artifact.name) == artifact.name
            and body.get("id_filter", str(artifact.id)) == str(artifact.id)
        ]
        return Response(body={"artifacts": listed})

    def link(self, request: Request) -> Response:
        job, body = self._call(request, {"name"}, {"name"})
        return Response(body={"signed_url": self.peer.blobs.link(self._found(job, body["name"]).content)})

    def delete(self, request: Request) -> Response:
        job, body = self._call(request, {"name"}, {"name"})
        artifact = self._found(job, body["name"])
        self.peer.artifacts.remove(artifact)
        return Response(body={"ok": True, "artifact_id": str(artifact.id)})

    def _call(self, request: Request, known: set[str], needed: set[str]) -> tuple[Job, dict[str, Any]]:
        """Return whose call this is, and what it says."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.jobs:
            raise _error(401, "unauthenticated", "no runtime token that was given out")
        job, body = self.jobs[token], request.json(known | IDS, needed | IDS)
        if body["workflow_run_backend_id"] != job.run_backend_id:
            raise misuse(403, f"{request.path}: the token belongs to another run")
        return job, body

    def _stored(self, job: Job, name: str) -> Artifact | None:
        found = (each for each in self.peer.artifacts if (each.run_id, each.name) == (job.run_id, name))
        return next(found, None)

    def _found(self, job: Job, name: str) -> Artifact:
        artifact = self._stored(job, name)
        if artifact is None:
            raise _error(404, "not_found", f"no artifact `{name}`")
        return artifact


CALLS = {
    "create": "CreateArtifact",
    "finalize": "FinalizeArtifact",
    "find": "ListArtifacts",
    "link": "GetSignedArtifactURL",
    "delete": "DeleteArtifact",
}


def _error(status: int, code: str, message: str) -> RefusedError:
    return RefusedError(Response(status=status, body={"code": code, "msg": message}))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
