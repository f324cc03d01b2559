"""Secrets in a warehouse: what dlt keeps for itself must hold none, and what the user keeps is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dango_action.errors import CredentialsError, Problem
from dango_action.warehouse.search import Hit, search

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from dango_action.credentials.forms import Known


def refuse_secrets(file: Path, known: Sequence[Known], datasets: Collection[str]) -> list[Problem]:
    """Return a notice for each of the user's columns in these datasets that holds a secret.

    Raises:
        CredentialsError: one is in dlt's own tables, or in a name or a comment; all of them at once.

    """
    hits = search(file, known, datasets)
    fatal = [_fatal(hit) for hit in hits if hit.fatal]
    if fatal:
        raise CredentialsError(*fatal)
    return [
        Problem(what=f"{hit.where} in the warehouse {_found(hit)}", hint="is it meant to be there?")
        for hit in hits
    ]


def _fatal(hit: Hit) -> Problem:
    what = f"the warehouse is not kept: {hit.where} in it {_found(hit)}"
    hint = "mend the source, which puts it into dlt's state, a name or a comment; then --full-refresh drops it"
    return Problem(what=what, hint=hint)


def _found(hit: Hit) -> str:
    return f"holds the secret {hit.path}" if hit.path else "could not be searched whole"
