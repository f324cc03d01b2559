"""`dango-action` as a step of a workflow, without the runner: variables in, outputs, summary and artifacts out.

It is much quicker than the runner, so most of what can happen to state is tried with it; `tests/action` runs
`action.yml` itself.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from github import GitHub

ACTION = Path(sys.executable).with_name("dango-action")
_OUTPUT = re.compile(r"^(.+?)<<(ghadelimiter_\S+)\n(.*?)\n\2\n", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Stepped:
    """What a step came to."""

    code: int
    out: str
    outputs: dict[str, str]
    summary: str

    @property
    def annotations(self):
        return re.findall(r"^::(error|warning|notice) ?(.*?)::(.*)$", self.out, re.MULTILINE)

    @property
    def errors(self):
        return [
            message.replace("%0A", "\n").replace("%25", "%")
            for level, _, message in self.annotations
            if level == "error"
        ]

    @property
    def result(self):
        return json.loads(Path(self.outputs["result-path"]).read_text())

    @property
    def notices(self):
        return [notice["what"] for notice in self.result["notices"]]


@dataclass
class Started:
    """A step that runs."""

    workflow: Workflow
    run_id: int
    folder: Path
    process: subprocess.Popen

    def wait(self):
        """Wait for its end, and do what comes after it in a job."""
        out, _ = self.process.communicate(timeout=120)
        text = (self.folder / "output").read_text()
        outputs = {name: value for name, _, value in _OUTPUT.findall(text)}
        if self.workflow.uploads:
            self.workflow.upload(self.run_id, outputs, self.folder / "dango")
        code = self.process.returncode
        self.workflow.github.finish(self.run_id, "success" if code == 0 else "failure")
        return Stepped(code, out, outputs, (self.folder / "summary.md").read_text())


@dataclass
class Workflow:
    """A workflow of `acme/shop` with one step, run again and again."""

    project: object  # tests/conftest.py's
    github: GitHub
    temp: Path
    runs: int = 0
    uploads: bool = True  # whether the upload steps work
    extra: dict[str, str] = field(default_factory=dict)

    def run(self, run_id=None, **about):
        """Run the step and upload what it leaves; inputs are written with `_`, as in `full_refresh="true"`."""
        return self.start(run_id, **about).wait()

    def start(self, run_id=None, *, event="schedule", branch="main", attempt=1, payload=None, env=None, **inputs):
        """Start the step."""
        self.runs += 1
        run_id = run_id or 100 + self.runs
        folder = self.temp / f"step-{self.runs}"
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("output", "summary.md"):
            (folder / name).touch()
        self.github.add_run(run_id, event=event, branch=branch, attempt=attempt, status="in_progress")
        (folder / "event.json").write_text(
            json.dumps(payload or {"repository": {"default_branch": self.github.default_branch}})
        )
        variables = self.variables(run_id, folder, event, branch, attempt) | self.extra | (env or {})
        for name, value in ({"github_token": self.github.token} | inputs).items():
            variables[f"DANGO_INPUT_{name.upper()}"] = value
        process = subprocess.Popen(
            [ACTION],
            cwd=self.project.path,
            env=self.project.environ(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Started(self, run_id, folder, process)

    def variables(self, run_id, folder, event, branch, attempt):
        """Return what GitHub sets."""
        ref = f"refs/heads/{branch}"
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_REF": ref,
            "GITHUB_REPOSITORY": self.github.full_name,
            "GITHUB_REPOSITORY_ID": str(self.github.repository_id),
            "GITHUB_RUN_ATTEMPT": str(attempt),
            "GITHUB_RUN_ID": str(run_id),
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            "GITHUB_WORKFLOW_REF": f"{self.github.full_name}/.github/workflows/dango.yml@{ref}",
            "GITHUB_WORKSPACE": str(self.project.path),
            "RUNNER_TEMP": str(folder),
            "DANGO_FOLDER": str(folder / "dango"),
        }

    def upload(self, run_id, outputs, folder):
        """Do what the last steps of `action.yml` do."""
        for kind in ("state", "report"):
            if name := outputs.get(f"{kind}-name"):
                content = zipped(folder / kind)
                names = [artifact.name for artifact in self.github.artifacts if artifact.run_id == run_id]
                assert name not in names, f"{name} is taken"
                self.github.add_artifact(run_id, name, content)

    def forget(self):
        """Throw the machine away: all that is left is what was uploaded, and what is in git."""
        for file in self.project.path.joinpath(".dango").glob("warehouse.duckdb*"):
            file.unlink()

    def states(self):
        """Return the artifacts with kept generations, oldest first."""
        return [artifact for artifact in self.github.artifacts if artifact.name.startswith("dango-state-")]


def zipped(folder):
    """Return the files of a folder as the zip that upload-artifact makes."""
    return zip_of({file.name: file.read_bytes() for file in sorted(folder.iterdir())})


def zip_of(files):
    """Return a zip with these files, by name or by `ZipInfo`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()
