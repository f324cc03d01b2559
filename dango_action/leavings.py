"""What a step of a workflow leaves: outputs, its part of the job summary, and folders for `action.yml` to upload.

Not the project's folders themselves: what is uploaded is an allow-list, copied to a folder of its own.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dango_action.github.commands import folder_in, write_summary
from dango_action.report.summary import summary
from dango_action.state.names import Lineage, Name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dango_action.github.commands import Runner
    from dango_action.inputs import Step
    from dango_action.results import RunResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Leavings:
    """Where a step leaves what, and under which names."""

    step: Step
    runner: Runner

    @property
    def _folder(self) -> Path:
        return self.step.context.temp / f"dango-{os.getpid()}"  # a job may have several such steps

    @property
    def state_folder(self) -> Path:
        """The folder, still to be made, for what is kept."""
        return self._folder / "state"

    def lineage(self, target: str) -> Lineage:
        """Return what this step's generations of a target belong to."""
        context = self.step.context
        project = folder_in(context.workspace, self.step.inputs.project)
        return Lineage(workflow=context.workflow, project=project, target=target, shard=self.step.shard)

    def text(self, run: str, text: str, status: str) -> None:
        """Leave a Markdown text of a step that has not synced."""
        folder = self._report_folder()
        with suppress(OSError):
            (folder / "summary.md").write_text(text, encoding="utf-8")
        outputs = {"status": status, **self._report(folder, self.step.inputs.target or "", run, None)}
        self._say(text, outputs)

    def result(self, result: RunResult, basis: int | None, warehouse: Path | None) -> None:
        """Leave the files, numbers and names of a run, which has gone on from the generation `basis`."""
        origin, folder = self.step.inputs.project / ".dango/runs" / result.run, self._report_folder()
        names = ["result.json", "summary.md", *(f"{source.name}.log" for source in result.sources)]
        for name in names:
            if (origin / name).is_file():
                shutil.copyfile(origin / name, folder / name, follow_symlinks=False)
        outputs = {
            "status": result.status,
            "sources-ok": ",".join(source.name for source in result.sources if source.status == "ok"),
            "sources-failed": ",".join(source.name for source in result.sources if source.status != "ok"),
            "rows-loaded": str(result.rows if result.mode == "load" else 0),
            **self._report(folder, result.target, result.run, basis),
        }
        for output, name in (("result-path", "result.json"), ("report-path", "summary.md")):
            if (origin / name).is_file():
                outputs[output] = str(origin / name)
        if warehouse and warehouse.is_file():
            outputs["warehouse-path"] = str(warehouse)
        if result.state and result.state.generation:
            outputs["state-generation"] = str(result.state.generation)
        if result.state and result.state.artifact:
            outputs |= {"state-name": result.state.artifact, "state-folder": str(self.state_folder)}
        self._say(summary(result), outputs)

    def _report_folder(self) -> Path:
        folder = self._folder / "report"
        folder.mkdir(parents=True, mode=0o700)
        return folder

    def _report(self, folder: Path, target: str, run: str, basis: int | None) -> dict[str, str]:
        if not any(folder.iterdir()):
            return {}
        lineage = self.lineage(target)
        name = Name(
            kind="run",
            key=lineage.key,
            generation=basis,
            attempt=self.step.context.run_attempt,
            shard=lineage.shard,
            run=run,
        )
        return {"report-name": str(name), "report-folder": str(folder)}

    def _say(self, text: str, outputs: Mapping[str, str]) -> None:
        if self.step.context.summary:
            with suppress(OSError):  # on a full disk the outputs are still worth a try
                write_summary(self.step.context.summary, text)
        self.runner.outputs(outputs)
