"""The REST API, as far as https://docs.github.com/rest describes it for runs, artifacts and issue comments."""

from __future__ import annotations

import hashlib
import urllib.parse
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from github.server import Handler, RefusedError, Request, Response, Routes, misuse
from github.store import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from github.peer import GitHub
    from github.store import Run

DOCS = "https://docs.github.com/rest"
VERSIONS = {None, "2022-11-28"}
PAGES = "per_page page"
# without `actor` and `check_suite_id`, which nobody here asks for
RUNS = f"branch created event exclude_pull_requests head_sha status {PAGES}"
# A run's status and its conclusion are asked for by the same parameter.
STATES = {
    *("completed", "action_required", "cancelled", "failure", "neutral", "skipped", "stale", "success"),
    *("timed_out", "in_progress", "queued", "requested", "waiting", "pending"),
}


def refuse(status: int, message: str, headers: dict[str, str] | None = None) -> RefusedError:
    """Return a refusal in GitHub's shape; it is no misuse."""
    body = {"message": message, "documentation_url": DOCS, "status": str(status)}
    return RefusedError(Response(status=status, body=body, headers=headers or {}))


def rest(peer: GitHub) -> Routes:
    """Return the operations, each behind the token and the permission that it needs."""
    routes = Routes()
    root = "/repos/{owner}/{repo}"
    actions = f"{root}/actions"

    def add(method: str, path: str, needs: str, handler: Handler, query: str = "") -> None:
        routes.add(method, path, _guarded(peer, needs, handler), query)

    api = _Rest(peer)
    add("GET", root, "", api.repository)
    add("GET", f"{actions}/workflows/{{workflow}}/runs", "actions:read", api.runs, RUNS)
    add("GET", f"{actions}/runs/{{run}}", "actions:read", api.run, "exclude_pull_requests")
    add("GET", f"{actions}/runs/{{run}}/artifacts", "actions:read", api.artifacts, f"name direction {PAGES}")
    add("GET", f"{actions}/artifacts", "actions:read", api.artifacts, f"name {PAGES}")
    add("GET", f"{actions}/artifacts/{{artifact}}", "actions:read", api.artifact)
    add("GET", f"{actions}/artifacts/{{artifact}}/zip", "actions:read", api.download)
    add("DELETE", f"{actions}/artifacts/{{artifact}}", "actions:write", api.delete)
    add("GET", f"{root}/branches/{{branch}}", "contents:read", api.branch)
    add("GET", f"{root}/compare/{{basehead}}", "contents:read", api.compare, PAGES)
    add("GET", f"{root}/issues/{{issue}}/comments", "issues:read", api.comments, f"since {PAGES}")
    add("POST", f"{root}/issues/{{issue}}/comments", "issues:write", api.comment)
    add("PATCH", f"{root}/issues/comments/{{comment}}", "issues:write", api.edit)
    return routes


def _guarded(peer: GitHub, needs: str, handler: Handler) -> Handler:
    def answer(request: Request, owner: str, repo: str, **parts: str) -> Response:
        if "user-agent" not in request.headers:
            raise misuse(403, f"{request.method} {request.path}: a request without User-Agent")
        if request.headers.get("x-github-api-version") not in VERSIONS:
            raise misuse(400, f"{request.method} {request.path}: an unknown version of the API")
        if request.headers.get("authorization") not in (f"Bearer {peer.token}", f"token {peer.token}"):
            raise refuse(401, "Bad credentials")
        if f"{owner}/{repo}".lower() != peer.repository.full_name.lower():
            raise refuse(404, "Not Found")
        peer.before(request)
        accepted = _accepted(peer, needs)
        if accepted:
            raise refuse(
                403, "Resource not accessible by integration", {"X-Accepted-GitHub-Permissions": accepted}
            )
        return handler(request, **parts)

    return answer


def _accepted(peer: GitHub, needs: str) -> str:
    """Return which permissions would have been enough; "" if the token has one of them."""
    scope, _, level = needs.partition(":")
    if not needs or (level == "read" and not peer.repository.private):
        return ""
    # A pull request is an issue, too: either permission is enough for its comments.
    scopes = ["issues", "pull-requests"] if scope == "issues" else [scope]
    if {f"{each}:{given}" for each in scopes for given in (level, "write")} & peer.permissions:
        return ""
    return "; ".join(f"{each.replace('-', '_')}={level}" for each in scopes)


