"""`.dango/sources.yml` as a configuration, with everything that is wrong in it. This never imports dlt."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from dango_action.config import messages
from dango_action.config.drafts import Draft, check_together, labels
from dango_action.config.lines import load
from dango_action.config.model import TYPES, Config, SourceBase
from dango_action.config.nodes import Items, Keys, Node, is_null, places, plain, problems_in
from dango_action.config.text import LARGEST
from dango_action.config.words import did_you_mean, show
from dango_action.errors import Position, Problem

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping
    from pathlib import Path

SOURCES_FILE = ".dango/sources.yml"

_DEPTH = 3  # levels below a source: `dlt_native.function_kwargs.start_date`
_DEPTH_OF_DEFINITIONS = 7  # `rest_api.resources[0].endpoint.params.since`
_EXAMPLE = "sources: [{name: shop, type: dlt_native, dlt_native: {source_module: shop}}]"

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a file says, and what is wrong with it.

    `config` holds the sound sources only; it is None if the file as a whole can't be used. `problems` are all
    problems, in the order of the file. `broken` has those of each source that is not in `config`, by its name, or
    by `sources[3]` (counted from 0) if it has none or an earlier source has the same; `disabled` says which of
    these are disabled. `positions` tells where each name stands, of sound and broken sources.
    """

    config: Config | None
    problems: tuple[Problem, ...] = ()
    broken: Mapping[str, tuple[Problem, ...]] = field(default_factory=lambda: MappingProxyType({}))
    disabled: frozenset[str] = frozenset()
    positions: Mapping[str, Position] = field(default_factory=lambda: MappingProxyType({}))
    _nodes: Mapping[str, Node] = field(default_factory=dict, repr=False)

    def places(self, names: Iterable[str]) -> dict[str, dict[str, Position]]:
        """Return, for each of these sources, where its keys stand, like `dlt_native.source_module`."""
        sources = {source.name: source for source in self.config.sources} if self.config else {}
        return {
            name: dict(places(self._nodes[name], _DEPTH_OF_DEFINITIONS if sources[name].definition else _DEPTH))
            for name in names
            if name in self._nodes and name in sources
        }


def read(project: Path) -> Parsed:
    """Read and parse the `.dango/sources.yml` of a project. What keeps it from being read is a problem too."""
    path = project / SOURCES_FILE
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # before opening: a named pipe would wait for a writer
            return _unusable("this is not a file", "put a text file in its place")
        with path.open("rb") as stream:
            return parse(stream.read(LARGEST + 1), SOURCES_FILE)
    except FileNotFoundError:
        if path.with_suffix(".yaml").exists():
            return _unusable("there is no such file", "rename `.dango/sources.yaml` to `.dango/sources.yml`")
        return _unusable(
            "there is no such file",
            f"run `dango init` in {project.resolve()}, or create it; a line to start with: {_EXAMPLE}",
        )
    except OSError as error:
        return _unusable(f"the file can't be read: {error.strerror}", "look at its permissions and its folder")


def parse(data: bytes, file: str) -> Parsed:
    """Return what the bytes of a `sources.yml` say; positions name it `file`. It never raises."""
    document = load(data, file)
    if not isinstance(document.root, Keys):
        return Parsed(config=None, problems=_in_order([*document.problems, *_no_mapping(document.root)]))
    config, found = _head(document.root)
    drafts, listed = _drafts(document.root)
    found += [*document.problems, *listed]
    check_together(drafts)
    sound = tuple(draft.source for draft in drafts if draft.source is not None and not draft.problems)
    broken = {label: draft for label, draft in zip(labels(drafts), drafts, strict=True) if draft.problems}
    words = [word for draft in drafts if (word := draft.word("name"))]
    return Parsed(
        config=None if found or config is None else config.model_copy(update={"sources": sound}),
        problems=_in_order([*found, *(problem for draft in drafts for problem in draft.problems)]),
        broken=MappingProxyType({label: _in_order(draft.problems) for label, draft in broken.items()}),
        disabled=frozenset(label for label, draft in broken.items() if draft.disabled),
        positions=MappingProxyType({word.text: word.at for word in reversed(words)}),
        _nodes={draft.source.name: draft.node for draft in drafts if draft.source is not None},
    )


def _unusable(what: str, hint: str) -> Parsed:
    at = Position(file=SOURCES_FILE, line=1, column=1)
    return Parsed(config=None, problems=(Problem(what=what, hint=hint, at=at),))


def _no_mapping(root: Node | None) -> Iterable[Problem]:
    if root is None:
        return
    yield from problems_in(root)
    if is_null(root):
        yield Problem(what="the file is empty", hint=f"a line to start with: {_EXAMPLE}", at=root.at)
    elif not root.problems:
        what = f"the file must be a mapping, not {messages.kind(root)}"
        yield Problem(what=what, hint="begin with `sources:` and list the sources below it", at=root.at)


def _head(root: Keys) -> tuple[Config | None, list[Problem]]:
    """Check everything but the sources."""
    left_out = {"sources"}
    if "defaults" in root.entries and is_null(root.entries["defaults"].node):
        left_out.add("defaults")
    return _validated(Config, _without(root, left_out), "")


def _drafts(root: Keys) -> tuple[list[Draft], list[Problem]]:
    """Check each source for itself; the second value is what is wrong with the list."""
    entry = root.entries.get("sources")
    if entry is None or is_null(entry.node):
        return [], []
    if isinstance(entry.node, Items):
        return [_draft(node) for node in entry.node.items], list(entry.node.problems)
    what = f"`sources` must be a list, not {messages.kind(entry.node)}"
    wrong = Problem(what=what, hint="begin each source with `- name:`", at=entry.node.at)
    return [], [*problems_in(entry.node), *(() if entry.node.problems else (wrong,))]


def _draft(node: Node) -> Draft:
    draft = Draft(node=node)
    if not isinstance(node, Keys):
        what = f"a source must be a mapping, not {messages.kind(node)}"
        wrong = Problem(what=what, hint="begin it with `- name:`, and `type:` below", at=node.at)
        draft.problems += problems_in(node) if node.problems else (wrong,)
        return draft
    word = draft.word("type")
    if word and word.text in TYPES:
        draft.source, draft.problems = _validated(TYPES[word.text], node, "sources")
        return draft
    # The type is missing or unknown, so its block can't be checked; everything else can.
    blocks = {*TYPES, word.text} - {*SourceBase.model_fields} if word else TYPES
    _, found = _validated(SourceBase, _without(node, blocks), "sources")
    draft.problems += (
        *found,
        *(problem for key in node.entries.keys() & blocks for problem in problems_in(node.entries[key].node)),
    )
    if word:
        what = f"unknown type `{show(word.text)}`"
        hint = did_you_mean(word.text, TYPES)
        if hint.startswith("use"):  # nothing is near: somebody looks for a type that is not there
            hint += "; `dlt_native` takes any dlt source"
        draft.problems.append(Problem(what=what, hint=hint, at=word.at))
    return draft


def _without(node: Keys, keys: Container[str]) -> Keys:
    return replace(node, entries={key: entry for key, entry in node.entries.items() if key not in keys})


def _validated(model: type[_Model], node: Keys, scope: str) -> tuple[_Model | None, list[Problem]]:
    """Return the value, and everything that is wrong with it as YAML and as what it should be."""
    found = [*problems_in(node), *messages.empties(node)]
    try:
        return model.model_validate(plain(node)), found
    except ValidationError as error:
        return None, [*found, *messages.problems(error, node, scope, model)]


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return each problem once, in the order of the file."""
    nowhere = Position(file="", line=0, column=0)
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.at or nowhere))
