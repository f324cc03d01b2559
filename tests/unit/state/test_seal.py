"""A sealed generation: only what was sealed comes out, all of it or nothing, and only for the holder of the key."""

import hashlib
import io
import os
import subprocess
import sys
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sealed_state import BOUND, MINE, OTHER, SECRET, describe, framed, keys, sealed, sealed_by_hand

from dango_action.credentials.keys import PrivateKey
from dango_action.errors import CredentialsError, StateError
from dango_action.state.frames import FRAME, KEY, DamagedError, SealedReader, SealedWriter
from dango_action.state.seal import Keys, _derived, seal, unseal

ADDED, HEADER = 17, 24  # libsodium's bytes of each frame, and before all of them


def opened(data, ring=None):
    unsealed = unseal(io.BytesIO(data), ring or keys(MINE))
    return unsealed.manifest, b"".join(unsealed.chunks())


def unframed(data, key=SECRET, bound=BOUND):
    return SealedReader(io.BytesIO(data), key, bound).read()


def frames_of(data):
    """Return the header, and each frame."""
    size = FRAME + ADDED
    return data[:HEADER], [data[at : at + size] for at in range(HEADER, len(data), size)]


@pytest.mark.parametrize("size", [0, 1, FRAME - 1, FRAME, FRAME + 1, 5 * FRAME, 5 * FRAME + 3])
def test_what_was_sealed_comes_out(size):
    content = os.urandom(size)

    assert unframed(framed(content)) == content
    assert opened(sealed(content)) == (describe(content), content)
    header, frames = frames_of(framed(content))
    assert len(header) + sum(map(len, frames)) == HEADER + size + ADDED * max(1, -(-size // FRAME))


@given(st.lists(st.binary(max_size=3 * FRAME), max_size=5), st.integers(1, 2 * FRAME))
@settings(max_examples=50, deadline=None)
def test_it_does_not_matter_in_which_pieces_it_is_written_or_read(pieces, most):
    target = io.BytesIO()
    writer = SealedWriter(target, SECRET, BOUND)
    assert [writer.write(piece) for piece in pieces] == list(map(len, pieces))
    writer.finish()
    reader = SealedReader(io.BytesIO(target.getvalue()), SECRET, BOUND)

    assert b"".join(iter(lambda: reader.read(most), b"")) == b"".join(pieces)


def test_nothing_of_it_can_be_read_without_the_key_and_the_same_is_never_sealed_alike():
    content = b"customers and orders " * 9

    first, second = sealed(content), sealed(content)

    assert first.startswith(b"dango-state v1 %s\n" % MINE.public.id.encode())
    assert b"customers" not in first
    assert b"w.yml" not in first, "the manifest is the user's data too"
    assert first[24:48] != second[24:48]
    assert first[48:] != second[48:]


def refused(data, ring=None):
    with pytest.raises((DamagedError, CredentialsError, StateError)) as caught:
        opened(data, ring)
    return caught.value


def test_every_flipped_byte_and_every_cut_is_refused():
    data = sealed(b"a small warehouse")

    for at in range(len(data)):
        refused(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        refused(data[:at])
    assert isinstance(refused(data + b"\0"), DamagedError)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_change_anywhere_in_a_large_one_is_refused_and_nothing_behind_it_is_used(data):
    content = bytes(range(256)) * (FRAME // 64)
    whole = framed(content)
    at, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    changed = whole[:at] + bytes([whole[at] ^ (1 << bit)]) + whole[at + 1 :]
    used = []
    with pytest.raises(DamagedError):
        used.extend(iter(partial(SealedReader(io.BytesIO(changed), SECRET, BOUND).read, FRAME), b""))

    assert b"".join(used) == content[: max(0, at - HEADER) // (FRAME + ADDED) * FRAME]


@pytest.mark.parametrize(
    "change",
    [
        lambda frames, _: [frames[1], frames[0], *frames[2:]],
        lambda frames, _: frames[1:],
        lambda frames, _: [frames[0], *frames[2:]],
        lambda frames, _: frames[:-1],
        lambda frames, _: [*frames[:-2], frames[-1]],
        lambda frames, _: [frames[0], *frames],
        lambda frames, _: [*frames, frames[-1]],
        lambda _, __: [],
        lambda frames, other: [*frames[:-1], other[-1]],
        lambda frames, other: [frames[0], *other[1:]],
        lambda _, other: other,
    ],
)
def test_frames_that_are_missing_moved_repeated_or_of_another_file_are_refused(change):
    content = os.urandom(4 * FRAME)  # the last frame is as long as the others
    (header, frames), (_, other) = frames_of(framed(content)), frames_of(framed(content))

    with pytest.raises(DamagedError):
        unframed(header + b"".join(change(frames, other)))


def test_a_file_that_was_never_finished_is_cut():
    target = io.BytesIO()
    writer = SealedWriter(target, SECRET, BOUND)
    writer.write(bytes(3 * FRAME))
    writer.close()

    with pytest.raises(DamagedError, match="it is cut"):
        unframed(target.getvalue())


def test_it_is_bound_to_what_it_is_for():
    with pytest.raises(DamagedError):
        unframed(framed(b"x"), bound=b"something else")
    with pytest.raises(DamagedError):
        unframed(framed(b"x"), key=b"\4" * KEY)


def test_the_key_is_found_by_its_id_while_keys_are_rotated():
    data = sealed(b"x", OTHER)

    assert keys(MINE, OTHER).first == MINE
    assert opened(data, keys(MINE, OTHER))[1] == b"x"
    assert unseal(io.BytesIO(data), keys(OTHER)).key_id == OTHER.public.id


def test_a_missing_key_is_told_apart_from_another_one():
    data = sealed(b"x")

    nothing, wrong = refused(data, Keys()), refused(data, keys(OTHER))

    assert isinstance(nothing, CredentialsError)
    assert f"sealed for the key {MINE.public.id}; no key is given" in str(nothing)
    assert "dango secrets key | gh secret set DANGO_SECRETS_KEY" in str(nothing)
    assert f"sealed for the key {MINE.public.id}; given: {OTHER.public.id}" in str(wrong)
    assert f"cat ~/.config/dango/keys/{MINE.public.id}" in str(wrong)
    assert MINE.text() not in str(wrong) + str(nothing)


def test_the_public_key_and_the_id_do_not_forge_one():
    content = b"a warehouse of somebody else"
    data = sealed(content, OTHER).replace(OTHER.public.id.encode(), MINE.public.id.encode(), 1)
    made_of_public = sealed(content, PrivateKey(MINE.public.raw, MINE.public))

    for forged in (data, made_of_public):
        assert isinstance(refused(forged), DamagedError)


def test_the_key_for_state_is_neither_the_one_of_secrets_nor_that_of_another_pair():
    assert len({_derived(MINE), _derived(OTHER), MINE.raw, MINE.public.raw}) == 4


def test_a_later_format_is_told_apart_from_damage():
    data = sealed(b"x")

    later = refused(data.replace(b" v1 ", b" v2 ", 1))

    assert isinstance(later, StateError)
    assert "sealed in form 2, and this version of dango knows 1" in str(later)
    assert isinstance(refused(b"PK" + data), DamagedError)
    assert isinstance(refused(b""), DamagedError)


def test_a_warehouse_that_changes_while_it_is_sealed_is_not_kept():
    with pytest.raises(StateError, match="has changed while it was put up"):
        seal(io.BytesIO(b"after"), describe(b"before"), MINE, io.BytesIO())


@pytest.mark.parametrize("inside", [b"", b"\xff\xff\xff\xff", b"\0\0\0\2{}", b"\0\0\0\x50{}"])
def test_sealed_bytes_that_are_no_generation_are_refused(inside):
    assert isinstance(refused(sealed_by_hand(inside)), DamagedError | StateError)


def test_a_warehouse_that_is_no_zstd_stream_is_refused():
    document = describe(b"x").encode()
    inside = len(document).to_bytes(4) + document + b"no zstd stream"

    assert "no zstd stream" in str(refused(sealed_by_hand(inside)))


IN_LITTLE_MEMORY = """
import hashlib, sys
from pathlib import Path
import pyarrow
import cryptography.hazmat.primitives.kdf.hkdf
from dango_action.credentials.keys import KeyRing, PrivateKey
from dango_action.state.manifest import Manifest, file_of
from dango_action.state.seal import Keys, seal, unseal
plain, target, document = map(Path, sys.argv[1:])
key = PrivateKey.of(bytes([1]) * 32)
def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
before = peak()
with plain.open("rb") as reader, target.open("wb") as writer:
    seal(reader, Manifest.model_validate_json(document.read_bytes()), key, writer)
digest = hashlib.sha256()
with target.open("rb") as reader:
    unsealed = unseal(reader, Keys(ring=KeyRing({key.public.id: key})))
    for chunk in unsealed.chunks():
        assert len(chunk) <= 1024 * 1024
        digest.update(chunk)
assert digest.hexdigest() == unsealed.manifest.file.sha256
print(peak() - before)
"""


def test_a_large_warehouse_takes_little_memory(tmp_path):
    plain, document = tmp_path / "w", tmp_path / "m"
    block, digest, blocks = os.urandom(250_000) + bytes(750_000), hashlib.sha256(), 200
    with plain.open("wb") as writer:
        for _ in range(blocks):
            writer.write(block)
            digest.update(block)
    document.write_bytes(describe(b"", size=blocks * len(block), sha256=digest.hexdigest()).encode())
    done = subprocess.run(
        [sys.executable, "-P", "-c", IN_LITTLE_MEMORY, plain, tmp_path / "s", document],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert 0 < int(done.stdout) < 20_000, "KiB, for 200 MB"
