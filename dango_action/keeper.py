"""The warehouse of a runner that is thrown away: fetched before a run, and put up for upload after it.

The upload itself is a step of `action.yml`: GitHub gives the right to it to JavaScript actions only. Until that
step has worked, the generation before is the newest one, and the next run goes on from there.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dango_action import __version__
from dango_action.errors import ConfigError, DangoError, Problem, StateError
from dango_action.fetch import Destination, fetch, origin
from dango_action.results import StateResult
from dango_action.state.archive import pack
from dango_action.state.artifacts import Artifacts
from dango_action.state.bucket import open_bucket
from dango_action.state.manifest import Manifest, Origin, Parent, SourceState, file_of
from dango_action.state.names import NOTHING, Lineage, Place
from dango_action.state.objects import Objects
from dango_action.state.policy import Asked, key_for, unsealed_notice
from dango_action.state.seal import Keys
from dango_action.state.store import Found
from dango_action.warehouse.contents import datasets, refuse_foreign_code
from dango_action.warehouse.generations import signature
from dango_action.warehouse.leaks import refuse_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from dango_action.credentials.forms import Known
    from dango_action.credentials.keys import PrivateKey
    from dango_action.github.api import GitHub, Repository
    from dango_action.state.archive import Packed
    from dango_action.state.bucket import Address
    from dango_action.state.store import Kept, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Which run keeps what, and how it was asked to."""

    lineage: Lineage
    ref: str  # `refs/heads/main`
    run_id: int
    run_attempt: int
    events: Collection[str]  # that a trusted run may have been started by
    asked: Asked  # whether to seal it
    new: bool
    address: Address | None = None  # of a bucket; None: artifacts

    @property
    def afresh(self) -> str:
        """The input that starts over."""
        return f"`state: {self.address.url} new`" if self.address else "`state: new`"


