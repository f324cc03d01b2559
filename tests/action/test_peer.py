"""The peer itself: it answers as GitHub does, and it notices what no client should do."""

import datetime as dt
import io
import os
import shutil
import subprocess
import zipfile

import pytest
import requests
from github import GitHub
from stage import NODE, PEERS

UPLOAD = PEERS / "artifact-action/dist/upload.cjs"


def zipped(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def call(github):
    """Send a request below the repository, as a client with the right token."""

    def send(method, path, *, token=None, **options):
        headers = {"Authorization": f"Bearer {token or github.token}", "X-GitHub-Api-Version": "2022-11-28"}
        return requests.request(
            method, f"{github.api_url}/repos/acme/shop{path}", headers=headers, timeout=10, **options
        )

    return send


@pytest.fixture
def upload(github, tmp_path):
    """Run the double of upload-artifact in a run, without a runner."""

    def run(run_id, **inputs):
        variables = {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in inputs.items()}
        defaults = {
            "INPUT_IF-NO-FILES-FOUND": "error",
            "INPUT_INCLUDE-HIDDEN-FILES": "false",
            "INPUT_OVERWRITE": "false",
        }
        (tmp_path / "output").touch()
        environ = {
            "PATH": os.environ["PATH"],
            "GITHUB_WORKSPACE": str(tmp_path),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "ACTIONS_RESULTS_URL": github.results_url,
            "ACTIONS_RUNTIME_TOKEN": github.runtime_token(run_id),
            **defaults,
            **variables,
        }
        return subprocess.run(
            [NODE / "node", UPLOAD],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def twirp(github, method, run_id, **body):
    token = github.runtime_token(run_id)
    ids = github._results.jobs[token]
    body = {
        "workflow_run_backend_id": ids.run_backend_id,
        "workflow_job_run_backend_id": ids.job_backend_id,
        **body,
    }
    address = f"{github.results_url}twirp/github.actions.results.api.v1.ArtifactService/{method}"
    return requests.post(address, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=10)


def test_a_download_goes_to_another_host_without_the_token(github, call):
    github.add_run(1)
    artifact = github.add_artifact(1, "state", zipped(a=b"1"))

    response = call("GET", f"/actions/artifacts/{artifact.id}/zip")

    assert response.content == artifact.content
    [redirect] = response.history
    assert redirect.status_code == 302
    assert redirect.headers["Location"].startswith("http://localhost:")
    assert "authorization" not in github.requests[-1].headers


def test_a_token_that_is_taken_along_to_the_blob_store_is_refused_and_noted(github, call):
    github.add_run(1)
    artifact = github.add_artifact(1, "state", zipped(a=b"1"))
    link = call("GET", f"/actions/artifacts/{artifact.id}/zip", allow_redirects=False).headers["Location"]

    response = requests.get(link, headers={"Authorization": f"Bearer {github.token}"}, timeout=10)

    assert (response.status_code, response.headers["x-ms-error-code"]) == (400, "InvalidAuthenticationInfo")
    [violation] = github.violations
    assert "an Authorization header came to the blob store" in violation
    github.violations.clear()


def test_the_blob_store_wants_the_signature_that_was_given_out(github, call):
    github.add_run(1)
    artifact = github.add_artifact(1, "state", zipped(a=b"1"))
    link = call("GET", f"/actions/artifacts/{artifact.id}/zip", allow_redirects=False).headers["Location"]

    assert requests.get(link.partition("?")[0], timeout=10).status_code == 403
    assert requests.get(link.replace("sig=", "sig=0"), timeout=10).status_code == 403
    assert (
        requests.put(link, data=b"forged", headers={"x-ms-blob-type": "BlockBlob"}, timeout=10).status_code == 403
    )
    assert requests.get(link, timeout=10).content == artifact.content


def test_a_wrong_token_and_a_missing_permission_are_told_apart(github, call):
    github.permissions = {"contents:read"}

    assert call("GET", "", token="ghs_other").status_code == 401
    assert call("GET", "").json()["visibility"] == "private"
    refused = call("GET", "/actions/artifacts")
    assert (refused.status_code, refused.json()["message"]) == (403, "Resource not accessible by integration")
    assert refused.headers["X-Accepted-GitHub-Permissions"] == "actions=read"
    comment = call("POST", "/issues/1/comments", json={"body": "x"})
    assert comment.headers["X-Accepted-GitHub-Permissions"] == "issues=write; pull-requests=write".replace(
        "-", "_"
    )


def test_a_public_repository_can_be_read_without_a_permission_but_not_changed():
    with GitHub(private=False, permissions=set()) as github:
        github.add_run(1)
        artifact = github.add_artifact(1, "state", zipped(a=b"1"))
        address = f"{github.api_url}/repos/acme/shop/actions/artifacts/{artifact.id}"
        headers = {"Authorization": f"Bearer {github.token}"}

        assert requests.get(address, headers=headers, timeout=10).json()["name"] == "state"
        assert requests.delete(address, headers=headers, timeout=10).status_code == 403


def test_runs_are_listed_newest_first_and_by_what_is_asked_for(github, call):
    day = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    days = [day + dt.timedelta(days=number) for number in range(4)]
    github.add_run(4, created_at=days[3], path=".github/workflows/dango.yml@refs/heads/main")
    github.add_run(1, created_at=days[0], conclusion="failure")
    github.add_run(2, created_at=days[1], branch="other", event="push")
    github.add_run(3, created_at=days[2], status="in_progress")
    github.add_run(5, created_at=days[0], path=".github/workflows/ci.yml")

    def listed(**query):
        answer = call("GET", "/actions/workflows/dango.yml/runs", params=query).json()
        assert answer["total_count"] == len(answer["workflow_runs"])
        return [run["id"] for run in answer["workflow_runs"]]

    assert listed() == [4, 3, 2, 1]
    assert listed(branch="main", status="success") == [4]
    assert listed(status="completed") == [4, 2, 1]
    assert listed(event="push", exclude_pull_requests="true") == [2]
    assert listed(created=">=2026-11-03") == [4, 3]
    assert listed(created="2026-11-01..2026-11-02") == [2, 1]
    assert call("GET", "/actions/workflows/ci.yml/runs").json()["total_count"] == 1
    assert call("GET", "/actions/workflows/none.yml/runs").status_code == 404


def test_a_run_of_a_fork_names_the_fork(github, call):
    github.add_run(1, head_repository_id=99, event="pull_request")

    run = call("GET", "/actions/runs/1").json()

    assert (run["repository"]["id"], run["head_repository"]["id"]) == (4711, 99)
    assert run["head_repository"]["full_name"] == "somebody/shop"
    github.add_artifact(1, "state", zipped())
    [artifact] = call("GET", "/actions/artifacts").json()["artifacts"]
    assert artifact["workflow_run"].items() >= {"id": 1, "repository_id": 4711, "head_repository_id": 99}.items()


def test_lists_come_in_pages_that_link_to_each_other(github, call):
    github.add_run(1)
    for number in range(5):
        github.add_artifact(1, f"a{number}", zipped())

    first = call("GET", "/actions/runs/1/artifacts", params={"per_page": 2})
    assert (first.json()["total_count"], [a["name"] for a in first.json()["artifacts"]]) == (5, ["a4", "a3"])
    assert set(first.links) == {"next", "last"}
    second = requests.get(first.links["next"]["url"], headers=first.request.headers, timeout=10)
    assert [a["name"] for a in second.json()["artifacts"]] == ["a2", "a1"]
    assert set(second.links) == {"first", "prev", "next", "last"}
    named = call("GET", "/actions/artifacts", params={"name": "a2"})
    assert ([a["name"] for a in named.json()["artifacts"]], named.links) == (["a2"], {})


def test_expired_and_deleted_artifacts_cannot_be_downloaded(github, call):
    github.add_run(1)
    expired = github.add_artifact(1, "old", zipped(), expired=True)
    deleted = github.add_artifact(1, "new", zipped())

    assert call("GET", f"/actions/artifacts/{expired.id}").json()["expired"] is True
    assert call("GET", f"/actions/artifacts/{expired.id}/zip").status_code == 410
    assert call("DELETE", f"/actions/artifacts/{deleted.id}").status_code == 403
    github.permissions.add("actions:write")
    assert call("DELETE", f"/actions/artifacts/{deleted.id}").status_code == 204
    assert call("GET", f"/actions/artifacts/{deleted.id}/zip").status_code == 404


def test_comments_are_written_edited_and_listed(github, call):
    github.permissions.add("pull-requests:write")

    created = call("POST", "/issues/7/comments", json={"body": "one"})
    call("PATCH", f"/issues/comments/{created.json()['id']}", json={"body": "two"})

    assert created.status_code == 201
    [comment] = call("GET", "/issues/7/comments").json()
    assert (comment["body"], comment["user"]["login"]) == ("two", "github-actions[bot]")
    assert call("GET", "/issues/8/comments").json() == []


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/actions/runs/1/jobs", {}, 404),
        ("GET", "/actions/artifacts", {"params": {"nmae": "x"}}, 400),
        ("GET", "/actions/artifacts", {"params": {"per_page": 101}}, 422),
        ("GET", "/actions/artifacts/latest", {}, 404),
        ("GET", "/actions/workflows/dango.yml/runs", {"params": {"status": "done"}}, 422),
        ("POST", "/issues/1/comments", {"json": {"text": "x"}}, 400),
        ("POST", "/issues/1/comments", {"data": "x"}, 415),
    ],
)
def test_what_the_documentation_does_not_name_is_refused_and_noted(github, call, method, path, options, status):
    github.permissions.add("issues:write")

    assert call(method, path, **options).status_code == status
    assert len(github.violations) == 1
    github.violations.clear()


