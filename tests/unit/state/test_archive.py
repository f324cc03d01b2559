"""What is packed comes out again, sealed or not, and nothing else does."""

import io
import re
import shutil
import zipfile

import pyarrow as pa
import pytest
from sealed_state import MINE, OTHER, describe, keys, sealed, sealed_by_hand

from dango_action.errors import CredentialsError, StateError
from dango_action.state import manifest as manifests
from dango_action.state.archive import extract, look, pack, zip_folder
from dango_action.state.frames import FRAME
from dango_action.state.seal import Keys

CONTENT = b"a warehouse " * FRAME


def packed(folder, content=CONTENT, key=MINE):
    """Pack a warehouse, and return the zip of it."""
    warehouse = folder / "w.duckdb"
    warehouse.write_bytes(content)
    pack(folder / "up", warehouse, describe(content), key)
    zip_folder(folder / "up", folder / "up.zip")
    return folder / "up.zip"


def zipped(file, **members):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return file


def refused(file, target, ring=None):
    """Read all of it, and return what is said."""
    with pytest.raises(StateError) as caught:
        extract(file, look(file, ring or keys(MINE)).manifest, target, ring or keys(MINE))
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "members"), [(None, ["manifest.json", "warehouse.duckdb"]), (MINE, ["state.sealed"])]
)
def test_what_was_packed_comes_out(tmp_path, key, members):
    file, target = packed(tmp_path, key=key), tmp_path / "out"

    found = look(file, keys(MINE))
    extract(file, found.manifest, target, keys(MINE))

    assert target.read_bytes() == CONTENT
    assert found.manifest == describe(CONTENT)
    assert found.key_id == (key.public.id if key else None)
    with zipfile.ZipFile(file) as archive:
        assert archive.namelist() == members
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}


def test_what_is_sealed_is_smaller_and_needs_its_key(tmp_path):
    file = packed(tmp_path)

    assert file.stat().st_size < len(CONTENT) / 9
    for ring, said in ((Keys(), "no key is given"), (keys(OTHER), f"given: {OTHER.public.id}")):
        with pytest.raises(CredentialsError, match=said):
            look(file, ring)


def test_a_sealed_archive_holds_nothing_else_and_is_not_changed(tmp_path):
    data, target = sealed(b"x"), tmp_path / "out"
    file = tmp_path / "a.zip"

    assert "something else than" in refused(zipped(file, state_sealed=data, manifest_json=b"{}"), target)
    assert "something else than" in refused(zipped(file, **{"../state_sealed": data}), target)
    for changed in (data[:-1], data + b"x", data[:60] + b"x" + data[61:]):
        target.unlink(missing_ok=True)
        assert "state.sealed is not what was sealed: " in refused(zipped(file, state_sealed=changed), target)


def test_a_sealed_warehouse_that_unpacks_to_more_than_its_manifest_says_is_not_unpacked(tmp_path):
    claimed, target = bytes(1_000_000), tmp_path / "out"
    document = describe(claimed).encode()
    bomb = io.BytesIO()
    with pa.CompressedOutputStream(pa.PythonFile(bomb, "w"), "zstd") as stream:
        bomb.close = lambda: None
        for _ in range(1000):
            stream.write(claimed)
    inside = len(document).to_bytes(4) + document + bomb.getvalue()
    file = zipped(tmp_path / "a.zip", state_sealed=sealed_by_hand(inside))
    assert file.stat().st_size < 1_000_000

    assert "is not the one that its manifest describes" in refused(file, target)
    assert target.stat().st_size <= len(claimed)


def test_a_sealed_warehouse_larger_than_the_disk_is_refused_with_both_numbers(tmp_path):
    document = describe(b"", size=10**18).encode()
    inside = len(document).to_bytes(4) + document
    file = zipped(tmp_path / "a.zip", state_sealed=sealed_by_hand(inside))

    said = refused(file, tmp_path / "out")

    numbers = re.search(r"has ([\d,]+) bytes, and the disk has room for ([\d,]+)", said)
    assert numbers[1] == f"{10**18:,}"
    assert 0 < int(numbers[2].replace(",", "")) <= shutil.disk_usage(tmp_path).total


def test_a_manifest_that_could_not_be_read_again_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(manifests, "LARGEST", 100)
    for key in (None, MINE):
        with pytest.raises(StateError, match="the cursors and row counts have"):
            packed(tmp_path, key=key)


def test_what_lies_in_the_place_of_the_folder_is_gone(tmp_path):
    (tmp_path / "up").mkdir()
    (tmp_path / "up/evil").touch()

    with zipfile.ZipFile(packed(tmp_path)) as archive:
        assert archive.namelist() == ["state.sealed"]


def test_a_sealed_warehouse_is_the_one_of_the_manifest_that_was_looked_at(tmp_path):
    said, document = describe(b"before"), describe(b"before").encode()
    inside = len(document).to_bytes(4) + document + pa.Codec("zstd").compress(b"after.", asbytes=True)
    file = zipped(tmp_path / "a.zip", state_sealed=sealed_by_hand(inside))
    assert "is not the one that its manifest describes" in refused(file, tmp_path / "out")

    zipped(file, state_sealed=sealed(b"before"))
    extract(file, said, tmp_path / "good", keys(MINE))
    with pytest.raises(StateError, match="is not the one that its manifest describes"):
        extract(file, said.model_copy(update={"generation": 3}), tmp_path / "other", keys(MINE))


def test_a_sealed_manifest_is_not_read_beyond_what_one_may_have(tmp_path):
    file = zipped(tmp_path / "a.zip", state_sealed=sealed_by_hand(b"\xff\xff\xff\xff"))

    assert "its manifest is too large" in refused(file, tmp_path / "out")