@dataclass(slots=True, kw_only=True)
class Keeper:
    """Keeps one warehouse, the file `path`, in a store. `staging` is a folder to be."""

    github: GitHub
    job: Job
    path: Path
    staging: Path
    keys: Keys = field(default_factory=Keys)
    say: Callable[[str], None] = print
    basis: Place | None = None  # what was there to go on from; None: that is not known yet
    _origin: Origin | None = None
    _restored: Packed | None = None
    _key: PrivateKey | None = None  # to seal with
    _source: Kept | None = None
    _store: Store | None = None
    _read_only: bool = False
    notices: list[Problem] = field(default_factory=list)

    def restore(self, run: str) -> None:
        """Put the newest generation that may be trusted in place.

        Raises:
            CredentialsError: there is no key for it, or another one, or the token may not read it.
            StateError: it can't be trusted, it is lost, or GitHub doesn't answer.

        """
        repository = self.github.repository()
        self._origin = origin(self.job.lineage, repository)
        self._read_only = self.job.ref != f"refs/heads/{repository.default_branch}"
        self._choose_key(repository)
        seen = signature(self.path)
        store = self._store = self._opened(repository)
        found = self._look(store)
        if self.job.new:
            self._empty()
        elif found.newest:
            kept = found.newest
            self.say(f"going on from generation {kept.generation}, of {kept.created_at:%F %H:%M} UTC")
            to = Destination(path=self.path, seen=seen, run=run)
            self._restored = fetch(store, kept, self._origin, to, self.keys)
            self._source = kept
            self.notices += (*_gone(found), *self._unsealed(kept))
        else:
            self._begin(found)
        if self._read_only:
            what = f"only runs of `{repository.default_branch}` keep what they load, and this one is not"
            self._note(what, "what it loads is gone when its job ends")
        self.basis = found.newest.place if found.newest else NOTHING

    def keep(self, run: str, changed: Collection[str], known: Sequence[Known]) -> StateResult:
        """Put the warehouse up as the next generation, if datasets have changed or the kept one will expire.

        Raises:
            CredentialsError: one of the `known` secrets is where dlt keeps its own, or in a name.
            StateError: it holds what may not be handed on, or there is no room for it.

        """
        restored = self._restored.manifest.generation if self._restored else None
        if self._read_only or not self.path.is_file() or not (changed or self._due()):
            return StateResult(restored=restored, read_only=self._read_only)
        refuse_foreign_code(self.path)
        self.notices += refuse_secrets(self.path, known, changed)
        folder = self.staging
        assert self._store  # noqa: S101 - `restore` comes first
        try:
            manifest = self._manifest(run, self._store.next)
            pack(folder, self.path, manifest, self._key)
            put = self._store.put(folder, manifest)
        except OSError as error:
            what = f"the warehouse cannot be put up for upload: {error.strerror}"
            raise StateError.because(what, "the kept generation is the one from before; run again") from error
        if put.artifact is None:  # it is there, so it is what the next run goes on from
            shutil.rmtree(folder, ignore_errors=True)  # as large as the warehouse
            self.basis = Place(generation=manifest.generation, run=self.job.run_id)
        self._mark()
        return StateResult(
            restored=restored,
            kept=manifest.generation,
            artifact=put.artifact,
            size=manifest.file.size,
            sealed=self._key is not None,
            where=self.job.address.url if self.job.address else None,
            generations=put.generations,
            total=put.total,
        )

    def _choose_key(self, repository: Repository) -> None:
        """Settle whether what this run keeps is sealed, before anything is loaded."""
        if self._read_only:
            return
        bucket = self.job.address is not None  # who may read that is not who may read the repository
        private = repository.private or bucket
        self._key = key_for(self.job.asked, self.keys, private=private)
        notice = None if self._key else unsealed_notice(self.job.asked, private=private, bucket=bucket)
        self.notices += [notice] if notice else []

    def _unsealed(self, kept: Kept) -> Iterator[Problem]:
        """Say that a generation was not sealed, although what this run keeps is."""
        if self._key and self._restored and self._restored.key_id is None:
            what = f"generation {kept.generation} is not sealed; it was used, since GitHub vouches for its run"
            yield Problem(what=what, hint="the next one is sealed; delete the others if nobody else may read them")

    def _opened(self, repository: Repository) -> Store:
        artifacts = Artifacts(
            github=self.github,
            repository=repository,
            lineage=self.job.lineage,
            events=self.job.events,
            current=self.job.run_id,
        )
        if self.job.address is None:
            return artifacts
        return Objects(
            bucket=open_bucket(self.job.address),
            repository_id=repository.id,
            lineage=self.job.lineage,
            earlier=artifacts.find,
            vouched=self.job.asked == "unsealed",
            writes=not self._read_only,
        )

    def _look(self, store: Store) -> Found:
        """Look for what was kept; whatever is wrong with it is no reason not to start over."""
        try:
            return store.find()
        except DangoError:
            if not self.job.new:
                raise
            return Found(newest=None, highest=0, silent=None)
        finally:
            self.notices += store.notices

    def _empty(self) -> None:
        """Start over without the file, which belongs to a machine that is thrown away."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError.because(
                f"{self.path} is no file: {error.strerror}", "choose another target"
            ) from error
        self._note("started over with an empty warehouse, as asked", "take `new` out of `state` again")

    def _begin(self, found: Found) -> None:
        """See that nothing was kept before; a file that is there is the base then, unless it is another part's."""
        if not self._read_only:
            _refuse_loss(found, self.job.afresh)
        mark = _mark_of(self.path)
        if self.path.is_file() and mark.is_file() and mark.read_text() != self._lineage:
            raise ConfigError.because(
                f"{self.path} belongs to another part of this workflow",
                "give each part a target of its own, like `target: duckdb:.dango/part2.duckdb`",
            )
        self.say("nothing was kept before: this is the first generation")

    def _mark(self) -> None:
        """Note beside the file which lineage it belongs to, for other steps of the job."""
        with suppress(OSError):
            _mark_of(self.path).write_text(self._lineage, encoding="utf-8")

    @property
    def _lineage(self) -> str:
        return f"{self.job.lineage.key} {self.job.lineage.shard}"

    def _due(self) -> bool:
        """Tell whether to keep it even unchanged.

        Nothing is kept yet, half of that one's time has passed, or it is sealed for another key or not at all.
        """
        kept, restored = self._source, self._restored
        if kept is None or restored is None or restored.key_id != (self._key.public.id if self._key else None):
            return True
        return bool(
            kept.expires_at and datetime.now(UTC) - kept.created_at > (kept.expires_at - kept.created_at) / 2
        )

    def _manifest(self, run: str, generation: int) -> Manifest:
        assert self._origin  # noqa: S101 - `restore` comes first
        restored = self._restored.manifest if self._restored else None
        return Manifest(
            generation=generation,
            parent=Parent(generation=restored.generation, sha256=restored.file.sha256) if restored else None,
            origin=self._origin,
            run_id=self.job.run_id,
            run_attempt=self.job.run_attempt,
            run=run,
            created_at=datetime.now(UTC),
            dango_version=__version__,
            file=file_of(self.path),
            datasets={
                name: SourceState(cursors=held.cursors, rows=held.rows)
                for name, held in datasets(self.path).items()
            },
        )

    def _note(self, what: str, hint: str) -> None:
        self.notices.append(Problem(what=what, hint=hint))


def _mark_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lineage")


def _gone(found: Found) -> Iterator[Problem]:
    if found.newest and found.newest.generation < found.highest:
        what = f"generation {found.highest} is gone, so this run goes on from {found.newest.generation}"
        yield Problem(what=what, hint="its sources fetch again what came since")


def _refuse_loss(found: Found, afresh: str) -> None:
    if found.elsewhere:
        other = found.elsewhere
        what = f"nothing is kept there yet, and generation {other.generation} is the artifact {other.name}"
        what += f" of run {other.run_id}"
    elif found.highest:
        what = f"generation {found.highest} of the warehouse was kept, and is gone: expired, deleted, or left out"
    elif found.silent:
        what = f"run {found.silent.run_id} of this workflow should have kept something, and nothing can be used"
        what += f" (it ran on `{found.silent.branch}`)"
    else:
        return
    hint = f"to start over, or if this is the first sync of this workflow, run it by hand with {afresh}, once"
    raise StateError.because(what, f"nothing was loaded; {hint}")
