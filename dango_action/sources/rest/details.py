"""Rows of a list that have hardly more than ids, completed by a second request for several of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urljoin

from dlt.common import jsonpath

from dango_action.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import requests

    from dango_action.config.rest_api import Details

Row: TypeAlias = dict[str, Any]
Fetch: TypeAlias = "Callable[[Sequence[Any]], Any]"
"""Asks for the details of some ids."""


def fetcher(details: Details, session: requests.Session, base_url: str, params: Mapping[str, Any]) -> Fetch:
    """Return what sends the second request: with the ids in its query, or with POST in its body."""
    url = urljoin(f"{base_url.rstrip('/')}/", details.path)

    def fetch(ids: Sequence[Any]) -> Any:  # noqa: ANN401 - whatever the API answers
        if details.method == "POST":
            return session.post(url, params=dict(params), json={details.name: list(ids)}).json()
        return session.get(url, params={**params, details.name: ",".join(map(str, ids))}).json()

    return fetch


def completed(document: Any, *, details: Details, selector: str, fetch: Fetch) -> Any:  # noqa: ANN401 - an answer
    """Return an answer in which the rows of the list have their details.

    Raises:
        SourceError: there are none of a row, and the definition does not say that it may be so: it would be lost.

    """
    *folders, last = selector.split(".")
    below = document
    for folder in folders:
        below = below.get(folder) if isinstance(below, dict) else None
    if isinstance(below, dict) and isinstance(below.get(last), list):
        below[last] = list(_joined(below[last], details, fetch))
    return document


def _joined(rows: Sequence[Row], details: Details, fetch: Fetch) -> Iterator[Row]:
    for start in range(0, len(rows), details.size):
        some = rows[start : start + details.size]
        ids = [row[details.of] for row in some]
        found = {row[details.of]: row for row in _rows(fetch(ids), details.data_selector)}
        absent = [str(number) for number in ids if number not in found]
        if absent and details.absent == "fail":
            raise SourceError.because(
                f"`{details.path}` has left out {', '.join(absent)}, which the list has",
                "they would be lost; run it again, and if it stays so, ask the vendor",
            )
        yield from ({**row, **found[row[details.of]]} for row in some if row[details.of] in found)


def _rows(document: Any, selector: str) -> Iterator[Row]:  # noqa: ANN401 - an answer
    for value in jsonpath.find_values(selector, document):
        yield from value if isinstance(value, list) else [value]
