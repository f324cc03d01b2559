"""The part of GitHub's REST API that state needs, for one repository. All that it changes is old artifacts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import quote

import requests
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.util.retry import Retry

from dango_action.errors import CredentialsError, DangoError, StateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PER_PAGE = 100
_TIMEOUT = (10, 60)  # seconds to connect, and between two packets
_DOWNLOADS = 3
_RESTARTS = 3
_CHUNK = 1024 * 1024
_SLACK = 64 * 1024  # bytes that a download may have beyond what GitHub says
_RETRIES = Retry(
    total=4,
    backoff_factor=0.5,
    status_forcelist=(500, 502, 503, 504),
    allowed_methods=("GET",),
    respect_retry_after_header=False,  # it may say an hour, and the job would pay for it
    raise_on_status=False,
)

_HEADERS = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
    "User-Agent": "dango-action",
}

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hints:
    """What whoever has a token can do about it."""

    refused: str  # the token is not valid
    lacking: str  # it may not read something


_JOB = _Hints(
    refused="leave `github-token` out: the job has a token of its own",
    lacking="paste this into the job:\npermissions:\n  contents: read\n  actions: read",
)
_PERSON = _Hints(
    refused="log in anew with `gh auth login`, or set GH_TOKEN to one that is valid",
    lacking="use a token that may read this repository's Actions and contents",
)


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Repository(_Answer):
    """What a repository says of itself."""

    id: int
    private: bool  # true for `internal`, too
    default_branch: str


class _Named(_Answer):
    id: int
    full_name: str = ""


class WorkflowRun(_Answer):
    """A run of a workflow; its last attempt, if there were several."""

    id: int
    event: str
    head_branch: str | None
    head_sha: str
    head_repository: _Named | None  # None: the fork is gone
    path: str  # of the workflow; some versions of GitHub add `@` and a ref
    conclusion: str | None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    run_started_at: AwareDatetime | None = None  # of the last attempt


class _RunOfArtifact(_Answer):
    id: int
    head_repository_id: int | None = None


class Artifact(_Answer):
    """An artifact of a run. `digest` is of the zip file, `sha256:` and hexadecimal; older servers have none."""

    id: int
    name: str
    size_in_bytes: Annotated[int, Field(ge=0)]
    expired: bool
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    digest: str | None = None
    workflow_run: _RunOfArtifact

    @property
    def run_id(self) -> int:
        """The run that it was uploaded by."""
        return self.workflow_run.id


class GitHub:
    """One repository, as a token may see it."""

    def __init__(self, url: str, repository: str, token: str, *, in_job: bool = True) -> None:
        self._url = f"{url.rstrip('/')}/repos/{repository}"
        self._hints = _JOB if in_job else _PERSON
        self._session = _Session()
        self._session.auth = _Token(token)
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=_RETRIES))
        self._session.headers.update(_HEADERS)

    def repository(self) -> Repository:
        """Return the repository itself; every token may read that.

        Raises:
            DangoError: as for all methods: StateError if GitHub doesn't answer, CredentialsError if it refuses.

        """
        return _parsed(Repository, self._document(""))

    def runs(self, workflow: str, event: str = "", branch: str = "") -> Iterator[WorkflowRun]:
        """Give the runs of a workflow (its file's name), the newest first.

        With an event or a branch GitHub asks an index, which may lag behind.
        """
        path = f"/actions/workflows/{quote(workflow, safe='')}/runs"
        query = {key: value for key, value in (("event", event), ("branch", branch)) if value}
        for item in self._pages(path, "workflow_runs", query):
            yield _parsed(WorkflowRun, item)

    def run(self, number: int) -> WorkflowRun | None:
        """Return a run; None if it is gone."""
        document = self._document(f"/actions/runs/{number}", missing_ok=True)
        return _parsed(WorkflowRun, document) if document else None

    def contains(self, branch: str, commit: str) -> bool:
        """Tell whether a commit is one of a branch; by the branch's own commit, since a tag may have its name."""
        tip = self._document(f"/branches/{quote(branch, safe='')}").get("commit", {}).get("sha", "")
        compared = self._document(f"/compare/{tip}...{commit}")
        return compared.get("status") in ("identical", "behind")

    def artifacts(self) -> Iterator[Artifact]:
        """Give the artifacts of all runs of the repository, the newest first; expired ones among them."""
        yield from _artifacts(self._pages("/actions/artifacts", "artifacts", {}))

    def artifacts_of(self, run: int) -> Iterator[Artifact]:
        """Give the artifacts of all attempts of a run, expired ones among them. A run that is gone has none."""
        yield from _artifacts(self._pages(f"/actions/runs/{run}/artifacts", "artifacts", {}, missing_ok=True))

    def download(self, artifact: Artifact, file: Path) -> None:
        """Write the zip file of an artifact to a new file.

        Raises:
            StateError: it is not what GitHub says of it, or it does not arrive.

        """
        problem: Exception | None = None
        for _ in range(_DOWNLOADS):
            try:
                digest = self._stream(
                    f"/actions/artifacts/{artifact.id}/zip", file, _SLACK + artifact.size_in_bytes
                )
            except requests.RequestException as error:
                problem = error
                continue
            if artifact.digest in (None, f"sha256:{digest}"):
                return
            raise StateError.because(
                f"artifact {artifact.name} is not what was uploaded: its digest is another one",
                "run again; if it stays so, delete the artifact",
            )
        raise _unreachable(problem) from problem

    def delete(self, artifact: Artifact) -> bool:
        """Delete an artifact; false if the token may not."""
        url = f"{self._url}/actions/artifacts/{artifact.id}"
        try:
            status = self._session.delete(url, timeout=_TIMEOUT).status_code
        except requests.RequestException as error:
            raise _unreachable(error) from error
        return status in (requests.codes.no_content, requests.codes.not_found)

    def _stream(self, path: str, file: Path, most: int) -> str:
        """Write a download to a file and return its SHA-256; `requests` raises if the body ends too early."""
        digest, left = hashlib.sha256(), most
        with self._get(path, stream=True) as response, file.open("wb") as writer:
            for chunk in response.iter_content(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    what = f"an artifact is larger than the {most:,} bytes that it may have"
                    raise StateError.because(what, "run again; if it stays so, delete the artifact")
                digest.update(chunk)
                writer.write(chunk)
        return digest.hexdigest()

    def _pages(self, path: str, key: str, query: dict[str, str], *, missing_ok: bool = False) -> Iterator[Any]:
        page, total, restarts = 1, 0, 0
        seen: set[Any] = set()
        while True:
            asked = query | {"per_page": str(PER_PAGE), "page": str(page)}
            answer = self._document(path, asked, missing_ok=missing_ok)
            items, left = answer.get(key) or [], answer.get("total_count") or 0
            if left < total and restarts < _RESTARTS:
                page, total, restarts = 1, left, restarts + 1  # something was deleted: the pages have moved
                continue
            yield from (item for item in items if item.get("id") not in seen)
            seen |= {item.get("id") for item in items}
            if len(items) < PER_PAGE:
                return
            page, total = page + 1, left

    def _document(self, path: str, query: dict[str, str] | None = None, *, missing_ok: bool = False) -> Any:  # noqa: ANN401
        """Return an answer that is a JSON object; {} for what is not there, if that is no failure."""
        response = self._get(path, query, missing_ok=missing_ok)
        if response.status_code == requests.codes.not_found:
            return {}
        try:
            document = response.json()
        except requests.JSONDecodeError:
            document = None
        if not isinstance(document, dict):
            raise StateError.because("GitHub's answer is no JSON object", "is a proxy in between? Run again")
        return document

    def _get(
        self, path: str, query: dict[str, str] | None = None, *, stream: bool = False, missing_ok: bool = False
    ) -> requests.Response:
        try:
            response = self._session.get(self._url + path, params=query, timeout=_TIMEOUT, stream=stream)
        except requests.RequestException as error:
            raise _unreachable(error) from error
        if response.ok or (missing_ok and response.status_code == requests.codes.not_found):
            return response
        raise _refused(response, path, self._hints)


class _Token(AuthBase):
    """The token of a request. As a header of the session it would give way to an entry of ~/.netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request."""
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Session(requests.Session):
    """A session whose token goes to one host: a redirect to another drops it, and puts nothing in its place."""

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Drop the token where the base class would; but do not look into ~/.netrc, as it does."""
        strip: bool = self.should_strip_auth(response.request.url, prepared_request.url)  # type: ignore[no-untyped-call]
        if strip:
            prepared_request.headers.pop("Authorization", None)


def _artifacts(items: Iterable[Any]) -> Iterator[Artifact]:
    """Give those that can be read; what somebody else has uploaded may lack something that ours has."""
    for item in items:
        try:
            yield Artifact.model_validate(item)
        except ValidationError:
            continue


def _parsed(model: type[_Model], document: Any) -> _Model:  # noqa: ANN401 - whatever the server sends
    try:
        return model.model_validate(document)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, wrong["loc"])) for wrong in error.errors())
        raise StateError.because(
            f"GitHub's answer cannot be read: {fields}", "run again; nothing was changed"
        ) from error


def _unreachable(error: Exception | None) -> DangoError:
    what = f"GitHub's API could not be reached: {type(error).__name__}"
    return StateError.because(what, "nothing was changed; run again")


def _refused(response: requests.Response, path: str, hints: _Hints) -> DangoError:
    """Return the error for a status, told apart by status and headers, not by words."""
    status, headers = response.status_code, response.headers
    limited = headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in headers
    if status == requests.codes.too_many_requests or (status == requests.codes.forbidden and limited):
        reset = headers.get("X-RateLimit-Reset", "")
        when = f" before {datetime.fromtimestamp(int(reset), UTC):%H:%M} UTC" if reset.isdigit() else ""
        return StateError.because(f"GitHub takes no more requests{when}", "nothing was changed; run again then")
    if status == requests.codes.unauthorized:
        return CredentialsError.because("GitHub does not accept the token", hints.refused)
    if status == requests.codes.forbidden:
        needed = headers.get("X-Accepted-GitHub-Permissions", "").replace("=", ": ") or "actions: read"
        what = f"the token may not read what earlier runs have left: it needs `{needed}`"
        return CredentialsError.because(what, hints.lacking)
    if status == requests.codes.not_found:
        what = f"GitHub shows this token nothing at {path or 'the repository'} (HTTP 404)"
        return CredentialsError.because(what, f"is the name right? If it is, {hints.lacking}")
    if status == requests.codes.gone:
        return StateError.because("the artifact has expired meanwhile", "run again; nothing was changed")
    return StateError.because(f"GitHub answered with HTTP {status}", "nothing was changed; run again")
