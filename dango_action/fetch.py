"""Bringing a kept generation to this machine: nothing of it is used before all of it is checked."""

from __future__ import annotations

import glob
import os
import shutil
from typing import TYPE_CHECKING

from dango_action.errors import StateError
from dango_action.state.archive import extract, look
from dango_action.state.manifest import Manifest, Origin
from dango_action.state.seal import Keys
from dango_action.state.trust import distrust_manifest
from dango_action.warehouse.contents import refuse_foreign_code
from dango_action.warehouse.generations import install

if TYPE_CHECKING:
    from pathlib import Path

    from dango_action.github.api import Repository
    from dango_action.state.names import Lineage
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


def fetch(  # noqa: PLR0913 - what, by whom, from where, to where
    store: Store, kept: Kept, expected: Origin, path: Path, *, run: str, seen: Signature
) -> Manifest:
    """Put the warehouse of a kept generation in the place of the file at `path`, and return its manifest.

    `seen` is the signature of that file when it was decided to replace it.

    Raises:
        DangoError: it does not arrive, is not what it says, holds what could harm, or there is no room for it.

    """
    folder = path.with_name(f"{path.name}.{os.getpid()}.fetched.work")  # who locks the warehouse clears them too
    try:
        _clear(path)
        folder.mkdir(parents=True, mode=0o700)
        archive, file = folder / "kept.zip", folder / path.name
        store.download(kept, archive)
        keys = Keys()
        manifest = look(archive, keys).manifest
        reason = distrust_manifest(manifest, generation=kept.generation, run_id=kept.run_id, origin=expected)
        if reason:
            raise StateError.because(
                f"{kept.name} of run {kept.run_id} is refused: {reason}",
                "delete it to go on from the generation before it, or start over with `state: new`",
            )
        extract(archive, manifest, file, keys)
        archive.unlink()
        refuse_foreign_code(file)
        install(file, path, run=run, seen=seen)
    except OSError as error:
        what = f"the kept warehouse cannot be written to {path.parent}: {error.strerror}"
        raise StateError.because(what, "nothing was changed; run again") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return manifest


def _clear(path: Path) -> None:
    """Remove what killed processes have left of their downloads."""
    for leftover in path.parent.glob(f"{glob.escape(path.name)}.*.fetched.work"):
        process = leftover.name.removesuffix(".fetched.work").rpartition(".")[2]
        if process.isdecimal() and not _lives(int(process)):
            shutil.rmtree(leftover, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
