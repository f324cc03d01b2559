"""What a step of a workflow leaves: outputs, its part of the job summary, and folders for `action.yml` to upload.

Not the project's folders themselves: what is uploaded is an allow-list, copied to a folder of its own.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dango_action.credentials.redaction import Redactor
from dango_action.errors import ExitCode, Problem
from dango_action.github.commands import folder_in, write_summary
from dango_action.report.summary import code, summary
from dango_action.state.archive import SEALED, WAREHOUSE, fresh_folder
from dango_action.state.names import Lineage, ReportName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dango_action.credentials.scanner import Scanner
    from dango_action.github.commands import Runner
    from dango_action.inputs import Step
    from dango_action.results import RunResult
    from dango_action.state.names import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Leavings:
    """Where a step leaves what, and under which names."""

    step: Step
    runner: Runner

    @property
    def state_folder(self) -> Path:
        """The folder, still to be made, for what is kept; `action.yml` uploads it by this name."""
        return self.step.context.folder / "state"

    def lineage(self, target: str) -> Lineage:
        """Return what this step's generations of a target belong to."""
        context = self.step.context
        project = folder_in(context.workspace, self.step.inputs.project)
        return Lineage(workflow=context.workflow, project=project, target=target, shard=self.step.shard)

    def text(self, run: str, text: str, status: str) -> None:
        """Leave a Markdown text of a step that has not synced."""
        folder = self._report_folder()
        file = folder / "summary.md"
        with suppress(OSError):
            file.write_text(text, encoding="utf-8")
        outputs = {"status": status, "report-path": str(file)}
        self._say(text, outputs | self._report_name(folder, self.step.inputs.target or "", run, None))

    def result(self, result: RunResult, basis: Place | None, warehouse: Path | None, scanner: Scanner) -> ExitCode:
        """Leave the files and words of a run, which has gone on from `basis`; return the step's exit code.

        If a file that would go up holds a secret, nothing goes up.
        """
        origin, folder = self.step.inputs.project / ".dango/runs" / result.run, self._report_folder()
        with suppress(OSError):  # the state is worth more than a report that finds no room
            for name in ("result.json", "summary.md", *(f"{source.name}.log" for source in result.sources)):
                Redactor(()).copy(origin / name, folder / name)  # they were written without secrets
        held = tuple(_held(scanner, folder, self.state_folder))
        if held:
            for problem in held:
                self.runner.error("dango", problem)
            codes = (*result.exit_codes, ExitCode.CREDENTIALS)
            kept = result.state if result.state and result.state.where else None  # a bucket has it already
            result = replace(result, problems=(*result.problems, *held), exit_codes=codes, state=kept)
        outputs = {
            **_state(result),  # first: it is worth most
            "status": result.status,
            "sources-ok": ",".join(source.name for source in result.sources if source.status == "ok"),
            "sources-failed": ",".join(source.name for source in result.sources if source.status != "ok"),
            "needs-resume": "true" if result.needs_resume else "false",
            "rows-loaded": str(result.rows if result.mode == "load" else 0),
            **({} if held else self._report_name(folder, result.target, result.run, basis)),
        }
        for output, path in (
            ("result-path", origin / "result.json"),
            ("report-path", origin / "summary.md"),
            ("warehouse-path", warehouse),
        ):
            if path and path.is_file():
                outputs[output] = str(path)
        if result.state and result.state.generation:
            outputs["state-generation"] = str(result.state.generation)
        self._say(summary(result), outputs)
        return result.exit_code

    def _report_folder(self) -> Path:
        folder = self.step.context.folder / "report"
        with suppress(OSError):
            fresh_folder(folder)
        return folder

    def _report_name(self, folder: Path, target: str, run: str, basis: Place | None) -> dict[str, str]:
        if not folder.is_dir() or not any(folder.iterdir()):
            return {}
        lineage, attempt = self.lineage(target), self.step.context.run_attempt
        name = ReportName(key=lineage.key, basis=basis, attempt=attempt, shard=lineage.shard, run=run)
        return {"report-name": str(name)}

    def _say(self, text: str, outputs: Mapping[str, str]) -> None:
        """Set the outputs first: what was loaded is kept, even if the disk has no room for a summary."""
        self.runner.outputs(outputs)
        if self.step.context.summary:
            report = outputs.get("report-name")
            logs = f"\nLogs and result: the artifact {code(report)} of this run.\n" if report else ""
            with suppress(OSError):
                write_summary(self.step.context.summary, text + logs)


def _state(result: RunResult) -> dict[str, str]:
    """Return the outputs for a generation that is new."""
    state = result.state
    if state and state.artifact:
        level = "0" if state.sealed else "1"  # what is sealed can't be made smaller
        return {"state-name": state.artifact, "state-compression": level}
    return {"state-uploaded": "true"} if state and state.where else {}


def _held(scanner: Scanner, *folders: Path) -> Iterator[Problem]:
    """Give a problem for each file that would go up, and holds a secret in some form; it stays where it is.

    A database is compressed, so it is searched by SQL before it is put there, sealed or not.
    """
    for folder in folders:
        for file in sorted(folder.glob("*")):
            if file.name in (WAREHOUSE, SEALED) and folder.name == "state":
                continue
            for hit in scanner.scan_file(file):
                if hit.path:
                    what = f"`{hit.file}` is not uploaded, and nothing beside it: it holds the secret {hit.path}"
                    hint = "find out what prints or packs it there, in the source's code; nothing was deleted"
                else:
                    what = f"`{hit.file}` is not uploaded, and nothing beside it: it could not be searched whole"
                    hint = "it unpacks to more than may be looked at; what is it that the source prints?"
                yield Problem(what=what, hint=hint)