def test_planned_faults_hit_as_often_as_they_were_planned(github, call):
    github.fail_next("/artifacts", 503, times=2, headers={"Retry-After": "1"})
    github.fail_next("/artifacts", None)

    answers = [call("GET", "/actions/artifacts") for _ in range(2)]

    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in answers] == [(503, "1")] * 2
    with pytest.raises(requests.ConnectionError):
        call("GET", "/actions/artifacts")
    assert call("GET", "/actions/artifacts").status_code == 200
    assert len(github.requests) == 4


def test_the_artifact_client_uploads_several_blocks_and_the_peer_has_them_in_order(github, upload, tmp_path):
    github.add_run(1)
    content = os.urandom(20_000_000)
    (tmp_path / "big.bin").write_bytes(content)

    done = upload(1, name="big", path="big.bin", compression_level="0")

    assert done.returncode == 0, done.stdout
    [artifact] = github.artifacts
    assert artifact.files() == {"big.bin": content}
    assert sum(request.query.get("comp") == "block" for request in github.requests) > 2


def test_an_upload_takes_the_place_of_one_with_its_name_if_it_is_told_to(github, upload, tmp_path):
    github.add_run(1)
    (tmp_path / "a").write_text("a")
    for overwrite, code in (("true", 0), ("false", 1), ("true", 0)):
        done = upload(1, name="a", path="a", overwrite=overwrite)
        assert done.returncode == code, done.stdout

    assert len(github.artifacts) == 1


