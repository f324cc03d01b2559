"""What an API does otherwise than sources.yml says of it, without an error: told when its rows are there.

A process has one source, and so one of this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlt.common import jsonpath

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PLAIN = re.compile(r"[A-Za-z0-9_.]+")
_LISTED = 10


@dataclass(slots=True)
class Noticed:
    """Rows, and how many of them have a cursor; and what answers had in place of rows. All by resource."""

    _rows: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    _answers: dict[str, tuple[str, list[str]]] = field(default_factory=dict)

    def answer(self, document: Any, *, name: str, selector: str) -> Any:  # noqa: ANN401 - an answer
        """Return an answer, and remember if it has no place for rows where they are looked for."""
        plain = _PLAIN.fullmatch(selector) is not None and isinstance(document, dict)
        if plain and document and name not in self._answers and not jsonpath.find_values(selector, document):
            self._answers[name] = selector, [str(key) for key in document][:_LISTED]
        return document

    def row(self, name: str, path: str, row: Any) -> Any:  # noqa: ANN401 - a row
        """Return a row, and count it."""
        counts = self._rows.setdefault((name, path), [0, 0])
        counts[0] += 1
        counts[1] += bool(jsonpath.find_values(path, row)) if isinstance(row, dict) else 0
        return row

    def told(self) -> Iterator[tuple[str, str]]:
        """Give what there is to say, and what to do."""
        for name, (selector, keys) in self._answers.items():
            what = f"an answer to `{name}` has no `{selector}`, where `data_selector` looks for its rows"
            yield what, f"it has {_words(keys)}: is one of these meant?"
        for (name, path), (rows, dated) in self._rows.items():
            if rows and not dated:
                what = f"no row of `{name}` has `{path}`, its cursor: each sync asks for all rows again"
                yield what, "is `cursor_path` right?"


NOTICED = Noticed()


def _words(keys: Sequence[str]) -> str:
    return ", ".join(f"`{key}`" for key in keys)
