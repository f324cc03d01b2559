"""The newest warehouse of a workflow on a person's machine: where it is kept, and what may be replaced by it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dango_action import environment, inputs
from dango_action.config.parse import read
from dango_action.config.words import show
from dango_action.credentials.keys import KeyRing
from dango_action.errors import ConfigError, CredentialsError, StateError, UsageError
from dango_action.fetch import Destination, fetch, origin
from dango_action.github.api import GitHub
from dango_action.plan import usable_target
from dango_action.scaffold.facts import WORKFLOWS, workflows
from dango_action.scaffold.other_workflows import serves
from dango_action.scaffold.repository import find
from dango_action.state.artifacts import Artifacts
from dango_action.state.manifest import Manifest, decode, file_of
from dango_action.state.names import Lineage
from dango_action.state.seal import Keys
from dango_action.warehouse.generations import signature

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PULLED = ".dango/pulled.duckdb"
"""Not the target's own file: a sync on this machine goes on from that, and it may hold what is nowhere else."""
_SECONDS = 20
# An address of git: `https://host/owner/name.git`, `git@host:owner/name`, `ssh://git@host/owner/name`
_REMOTE = re.compile(r"(?:\w+://)?(?:[^@/]*@)?([^/:]+)(?::\d+/|[/:])([^/]+/[^/]+?)(?:\.git)?/?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for on the command line; None is found out."""

    repository: str | None
    workflow: str | None
    target: str | None
    shard: int
    output: Path | None
    force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """A warehouse on this machine. `fetched` is false if it was here already."""

    path: Path
    manifest: Manifest
    fetched: bool


def pull(project: Path, wish: Wish, environ: Mapping[str, str]) -> Pulled:
    """Fetch the newest generation that the workflow of a project has kept.

    Raises:
        UsageError: it is not clear which repository or workflow is meant.
        CredentialsError: there is no token, GitHub refuses it, or the key for a sealed one is not here.
        StateError: nothing is kept, it can't be trusted, or the file in its place holds something else.

    """
    lineage, path, repository, url = _found_out(project, wish, environ)
    github = GitHub(url, repository, _token(environ), in_job=False)
    about = github.repository()
    store = Artifacts(github=github, repository=about, lineage=lineage, events=inputs.SYNC_EVENTS)
    newest = store.find().newest
    if newest is None:
        raise StateError.because(
            f"nothing is kept of {lineage.target} by {lineage.workflow} of {repository}",
            "run the workflow on the default branch, or name another --workflow, --target or --shard; "
            "what was kept once may have expired",
        )
    seen = signature(path)
    here = _here(path, force=wish.force)
    if here and (here.generation, here.run_id) == (newest.generation, newest.run_id):
        return Pulled(path=path, manifest=here, fetched=False)
    expected = origin(lineage, about)
    keys = Keys(ring=KeyRing.of(environment.secrets_key(environ)), folder=environment.config_folder(environ))
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
    with _noted(path) as note:
        to = Destination(path=path, seen=seen, run=run)
        manifest = fetch(store, newest, expected, to, keys).manifest
        note.write_bytes(manifest.encode())
    return Pulled(path=path, manifest=manifest, fetched=True)


def _found_out(project: Path, wish: Wish, environ: Mapping[str, str]) -> tuple[Lineage, Path, str, str]:
    """Return what to look for, the file for it, and the repository and the API to look in."""
    git = find(project)
    parsed = read(project)
    if parsed.config is None:
        raise ConfigError(*parsed.problems)
    target = usable_target(parsed.config.target, wish.target)
    folder = git.folder if git else ""
    lineage = Lineage(
        workflow=f"{WORKFLOWS}/{wish.workflow or _workflow(git.top if git else project, folder)}",
        project=folder,
        target=str(target),
        shard=wish.shard,
    )
    path = wish.output.resolve() if wish.output else (project / PULLED).resolve()
    match = _REMOTE.fullmatch(git.remote) if git else None
    host, name = match.groups() if match else ("", "")
    if not (wish.repository or name):
        what = "there is no remote `origin` that names a repository"
        raise UsageError.because(what, "add --repository OWNER/NAME")
    return lineage, path, wish.repository or name, _api(host, environ)


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


def _note(path: Path) -> Path:
    """Return the file beside a pulled warehouse that says which one it is."""
    return path.with_name(f"{path.name}.pulled.json")


@contextmanager
def _noted(path: Path) -> Iterator[Path]:
    """Give a file for the new note. While it is there, as after a kill, the warehouse counts as a pulled one."""
    note, new = _note(path), _note(path).with_suffix(".new")
    note.parent.mkdir(parents=True, exist_ok=True)
    new.touch()
    try:
        yield new
        new.replace(note)
    finally:
        new.unlink(missing_ok=True)


def _here(path: Path, *, force: bool) -> Manifest | None:
    """Return the manifest of the pulled warehouse at `path`; None if there is none that has to stay.

    Raises:
        StateError: the file is something else, which must not be lost.

    """
    if not path.exists() or force:
        return None
    note = _note(path)
    with suppress(StateError, OSError):
        manifest = decode(note.read_bytes())
        if file_of(path) == manifest.file:
            return manifest
    if note.with_suffix(".new").exists():  # a pull was killed between the file and its note
        return None
    raise StateError.because(
        f"{path} holds something else than a pulled warehouse, or was changed since",
        "put the pulled one elsewhere with --output OTHER.duckdb, or replace this one with --force",
    )


def lines(pulled: Pulled) -> Iterator[str]:
    """Give what a pulled warehouse is, what is in it, and how to open it."""
    manifest = pulled.manifest
    made = f"generation {manifest.generation} of {manifest.created_at:%Y-%m-%d %H:%M} UTC, run {manifest.run_id}"
    size = f"{manifest.file.size / 1_000_000:,.1f} MB"
    yield f"{'fetched' if pulled.fetched else 'here already:'} {made}, {size}"
    for dataset, held in manifest.datasets.items():
        yield from (f"  {dataset}.{table}  {rows:,}" for table, rows in held.rows.items())
    yield f"open it: duckdb -readonly {shlex.quote(_short(pulled.path))}"


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
