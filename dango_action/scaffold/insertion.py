"""A further source in a `sources.yml` that people have written: every line of theirs stays as it is."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from yaml import events

from dango_action.config.lines import load
from dango_action.config.nodes import Items, Keys, is_null, plain
from dango_action.config.parse import SOURCES_FILE, Parsed, parse
from dango_action.config.syntax import place
from dango_action.config.text import decode
from dango_action.errors import ConfigError, Problem, UsageError
from dango_action.scaffold.scalars import scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dango_action.config.model import Config

_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_NOTHING = re.compile(r"(?:null|Null|NULL|~|\[[ \t]*\])?(?=[ \t]*(?:#|$|[\r\n]))")
_HEAD = """\
# What is synced, and where to. `dango config validate` checks it, `dango sync` does it.
version: "1.0"

"""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LISTED = 2  # collections around an item: the whole, and the list
# What ends where its text ends; a block without brackets "ends" where the next thing begins.
_ENDING = (events.ScalarEvent, events.AliasEvent, events.CollectionEndEvent)


def inserted(data: bytes | None, entry: Mapping[str, Any]) -> bytes:
    """Return a sources.yml with one source more, as its last one; `data` is None if there is no such file.

    Raises:
        UsageError: the entry itself is wrong, or its name is taken.
        ConfigError: the file has mistakes, or is written so that no line can be added; the entry is in the hint.

    """
    _refuse_wrong(entry)
    if data is None:
        return (_HEAD + _block(entry, "", "\n")).encode()
    before = parse(data, SOURCES_FILE)
    document = load(data, SOURCES_FILE)
    empty = document.root is not None and not document.problems and is_null(document.root)
    if before.config is None and not empty:
        raise ConfigError(*before.problems)
    if entry["name"] in before.positions:
        at = before.positions[entry["name"]]
        raise UsageError.because(f"there is a source `{entry['name']}` already", "choose another name", at)
    bom = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    made = _changed(data, document.root if isinstance(document.root, Keys) else None, entry)
    whole = bom + made.encode() if made is not None else b""
    return _checked(before, whole, entry)


def snippet(entry: Mapping[str, Any]) -> str:
    """Return the entry as it stands below `sources:`."""
    return "".join(f"{line}\n" for line in _lines(entry, "  "))


def _refuse_wrong(entry: Mapping[str, Any]) -> None:
    text = f"sources:\n{snippet(entry)}".encode()
    if problems := parse(text, SOURCES_FILE).problems:
        raise UsageError(*(Problem(what=problem.what, hint=problem.hint) for problem in problems))
    root = load(text, SOURCES_FILE).root
    if root is None or plain(root) != {"sources": [dict(entry)]}:  # infinity, and what is no number
        raise UsageError.because("a value can't be written as JSON has it", "leave it out, and write it by hand")


def _checked(before: Parsed, made: bytes, entry: Mapping[str, Any]) -> bytes:
    """Return what was made, if it means what was there and the new source, and nothing else."""
    after = parse(made, SOURCES_FILE)
    name = entry["name"]
    if after.config and name in after.broken:
        raise UsageError(*(Problem(what=problem.what, hint=problem.hint) for problem in after.broken[name]))
    old = list(before.config.sources) if before.config else []
    new = list(after.config.sources) if after.config else []
    same = _head(before) is None or _head(before) == _head(after)
    kept = new[:-1] == old and [source.name for source in new[-1:]] == [name]
    if not (same and kept and after.broken.keys() == before.broken.keys()):
        what = f"{SOURCES_FILE} is written so that no source can be added line by line; it is as it was"
        raise ConfigError.because(what, f"paste this below `sources:` yourself:\n{snippet(entry)}".rstrip())
    return made


def _head(parsed: Parsed) -> Config | None:
    """Return everything but the sources."""
    return parsed.config.model_copy(update={"sources": ()}) if parsed.config else None


def _changed(data: bytes, root: Keys | None, entry: Mapping[str, Any]) -> str | None:
    """Return the text with the entry; None if there is no place for it. A wrong guess is found out afterwards."""
    text = decode(data, SOURCES_FILE)
    if not isinstance(text, str):
        return None
    lines: list[str] = _LINES.findall(text)
    newline = next((line[len(line.rstrip("\r\n")) :] for line in lines if line.endswith(("\r", "\n"))), "\n")
    listed = root.entries.get("sources") if root else None
    if listed is None:
        indent = " " * (root.at.column - 1) if root else ""
        return _joined(lines, len(lines), _block(entry, indent, newline), newline)
    if is_null(listed.node) or (isinstance(listed.node, Items) and not listed.node.items):
        number, column = listed.at.line - 1, listed.at.column - 1
        lines[number] = _emptied(lines[number])
        return _joined(lines, number + 1, _text(entry, " " * (column + 2), newline), newline)
    last = _place(text)
    if last is None:
        return None
    if last.flow:
        line, column = lines[last.line], last.column
        lines[last.line] = f"{line[:column]}, {_value(dict(entry))}{line[column:]}"
        return "".join(lines)
    number = _after_comments(lines, last.line + 1, last.dash)
    gap = newline if _spaced(lines[last.first : last.line + 1], last.dash) else ""
    return _joined(lines, number, gap + _text(entry, " " * last.dash, newline), newline)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the list of sources ends: behind its last item. Lines and columns count from 0."""

    line: int
    column: int
    first: int
    dash: int
    flow: bool


