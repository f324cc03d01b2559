"""Every packaged type is sound data with little code, and what is common to all of them knows none by its name."""

import re
from pathlib import Path

import pytest

import dango_action
from dango_action.config.parse import parse
from dango_action.config.registered import parameters_of
from dango_action.config.registry import definition, kinds
from dango_action.reference import reference
from dango_action.sources.reading import look
from dango_action.sources.sound import flaws

PACKAGE = Path(dango_action.__file__).parent
SYSTEMS = PACKAGE / "sources" / "systems"
# Words of the engines, too: of dlt's `filesystem`, of the formats of files, and of dialects of SQL.
COMMON_WORDS = {"csv", "filesystem", "jsonl", "local_files", "mysql", "parquet", "postgres"}


def lines_of_code(file):
    return [line for line in file.read_text().splitlines() if line.strip() and not line.strip().startswith("#")]


@pytest.mark.parametrize("kind", kinds())
def test_a_definition_is_sound(kind):
    made = definition(kind)

    assert made.type == kind
    assert [flaw.what for flaw in flaws(made, packaged=True)] == []
    assert made.docs.startswith("https://")


@pytest.mark.parametrize("kind", kinds())
def test_a_definition_explains_all_that_a_user_has_to_give(kind):
    for name, parameter in parameters_of(definition(kind)).items():
        assert parameter.help, name
        assert not parameter.needed or parameter.secret or parameter.example is not None, name


@pytest.mark.parametrize("kind", kinds())
def test_the_example_of_a_type_is_valid(kind, tmp_path):
    parsed = parse(f"sources:\n{reference(kind)['example']}".encode(), "sources.yml")

    assert parsed.problems == ()
    assert look(tmp_path, parsed.config.sources, {}).problems == []


@pytest.mark.parametrize("kind", kinds())
def test_a_definition_says_how_rows_are_told_apart_where_it_merges(kind):
    for resource in reference(kind)["resources"]:
        keyed = (
            resource["primary_key"]
            or next(r for r in definition(kind).resources if r.name == resource["name"]).merge_key
        )
        assert resource["write_disposition"] != "merge" or keyed, resource["name"]


def test_the_code_of_a_type_is_short():
    for file in SYSTEMS.glob("*.py"):
        assert file.stem == "__init__" or file.stem in kinds()
        assert len(lines_of_code(file)) <= 30, file.name


def test_no_other_code_knows_a_type_by_its_name():
    word = re.compile(rf"\b({'|'.join(sorted(set(kinds()) - COMMON_WORDS))})\b")
    engine = {*(PACKAGE / "sources").rglob("*.py"), *(PACKAGE / "config").glob("*.py"), PACKAGE / "reference.py"}
    # the folders of dlt's repository have names like these, and so has the example of a source that lends
    engine -= {PACKAGE / "sources/lookalikes.py", PACKAGE / "config/model.py"}
    found = [
        f"{file.relative_to(PACKAGE)}: {match[0]}"
        for file in engine
        if SYSTEMS not in file.parents and file.name != "lookalikes.py"  # which has names of packages
        for match in word.finditer(file.read_text())
    ]

    assert found == []
