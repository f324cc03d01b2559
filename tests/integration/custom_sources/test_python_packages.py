import importlib.metadata
import logging

import pytest

COMPLETE = """\
Metadata-Version: 2.4
Name: Demo_Shop.Client
Version: 1.2.3
Summary: Sells things
License: something longer
License-Expression: Apache-2.0
Requires-Python: >=3.11
Home-page: https://old.example
Project-URL: Source, https://source.example
Project-URL: Home Page, https://new.example
Requires-Dist: Second_One[fast,async]>=2,<3; python_version >= "3.8"
Requires-Dist: first
Requires-Dist: this is ! not a requirement

The description.
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Write a package's metadata into a folder on sys.path; each new folder comes before the ones so far."""

    def write(metadata, site="site", installer=None):
        folder = tmp_path / site
        if not folder.exists():
            folder.mkdir()
            monkeypatch.syspath_prepend(folder)
        entry = folder / f"package{len(list(folder.iterdir()))}-1.dist-info"
        entry.mkdir()
        (entry / "METADATA").write_bytes(metadata if isinstance(metadata, bytes) else metadata.encode())
        if installer:
            (entry / "INSTALLER").write_text(installer)
        return entry

    return write


def test_every_installed_package_is_one_row_with_the_version_that_python_reports(warehouse):
    warehouse.sync("python_packages")

    rows = warehouse.query("select name_as_written, version from raw_python_packages.packages")
    assert sorted(rows) == sorted({(d.name, d.version) for d in importlib.metadata.distributions()})
    assert ("dlt", importlib.metadata.version("dlt")) in rows


def test_names_are_normalized_newer_fields_win_and_requirements_are_taken_apart(warehouse, install):
    install(COMPLETE, installer="uv\n")

    warehouse.sync("python_packages")

    assert warehouse.query(
        "select name, name_as_written, version, summary, license, requires_python, homepage, installer "
        "from raw_python_packages.packages where name like 'demo%'"
    ) == [
        (
            *("demo-shop-client", "Demo_Shop.Client", "1.2.3", "Sells things", "Apache-2.0"),
            *(">=3.11", "https://new.example", "uv"),
        )
    ]
    assert warehouse.query(
        "select requirement, specifier, extras, marker, raw from raw_python_packages.requirements "
        "where package = 'demo-shop-client'"
    ) == [
        (
            *("second-one", "<3,>=2", "async,fast", 'python_version >= "3.8"'),
            'Second_One[fast,async]>=2,<3; python_version >= "3.8"',
        ),
        ("first", None, None, None, "first"),
        (None, None, None, None, "this is ! not a requirement"),
    ]


def test_what_the_metadata_leaves_out_or_calls_unknown_is_null(warehouse, install):
    install("Name: sparse\nLicense: UNKNOWN\nSummary: \n")

    warehouse.sync("python_packages")

    sparse = "from raw_python_packages.packages where name = 'sparse'"
    assert warehouse.query(f"select version, summary, license, requires_python, homepage, installer {sparse}") == [
        (None,) * 6
    ]


def test_of_two_packages_with_one_name_the_first_on_the_path_counts(warehouse, install):
    install("Name: twice\nVersion: 1\nRequires-Dist: old\n", site="later")
    install("Name: Twice\nVersion: 2\nRequires-Dist: new\n", site="earlier")

    warehouse.sync("python_packages")

    assert warehouse.column("select version from raw_python_packages.packages where name = 'twice'") == ["2"]
    required = "select requirement from raw_python_packages.requirements where package = 'twice'"
    assert warehouse.column(required) == ["new"]


def test_metadata_without_a_readable_name_is_left_out_with_a_warning(warehouse, install, caplog):
    broken = ["", "Version: 1\n", "Name: \n", b"Name: caf\xe9\n"]
    entries = [install(metadata) for metadata in broken]

    with caplog.at_level(logging.WARNING, logger="python_packages"):
        warehouse.sync("python_packages")

    assert caplog.text.count(f"left out a package in {entries[0].parent}: ") == len(broken)
    assert warehouse.column("select count(*) from raw_python_packages.packages where name is null") == [0]


def test_a_run_replaces_what_the_one_before_found(warehouse, install):
    entry = install("Name: gone-soon\nVersion: 1\n")
    warehouse.sync("python_packages")
    (entry / "METADATA").unlink()
    entry.rmdir()

    warehouse.sync("python_packages")

    names = warehouse.column("select name from raw_python_packages.packages order by rowid")
    assert "gone-soon" not in names
    assert names == sorted(set(names))
