"""examples/ is what the functions behind `dango init` write. To write it anew, run this file as a program."""

import re
from pathlib import Path

import pytest
import yaml

from dango_action.scaffold.triggers import minute_for
from dango_action.scaffold.workflow import ACTION, CHECKOUT, Workflow

FOLDER = Path(__file__).parents[3] / "examples"

ONE_FILE = """
The state belongs to the workflow: to load on a schedule and by hand into one warehouse, have both triggers in
one file. `dango init` writes such a file, with the sources that are there."""

HEADERS = {
    "schedule": f"""\
Loads all sources once a day. Copy it to .github/workflows/ and choose another minute.

It needs two permissions: `contents: read`, to check out the project, and `actions: read`, to find the warehouse
that the last run has left as an artifact.
{ONE_FILE}""",
    "dispatch": f"""\
Loads when a person presses "Run workflow", or runs `gh workflow run dispatch.yml -f sources=shop`. Copy it to
.github/workflows/ and list your sources as options.

It needs two permissions: `contents: read`, to check out the project, and `actions: read`, to find the warehouse
that the last run has left as an artifact.
{ONE_FILE}""",
    "pull-request": """\
Checks a pull request that changes sources, and loads nothing. Copy it to .github/workflows/.

It needs one permission: `contents: read`, to check out the project. A check needs no state, and no secrets: those
of a fork have none.""",
}
PARTS = {
    "schedule": {"minute": minute_for("schedule")},
    "dispatch": {"choices": ("shop", "tag:daily")},
    "pull-request": {"checks": True},
}


def example(name):
    return Workflow(name=name, file=f".github/workflows/{name}.yml", header=HEADERS[name], **PARTS[name])


@pytest.mark.parametrize("name", HEADERS)
def test_an_example_is_what_the_code_writes(name):
    assert (FOLDER / f"{name}.yml").read_text(encoding="utf-8") == example(name).text


def test_each_example_is_one_of_these():
    assert {file.stem for file in FOLDER.glob("*.yml")} >= set(HEADERS)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yml")), ids=lambda file: file.stem)
def test_an_example_says_which_permissions_it_has_and_has_no_others(file):
    text = file.read_text(encoding="utf-8")
    header = text.partition("\nname:")[0]
    document = yaml.load(text, yaml.BaseLoader)

    assert document["permissions"] == {}
    for job in document["jobs"].values():
        assert {f"{scope}: {level}" for scope, level in job["permissions"].items()} == set(
            re.findall(r"`(\w+: (?:read|write))`", header)
        )


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yml")), ids=lambda file: file.stem)
def test_an_example_uses_what_the_written_workflow_uses(file):
    used = re.findall(r"uses: (.+)", file.read_text(encoding="utf-8"))

    assert used == [CHECKOUT, ACTION]


if __name__ == "__main__":
    for each in HEADERS:
        (FOLDER / f"{each}.yml").write_text(example(each).text, encoding="utf-8")
