"""Parser and JSON Schema say the same about every file of the corpus, whose names say what each shows."""

from pathlib import Path

import jsonschema
import pytest
from pydantic import BaseModel

from dango_action.config.json_schema import json_schema
from dango_action.config.lines import load
from dango_action.config.model import TYPES, Options, SourceBase
from dango_action.config.nodes import plain
from dango_action.config.parse import parse

FILES = sorted((Path(__file__).parent / "corpus").glob("*.yml"))
SCHEMA = json_schema()

# What the parser refuses and JSON Schema can't express, because it depends on two places of the file, on YAML
# itself, or on a number that JSON does not have.
BEYOND_JSON_SCHEMA = {
    "bad_beyond_duplicate_key",
    "bad_beyond_duplicate_name",
    "bad_beyond_key_not_text",
    "bad_beyond_lender_borrows",
    "bad_beyond_merge_key",
    "bad_beyond_nan",
    "bad_beyond_own_credentials",
    "bad_beyond_staging_name",
    "bad_beyond_tag",
    "bad_beyond_two_documents",
    "bad_beyond_unknown_alias",
    "bad_beyond_unknown_lender",
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_parser_takes_the_good_files_and_refuses_the_bad_ones(file):
    parsed = parse(file.read_bytes(), file.name)

    assert (not parsed.problems) == file.stem.startswith("good_"), parsed.problems
    assert all(problem.at and problem.hint for problem in parsed.problems)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_schema_gives_the_same_verdict(file):
    document = plain(load(file.read_bytes(), file.name).root)

    valid = jsonschema.Draft202012Validator(SCHEMA).is_valid(document)

    assert valid == (file.stem.startswith("good_") or file.stem in BEYOND_JSON_SCHEMA)


def test_the_exceptions_are_files_of_the_corpus():
    assert {file.stem for file in FILES} >= BEYOND_JSON_SCHEMA
    assert {file.stem for file in FILES if "_beyond_" in file.stem} == BEYOND_JSON_SCHEMA


def test_it_is_a_valid_schema_with_valid_examples():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)

    for example in SCHEMA["examples"]:
        jsonschema.validate(example, SCHEMA)
    assert "$id" not in SCHEMA
    assert SCHEMA["title"]


def test_every_key_is_described_and_nothing_has_a_title_made_of_its_name():
    objects = {"top": SCHEMA, **SCHEMA["$defs"]}

    for name, definition in objects.items():
        assert definition["description"]
        for key, schema in definition.get("properties", {}).items():
            assert schema.get("description"), f"{name}.{key}"
            assert "title" not in schema
    assert "title" not in SCHEMA["$defs"]["Options"]


def test_each_type_in_the_table_has_a_block_of_its_name():
    for name, model in TYPES.items():
        assert issubclass(model.model_fields[name].annotation, BaseModel)
        assert issubclass(model, SourceBase)
        assert issubclass(model, Options)
