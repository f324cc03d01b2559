"""`summary.md`: the run as GitHub-flavoured Markdown, written on success and on failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dango_action.report.wording import counted, headline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dango_action.errors import Problem
    from dango_action.results import RunResult, SourceResult, StateResult

_MARK = {"ok": "✅", "failed": "❌", "interrupted": "⏹️"}
_SEALED = "It is sealed: only who has the private key of this repository's secrets can read it."
_OPEN = "It is not sealed: whoever may read the bucket can read it, and whoever may write to it can replace it."
_UNSEALED = "It is not sealed: whoever may read this repository's Actions can download it."
_SPECIAL = "\\`*_{}[]<>#|~!"


def summary(result: RunResult) -> str:
    """Return the Markdown page of a run."""
    parts = [f"## {_MARK[result.status]} dango: {prose(headline(result))}", ""]
    parts += problem_list(result.problems)
    parts += problem_list(result.warnings, "Warning: ")
    parts += problem_list(result.notices, "Notice: ")
    if result.sources:
        parts += ["| | source | rows | tables | seconds |", "|---|---|---:|---|---:|"]
        parts += [_row(source) for source in result.sources]
        parts.append("")
    for source in result.sources:
        if source.problems:
            parts += [f"### {escape(source.name)}", "", *problem_list(source.problems)]
            parts += [f"Log: {code(source.log)}", ""] if source.log else []
    if result.mode == "load" and result.sources:
        parts += [_where(result), ""]
    return "\n".join(parts)


def _where(result: RunResult) -> str:
    """Say where the data is, and how to get at it."""
    place = f"Data: {code(result.target)}, one schema for each source ({code('raw_<source>')})."
    state = result.state
    if state is None:
        return place
    pull = f"{code('dango pull')} fetches the newest generation to your machine."
    if state.read_only:
        return f"{place} Nothing of this run is kept: it is not one of the default branch."
    if state.kept:
        kept = f"{_kept(state)} {_sealing(state)}"
    elif state.restored:
        kept = f"Nothing is new: generation {state.restored} stays the newest."
    else:
        return f"{place} There is nothing to keep yet."
    return f"{place} {kept} {pull}"


def _kept(state: StateResult) -> str:
    """Say where this generation is, and what all that are kept take up."""
    what = f"generation {state.kept}, {_size(state.size)}"
    if state.artifact:
        placed = f"It goes up as {what}: artifact {code(state.artifact)}."
    else:
        placed = f"It is kept as {what}: {code(state.where or '')}."
    newest = counted(state.generations or 1, "generation")
    return f"{placed} With it, the newest {newest} take up {_size(state.total)}."


def _sealing(state: StateResult) -> str:
    return _SEALED if state.sealed else _OPEN if state.where else _UNSEALED


def _size(size: int | None) -> str:
    return f"{(size or 0) / 1_000_000:,.1f} MB"


def _row(source: SourceResult) -> str:
    tables = ", ".join(f"{escape(table.name)} {table.rows:,}" for table in source.tables)
    cells = (_MARK[source.status], escape(source.name), f"{source.rows:,}", tables, f"{source.seconds:.1f}")
    return f"| {' | '.join(cells)} |"


def problem_list(problems: Iterable[Problem], label: str = "") -> list[str]:
    """Return a Markdown list; lines of a hint that are to be pasted somewhere become a code block."""
    lines = []
    for problem in problems:
        place = f"{code(str(problem.at))}: " if problem.at else ""
        first, *block = problem.hint.split("\n")
        lines.append(f"- {label}{place}{prose(problem.what)}  \n  {prose(first)}")
        if block:
            lines += ["", "  ```yaml", *(f"  {line}" for line in block), "  ```", ""]
    return [*lines, ""] if lines else []


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, on one line: names and messages may hold anything."""
    return "".join(
        f"\\{character}" if character in _SPECIAL else character for character in " ".join(text.split())
    )


def prose(text: str) -> str:
    """Return a sentence of ours: what stands in backticks is a code span, and all else is shown as it is."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a backtick without a partner is one that the sentence quotes
        return escape(text)
    return "".join(code(part) if odd % 2 and part else _kept_blanks(part) for odd, part in enumerate(parts))


def _kept_blanks(text: str) -> str:
    """Escape a part of a sentence, whose blanks at the ends belong to the sentence."""
    lead, trail = " " * text[:1].isspace(), " " * text[-1:].isspace()
    return f"{lead}{escape(text)}{trail}" if text.strip() else lead


def code(text: str) -> str:
    """Return a code span; its fence is longer than any run of backticks inside."""
    fence = "`"
    while fence in text:
        fence += "`"
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"
