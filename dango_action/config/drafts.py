"""The sources of a file side by side: what one of them can't tell alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dango_action.config.names import STAGING
from dango_action.config.nodes import Keys, Node, Scalar
from dango_action.config.words import did_you_mean, show
from dango_action.errors import Position, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dango_action.config.model import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A text and its place."""

    text: str
    at: Position


@dataclass(slots=True, kw_only=True)
class Draft:
    """A source while it is being checked; without a `source` it has problems."""

    node: Node
    source: Source | None = None
    problems: list[Problem] = field(default_factory=list)

    @property
    def disabled(self) -> bool:
        """Whether it says `enabled: false`, sound or not."""
        entry = self.node.entries.get("enabled") if isinstance(self.node, Keys) else None
        return entry is not None and isinstance(entry.node, Scalar) and entry.node.value is False

    def word(self, key: str) -> Word | None:
        """Return the text of a key, sound or not."""
        entry = self.node.entries.get(key) if isinstance(self.node, Keys) else None
        if entry is None or not isinstance(entry.node, Scalar) or not isinstance(entry.node.value, str):
            return None
        return Word(text=entry.node.value, at=entry.node.at)


def labels(drafts: Sequence[Draft]) -> list[str]:
    """Return what to call each source: its name, or its index where it has none or an earlier one has the same."""
    found: dict[str, None] = {}
    for index, draft in enumerate(drafts):
        name = draft.word("name")
        label = show(name.text) if name else ""
        usable = label and label not in found and "[" not in label  # an index must not be taken for a name
        found[label if usable else f"sources[{index}]"] = None
    return list(found)


def check_together(drafts: Sequence[Draft]) -> None:
    """Add the problems that a source has with the others: names that collide, and borrowed credentials."""
    first: dict[str, Draft] = {}
    for draft in drafts:
        word = draft.word("name")
        earlier = first.setdefault(word.text.lower(), draft) if word else draft
        if word and earlier is not draft:
            draft.problems.append(_taken(word, earlier.word("name") or word))
    for name, draft in first.items():
        if name.endswith(STAGING) and name.removesuffix(STAGING) in first:
            draft.problems.append(_staging(draft, name.removesuffix(STAGING)))
    by_name = {word.text: draft for draft in reversed(drafts) if (word := draft.word("name"))}
    for draft in drafts:
        draft.problems += _lender_problems(draft, by_name)


def _taken(name: Word, earlier: Word) -> Problem:
    what = f"the name `{show(name.text)}` is taken; the first is at {earlier.at}"
    if name.text != earlier.text:
        what = f"the name `{show(name.text)}` differs only in capitals from the one at {earlier.at}"
    return Problem(what=what, hint="give each source a name of its own", at=name.at)


def _staging(draft: Draft, other: str) -> Problem:
    name = draft.word("name")
    return Problem(
        what=f"dlt uses the dataset of this name, `raw_{other}{STAGING}`, to merge the rows of `{other}`",
        hint=f"rename it, for example to `{STAGING.strip('_')}_{other}`",
        at=name.at if name else None,
    )


def _lender_problems(draft: Draft, by_name: dict[str, Draft]) -> list[Problem]:
    asked = draft.word("credentials_from")
    if asked is None or not asked.text:
        return []
    lender = by_name.get(asked.text)
    own = draft.word("name")
    if own and own.text == asked.text:
        what, hint = (
            "a source can't use its own credentials by `credentials_from`",
            "name another one, or remove it",
        )
    elif lender is None:
        others = (show(name) for name in by_name if not own or name != own.text)
        what = f"there is no source `{show(asked.text)}` in this file"
        hint = did_you_mean(asked.text, others) if len(by_name) > 1 else "remove it: there is no other source"
    elif lender.word("credentials_from"):
        # One step, so that it is plain whose credentials are used, and there is no circle.
        what = f"`{asked.text}` has no credentials of its own: it has `credentials_from` itself"
        hint = "name the source that has them"
    else:
        return []
    return [Problem(what=what, hint=hint, at=asked.at)]
