"""YAML with positions, from the parser's events: nothing recurses, and nothing is built that is too large.

The dialect is YAML 1.2's core schema in one document: no merge keys, no other tags, and no key twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import yaml
from yaml import events

from dango_action.config.nodes import Entry, Items, Keys, Node, Scalar, problems_in
from dango_action.config.scalars import CORE, resolve, tagged
from dango_action.config.syntax import complaint, place
from dango_action.config.text import LARGEST, decode
from dango_action.errors import Position, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST = 64  # levels
MOST = 100_000  # nodes, after aliases are expanded

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML can be built without libyaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed file. Without a root the file can't be used; `problems` are those that belong to no node."""

    root: Node | None
    problems: tuple[Problem, ...] = ()


def load(data: bytes, file: str, largest: int = LARGEST) -> Document:
    """Return the tree of a YAML file of up to `largest` bytes; positions name it `file`. It never raises."""
    text = decode(data, file, largest)
    if isinstance(text, Problem):
        return Document(root=None, problems=(text,))
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except _Stop as stop:
        return Document(root=None, problems=(*builder.found(), stop.problem))
    # ValueError: the pure Python parser lets one out for an escape such as "\U99999999".
    except (yaml.YAMLError, ValueError) as error:
        return Document(root=None, problems=(*builder.found(), complaint(error, text, file)))
    start = Position(file=file, line=1, column=1)
    return Document(root=builder.root or Scalar(at=start, value=None), problems=tuple(builder.problems))


class _Stop(Exception):  # noqa: N818 - it carries a problem out of the loop, to the only place that catches it
    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem


@dataclass(slots=True)
class _Open:
    """A list or a mapping whose end has not come yet."""

    at: Position
    anchor: str | None
    mapping: bool
    problems: list[Problem]
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    key: tuple[str | None, Position] | None = None  # None as the text: a key that was refused
    size: int = 1
    height: int = 1

    def add(self, node: Node, *, plain: bool) -> None:
        self.size += node.size
        self.height = max(self.height, node.height + 1)
        if not self.mapping:
            self.items.append(node)
        elif self.key is None:
            self.key = (self._text(node, plain=plain), node.at)
        else:
            self._add_value(node, *self.key)
            self.key = None

    def _add_value(self, node: Node, key: str | None, at: Position) -> None:
        if key is not None and key not in self.entries:
            self.entries[key] = Entry(key=key, at=at, node=node)
        else:
            self.problems += problems_in(node)

    def _text(self, node: Node, *, plain: bool) -> str | None:
        found = list(_key_problems(node, self.entries, plain=plain))
        self.problems += found
        return node.value if not found and isinstance(node, Scalar) and isinstance(node.value, str) else None

    def close(self) -> Node:
        problems = tuple(self.problems)
        if self.mapping:
            return Keys(at=self.at, entries=self.entries, problems=problems, size=self.size, height=self.height)
        return Items(at=self.at, items=tuple(self.items), problems=problems, size=self.size, height=self.height)


def _key_problems(node: Node, entries: dict[str, Entry], *, plain: bool) -> Iterator[Problem]:
    yield from problems_in(node)
    if not isinstance(node, Scalar):
        yield Problem(what="a key must be text, not a list or a mapping", hint="write `key: value`", at=node.at)
    elif not node.problems and not isinstance(node.value, str):
        what = "a key is missing before `:`" if node.value is None else "a key must be text"
        hint = "write `key: value`" if node.value is None else "put the key in quotes"
        yield Problem(what=what, hint=hint, at=node.at)
    elif node.value == "<<" and plain:
        hint = "options for all sources go under `defaults:`; others are repeated in each source"
        yield Problem(what="merge keys (`<<`) are not part of YAML 1.2", hint=hint, at=node.at)
    elif isinstance(node.value, str) and node.value in entries:
        first = entries[node.value].at
        yield Problem(what=f"this key occurs twice; the first is at {first}", hint="remove one", at=node.at)


