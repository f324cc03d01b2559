"""A run on the screen: a live display on a terminal, plain lines everywhere else."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from itertools import zip_longest
from typing import TYPE_CHECKING, Protocol, TextIO

from dango_action.report.wording import headline, outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console as RichConsole
    from rich.progress import Progress, TaskID

    from dango_action.results import RunResult, SourceResult, TablePreview

_MARK = {"ok": "ok", "failed": "FAILED", "interrupted": "STOPPED"}
_WIDEST_CELL = 40


class Screen(Protocol):
    """Where a run is shown."""

    def phase(self, source: str, phase: str, attempt: int) -> None:
        """Show that a source has come to a phase."""

    def progress(self, source: str, rows: int) -> None:
        """Show the rows extracted so far."""

    def finished(self, result: SourceResult) -> None:
        """Show how a source has ended."""

    def ended(self, result: RunResult) -> None:
        """Show how the run has ended."""


class Sink(Protocol):
    """The part of a text stream that a plain screen needs."""

    @property
    def encoding(self) -> str:
        """What the written text is encoded in."""

    def write(self, text: str, /) -> int:
        """Write text."""

    def flush(self) -> None:
        """Make what was written visible."""


class PlainScreen:
    """One line an event, without colours or control characters: for pipes, files and CI."""

    def __init__(self, stream: Sink) -> None:
        self._stream = stream

    def phase(self, source: str, phase: str, attempt: int) -> None:
        """Print the phases that can take long."""
        if phase in ("extracting", "loading"):
            again = f" (attempt {attempt})" if attempt > 1 else ""
            self.line(f"{source}: {phase}{again}")

    def progress(self, source: str, rows: int) -> None:
        """Print nothing: a line for each page would drown the rest."""

    def finished(self, result: SourceResult) -> None:
        """Print how a source has ended, and what to do."""
        self.line(f"{result.name}: {_MARK[result.status]} {outcome(result)} [{result.seconds:.1f} s]")
        for text in _advice(result):
            self.line(f"  {text}")
        for preview in result.preview:
            self.line(f"  {result.dataset}.{preview.table}")
            for row in _grid(preview):
                self.line(f"    {row}")

    def ended(self, result: RunResult) -> None:
        """Print the whole run's line last."""
        for notice in result.notices:
            self.line(f"notice: {notice}")
        for warning in result.warnings:
            self.line(f"warning: {warning}")
        for problem in result.problems:
            self.line(f"{problem}")
        self.line(headline(result))

    def line(self, text: str) -> None:
        """Print one line at once; what can't be shown in the stream's encoding is escaped."""
        encoding = self._stream.encoding or "utf-8"
        with suppress(OSError):  # whoever reads along may have gone; the run goes on
            print(text.encode(encoding, "backslashreplace").decode(encoding), file=self._stream, flush=True)


class LiveScreen:
    """A line for each source that works, and plain results above."""

    def __init__(self, console: RichConsole, progress: Progress) -> None:
        self._plain = PlainScreen(_Above(console))
        self._progress = progress
        self._shown: dict[str, TaskID] = {}

    def phase(self, source: str, phase: str, attempt: int) -> None:
        """Show the phase beside the source's name."""
        again = f" (attempt {attempt})" if attempt > 1 else ""
        if source not in self._shown:
            self._shown[source] = self._progress.add_task(source, total=None, phase="", rows="")
        self._progress.update(self._shown[source], phase=phase + again)

    def progress(self, source: str, rows: int) -> None:
        """Show the rows extracted so far."""
        self._progress.update(self._shown[source], rows=f"{rows:,} rows")

    def finished(self, result: SourceResult) -> None:
        """Move a source from the live part to the lines above it."""
        if result.name in self._shown:
            self._progress.remove_task(self._shown.pop(result.name))
        self._plain.finished(result)

    def ended(self, result: RunResult) -> None:
        """Print the whole run's line last."""
        self._plain.ended(result)


class _Above:
    """A text stream that prints above the live part, and takes nothing in the text for markup."""

    encoding = "utf-8"

    def __init__(self, console: RichConsole) -> None:
        self._console = console

    def write(self, text: str) -> int:
        """Print text above the live part."""
        self._console.out(text, end="", highlight=False)
        return len(text)

    def flush(self) -> None:
        """Do nothing: the console has written it already."""


@contextmanager
def screen(stream: TextIO) -> Iterator[Screen]:
    """Give the screen that suits the stream."""
    if not stream.isatty():
        yield PlainScreen(stream)
        return
    from rich.console import Console  # noqa: PLC0415 - 0.1 s that pipes and CI need not spend
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    console = Console(file=stream)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TextColumn("{task.fields[phase]}", markup=False),
        TextColumn("{task.fields[rows]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield LiveScreen(console, progress)


def _advice(result: SourceResult) -> Iterator[str]:
    """Give what to do about each problem; the first problem itself is in the line above."""
    for number, problem in enumerate(result.problems):
        if number:
            yield f"{problem.at}: {problem.what}" if problem.at else problem.what
        yield f"-> {problem.hint}"
    if result.problems and result.log:
        yield f"log: {result.log}"


def _grid(preview: TablePreview) -> list[str]:
    """Return the rows in columns of equal width."""
    rows = [preview.columns, *(tuple(_cell(value) for value in row) for row in preview.rows)]
    widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows
    ]


def _cell(value: str | None) -> str:
    """Return a value on one line and not too wide; control characters stay out of the terminal."""
    text = "NULL" if value is None else "".join(c if c.isprintable() else " " for c in value)
    return text if len(text) <= _WIDEST_CELL else text[: _WIDEST_CELL - 1] + "…"