def _place(text: str) -> _Place | None:
    """Return where the last item of the list below `sources` at the top ends; None if there is no such list."""
    depth, listed, last, key = 0, None, None, None
    for event in yaml.parse(text, Loader=_LOADER):
        begin, end = place(event.start_mark, SOURCES_FILE), place(event.end_mark, SOURCES_FILE)
        if listed and depth == _LISTED and isinstance(event, events.SequenceEndEvent):
            break
        if depth == 1 and key == "sources" and isinstance(event, events.SequenceStartEvent):
            listed = (begin, bool(event.flow_style))
        elif listed and end > begin and isinstance(event, _ENDING):
            last = end
        depth += isinstance(event, events.CollectionStartEvent) - isinstance(event, events.CollectionEndEvent)
        key = event.value if depth == 1 and isinstance(event, events.ScalarEvent) else None
    if listed is None or last is None:
        return None
    return _Place(
        # a text in several lines, like one behind `|`, ends where the next line begins
        line=last.line - 1 - (last.column == 1),
        column=last.column - 1,
        first=listed[0].line - 1,
        dash=listed[0].column - 1,
        flow=listed[1],
    )


def _after_comments(lines: Sequence[str], number: int, dash: int) -> int:
    """Return the line behind the comments that belong to the item above: those that stand deeper than its dash."""
    while number < len(lines) and re.match(rf"[ ]{{{dash + 1},}}#", lines[number]):
        number += 1
    return number


def _spaced(lines: Sequence[str], dash: int) -> bool:
    """Tell whether empty lines stand between the items, or whether there is but one."""
    items = [number for number, line in enumerate(lines) if line.startswith(" " * dash + "-")]
    return len(items) == 1 or any(not lines[number - 1].strip() for number in items[1:])


def _emptied(line: str) -> str:
    """Return the line of a key without its value, null or an empty list."""
    colon = line.index(":", line.index("sources")) + 1
    behind = line[colon:]
    blanks = len(behind) - len(behind.lstrip(" \t"))
    found = _NOTHING.match(behind, blanks)
    return line if not found or not found[0] else (line[:colon] + behind[blanks + len(found[0]) :])


def _joined(lines: Sequence[str], number: int, text: str, newline: str) -> str:
    above = "".join(lines[:number])
    gap = newline if above and not above.endswith(("\r", "\n")) else ""
    return above + gap + text + "".join(lines[number:])


def _block(entry: Mapping[str, Any], indent: str, newline: str) -> str:
    return f"{indent}sources:{newline}" + _text(entry, f"{indent}  ", newline)


def _text(entry: Mapping[str, Any], indent: str, newline: str) -> str:
    return "".join(f"{line}{newline}" for line in _lines(entry, indent))


def _lines(entry: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Give the lines of an item: a key each; the block of its type has a line for each of its keys, too."""
    dash = f"{indent}- "
    for key, value in entry.items():
        if isinstance(value, dict) and value:
            yield f"{dash}{key}:"
            yield from (f"{indent}    {scalar(below)}: {_value(one)}" for below, one in value.items())
        else:
            yield f"{dash}{key}: {_value(value)}"
        dash = f"{indent}  "


def _value(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Return a value in one line, in as few quotes as it needs."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{scalar(key)}: {_value(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return scalar(value) if isinstance(value, str) else json.dumps(value)
