"""Warehouses that are sealed for one of two keys, by the book or not quite."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime

from dango_action.credentials.keys import KeyRing, PrivateKey
from dango_action.state.frames import KEY, SealedWriter
from dango_action.state.manifest import File, Manifest, Origin
from dango_action.state.seal import Keys, _derived, seal

MINE, OTHER = PrivateKey.of(b"\1" * 32), PrivateKey.of(b"\2" * 32)
SECRET, BOUND = b"\3" * KEY, b"what it is for"
ORIGIN = Origin(repository_id=1, workflow="w.yml", project="", branch="main", target="duckdb:w.duckdb", shard=1)


def keys(*given):
    return Keys(ring=KeyRing.of("\n".join(key.text() for key in given)))


def describe(content, **said):
    """Return a manifest for a warehouse of these bytes, or for what is `said`."""
    file = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()} | said
    return Manifest(
        generation=2,
        parent=None,
        origin=ORIGIN,
        run_id=1,
        run_attempt=1,
        run="r",
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        dango_version="0",
        file=File(**file),
        datasets={},
    )


def sealed(content, key=MINE):
    target = io.BytesIO()
    seal(io.BytesIO(content), describe(content), key, target)
    return target.getvalue()


def framed(content, key=SECRET, bound=BOUND):
    target = io.BytesIO()
    writer = SealedWriter(target, key, bound)
    writer.write(content)
    writer.finish()
    return target.getvalue()


def sealed_by_hand(inside, key=MINE):
    """Return `state.sealed` with these bytes inside, whatever they are."""
    header = b"dango-state v1 %s\n" % key.public.id.encode()
    bound = b"dango-action sealed state v1: generation of a warehouse\0" + header
    return header + framed(inside, _derived(key), bound)
