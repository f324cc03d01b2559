"""The one place that knows the names of environment variables."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from dango_action.credentials.allow_list import base_environment
from dango_action.credentials.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "DANGO_INPUT_"
"""Composite actions get no `INPUT_*` variables, so `action.yml` passes each input under this prefix."""

API_URL = "https://api.github.com"

_OF_INDEXES = ("UV_INDEX", "UV_HTTP_")
_OF_UV = frozenset(
    {
        "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX",
        "UV_INSECURE_HOST", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "UV_CACHE_DIR", "UV_CONCURRENT_DOWNLOADS", "NETRC",
    }
)  # fmt: skip
# uv does not read pip's variables, which many runners of one's own have.
_OF_PIP = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_NO_INDEX": "UV_NO_INDEX",
    "PIP_CERT": "SSL_CERT_FILE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The workflow run, as the runner's variables describe it; the API is asked for what trust depends on."""

    event: str
    ref: str  # `refs/heads/main`
    repository: str  # `owner/name`
    repository_id: int
    run_id: int
    run_attempt: int
    workflow: str  # the path in the repository of the workflow that was started, not of one that it calls
    api_url: str
    workspace: Path
    folder: Path  # of this step alone, outside of the workspace; `action.yml` uploads what is left there
    summary: Path | None  # the file for the job summary
    token: str = field(repr=False)


def context_of(environ: Mapping[str, str], token: str) -> Context:
    """Return the workflow run that a runner's variables describe, with the token for its API."""
    reference = environ.get("GITHUB_WORKFLOW_REF", "")
    repository = environ.get("GITHUB_REPOSITORY", "")
    return Context(
        event=environ.get("GITHUB_EVENT_NAME", ""),
        ref=environ.get("GITHUB_REF", ""),
        repository=repository,
        repository_id=_whole(environ.get("GITHUB_REPOSITORY_ID", "")),
        run_id=_whole(environ.get("GITHUB_RUN_ID", "")),
        run_attempt=_whole(environ.get("GITHUB_RUN_ATTEMPT", "")) or 1,
        workflow=reference.partition("@refs/")[0].removeprefix(f"{repository}/"),
        api_url=api_url(environ) or API_URL,
        workspace=workspace(environ),
        folder=Path(environ.get("DANGO_FOLDER") or "."),
        summary=summary_file(environ),
        token=token,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """The outcomes of the upload steps, in GitHub's words, in their order; None: there was nothing to upload."""

    state: tuple[str, ...] | None
    report: tuple[str, ...] | None
    generation: str


def uploads(environ: Mapping[str, str]) -> Uploads:
    """Return what `action.yml` says of its upload steps."""
    state, report = (
        tuple(outcome for outcome in environ.get(name, "").split() if outcome != "skipped") or None
        for name in ("DANGO_STATE_UPLOADS", "DANGO_REPORT_UPLOADS")
    )
    return Uploads(state=state, report=report, generation=environ.get("DANGO_GENERATION", ""))


def event(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the payload of the event that has started the workflow; {} if the runner gives none."""
    file = Path(environ.get("GITHUB_EVENT_PATH") or ".")
    payload = orjson.loads(file.read_bytes()) if file.is_file() else {}
    return payload if isinstance(payload, dict) else {}


def summary_file(environ: Mapping[str, str]) -> Path | None:
    """Return the file for this step's part of the job summary; None outside of a workflow."""
    return Path(path) if (path := environ.get("GITHUB_STEP_SUMMARY")) else None


def workspace(environ: Mapping[str, str]) -> Path:
    """Return the folder of the checked-out repository, from which GitHub counts the paths of annotations."""
    return Path(environ.get("GITHUB_WORKSPACE") or ".").resolve()


def on_runner(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a step of a GitHub Actions job."""
    return environ.get("GITHUB_ACTIONS") == "true"


def user_token(environ: Mapping[str, str]) -> str:
    """Return the token that the GitHub CLI would use: `GH_TOKEN`, else `GITHUB_TOKEN`, else nothing."""
    return environ.get("GH_TOKEN") or environ.get("GITHUB_TOKEN") or ""


def for_installers(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that uv has, and code that it builds: none of a source, none of dango's, no token."""
    kept = base_environment(environ)
    kept |= {ours: environ[theirs] for theirs, ours in _OF_PIP.items() if environ.get(theirs)}
    return kept | {name: text for name, text in environ.items() if name in _OF_UV or name.startswith(_OF_INDEXES)}


def action_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder that `action.yml` lies in."""
    return Path(environ.get("GITHUB_ACTION_PATH") or ".")


def secrets_key(environ: Mapping[str, str]) -> str:
    """Return the private keys for sealed secrets, one a line; empty if there are none."""
    return environ.get(f"{PREFIX}SECRETS_KEY") or environ.get("DANGO_SECRETS_KEY") or ""


def surroundings(environ: Mapping[str, str]) -> Surroundings:
    """Return what a sync is given beside its project."""
    return Surroundings(
        variables=dict(environ),
        keys=secrets_key(environ),
        folder=config_folder(environ),
        bundle=environ.get(f"{PREFIX}SECRETS_BUNDLE") or environ.get("DANGO_SECRETS_BUNDLE") or "",
        on_runner=on_runner(environ),
    )


def config_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of this user's own settings and keys; nothing says that it exists."""
    given, home = Path(environ.get("XDG_CONFIG_HOME") or "."), Path(environ.get("HOME") or Path.home())
    usual = home / ("Library/Application Support" if sys.platform == "darwin" else ".config")
    return (given if given.is_absolute() else usual) / "dango"


def api_url(environ: Mapping[str, str]) -> str | None:
    """Return the address of GitHub's REST API, if it was set, as a runner does."""
    return environ.get("GITHUB_API_URL") or None


def plain_http(environ: Mapping[str, str]) -> bool:
    """Tell whether a bucket may be at an address without TLS, by the names that obstore has for it."""
    return any(environ.get(f"{cloud}_ALLOW_HTTP", "").lower() == "true" for cloud in ("AWS", "AZURE", "GOOGLE"))


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
