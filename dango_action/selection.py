"""Which sources a command means: names, globs and tags, held against what the file has."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dango_action.config.words import show
from dango_action.errors import Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

_MAGIC = frozenset("*?[")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A source as the selection sees it. A broken one can still be named."""

    name: str
    enabled: bool
    tags: tuple[str, ...]


def select(candidates: Sequence[Candidate], asked: Sequence[str], exclude: Sequence[str]) -> tuple[str, ...]:
    """Return the names to sync, in the order of the file; nothing asked for means every enabled source.

    Raises:
        UsageError: a word names nothing, or names a disabled source without a pattern; all such words at once.

    """
    problems = [
        *_unknown("--source", asked, candidates),
        *_unknown("--exclude", exclude, candidates),
        *_disabled(asked, candidates),
    ]
    if problems:
        raise UsageError(*problems)
    excluded = _matches(exclude, candidates)
    wanted = _matches(asked, candidates) if asked else {candidate.name for candidate in candidates}
    return tuple(
        candidate.name
        for candidate in candidates
        if candidate.enabled and candidate.name in wanted and candidate.name not in excluded
    )


def _matches(words: Iterable[str], candidates: Iterable[Candidate]) -> set[str]:
    return {candidate.name for candidate in candidates for word in words if _fits(word, candidate)}


def _fits(word: str, candidate: Candidate) -> bool:
    if word.startswith("tag:"):
        return any(fnmatchcase(tag, word.removeprefix("tag:")) for tag in candidate.tags)
    return fnmatchcase(candidate.name, word)


def _unknown(option: str, words: Iterable[str], candidates: Sequence[Candidate]) -> Iterable[Problem]:
    for word in words:
        if any(_fits(word, candidate) for candidate in candidates):
            continue
        known = {
            "tag": sorted({f"tag:{tag}" for candidate in candidates for tag in candidate.tags}),
            "name": [candidate.name for candidate in candidates],
        }["tag" if word.startswith("tag:") else "name"]
        yield Problem(what=f"{option} {show(word)}: no source matches", hint=_hint(word, known))


def _disabled(words: Iterable[str], candidates: Sequence[Candidate]) -> Iterable[Problem]:
    disabled: Mapping[str, Candidate] = {c.name: c for c in candidates if not c.enabled}
    for word in words:
        if word in disabled and not _MAGIC & set(word):
            yield Problem(
                what=f"--source {word}: this source is disabled",
                hint="set `enabled: true` for it in .dango/sources.yml",
            )


def _hint(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, known, 3)
    if near:
        return f"did you mean {' or '.join(f'`{name}`' for name in near)}?"
    if not known:
        return "no source of sources.yml has a tag" if word.startswith("tag:") else "sources.yml has no source"
    listed = ", ".join(sorted(known)[:20])
    return f"there are: {listed}" if len(known) <= 20 else f"there are {len(known)}, {listed}, …"  # noqa: PLR2004
