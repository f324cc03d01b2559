"""Bringing a kept generation to this machine: nothing of it is used before all of it is checked."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from dango_action.errors import StateError
from dango_action.state.archive import extract, read_manifest
from dango_action.state.manifest import Manifest, Origin
from dango_action.state.trust import distrust_manifest
from dango_action.warehouse.contents import refuse_foreign_code
from dango_action.warehouse.generations import install

if TYPE_CHECKING:
    from pathlib import Path

    from dango_action.github.api import GitHub, Repository
    from dango_action.state.artifacts import Kept
    from dango_action.state.names import Lineage


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


def fetch(github: GitHub, kept: Kept, expected: Origin, path: Path, run: str) -> Manifest:
    """Put the warehouse of a kept generation in the place of the file at `path`, and return its manifest.

    Raises:
        DangoError: it does not arrive, is not what it says, holds what could harm, or there is no room for it.

    """
    folder = path.with_name(f"{path.name}.{run}.fetched.work")  # whoever locks the warehouse clears such folders
    try:
        folder.mkdir(parents=True, mode=0o700)
        archive, file = folder / "artifact.zip", folder / path.name
        github.download(kept.artifact, archive)
        manifest = read_manifest(archive)
        reason = distrust_manifest(manifest, generation=kept.generation, run_id=kept.run.id, origin=expected)
        if reason:
            raise StateError.because(
                f"artifact {kept.artifact.name} of run {kept.run.id} is refused: {reason}",
                "delete it to go on from the generation before it, or start over with `state: new`",
            )
        extract(archive, manifest, file)
        archive.unlink()
        refuse_foreign_code(file)
        install(file, path, run)
    except OSError as error:
        what = f"the kept warehouse cannot be written to {path.parent}: {error.strerror}"
        raise StateError.because(what, "nothing was changed; run again") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return manifest
