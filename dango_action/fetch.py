"""Bringing a kept generation to this machine: nothing of it is used before all of it is checked."""

from __future__ import annotations

import glob
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dango_action.errors import StateError
from dango_action.state.archive import extract, look
from dango_action.state.manifest import Origin
from dango_action.state.trust import distrust_manifest
from dango_action.warehouse.contents import refuse_foreign_code
from dango_action.warehouse.generations import install

if TYPE_CHECKING:
    from pathlib import Path

    from dango_action.errors import DangoError
    from dango_action.github.api import Repository
    from dango_action.state.archive import Packed
    from dango_action.state.names import Lineage
    from dango_action.state.seal import Keys
    from dango_action.state.store import Kept, Store
    from dango_action.warehouse.generations import Signature


def origin(lineage: Lineage, repository: Repository) -> Origin:
    """Return what the manifests of a lineage say of where they come from."""
    return Origin(
        repository_id=repository.id,
        workflow=lineage.workflow,
        project=lineage.project,
        branch=repository.default_branch,
        target=lineage.target,
        shard=lineage.shard,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """The file to replace, its signature when that was decided, and the name of the run that does it."""

    path: Path
    seen: Signature
    run: str


def fetch(store: Store, kept: Kept, expected: Origin, to: Destination, keys: Keys) -> Packed:
    """Put the warehouse of a kept generation in place, and return what it was packed with.

    Raises:
        DangoError: it does not arrive, is not what it says, holds what could harm, or there is no room for it.

    """
    path = to.path
    folder = path.with_name(f"{path.name}.{os.getpid()}.fetched.work")  # who locks the warehouse clears them too
    try:
        _clear(path)
        folder.mkdir(parents=True, mode=0o700)
        archive, file = folder / "kept.zip", folder / path.name
        store.download(kept, archive)
        packed = look(archive, keys)
        manifest = packed.manifest
        if packed.key_id is None and keys.first and not store.vouched:
            raise StateError.because(
                f"{kept.name} is not sealed, and nobody vouches for who has written it",
                "add `unsealed` to `state` to go on unsealed, or `new`, once and by hand, to start over sealed",
            )
        reason = distrust_manifest(manifest, generation=kept.generation, run_id=kept.run_id, origin=expected)
        if reason:
            raise _refused(kept, reason)
        extract(archive, manifest, file, keys)
        archive.unlink()
        _look_into(file, kept)
        install(file, path, run=to.run, seen=to.seen)
    except OSError as error:
        what = f"the kept warehouse cannot be written to {path.parent}: {error.strerror}"
        raise StateError.because(what, "nothing was changed; run again") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return packed


def _look_into(file: Path, kept: Kept) -> None:
    """Refuse a warehouse that can't be opened or brings code along; in what is kept, nobody can mend it."""
    try:
        refuse_foreign_code(file)
    except StateError as error:
        raise _refused(kept, "; ".join(problem.what for problem in error.problems)) from error


def _refused(kept: Kept, reason: str) -> DangoError:
    return StateError.because(
        f"{kept.name} of run {kept.run_id} is refused: {reason}",
        "delete it to go on from the generation before it, or start over with `state: new`",
    )


def _clear(path: Path) -> None:
    """Remove what killed processes have left of their downloads."""
    for leftover in path.parent.glob(f"{glob.escape(path.name)}.*.fetched.work"):
        process = leftover.name.removesuffix(".fetched.work").rpartition(".")[2]
        # in a container, the process that was killed there may have had the number of this one
        if process.isdecimal() and (int(process) == os.getpid() or not _lives(int(process))):
            shutil.rmtree(leftover, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
