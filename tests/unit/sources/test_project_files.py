"""Which files of the project a pattern fits, and that nothing else of the machine is ever read."""

import os

import pytest

from dango_action.errors import ConfigError, SourceError
from dango_action.sources.stores.globs import compiled, folder_of
from dango_action.sources.stores.opening import open_store
from dango_action.sources.stores.project import ProjectFiles


@pytest.fixture
def files(tmp_path):
    """A project with some files, and one beside it."""
    project = tmp_path / "project"
    for name in (
        "data/a.csv",
        "data/B.csv",
        "data/ü [1].csv",
        "data/2024/01/a.csv",
        "data/2024/b.csv",
        "data/.hidden.csv",
        "data/.old/a.csv",
        ".git/config",
        ".env",
    ):
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("id\n1\n")
    (tmp_path / "key.csv").write_text("secret\n")
    return ProjectFiles(project=project)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("data/a.csv", ["data/a.csv"]),
        ("./data/a.csv", ["data/a.csv"]),
        ("data/ü [1].csv", ["data/ü [1].csv"]),
        ("data/*.csv", ["data/B.csv", "data/a.csv", "data/ü [1].csv"]),
        ("data/?.csv", ["data/B.csv", "data/a.csv"]),
        ("data/[!a].csv", ["data/B.csv"]),
        ("data/[A-Z]*", ["data/B.csv"]),
        ("data/*/*.csv", ["data/2024/b.csv"]),
        ("data/**/[ab].csv", ["data/2024/01/a.csv", "data/2024/b.csv", "data/a.csv"]),
        ("**/a.csv", ["data/2024/01/a.csv", "data/a.csv"]),
        ("data/2024/**", ["data/2024/01/a.csv", "data/2024/b.csv"]),
        ("data/*.parquet", []),
        ("data/z.csv", []),
        ("data", []),
        ("nowhere/*.csv", []),
    ],
)
def test_a_pattern_fits_what_it_fits_in_a_shell(files, pattern, names):
    assert sorted(found.name for found in files.find(pattern)) == names


@pytest.mark.parametrize(
    ("pattern", "folder"), [("a/b/*.csv", "a/b/"), ("a/b[0-9]/c", "a/"), ("*.csv", ""), ("a/b.csv", "a/")]
)
def test_only_the_folder_before_the_first_pattern_is_listed(pattern, folder):
    assert folder_of(pattern) == folder
    assert not compiled("a/*.csv").match("a/b/c.csv")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("../key.csv", "no file of the project"),
        ("data/../../key.csv", "no file of the project"),
        ("/proc/self/environ", "no file of the project"),
        ("/proc/*/environ", "no file of the project"),
        (".git/config", "what is hidden"),
        (".env", "what is hidden"),
        (".[e-g]*", "what is hidden"),
        ("data/.old/*.csv", "what is hidden"),
        ("", "no file of the project"),
        ("outside.csv", "a link that leads out of the project"),
        ("linked/key.csv", "a link that leads out of the project"),
        ("*.csv", "a link that leads out of the project"),
        ("token.txt", "what is hidden"),
    ],
)
def test_what_leads_out_of_the_project_or_to_something_hidden_is_refused(files, pattern, said):
    (files.project / "outside.csv").symlink_to(files.project.parent / "key.csv")
    (files.project / "linked").symlink_to(files.project.parent)
    (files.project / "token.txt").symlink_to(files.project / ".git/config")

    with pytest.raises(ConfigError, match=said):
        list(files.find(pattern))


@pytest.mark.parametrize("url", ["file:///etc", "/etc", "file://../", "linked", "data/../..", ".git"])
def test_a_folder_out_of_the_project_is_refused_too(files, url, monkeypatch):
    (files.project / "linked").symlink_to(files.project.parent)
    monkeypatch.chdir(files.project)

    with open_store(url, {}) as store, pytest.raises(ConfigError, match=r"project|hidden"):
        list(store.find("*"))


def test_a_link_inside_of_the_project_is_followed(files, tmp_path):
    (files.project / "latest.csv").symlink_to(files.project / "data/a.csv")

    [found] = files.find("latest.csv")
    with files.fetch(found, tmp_path) as fetched:
        assert fetched.path.read_text() == "id\n1\n"


def test_a_link_that_is_turned_round_after_the_list_is_refused(files, tmp_path):
    link = files.project / "latest.csv"
    link.symlink_to(files.project / "data/a.csv")
    [found] = files.find("latest.csv")
    link.unlink()
    link.symlink_to(tmp_path / "key.csv")

    with pytest.raises(ConfigError, match="out of the project"), files.fetch(found, tmp_path):
        pass


def test_a_pipe_is_refused_instead_of_waited_for(files, tmp_path):
    os.mkfifo(files.project / "data/pipe.csv")
    [found] = files.find("data/pipe.csv")

    with pytest.raises(SourceError, match="no regular file"), files.fetch(found, tmp_path):
        pass


@pytest.mark.parametrize("change", [lambda path: path.write_text("id\n1\n2\n"), lambda path: path.unlink()])
def test_a_file_that_changes_while_it_is_read_fails_instead_of_being_half_read(files, tmp_path, change):
    [found] = files.find("data/a.csv")

    with pytest.raises(SourceError, match="was written to or deleted"), files.fetch(found, tmp_path) as fetched:
        change(fetched.path)


def test_a_file_that_has_gone_since_the_list_is_no_error_of_its_own(files, tmp_path):
    [found] = files.find("data/a.csv")
    (files.project / "data/a.csv").unlink()

    with pytest.raises(FileNotFoundError), files.fetch(found, tmp_path):
        pass


def test_there_are_no_files_at_an_address_of_another_kind():
    with pytest.raises(ConfigError, match="no files at https://"), open_store("https://example.com/a.csv", {}):
        pass
