"""docs/sources/ is what the definitions say. To write it anew, run this file as a program."""

from pathlib import Path

import pytest

from dango_action.config.registry import kinds
from dango_action.reference import lines, pages, reference

FOLDER = Path(__file__).parents[2] / "docs" / "sources"


def test_the_pages_are_those_of_the_definitions():
    assert {file.name: file.read_text() for file in FOLDER.glob("*.md")} == pages()


@pytest.mark.parametrize("kind", kinds())
def test_what_is_shown_of_a_type_names_each_parameter_and_resource(kind):
    known, shown = reference(kind), "\n".join(lines(kind))

    for one in (*known["parameters"], *known["resources"]):
        assert one["name"] in shown or one["name"] in {"base_url", "allow_base_url"}
        assert f"`{one['name']}`" in pages()[f"{kind}.md"]
    assert known["example"] in shown
    assert known["setup"].strip() in shown


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file in FOLDER.glob("*.md"):
        file.unlink()
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
