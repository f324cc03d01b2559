"""`dango config explain` for people: one table for each source."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from dango_action.cli.told import problem_lines
from dango_action.credentials.explain import rows
from dango_action.github.commands import inert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dango_action.credentials.explain import SourceExplained

_NOT_ASKED = "no parameter of the source function asks for it; its resources or its code may"
_WIDE = 240  # characters of a line where no terminal says how wide it is


def show(found: Sequence[SourceExplained], unseen: Sequence[str]) -> None:
    """Print where the parameters of these sources come from, and what reaches no source."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDE, highlight=False, markup=False)
    for explained in found:
        _show_source(console, explained)
    for label in unseen:
        console.print(inert(f"reaches no source: {label}"), soft_wrap=True)


def _show_source(console: Console, explained: SourceExplained) -> None:
    console.print(f"{explained.name}", style="bold")
    for line in problem_lines(explained.problems):
        console.print(line, soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2))
    for head in ("parameter", "looked in", "for", ""):
        table.add_column(head, overflow="fold")
    for row in rows(explained):
        table.add_row(*row)
    if table.row_count:
        console.print(table)
    elif not explained.problems:
        console.print("  its function has no parameters")
    for unused in explained.unused:
        meant = f"did you mean `{unused.meant}`, which is missing?" if unused.meant else _NOT_ASKED
        console.print(inert(f"  not used: {unused.label}: {meant}"), soft_wrap=True)
    console.print()
