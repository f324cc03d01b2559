"""A finished run, read from act's log."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workflow_commands import Annotation, Reader

if TYPE_CHECKING:
    from pathlib import Path

    from github import Artifact

LONGEST_SUMMARY = 1024 * 1024
"""Bytes of a step's summary; GitHub drops a longer one whole, with an error on the run's page."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """What came of a run.

    Steps are named by their ids, those inside of a composite action behind the id of its step: `dango/install`.
    """

    code: int
    log: list[dict[str, Any]] = field(repr=False)
    errors: str
    known: set[str] = field(repr=False)
    secrets: list[str] = field(repr=False)
    kept: Path
    artifacts: list[Artifact]

    def workspace(self, job: str = "*") -> Path:
        """Return the folder that a job worked in, as it left it; there is one only after a checkout."""
        [folder] = self.kept.glob(f"{job}/workspace")
        return folder

    def temp(self, job: str = "*") -> Path:
        """Return what was RUNNER_TEMP in a job."""
        [folder] = self.kept.glob(f"{job}/temp")
        return folder

    @property
    def conclusion(self) -> str:
        """What GitHub would show for the run."""
        results = {entry["jobResult"] for entry in self.log if "jobResult" in entry}
        if not results or (self.code and results == {"success"}):
            return "startup_failure"
        return "failure" if "failure" in results else "success"

    def step(self, name: str) -> str:
        """Return the outcome of a step, by its id or its name: success, failure or skipped."""
        for entry in reversed(self.log):
            ran = entry.get("stage") == "Main" and "stepResult" in entry
            if ran and name in (_place(entry), entry["step"] if len(entry["stepID"]) == 1 else None):
                return entry["stepResult"]
        if name.rpartition("/")[2] not in self.known:
            message = f"no step is called {name}; these are: {sorted(self.known)}"
            raise KeyError(message)
        return "skipped"

    def outputs(self, step: str) -> dict[str, str]:
        """Return the outputs of a step; they are not masked."""
        entries = (entry for entry in self._files("set-output") if "name" in entry)
        return {entry["name"]: entry["arg"] for entry in entries if _place(entry) == step}

    @property
    def annotations(self) -> list[Annotation]:
        return self._reader.annotations

    @property
    def summary(self) -> str:
        """The Markdown of all steps, masked, as the run's page shows it: without those that are too long."""
        texts = [entry["content"] for entry in self._files("summary")]
        return self._reader.masked("".join(text for text in texts if len(text.encode()) <= LONGEST_SUMMARY))

    @property
    def text(self) -> str:
        """All lines that the steps printed, as a reader of the log sees them: masked, and without the masks."""
        return "\n".join(self._reader.shown)

    @property
    def trouble(self) -> str:
        """What act itself reported, for the message of an assertion."""
        reported = (entry["msg"] for entry in self.log if entry.get("level") in ("error", "fatal", "warning"))
        return "\n".join([*reported, self.errors])

    def _files(self, command: str) -> list[dict[str, Any]]:
        """Return what steps wrote to files, without what act reads again from its last step for a composite one."""
        composites = {_place(entry).rpartition("/")[0] for entry in self.log}
        found, ended = [], set()
        for entry in self.log:
            if "stepResult" in entry and entry.get("stage") == "Main":
                ended.add(_place(entry))
            again = _place(entry) in composites & ended
            if entry.get("command") == command and not again:
                found.append(entry)
        return found

    @cached_property
    def _reader(self) -> Reader:
        reader, last = Reader(), None
        reader.mask(self.secrets)
        for entry in self.log:
            if _place(entry) != last:
                reader.next_step()
                last = _place(entry)
            if "raw" in entry:
                reader.read(entry["raw"])
            elif entry.get("raw_output"):
                reader.read(entry["msg"])
        return reader


def entries(output: str) -> list[dict[str, Any]]:
    """Return act's log; a line that is no JSON is act's own."""
    found = []
    for line in output.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            found.append({"level": "info", "msg": line})
    return found


def _place(entry: dict[str, Any]) -> str:
    return "/".join(entry.get("stepID", []))