class _Rest:
    def __init__(self, peer: GitHub) -> None:
        self._peer = peer

    def repository(self, _: Request) -> Response:
        return Response(body=self._peer.repository.json())

    def runs(self, request: Request, workflow: str) -> Response:
        if request.query.get("status", "completed") not in STATES:
            raise misuse(422, f"there is no status `{request.query['status']}`")
        known = {path.rpartition("/")[2] for path in self._peer.workflows}
        runs = self._peer.runs.values()
        lagging = self._peer.unlisted if request.query.keys() & {"event", "branch", "status", "created"} else set()
        of_it = [
            run
            for run in runs
            if run.id not in lagging and workflow in (run.file.rpartition("/")[2], str(run.workflow_id))
        ]
        if not of_it and workflow not in known:
            raise refuse(404, "Not Found")
        found = sorted(
            (run for run in of_it if _asked_for(run, request.query)),
            key=lambda run: (run.created_at, run.id),
            reverse=True,
        )
        return _paged(request, "workflow_runs", [run.json(self._peer.repository) for run in found])

    def run(self, _: Request, run: str) -> Response:
        return Response(body=self._run(run).json(self._peer.repository))

    def artifacts(self, request: Request, run: str | None = None) -> Response:
        of_run = None if run is None else self._run(run).id
        name = request.query.get("name")
        found = [
            artifact.json(self._peer.repository, self._peer.runs[artifact.run_id])
            for artifact in self._peer.artifacts
            if of_run in (None, artifact.run_id) and name in (None, artifact.name)
        ]
        newest_first = request.query.get("direction", "desc") == "desc"
        return _paged(request, "artifacts", found[::-1] if newest_first else found)

    def artifact(self, _: Request, artifact: str) -> Response:
        found = self._peer.artifact(_number(artifact)) or _missing()
        return Response(body=found.json(self._peer.repository, self._peer.runs[found.run_id]))

    def download(self, _: Request, artifact: str) -> Response:
        found = self._peer.artifact(_number(artifact)) or _missing()
        if found.expired:
            raise refuse(410, "Artifact has expired")
        return Response(status=302, headers={"Location": self._peer.blobs.link(found.content)})

    def delete(self, _: Request, artifact: str) -> Response:
        found = self._peer.artifact(_number(artifact)) or _missing()
        self._peer.artifacts.remove(found)
        return Response(status=204)

    def branch(self, _: Request, branch: str) -> Response:
        if branch != self._peer.default_branch:
            return _missing()
        return Response(body={"name": branch, "commit": {"sha": _tip(branch)}})

    def compare(self, _: Request, basehead: str) -> Response:
        base, _, head = basehead.partition("...")
        runs = [run for run in self._peer.runs.values() if run.head_sha == head]
        if base != _tip(self._peer.default_branch) or not runs:
            return _missing()
        return Response(body={"status": "behind" if all(run.on_branch for run in runs) else "diverged"})

    def comments(self, request: Request, issue: str) -> Response:
        since = request.query.get("since", "0001-01-01T00:00:00Z")
        found = [
            comment.json(self._peer.repository)
            for comment in self._peer.comments
            if comment.issue == _number(issue) and comment.updated_at >= datetime.fromisoformat(since)
        ]
        return _paged(request, None, found)

    def comment(self, request: Request, issue: str) -> Response:
        body = request.json({"body"}, {"body"})["body"]
        return Response(status=201, body=self._peer.add_comment(_number(issue), body).json(self._peer.repository))

    def edit(self, request: Request, comment: str) -> Response:
        body = request.json({"body"}, {"body"})["body"]
        found = next((each for each in self._peer.comments if each.id == _number(comment)), None) or _missing()
        found.body, found.updated_at = body, now()
        return Response(body=found.json(self._peer.repository))

    def _run(self, run: str) -> Run:
        return self._peer.runs.get(_number(run)) or _missing()


def _tip(branch: str) -> str:
    return hashlib.sha1(branch.encode()).hexdigest()


def _missing() -> Any:
    raise refuse(404, "Not Found")


def _number(text: str) -> int:
    if not text.isdecimal():
        raise misuse(404, f"`{text}` is no id")
    return int(text)


def _asked_for(run: Run, query: dict[str, str]) -> bool:
    return (
        query.get("branch", run.branch) == run.branch
        and query.get("event", run.event) == run.event
        and query.get("head_sha", run.head_sha) == run.head_sha
        and query.get("status", run.status) in (run.status, run.conclusion)
        and _within(query.get("created"), run.created_at)
    )


def _within(asked: str | None, moment: datetime) -> bool:
    """Tell whether a moment fits into GitHub's search syntax for dates."""
    compare: dict[str, Callable[[datetime, datetime], bool]] = {
        ">=": datetime.__ge__,
        "<=": datetime.__le__,
        ">": datetime.__gt__,
        "<": datetime.__lt__,
    }
    if asked is None:
        return True
    if ".." in asked:
        first, last = asked.split("..")
        return (first == "*" or moment >= _moment(first)) and (last == "*" or moment <= _moment(last))
    for sign, holds in compare.items():
        if asked.startswith(sign):
            return holds(moment, _moment(asked.removeprefix(sign)))
    return moment.date() == _moment(asked).date()


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise misuse(422, f"`{text}` is no date") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _paged(request: Request, key: str | None, found: list[Any]) -> Response:
    """Return one page, and the addresses of the others as GitHub gives them."""
    size, page = _count(request, "per_page", 30), _count(request, "page", 1)
    last = max(1, -(-len(found) // size))
    pages = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    shown = {
        rel: number
        for rel, number in pages.items()
        if 1 <= number <= last and (page > 1 if rel in ("prev", "first") else page < last)
    }
    headers = {"Link": ", ".join(_links(request, shown.items()))} if shown else {}
    part = found[(page - 1) * size : page * size]
    return Response(body={"total_count": len(found), key: part} if key else part, headers=headers)


def _count(request: Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdecimal() or int(text) == 0 or (name == "per_page" and int(text) > 100):
        raise misuse(422, f"{request.path}: {name}={text} is out of range")
    return int(text)


def _links(request: Request, pages: Iterable[tuple[str, int]]) -> Iterable[str]:
    host = request.headers["host"]
    for rel, number in pages:
        query = urllib.parse.urlencode({**request.query, "page": number})
        yield f'<http://{host}{request.path}?{query}>; rel="{rel}"'