def test_the_artifact_client_tries_again_after_a_failure(github, upload, tmp_path):
    github.add_run(1)
    github.fail_next("FinalizeArtifact", 503)
    (tmp_path / "a").touch()

    done = upload(1, name="a", path="a")

    assert done.returncode == 0, done.stdout
    assert [artifact.name for artifact in github.artifacts] == ["a"]


@pytest.mark.parametrize(
    ("path", "hidden", "expected"),
    [
        ("tree", "false", {"a", "sub/b"}),
        ("tree", "true", {"a", "sub/b", "sub/.h", ".d/c"}),
        ("tree/a", "false", {"a"}),
        ("tree/sub/*", "false", {"b"}),
        ("tree/a\ntree/sub", "false", {"a", "sub/b"}),
        ("tree\nother", "false", {"tree/a", "tree/sub/b", "other/x"}),
        ("tree\n!tree/sub/**", "false", {"a"}),
        ("tree/.d", "false", set()),
        (
            "tree/.d/c",
            "false",
            {"c"},
        ),  # the last part of a name counts, and a folder below a path, but none above it
    ],
)
def test_files_have_the_names_that_the_real_action_gives_them(github, upload, tmp_path, path, hidden, expected):
    github.add_run(1)
    for name in ("tree/a", "tree/sub/b", "tree/sub/.h", "tree/.d/c", "other/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    upload(1, name="n", path=path, include_hidden_files=hidden, if_no_files_found="warn")

    assert {name for artifact in github.artifacts for name in artifact.files()} == expected


def test_the_artifact_service_lists_links_and_deletes_what_the_run_has(github):
    github.add_run(1)
    github.add_run(2)
    artifact = github.add_artifact(1, "a", zipped(x=b"1"))

    [listed] = twirp(github, "ListArtifacts", 1, name_filter="a").json()["artifacts"]
    assert (listed["database_id"], listed["digest"]) == (str(artifact.id), artifact.digest)
    assert twirp(github, "ListArtifacts", 2).json() == {"artifacts": []}
    link = twirp(github, "GetSignedArtifactURL", 1, name="a").json()["signed_url"]
    assert requests.get(link, timeout=10).content == artifact.content
    assert twirp(github, "DeleteArtifact", 2, name="a").status_code == 404
    assert twirp(github, "DeleteArtifact", 1, name="a").json()["artifact_id"] == str(artifact.id)
    assert github.artifacts == []


def test_an_upload_must_be_what_its_client_says_that_it_is(github):
    github.add_run(1)
    link = twirp(github, "CreateArtifact", 1, name="a", version=7).json()["signed_upload_url"]
    requests.put(link, data=b"12345", headers={"x-ms-blob-type": "BlockBlob"}, timeout=10)

    assert twirp(github, "CreateArtifact", 1, name="a", version=7).json()["code"] == "already_exists"
    assert twirp(github, "FinalizeArtifact", 1, name="a", size="4").status_code == 400
    assert twirp(github, "CreateArtifact", 1, name="a/b", version=7).status_code == 400
    assert len(github.violations) == 2
    github.violations.clear()


def test_a_token_reaches_only_its_own_run(github):
    github.add_run(1)
    body = {"workflow_run_backend_id": "another", "name": "a", "version": 7}

    assert twirp(github, "CreateArtifact", 1, **body).status_code == 403
    assert len(github.violations) == 1
    github.violations.clear()


def test_the_npm_lock_names_no_registry():
    lock = (PEERS / "artifact-action/package-lock.json").read_text()

    assert '"resolved"' not in lock
    assert shutil.which("node", path=str(NODE))