class _Builder:
    """Events in, nodes out."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._open: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}  # None: its end has not come yet
        self._count = 0
        self._documents = 0
        self.root: Node | None = None
        self.problems: list[Problem] = []

    def found(self) -> Iterator[Problem]:
        """Yield the problems so far, when the rest of the file can't be read."""
        for container in self._open:
            yield from container.problems
            for node in (*container.items, *(entry.node for entry in container.entries.values())):
                yield from problems_in(node)

    def take(self, event: events.Event) -> None:
        if self._documents > 1:
            return
        match event:
            case events.DocumentStartEvent():
                self._start_document(self._at(event))
            case events.ScalarEvent():
                self._take_scalar(event)
            case events.AliasEvent():
                self._take_alias(event)
            case events.SequenceStartEvent() | events.MappingStartEvent():
                self._start(event, mapping=isinstance(event, events.MappingStartEvent))
            case events.SequenceEndEvent() | events.MappingEndEvent():
                container = self._open.pop()
                self._add(container.close(), container.anchor)

    def _at(self, event: events.Event) -> Position:
        return place(event.start_mark, self._file)

    def _start_document(self, at: Position) -> None:
        self._documents += 1
        if self._documents > 1:
            hint = "keep one document; remove `---` and what follows it"
            self.problems.append(Problem(what="the file has more than one YAML document", hint=hint, at=at))

    def _start(self, event: events.SequenceStartEvent | events.MappingStartEvent, *, mapping: bool) -> None:
        at = self._at(event)
        self._grow(1, 1, at)
        problems = []
        if event.tag not in {None, "!", CORE + ("map" if mapping else "seq")}:
            problems.append(_bad_tag(at))
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._open.append(_Open(at, event.anchor, mapping, problems))

    def _take_scalar(self, event: events.ScalarEvent) -> None:
        at = self._at(event)
        # A long text counts more, as aliases could repeat it a hundred thousand times.
        size = 1 + len(event.value) // 1024
        self._grow(size, 1, at)
        plain = event.tag is None and event.implicit[0]
        try:
            if event.tag is not None:
                node = Scalar(at=at, value=tagged(event.tag, event.value), size=size)
            else:
                node = Scalar(at=at, value=resolve(event.value) if plain else event.value, size=size)
        except ValueError:
            problem = (
                _bad_tag(at)
                if event.tag
                else Problem(what="this number has too many digits", hint="if it is text, put it in quotes", at=at)
            )
            node = Scalar(at=at, value=None, problems=(problem,))
        self._add(node, event.anchor, plain=plain)

    def _take_alias(self, event: events.AliasEvent) -> None:
        at = self._at(event)
        known = event.anchor in self._anchors
        node = self._anchors.get(event.anchor or "")
        if node is None:
            what = (
                "this alias stands inside its own anchor" if known else "no anchor before this alias has its name"
            )
            # The alias is not named: it may be a password that starts with `*`.
            problem = Problem(what=what, hint="if it is text that starts with `*`, put it in quotes", at=at)
            node = Scalar(at=at, value=None, problems=(problem,))
        self._grow(node.size, node.height, at)
        self._add(replace(node, at=at), None)

    def _grow(self, size: int, height: int, at: Position) -> None:
        """Refuse what would be too large, before it is made.

        Aliases that refer to aliases multiply: nine lines can mean a billion nodes.
        """
        self._count += size
        if self._count > MOST:
            what = f"the file has more than {MOST:,} values, counting those that aliases repeat"
            raise _Stop(Problem(what=what, hint="remove anchors and aliases, or values", at=at))
        if len(self._open) + height > DEEPEST:
            what = f"the file is nested deeper than {DEEPEST} levels"
            raise _Stop(Problem(what=what, hint="look for brackets that are never closed", at=at))

    def _add(self, node: Node, anchor: str | None, *, plain: bool = False) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if self._open:
            self._open[-1].add(node, plain=plain)
        else:
            self.root = node


def _bad_tag(at: Position) -> Problem:
    # The tag is not named: it may be a password that starts with `!`.
    hint = "if it is text that starts with `!`, put it in quotes; else remove the tag"
    return Problem(what="this YAML tag can't be used here", hint=hint, at=at)
