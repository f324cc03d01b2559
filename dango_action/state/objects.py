"""Generations in a bucket.

Below the URL lies a folder for each lineage. `data/` in it holds the zip files, each under a name of its own, and
beside it a small pointer `g<number>.json` names one. A pointer is created exclusively, after its data is there: of
two runs that have gone on from the same generation, one has to give way. What a killed run has uploaded without a
pointer is deleted by a later one.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dango_action.errors import DangoError, Problem, StateError
from dango_action.state.archive import SEALED, zip_folder
from dango_action.state.manifest import Parent
from dango_action.state.pointer import LARGEST, Pointer, decode, generation_of, name_of
from dango_action.state.store import KEEP, Found, Kept, Put, overtaken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dango_action.state.bucket import Bucket, Item
    from dango_action.state.manifest import Manifest
    from dango_action.state.names import Lineage

_ORPHANED = timedelta(days=1)  # no upload takes longer
_DOWNLOADS = 3


@dataclass(slots=True, kw_only=True)
class Objects:
    """The generations of a lineage in a bucket, for one repository.

    `earlier` is asked what the workflow's runs say of the lineage if the bucket holds nothing of it. `writes` is
    false if nothing will be put up.
    """

    bucket: Bucket
    repository_id: int
    lineage: Lineage
    earlier: Callable[[], Found]
    writes: bool = False
    next: int = 1
    vouched: bool = False
    notices: list[Problem] = field(default_factory=list)
    _complete: bool = False  # whether `find` has made out what is there
    _items: list[Item] = field(default_factory=list)
    _pointers: dict[int, Pointer] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The lineage's folder, from the bucket's URL. A bucket may serve several repositories."""
        return f"{self.repository_id}/{self.lineage.key}/s{self.lineage.shard}"

    def find(self) -> Found:
        """Return the newest generation whose data is there.

        Raises:
            StateError: what is there can't be read, or contradicts itself; or the store doesn't answer.
            CredentialsError: the store refuses.

        """
        numbers = self._look()
        if not numbers:
            if self.writes:
                self._prove_exclusive()
            before = self.earlier()
            return Found(newest=None, highest=before.highest, silent=before.silent, elsewhere=before.newest)
        highest = numbers[0]
        self.next = highest + 1
        self._pointers = {highest: self._pointer(highest)}
        for number in numbers[1 : KEEP + 1]:
            with suppress(StateError):  # it is seen to when it is needed
                self._pointers[number] = self._pointer(number)
        self._refuse_fork(self._pointers[highest])
        self._complete = True
        return Found(newest=next(iter(self.kept()), None), highest=highest, silent=None)

    def kept(self) -> list[Kept]:
        """Return the generations that `find` has seen, the newest first, without those whose data is gone."""
        sizes = {item.name: item.size for item in self._items}
        found = sorted(self._pointers.values(), key=lambda pointer: -pointer.generation)
        return [self._kept(pointer) for pointer in found if self._data(pointer) in sizes]

    def download(self, kept: Kept, file: Path) -> None:
        """Write the zip file of a generation to a new file.

        Raises:
            DangoError: it is not what its pointer says, or it does not arrive.

        """
        pointer: Pointer = kept.handle
        problem: StateError | None = None
        for _ in range(_DOWNLOADS):
            try:
                arrived = self._stream(pointer, file)
            except FileNotFoundError as error:
                raise StateError.because(f"{kept.name} was deleted meanwhile", "run again") from error
            except StateError as error:
                problem = error
                continue
            if arrived == (pointer.size, pointer.sha256):
                return
            what = f"{kept.name} is not what run {kept.run_id} has put up: its digest is another one"
            hint = f"delete {name_of(kept.generation)} to go on from the generation before it, and run again"
            raise StateError.because(what, hint)
        assert problem  # noqa: S101 - every try has failed
        raise problem

    def put(self, folder: Path, manifest: Manifest) -> Put:
        """Put what lies in a folder up as the generation of its manifest.

        Raises:
            StateError: another run has been quicker, or the store doesn't answer; nothing is put up then.
            CredentialsError: the store refuses.

        """
        archive = folder.with_name(f"{folder.name}.zip")
        try:
            archive.unlink(missing_ok=True)
            zip_folder(folder, archive)
            pointer = self._pointer_to(archive, manifest, sealed=(folder / SEALED).exists())
            self._refuse_newer(pointer)
            self.bucket.upload(self._data(pointer), archive)
        finally:
            archive.unlink(missing_ok=True)
        self._commit(pointer)
        self._pointers[pointer.generation] = pointer
        kept = self.kept()[:KEEP]
        if self._complete:
            self._clear(kept)
        return Put(artifact=None, generations=len(kept), total=sum(each.size for each in kept))

    def _look(self) -> list[int]:
        """Read the listing, and return the numbers of the generations in it, the highest first."""
        self._items = self.bucket.items(self.folder)
        found = (generation_of(item.name.removeprefix(f"{self.folder}/")) for item in self._items)
        return sorted((number for number in found if number), reverse=True)

    def _prove_exclusive(self) -> None:
        """See that the store refuses to create what is there: some that look like S3 replace it without a word."""
        name = f"{self.folder}/data/probe-{secrets.token_hex(8)}"
        try:
            exclusive = self.bucket.create(name, b"1") and not self.bucket.create(name, b"2")
        finally:
            with suppress(DangoError):
                self.bucket.delete(name)
        if not exclusive:
            what = f"state can't be kept at {self.bucket.url}: it replaces objects that are to be created"
            raise StateError.because(what, "two runs could overwrite each other; use another store")

    def _pointer(self, generation: int) -> Pointer:
        name = f"{self.folder}/{name_of(generation)}"
        content = b""
        try:
            for chunk in self.bucket.read(name):
                content += chunk
                if len(content) > LARGEST:
                    break
        except FileNotFoundError as error:
            raise StateError.because(f"{name} in {self.bucket.url} was deleted meanwhile", "run again") from error
        return decode(content, generation, f"{name} in {self.bucket.url}")

    def _refuse_fork(self, newest: Pointer) -> None:
        """See that each generation was loaded on top of the one that is there under its parent's number."""
        pointer, parent = newest, newest.parent
        while parent and (before := self._pointers.get(parent.generation)):
            if before.sha256 != parent.sha256:
                what = f"generation {pointer.generation}, of run {pointer.run_id}, was not loaded on top of the"
                what += f" generation {before.generation} that is there, of run {before.run_id}"
                hint = (
                    f"delete the pointer of one of them in {self.bucket.url}, below {self.folder}, and run again"
                )
                raise StateError.because(what, hint)
            pointer, parent = before, before.parent

    def _refuse_newer(self, pointer: Pointer) -> None:
        newest = next(iter(self._look()), 0)
        if newest >= pointer.generation:
            raise overtaken(self._kept(self._pointer(newest)))

    def _pointer_to(self, archive: Path, manifest: Manifest, *, sealed: bool) -> Pointer:
        with archive.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            size = stream.tell()
        before = self._pointers.get(manifest.parent.generation) if manifest.parent else None
        return Pointer(
            generation=manifest.generation,
            data=f"g{manifest.generation}-{secrets.token_hex(16)}.zip",
            size=size,
            sha256=digest,
            run_id=manifest.run_id,
            run_attempt=manifest.run_attempt,
            created_at=datetime.now(UTC),
            parent=Parent(generation=before.generation, sha256=before.sha256) if before else None,
            sealed=sealed,
        )

    def _commit(self, pointer: Pointer) -> None:
        """Create the pointer; if another one is there, or a later one, take back what was uploaded."""
        name = f"{self.folder}/{name_of(pointer.generation)}"
        created = self.bucket.create(name, pointer.encode())
        other = pointer if created else self._pointer(pointer.generation)
        if other == pointer:  # a reply may have been lost, and the request for it repeated
            newest = next(iter(self._look()), 0)
            if newest <= pointer.generation:
                return
            # this run was so slow that the pointer of its number had been deleted again
            other = self._pointer(newest)
            self.bucket.delete(name)
        with suppress(DangoError):  # else it is deleted as an orphan
            self.bucket.delete(self._data(pointer))
        raise overtaken(self._kept(other))

    def _clear(self, kept: list[Kept]) -> None:
        """Delete what is older than what is to be kept, and what killed runs have left; a failure can wait."""
        oldest = kept[-1].generation
        wanted = {self._data(each.handle) for each in kept}
        older = {self._data(pointer) for pointer in self._pointers.values() if pointer.generation < oldest}
        with suppress(DangoError):
            for item in self._items:
                number = generation_of(item.name.removeprefix(f"{self.folder}/"))
                if number and number < oldest:
                    self.bucket.delete(item.name)  # before its data
            for item in self._items:
                orphan = datetime.now(UTC) - item.modified > _ORPHANED
                data = item.name.startswith(f"{self.folder}/data/") and item.name not in wanted
                if data and (orphan or item.name in older):
                    self.bucket.delete(item.name)

    def _stream(self, pointer: Pointer, file: Path) -> tuple[int, str]:
        """Write the data to a file, but not more than there should be; return its size and digest."""
        digest, size = hashlib.sha256(), 0
        with file.open("wb") as writer:
            for chunk in self.bucket.read(self._data(pointer)):
                size += len(chunk)
                if size > pointer.size:
                    break
                digest.update(chunk)
                writer.write(chunk)
        return size, digest.hexdigest()

    def _data(self, pointer: Pointer) -> str:
        return f"{self.folder}/data/{pointer.data}"

    def _kept(self, pointer: Pointer) -> Kept:
        return Kept(
            generation=pointer.generation,
            run_id=pointer.run_id,
            name=f"{self.bucket.url.rstrip('/')}/{self._data(pointer)}",
            size=pointer.size,
            created_at=pointer.created_at,
            expires_at=None,
            handle=pointer,
            sealed=pointer.sealed,
        )
