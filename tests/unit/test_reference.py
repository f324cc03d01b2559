"""docs/sources/ is what the definitions say, and the schema what their models do. Run as a program, it writes both."""

import json
from pathlib import Path

import jsonschema
import pytest

from dango_action.config.json_schema import definition_schema
from dango_action.config.lines import load
from dango_action.config.nodes import plain
from dango_action.config.registry import FOLDER as DEFINITIONS
from dango_action.config.registry import kinds
from dango_action.reference import adding, lines, pages, reference

FOLDER = Path(__file__).parents[2] / "docs" / "sources"
SCHEMA = FOLDER.with_name("definition.schema.json")


def test_the_pages_are_those_of_the_definitions():
    assert {file.name: file.read_text() for file in FOLDER.glob("*.md")} == pages()


def test_the_published_schema_is_that_of_the_models_and_takes_every_definition():
    schema = json.loads(SCHEMA.read_text())

    assert schema == definition_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for kind in kinds():
        document = plain(load((DEFINITIONS / f"{kind}.yml").read_bytes(), kind).root)
        jsonschema.validate(document, schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**document, "titel": "x"}, schema)


@pytest.mark.parametrize("kind", kinds())
def test_what_is_shown_of_a_type_names_each_parameter_and_resource(kind):
    known, shown = reference(kind), "\n".join(lines(kind))

    for one in (*known["parameters"], *known["resources"]):
        assert one["name"] in shown or one["name"] in {"base_url", "allow_base_url"}
        assert f"`{one['name']}`" in pages()[f"{kind}.md"]
    assert known["example"] in shown
    for text in (shown, pages()[f"{kind}.md"]):
        assert ("beside the block" in text) == bool(known["resources"])
    assert ("A secret never stands" in pages()[f"{kind}.md"]) == any(one["secret"] for one in known["parameters"])
    for one in known["parameters"]:
        assert (f"--set {one['name']}=" in adding(kind)) == (one["required"] and not one["secret"])
    assert known["setup"].strip() in shown


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file in FOLDER.glob("*.md"):
        file.unlink()
    SCHEMA.write_text(json.dumps(definition_schema(), indent=1) + "\n")
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
