"""A source more, and not one byte less."""

import difflib

import pytest

from dango_action.config.parse import parse
from dango_action.errors import ConfigError, UsageError
from dango_action.scaffold.entries import entries, sources_yml
from dango_action.scaffold.insertion import inserted, snippet
from dango_action.sources.factories import Factory

ENTRY = {
    "name": "new",
    "type": "dlt_native",
    "dlt_native": {
        "source_module": "m",
        "function_kwargs": {"a": [1, None], "b": "on: #\u00e9", "on": {}, "c": ["no", {"d": ", ]"}]},
    },
}
A = "  - name: a\n    type: dlt_native\n    dlt_native: {source_module: a}\n"
FLOW = "{name: a, type: dlt_native, dlt_native: {source_module: a}}"


def names(data):
    parsed = parse(data, "f")
    assert not parsed.problems
    return [source.name for source in parsed.config.sources]


@pytest.mark.parametrize(
    "text",
    [
        "# only a comment\n",
        'version: "1.0"',
        "  version: '1.0'\n  defaults: {retries: 1}\n",
        "sources:",
        "sources:\n  # - name: a\n  #   type: dlt_native\ntarget: duckdb:a.duckdb\n",
        "target: duckdb:a.duckdb\nsources: # none yet\n",
        f"sources:\n{A}",
        f"sources:\n{A}".rstrip(),
        f"sources:\n{A}    # a secret of a: SOURCES__A__KEY\n\n  # Another source is another entry.\ntarget: duckdb:a\n",
        f"\ufeffsources:\n{A}".replace("\n", "\r\n"),
        "sources:\n- name: a\n  type: dlt_native\n  dlt_native:\n    source_module: a # its module\ndefaults:\n  retries: 1\n",
        f"sources:\n        {A.strip().replace(chr(10), chr(10) + '      ')}\n",
        f"sources:\n{A}    description: |\n      two\n      lines\n\n# the end\n",
        f'sources:\n{A}    description: "two\n      lines" # closed\nprecedence: dlt\n',
        "sources:\n  - name: a\n    dlt_native:\n      source_module: a\n    type:\n      dlt_native\n",
        "sources:\n  - &a {name: a, type: dlt_native, dlt_native: {source_module: a}}\n",
    ],
)
def test_every_line_stays_and_the_new_source_is_the_last_one(text):
    before = names(text.encode()) if ":" in text else []

    made = inserted(text.encode(), ENTRY)

    assert names(made) == [*before, "new"]
    assert parse(made, "f").config.sources[-1].dlt_native.function_kwargs == ENTRY["dlt_native"]["function_kwargs"]
    lines = difflib.ndiff(text.splitlines(), made.decode().splitlines())
    assert not [line for line in lines if line.startswith("- ")]
    assert made.count(b"\r\n") in {0, made.count(b"\n")}


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("sources: [] # none\n", "sources: # none\n  - name: new\n"),
        ("sources: null\nprecedence: dlt\n", "sources:\n  - name: new\n"),
        (f"sources: [{FLOW}] # one\n", f"sources: [{FLOW}, {{name: new"),
        (f"sources: [\n  {FLOW}, # one\n]\n", f"sources: [\n  {FLOW}, {{name: new"),
        (f"{{sources: [{FLOW}]}}\n", f"{{sources: [{FLOW}, {{name: new"),
    ],
)
def test_a_list_in_brackets_gets_it_inside(text, made):
    found = inserted(text.encode(), ENTRY)

    assert found.decode().startswith(made)
    assert names(found)[-1] == "new"
    assert "#" not in text or text[text.index("#") :].split("\n")[0] in found.decode()


def test_what_belongs_to_the_last_source_stays_with_it_and_empty_lines_are_kept_between():
    text = sources_yml(
        entries(
            [
                Factory(module="a", function="f", secrets=("key",)),
                Factory(module="b", function="g", secrets=("key",)),
            ]
        )
    )

    made = inserted(text.encode(), ENTRY).decode()

    assert "SOURCES__B__KEY\n\n  - name: new\n" in made
    assert made.count("\n\n  - name:") == 2
    tight = f"sources:\n{A}{A.replace(': a', ': b')}"
    assert b"\n\n" not in inserted(tight.encode(), ENTRY)


@pytest.mark.parametrize(
    "text",
    ["{version: '1.0'}\n", "sources: &none []\n", "sources:\n  null\n", "version: '1.0'\n...\n"],
)
def test_where_no_line_can_be_added_the_entry_is_there_to_paste(text):
    with pytest.raises(ConfigError) as raised:
        inserted(text.encode(), ENTRY)

    assert snippet(ENTRY).rstrip() in raised.value.problems[0].hint


@pytest.mark.parametrize(
    ("text", "entry", "error", "said"),
    [
        (f"sources:\n{A}", {"name": "a"}, UsageError, ".dango/sources.yml:2:11: there is a source `a`"),
        (f"sources:\n{A}", {"name": "a_staging"}, UsageError, "a_staging"),
        ("", {"name": "New-One"}, UsageError, "`new_one` would be a name"),
        ("", {"type": "dlt_natve"}, UsageError, "did you mean `dlt_native`?"),
        ("", {"enabld": True}, UsageError, "did you mean `enabled`?"),
        (
            "",
            {"dlt_native": {"source_module": "m", "function_kwargs": {"a": float("inf")}}},
            UsageError,
            "as JSON",
        ),
        ("target: nowhere:\n", {}, ConfigError, ".dango/sources.yml:1"),
        ("sources:\n\t- name: a\n", {}, ConfigError, ".dango/sources.yml:2"),
        ("sources: {a: 1}\n", {}, ConfigError, "must be a list"),
        ("- a\n", {}, ConfigError, "must be a mapping"),
    ],
)
def test_a_wrong_entry_or_file_is_refused_in_words(text, entry, error, said):
    with pytest.raises(error) as raised:
        inserted(text.encode(), {**ENTRY, **entry})

    assert said in str(raised.value)


def test_a_broken_source_of_the_file_is_left_as_it_is():
    text = "sources:\n  - name: broken\n    type: dlt_native\n    enabld: true\n"

    made = inserted(text.encode(), ENTRY)

    assert made.startswith(text.encode())
    assert [source.name for source in parse(made, "f").config.sources] == ["new"]


def test_without_a_file_there_is_a_new_one():
    assert names(inserted(None, ENTRY)) == ["new"]
