"""Where the workflow of a project keeps its warehouse, as far as a checkout on a person's machine tells."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dango_action import environment, inputs
from dango_action.config.parse import read
from dango_action.config.words import show
from dango_action.errors import ConfigError, CredentialsError, UsageError
from dango_action.github.api import GitHub
from dango_action.plan import file_target
from dango_action.scaffold.facts import WORKFLOWS, kept_at, workflows
from dango_action.scaffold.other_workflows import serves
from dango_action.scaffold.repository import find
from dango_action.state.artifacts import Artifacts
from dango_action.state.bucket import Address, open_bucket
from dango_action.state.names import Lineage
from dango_action.state.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dango_action.github.api import Repository
    from dango_action.inputs import StateWish
    from dango_action.state.store import Store

_SECONDS = 20
# An address of git: `https://host/owner/name.git`, `git@host:owner/name`, `ssh://git@host/owner/name`
_REMOTE = re.compile(r"(?:\w+://)?(?:[^@/]*@)?([^/:]+)(?::\d+/|[/:])([^/]+/[^/]+?)(?:\.git)?/?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whose warehouse is meant; None is found out."""

    repository: str | None = None
    workflow: str | None = None
    target: str | None = None
    shard: int = 1
    state: str | None = None  # as the input of the Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """A lineage, the repository that it belongs to, and where its generations are; `url` is a bucket's."""

    lineage: Lineage
    name: str
    repository: Repository
    store: Store
    url: str | None


def whereabouts(project: Path, wanted: Wanted, environ: Mapping[str, str]) -> Whereabouts:
    """Find out where the workflow of a project keeps what it loads; nothing is asked of the store yet.

    Raises:
        UsageError: it is not clear which repository, workflow or store is meant.
        ConfigError: sources.yml can't be read.
        CredentialsError: there is no token, or GitHub refuses it.
        StateError: GitHub doesn't answer.

    """
    parsed = read(project)
    if parsed.config is None:
        raise ConfigError(*parsed.problems)
    target = file_target(parsed.config.target, wanted.target)
    git = find(project)
    top, folder = (git.top, git.folder) if git else (project, "")
    file = wanted.workflow or _workflow(top, folder)
    lineage = Lineage(
        workflow=f"{WORKFLOWS}/{file}",
        project=folder,
        target=str(target),
        shard=wanted.shard,
    )
    match = _REMOTE.fullmatch(git.remote) if git else None
    host, remote = match.groups() if match else ("", "")
    name = wanted.repository or remote
    if not name:
        what = "there is no remote `origin` that names a repository"
        raise UsageError.because(what, "add --repository OWNER/NAME")
    wish = _wish(wanted.state or kept_at(top, file, folder))
    github = GitHub(_api(host, environ), name, _token(environ), in_job=False)
    repository = github.repository()
    artifacts = Artifacts(github=github, repository=repository, lineage=lineage, events=inputs.SYNC_EVENTS)
    if not wish.url:
        return Whereabouts(lineage=lineage, name=name, repository=repository, store=artifacts, url=None)
    objects = Objects(
        bucket=open_bucket(Address(url=wish.url, plain_http=environment.plain_http(environ))),
        repository_id=repository.id,
        lineage=lineage,
        earlier=artifacts.find,
        vouched=wish.asked == "unsealed",
    )
    return Whereabouts(lineage=lineage, name=name, repository=repository, store=objects, url=wish.url)


def _wish(text: str) -> StateWish:
    wish, problems = inputs.state_wish(text)
    if problems:
        raise UsageError(*problems)
    return wish


def _api(host: str, environ: Mapping[str, str]) -> str:
    """Return the address of the API that a token may be sent to: never to a host that is not GitHub's."""
    given = environment.api_url(environ)
    if given is not None:
        return given
    host = host.lower()
    if re.fullmatch(r"[a-z0-9-]+\.ghe\.com", host):
        return f"https://api.{host}"
    if host in ("", "github.com", "ssh.github.com"):
        return environment.API_URL
    raise UsageError.because(
        f"the remote `origin` is at {show(host)}, which is not GitHub's",
        "if it is a GitHub Enterprise Server, set GITHUB_API_URL to the address of its API",
    )


def _workflow(top: Path, folder: str) -> str:
    using = [file for file, synced in workflows(top).items() if serves(synced, folder)]
    if len(using) == 1:
        return using[0]
    if using:
        raise UsageError.because(
            f"several workflows sync this project: {', '.join(using)}", "choose with --workflow FILE"
        )
    raise UsageError.because(
        "no workflow of this repository syncs this project", "write one with `dango init`, or add --workflow FILE"
    )


def _token(environ: Mapping[str, str]) -> str:
    token = environment.user_token(environ) or _cli_token()
    if not token:
        raise CredentialsError.because(
            "there is no token for GitHub",
            "log in with `gh auth login`, or set GH_TOKEN to a token that may read Actions",
        )
    return token


def _cli_token() -> str:
    """Return the token of the GitHub CLI, if there is one."""
    try:
        done = subprocess.run(["gh", "auth", "token"], capture_output=True, timeout=_SECONDS, check=False)  # noqa: S607
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""
