"""The `on:` of a workflow: when it runs, and what a person may choose."""

from __future__ import annotations

import hashlib
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from dango_action.scaffold.scalars import scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ALL = "all"
"""What the picker offers first. A source of this name can't be picked alone."""

INPUTS: Mapping[str, str] = MappingProxyType(
    {
        # Nobody has chosen anything on a schedule: then each of these is empty, which means all, and a load.
        "sources": f"${{{{ inputs.sources != '{ALL}' && inputs.sources || '' }}}}",
        "full-refresh": "${{ inputs.full-refresh }}",
        "limit": "${{ inputs.limit }}",
        "since": "${{ inputs.since }}",
        "until": "${{ inputs.until }}",
        "state": "${{ inputs.start-over && 'artifact new' || 'artifact' }}",
    }
)
"""How the choices reach the Action."""

_HOUR = 4
_MAGIC = re.compile(r"([*?+\[\]!\\])")  # of GitHub's path filters
# What a pull request may change that the check looks at.
_CHECKED = (".dango/**", ".dlt/**", "custom_sources/**")


def minute_for(repository: str) -> int:
    """Return the minute of the hour at which this repository syncs, from 1 to 59.

    GitHub starts late, or drops, what everybody schedules for the full hour; the same name gives the same minute.
    """
    return hashlib.sha256(repository.lower().encode(errors="surrogateescape")).digest()[0] % 59 + 1


def schedule(minute: int) -> str:
    """Return the trigger for once a day at this minute."""
    return f"""\
  schedule:
    # Every day at {_HOUR:02}:{minute:02} UTC. Every six hours is "{minute} */6 * * *".
    - cron: "{minute} {_HOUR} * * *"
"""


def workflow_dispatch(choices: Iterable[str]) -> str:
    """Return the trigger for a person, who picks one of these or `all`."""
    options = "".join(f"          - {scalar(choice)}\n" for choice in [ALL, *choices])
    return f"""\
  workflow_dispatch:
    inputs:
      sources:
        description: What to sync
        type: choice
        default: {ALL}
        # Whatever `dango sync --source` takes: a name, a list (a,b), a pattern (shop_*), a group (tag:shop).
        # Add the sources that you add; `all` has them already.
        options:
{options}\
      full-refresh:
        description: Drop the tables and cursors of these sources first, then load everything anew
        type: boolean
        default: false
      limit:
        description: Only look at this many rows of each resource and load nothing; leave it empty to load
        type: string # not a number: only text can be empty
      since:
        description: Backfill, from this date on, or from an age like 7d; leave it empty to load what is new
        type: string
      until:
        description: Where a backfill ends, itself left out; leave it empty for now
        type: string
      start-over:
        description: Begin with an empty warehouse, if what was kept is lost or not wanted any more
        type: boolean
        default: false
"""


def pull_request(folder: str, file: str) -> str:
    """Return the trigger for pull requests that change the project in `folder`, or the workflow `file` itself."""
    prefix = f"{folder}/" if folder else ""
    paths = [*(_MAGIC.sub(r"\\\1", prefix) + path for path in _CHECKED), _MAGIC.sub(r"\\\1", file)]
    return "  pull_request:\n    paths:\n" + "".join(f"      - {scalar(path)}\n" for path in paths)
