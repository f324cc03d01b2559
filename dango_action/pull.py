"""The newest warehouse of a workflow on a person's machine: where it is kept, and what may be replaced by it."""

from __future__ import annotations

import os
import shlex
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dango_action import environment
from dango_action.credentials.keys import KeyRing
from dango_action.errors import StateError
from dango_action.fetch import Destination, fetch, origin
from dango_action.state.manifest import Manifest, decode, file_of
from dango_action.state.seal import Keys
from dango_action.warehouse.generations import signature
from dango_action.whereabouts import whereabouts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dango_action.whereabouts import Wanted

PULLED = ".dango/pulled.duckdb"
"""Not the target's own file: a sync on this machine goes on from that, and it may hold what is nowhere else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for on the command line: whose warehouse, and where to put it."""

    wanted: Wanted
    output: Path | None
    force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """A warehouse on this machine. `fetched` is false if it was here already."""

    path: Path
    manifest: Manifest
    fetched: bool


def pull(project: Path, wish: Wish, environ: Mapping[str, str]) -> Pulled:
    """Fetch the newest generation that the workflow of a project has kept.

    Raises:
        UsageError: it is not clear which repository or workflow is meant.
        CredentialsError: there is no token, GitHub refuses it, or the key for a sealed one is not here.
        StateError: nothing is kept, it can't be trusted, or the file in its place holds something else.

    """
    place = whereabouts(project, wish.wanted, environ)
    path = wish.output.resolve() if wish.output else (project / PULLED).resolve()
    newest = place.store.find().newest
    if newest is None:
        raise StateError.because(
            f"nothing is kept of {place.lineage.target} by {place.lineage.workflow} of {place.name}"
            + (f" in {place.url}" if place.url else ""),
            "run the workflow on the default branch, or name another --workflow, --target, --shard or --state; "
            "what was kept once may have expired",
        )
    seen = signature(path)
    here = _here(path, force=wish.force)
    if here and (here.generation, here.run_id) == (newest.generation, newest.run_id):
        return Pulled(path=path, manifest=here, fetched=False)
    expected = origin(place.lineage, place.repository)
    keys = Keys(ring=KeyRing.of(environment.secrets_key(environ)), folder=environment.config_folder(environ))
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
    with _noted(path) as note:
        to = Destination(path=path, seen=seen, run=run)
        manifest = fetch(place.store, newest, expected, to, keys).manifest
        note.write_bytes(manifest.encode())
    return Pulled(path=path, manifest=manifest, fetched=True)


def _note(path: Path) -> Path:
    """Return the file beside a pulled warehouse that says which one it is."""
    return path.with_name(f"{path.name}.pulled.json")


@contextmanager
def _noted(path: Path) -> Iterator[Path]:
    """Give a file for the new note. While it is there, as after a kill, the warehouse counts as a pulled one."""
    note, new = _note(path), _note(path).with_suffix(".new")
    note.parent.mkdir(parents=True, exist_ok=True)
    new.touch()
    try:
        yield new
        new.replace(note)
    finally:
        new.unlink(missing_ok=True)


def _here(path: Path, *, force: bool) -> Manifest | None:
    """Return the manifest of the pulled warehouse at `path`; None if there is none that has to stay.

    Raises:
        StateError: the file is something else, which must not be lost.

    """
    if not path.exists() or force:
        return None
    note = _note(path)
    with suppress(StateError, OSError):
        manifest = decode(note.read_bytes())
        if file_of(path) == manifest.file:
            return manifest
    if note.with_suffix(".new").exists():  # a pull was killed between the file and its note
        return None
    raise StateError.because(
        f"{path} holds something else than a pulled warehouse, or was changed since",
        "put the pulled one elsewhere with --output OTHER.duckdb, or replace this one with --force",
    )


def lines(pulled: Pulled) -> Iterator[str]:
    """Give what a pulled warehouse is, what is in it, and how to open it."""
    manifest = pulled.manifest
    made = f"generation {manifest.generation} of {manifest.created_at:%Y-%m-%d %H:%M} UTC, run {manifest.run_id}"
    size = f"{manifest.file.size / 1_000_000:,.1f} MB"
    yield f"{'fetched' if pulled.fetched else 'here already:'} {made}, {size}"
    for dataset, held in manifest.datasets.items():
        yield from (f"  {dataset}.{table}  {rows:,}" for table, rows in held.rows.items())
    yield f"open it: duckdb -readonly {shlex.quote(_short(pulled.path))}"


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
