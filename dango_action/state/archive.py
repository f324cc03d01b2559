"""What a kept generation is packed in, as an artifact or in a bucket, and taking it out: that, and nothing else.

It is a zip file with either `manifest.json` and `warehouse.duckdb`, or, if it is sealed, `state.sealed` alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, cast

from dango_action.errors import Problem, StateError
from dango_action.state import manifest as manifests
from dango_action.state.frames import DamagedError
from dango_action.state.seal import Keys, seal, unseal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from dango_action.credentials.keys import PrivateKey
    from dango_action.state.manifest import Manifest

MANIFEST = "manifest.json"
WAREHOUSE = "warehouse.duckdb"
SEALED = "state.sealed"

_CHUNK = 1024 * 1024
_ENCRYPTED = 0x1  # bit of a member's flags
# A full disk is not among them: the archive is sound then.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What an archive says of itself. `key_id` is the key that it is sealed for; None: it is not sealed."""

    manifest: Manifest
    key_id: str | None


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


def pack(folder: Path, warehouse: Path, manifest: Manifest, key: PrivateKey | None) -> None:
    """Write what is kept of a warehouse into a fresh folder, sealed if there is a key.

    Raises:
        StateError: the warehouse is not the one of the manifest, or nobody could read that one again.
        OSError: it can't be written.

    """
    document = manifest.encode()
    if len(document) > manifests.LARGEST:
        what = f"the cursors and row counts have {len(document):,} bytes, and {manifests.LARGEST:,} can be kept"
        raise StateError.because(what, "split the sources up into several targets")
    fresh_folder(folder)
    if key is None:
        _link(warehouse, folder / WAREHOUSE)
        (folder / MANIFEST).write_bytes(document)
        return
    with warehouse.open("rb") as reader, (folder / SEALED).open("xb") as writer:
        seal(reader, manifest, key, writer)


def zip_folder(folder: Path, file: Path) -> None:
    """Write the files of a packed folder into one new zip file, as `upload-artifact` does; they are stored as is.

    Raises:
        OSError: it can't be written.

    """
    with zipfile.ZipFile(file, "x", zipfile.ZIP_STORED, strict_timestamps=False) as archive:
        for member in sorted(folder.iterdir()):
            archive.write(member, member.name)


def look(file: Path, keys: Keys) -> Packed:
    """Return what a zip file holds, after a look at its list of members.

    Raises:
        CredentialsError: it is sealed for a key that is not there.
        StateError: it is no zip file, holds anything but a generation, is damaged, or of a later version.

    """
    with _opened(file) as archive:
        members = _members(archive)
        if SEALED in members:
            with _member(archive, members[SEALED]) as sealed:
                unsealed = unseal(sealed, keys)
            return Packed(manifest=unsealed.manifest, key_id=unsealed.key_id)
        if members[MANIFEST].file_size > manifests.LARGEST:
            raise _wrong("its manifest is too large")
        return Packed(manifest=manifests.decode(archive.read(members[MANIFEST])), key_id=None)


def extract(file: Path, kept: Manifest, target: Path, keys: Keys) -> None:
    """Write the warehouse of the zip file to a new file, whose size and digest are those of its manifest.

    Raises:
        CredentialsError: as `look`.
        StateError: as `look`; or it is another warehouse, or there is no room for it.

    """
    size, free = kept.file.size, shutil.disk_usage(target.parent).free
    if size > free:
        what = f"the kept warehouse has {size:,} bytes, and the disk has room for {free:,}"
        raise StateError.because(what, "make room, or use a larger runner; nothing was changed")
    with _opened(file) as archive, target.open("xb") as writer:
        members = _members(archive)
        if SEALED in members:
            with _member(archive, members[SEALED]) as sealed:
                unsealed = unseal(sealed, keys)
                same = unsealed.manifest == kept and _written(unsealed.chunks(), kept, writer)
        else:
            if members[WAREHOUSE].file_size != size:
                raise _wrong("the warehouse in it has another size than its manifest says")
            with _member(archive, members[WAREHOUSE]) as plain:
                same = _written(iter(partial(plain.read, _CHUNK), b""), kept, writer)
    if not same:
        raise _wrong("the warehouse in it is not the one that its manifest describes")


def _written(chunks: Iterable[bytes], kept: Manifest, writer: BinaryIO) -> bool:
    """Write a warehouse, but no byte more than its manifest speaks of; tell whether it is the one."""
    digest, left = hashlib.sha256(), kept.file.size
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            return False
        digest.update(chunk)
        writer.write(chunk)
    return left == 0 and digest.hexdigest() == kept.file.sha256


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip file; whatever is broken in it is said as it has to be."""
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except DamagedError as error:
        raise _wrong(f"{SEALED} is not what was sealed: {error}") from error
    except _BROKEN as error:
        raise _wrong(f"it cannot be read as a zip file: {type(error).__name__}") from error


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> BinaryIO:
    return cast("BinaryIO", archive.open(member))


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by name; a link, a path, a folder or another file is refused, not skipped."""
    members = archive.infolist()
    names = sorted(member.filename for member in members)
    if names not in ([MANIFEST, WAREHOUSE], [SEALED]):
        raise _wrong(f"it holds something else than {MANIFEST} and {WAREHOUSE}, each once, or {SEALED}")
    for member in members:
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise _wrong(f"{member.filename} in it is a link or no file")
        if member.flag_bits & _ENCRYPTED or member.compress_type not in _METHODS:
            raise _wrong(f"{member.filename} in it is packed in a way that is not used here")
    return {member.filename: member for member in members}


def _link(origin: Path, copy: Path) -> None:
    """Give a file a second name, or where that can't be, copy it."""
    try:
        os.link(origin, copy)
    except OSError:
        shutil.copyfile(origin, copy)


def _wrong(what: str) -> StateError:
    hint = "delete it where it is kept to go on from the generation before it, or start over with `state: new`"
    return StateError(Problem(what=f"the kept generation can't be used: {what}", hint=hint))
