"""Runs workflows under act, on this machine and without GitHub: every `uses:` is a local folder.

A `uses:` that no folder stands for fails at once, because act's own requests go to a proxy that does not exist. The
steps can reach the package registry, as on GitHub; for everything else they have the peer.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import workflow_files
from done import Done, entries
from events import Event
from stage import NODE, ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from github import GitHub

ACT = Path(sys.executable).with_name("act")
CACHE = ROOT / ".tools/cache"
DEAD = "http://127.0.0.1:9"
# What a machine may need to reach its package registry; a step on GitHub has none of it.
REGISTRY = ("PIP_", "UV_", "SSL_CERT_")
PROXIES = [spelling for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY") for spelling in (name, name.lower())]


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A runner for the repository of a peer. `actions` are folders by `owner/name`, or `name` for any owner, and for any ref.

    `timeout` is in seconds, for a whole run.
    """

    github: GitHub
    actions: Mapping[str, Path]
    shims: Path
    tmp: Path
    timeout: float = 120

    def run(
        self,
        project: Path,
        *,
        event: str = "schedule",
        workflow: str = ".github/workflows/dango.yml",
        run_id: int | None = None,
        attempt: int = 1,
        branch: str = "main",
        payload: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Done:
        """Run a workflow of a git repository at its HEAD, and tell the peer what came of it.

        `payload` is laid over the event's own; `inputs` in it are those of a workflow_dispatch. `env` is what every
        step sees. Without a `run_id`, it is the one after the newest that the peer knows.

        Raises:
            TimeoutError: it has not ended; what it had started is ended.
            RuntimeError: act has crashed, as it does for an input with two `${{` of which one has no end.

        """
        what = Event(
            name=event, branch=branch, sha=_head(project), repository=self.github.repository, extra=payload or {}
        )
        run = self.github.add_run(
            run_id or max(self.github.runs, default=0) + 1,
            event=event,
            branch=branch,
            path=workflow,
            attempt=attempt,
            status="in_progress",
            head_repository_id=what.head_repository_id,
            head_sha=what.sha,
        )
        token = self.github.runtime_token(run.id)
        given = {"GITHUB_TOKEN": self.github.token, **(secrets or {})}
        folder = self._folder(what, given)
        before = len(self.github.artifacts)
        own = {
            "PEER_CHECKOUT": str(project),
            "PEER_KEEP": str(folder / "kept"),
            "ACTIONS_RUNTIME_TOKEN": token,
        }
        variables = {**what.variables(run, workflow), **self._variables(), **own, **(env or {})}
        code, out, err = self._act([event, *self._options(project, workflow, folder), *_env(variables)], folder)
        done = Done(
            code=code,
            log=entries(out),
            errors=err,
            known=workflow_files.names(self._sources(project)),
            secrets=[*given.values(), token],
            kept=folder / "kept",
            artifacts=[each for each in self.github.artifacts[before:] if each.run_id == run.id],
        )
        self.github.finish(run.id, done.conclusion)
        return done

    def _folder(self, event: Event, secrets: Mapping[str, str]) -> Path:
        """Return a new folder with the files of a run."""
        folder = self.tmp / uuid.uuid4().hex[:8]
        (folder / "home").mkdir(parents=True)
        (folder / "event.json").write_text(json.dumps(event.payload()), encoding="utf-8")
        # as YAML, because a line of the other form can't hold a secret with several lines
        (folder / "secrets.yml").write_text(json.dumps(secrets), encoding="utf-8")
        return folder

    def _folder_of(self, name: str) -> Path | None:
        return self.actions.get(name) or self.actions.get(name.partition("/")[2])

    def _sources(self, project: Path) -> list[Path]:
        return workflow_files.files([project, *self.actions.values()])

    def _options(self, project: Path, workflow: str, folder: Path) -> list[str]:
        used = workflow_files.uses(self._sources(project))
        folders = ((use, self._folder_of(use[0])) for use in used)
        local = [f"{name}@{ref}={folder}" for (name, ref), folder in folders if folder]
        return [
            *("--directory", str(project)),
            *("--workflows", str(project / workflow)),
            *("--eventpath", str(folder / "event.json")),
            *("--secret-file", str(folder / "secrets.yml")),
            *("--env-file", os.devnull),
            *("--var-file", os.devnull),
            *("--input-file", os.devnull),
            *("--action-cache-path", str(folder / "runner")),
            *("--platform", "ubuntu-latest=-self-hosted"),
            *("--concurrent-jobs", "1"),
            *("--actor", "octocat"),
            *(option for each in local for option in ("--local-repository", each)),
            "--json",
            "--no-cache-server",
            "--action-offline-mode",
            "--no-skip-checkout",  # act would copy the work tree, files that were never committed among it
        ]

    def _variables(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if name.startswith(REGISTRY)},
            **{f"PEER_MACHINE_{name}": os.environ[name] for name in PROXIES if name in os.environ},
            "UV_CACHE_DIR": str(CACHE / "uv"),
            "PIP_CACHE_DIR": str(CACHE / "pip"),
            "PEER_PYTHON": str(Path(sys.executable).resolve()),
            "GITHUB_API_URL": self.github.api_url,
            "ACTIONS_RESULTS_URL": self.github.results_url,
        }

    def _act(self, arguments: list[str], folder: Path) -> tuple[int, str, str]:
        process = subprocess.Popen(
            [
                "env",
                "--default-signal=HUP",
                ACT,
                *arguments,
            ],  # a shell may ignore it, and what it starts then does
            cwd=folder,
            env=self._environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=self.timeout)
        except subprocess.TimeoutExpired as error:
            out, _ = _end(process)
            raise TimeoutError(f"act did not end within {self.timeout} s: {out[-2000:]}") from error
        except BaseException:
            _end(process)
            raise
        if process.returncode not in (0, 1):
            raise RuntimeError(f"act itself has failed with {process.returncode}: {err[:2000]}")
        return process.returncode, out, err

    def _environment(self, folder: Path) -> dict[str, str]:
        own = Path(sys.executable).parent
        path = [each for each in os.environ["PATH"].split(os.pathsep) if Path(each) != own]
        return {
            "PATH": os.pathsep.join([str(self.shims), str(NODE), *path]),
            "HOME": str(folder / "home"),
            "LANG": "C.UTF-8",
            **dict.fromkeys(PROXIES, DEAD),
        }


def _env(variables: Mapping[str, str]) -> list[str]:
    return [option for pair in variables.items() for option in ("--env", "=".join(pair))]


def _head(project: Path) -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _end(process: subprocess.Popen[str]) -> tuple[str, str]:
    """End act, which ends its steps: each has a terminal of its own, and hangs up with it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.communicate(timeout=5)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.communicate()
