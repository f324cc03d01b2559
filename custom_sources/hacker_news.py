"""Stories, comments and jobs of Hacker News, each item asked for by itself, many at once.

The API (its documentation: github.com/HackerNews/API) has no pages and no key: it says what the newest item is and
which ones have just changed, and has each item by its number.

sources:
  - name: hacker_news
    type: dlt_native
    dlt_native:
      source_module: hacker_news
      source_function: hacker_news
      function_kwargs: {first_items: 1000}
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import dlt
import urllib3
from dlt.extract import DltResource

HOST = "https://hacker-news.firebaseio.com"
PAGE = 500  # items that are asked for before their rows are handed on
MISSED = 1_000  # so many numbers behind the newest one, an item without an answer may still get one
RETRIES = urllib3.Retry(total=5, backoff_factor=1, status_forcelist=(429, 500, 502, 503, 504))
TIMEOUT = urllib3.Timeout(connect=10, read=30)

Row = dict[str, Any]


@dlt.source
def hacker_news(first_items: int = 1_000, at_once: int = 20, base_url: str = HOST) -> DltResource:
    """Load `items`, at most `at_once` at the same time; the first run has the newest `first_items`."""
    return items(first_items, at_once, base_url)


@dlt.resource(write_disposition="merge", primary_key="id", max_table_nesting=1)
async def items(first_items: int, at_once: int, base_url: str) -> AsyncIterator[list[Row]]:
    """Each item once, and again if the API says at the time of a run that it has just changed.

    So `score` and `descendants` are those of the last time that it was asked for. `time` is in seconds since 1970.
    """
    state = dlt.current.resource_state()
    with ThreadPoolExecutor(at_once) as threads:
        api = Api(base_url, at_once, threads)
        newest = int(await api.get("maxitem"))
        first = state.get("first", max(1, newest - first_items + 1))
        known = state.get("newest", first - 1)
        changed = {number for number in (await api.get("updates"))["items"] if first <= number <= known}
        wanted = [*range(known + 1, newest + 1), *sorted(changed | set(state.get("missed", ())))]
        missed = []
        for numbers in batches(wanted, PAGE):
            found = await asyncio.gather(*(api.get(f"item/{number}") for number in numbers))
            missed += [number for number, row in zip(numbers, found, strict=True) if row is None]
            yield [row for row in found if row is not None]
    # Only now: an extraction that stops early must ask for the same items again.
    state.update(first=first, newest=max(newest, known), missed=[n for n in missed if n > newest - MISSED])


class Api:
    """The API's side; requests run on `threads`, and so no more at once than there are of them."""

    def __init__(self, base_url: str, connections: int, threads: ThreadPoolExecutor) -> None:
        self._base_url = base_url
        self._threads = threads
        self._pool = urllib3.PoolManager(maxsize=connections, retries=RETRIES, timeout=TIMEOUT)

    async def get(self, what: str) -> Any:  # noqa: ANN401 - a number, a list, an item, or null
        """Return the JSON of an address without blocking the others.

        Raises:
            ConnectionError: nobody answers, or an answer is no success, also after several tries.

        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._get, what)

    def _get(self, what: str) -> Any:  # noqa: ANN401 - as above
        try:
            response = self._pool.request("GET", f"{self._base_url}/v0/{what}.json")
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionError(f"/v0/{what}.json: {error}") from error
        if response.status != 200:  # noqa: PLR2004 - as HTTP has it
            raise ConnectionError(f"/v0/{what}.json: the server answers with status {response.status}")
        return json.loads(response.data)


def batches(numbers: Iterable[int], size: int) -> Iterator[list[int]]:
    """Cut numbers into lists of at most this size."""
    left = iter(numbers)
    while batch := list(islice(left, size)):
        yield batch
