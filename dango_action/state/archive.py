"""What an artifact is made of, and taking a kept generation out of one: two files, and nothing else."""

from __future__ import annotations

import hashlib
import shutil
import stat
import zipfile
import zlib
from typing import TYPE_CHECKING

from dango_action.errors import Problem, StateError
from dango_action.state import manifest

if TYPE_CHECKING:
    from pathlib import Path

    from dango_action.state.manifest import Manifest

MANIFEST = "manifest.json"
WAREHOUSE = "warehouse.duckdb"

_CHUNK = 1024 * 1024
_ENCRYPTED = 0x1  # bit of a member's flags
# A full disk is not among them: the artifact is sound then.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def fresh_folder(folder: Path) -> None:
    """Make a folder for what goes up; whatever a source has put in its place is gone then.

    Raises:
        OSError: it can't be made.

    """
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)
    folder.mkdir(parents=True, mode=0o700)


def read_manifest(file: Path) -> Manifest:
    """Return the manifest of the zip file, after a look at its list of members.

    Raises:
        StateError: it is no zip file, holds anything but the two files, or the manifest can't be read.

    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = _members(archive)
            if members[MANIFEST].file_size > manifest.LARGEST:
                raise _wrong("its manifest is too large")
            document = archive.read(members[MANIFEST])
    except _BROKEN as error:
        raise _wrong(f"it cannot be read as a zip file: {type(error).__name__}") from error
    return manifest.decode(document)


def extract(file: Path, kept: Manifest, target: Path) -> None:
    """Write the warehouse of the zip file to a new file, whose size and digest are those of its manifest.

    Raises:
        StateError: they are not, or there is no room for it.

    """
    size, free = kept.file.size, shutil.disk_usage(target.parent).free
    if size > free:
        what = f"the kept warehouse has {size:,} bytes, and the disk has room for {free:,}"
        raise StateError.because(what, "make room, or use a larger runner; nothing was changed")
    digest, left = hashlib.sha256(), size
    try:
        with zipfile.ZipFile(file) as archive, target.open("xb") as writer:
            member = _members(archive)[WAREHOUSE]
            if member.file_size != size:
                raise _wrong("the warehouse in it has another size than its manifest says")
            with archive.open(member) as reader:
                while chunk := reader.read(min(_CHUNK, left + 1)):
                    left -= len(chunk)
                    if left < 0:
                        break
                    digest.update(chunk)
                    writer.write(chunk)
    except _BROKEN as error:
        raise _wrong(f"it cannot be unpacked: {type(error).__name__}") from error
    if left or digest.hexdigest() != kept.file.sha256:
        raise _wrong("the warehouse in it is not the one that its manifest describes")


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the two members by name; a link, a path, a folder or a third file is refused, not skipped."""
    members = archive.infolist()
    names = sorted(member.filename for member in members)
    if names != [MANIFEST, WAREHOUSE]:
        raise _wrong(f"it holds something else than {MANIFEST} and {WAREHOUSE}, each once")
    for member in members:
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise _wrong(f"{member.filename} in it is a link or no file")
        if member.flag_bits & _ENCRYPTED or member.compress_type not in _METHODS:
            raise _wrong(f"{member.filename} in it is packed in a way that GitHub does not use")
    return {member.filename: member for member in members}


def _wrong(what: str) -> StateError:
    hint = "delete that artifact to go on from the generation before it, or start over with `state: new`"
    return StateError(Problem(what=f"the kept generation can't be used: {what}", hint=hint))
