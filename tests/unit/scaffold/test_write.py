import os

import pytest

from dango_action.scaffold.plan import NewFile
from dango_action.scaffold.write import write


@pytest.fixture(params=["links", "no links"])
def folder(tmp_path, request, monkeypatch):
    """A folder on a file system with hard links, or, as some shared folders of virtual machines are, without."""
    if request.param == "no links":

        def link(*_):
            raise PermissionError

        monkeypatch.setattr(os, "link", link)
    return tmp_path


def test_a_file_is_there_in_full_and_nothing_beside_it(folder):
    file = NewFile(path=folder / "a/b/c.yml", content=b"new")

    assert write([file], folder) == {file.path: "created"}

    assert file.path.read_bytes() == b"new"
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["c.yml"]


def test_a_file_that_appears_meanwhile_is_kept(folder, monkeypatch):
    path = folder / "a.yml"
    monkeypatch.setattr(os, "getpid", lambda: path.write_bytes(b"theirs"))  # what is called right before writing

    assert write([NewFile(path=path, content=b"ours")], folder) == {path: "kept"}

    assert path.read_bytes() == b"theirs"
    assert len(list(folder.iterdir())) == 1


def test_a_link_inside_stays_a_link_when_its_file_is_extended(folder):
    (folder / "shared").write_bytes(b"a\n")
    link = folder / ".gitignore"
    link.symlink_to("shared")

    assert write([NewFile(path=link, content=b"a\nb\n", extends=True)], folder) == {link: "extended"}

    assert link.is_symlink()
    assert (folder / "shared").read_bytes() == b"a\nb\n"


def test_a_new_file_has_the_mode_that_any_new_file_has(folder):
    (folder / "other").write_bytes(b"")
    write([NewFile(path=folder / "a", content=b"a")], folder)

    assert (folder / "a").stat().st_mode == (folder / "other").stat().st_mode
