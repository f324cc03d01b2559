"""sources.yml as a configuration: every problem at once, each with its place and the next step."""

import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dango_action.config.model import Target
from dango_action.config.parse import Parsed, parse, read
from dango_action.errors import ConfigError, Position

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.yml"))
SHOP = "  - {name: shop, type: dlt_native, dlt_native: {source_module: shop}}\n"


def parsed(text):
    return parse(text.encode(), "f.yml")


def told(text):
    return [str(problem).removeprefix("f.yml:").replace("\n  ", " -> ") for problem in parsed(text).problems]


def native(extra, block="source_module: shop"):
    return f"sources:\n  - name: shop\n    type: dlt_native\n    dlt_native: {{{block}}}\n    {extra}\n"


def test_every_problem_of_a_file_is_told_at_once_in_the_order_of_the_file():
    text = """\
target: duck:x
default: {retries: 3}
sources:
  - name: Shop
    type: dlt_native
    enabled: off
    dlt_native: {source_modul: shop}
  - name: shop
    type: dlt_nativ
    retrys: 1
    retries: "1"
  - nme: eu
    name: a
    name: b
    dlt_native:
"""

    assert told(text) == [
        "1:9: unknown kind of target `duck` -> did you mean `duckdb`?",
        "2:1: unknown key `default` -> did you mean `defaults`?",
        "4:11: `Shop` can't be the name of a source: it has capital letters -> `shop` would be a name",
        "6:14: `enabled` must be true or false, not text -> write `false`: in YAML 1.2, `off` is text",
        (
            "7:17: `source_module` is missing"
            " -> add `source_module:`, for example `shopee_api` for custom_sources/shopee_api.py"
        ),
        "7:18: unknown key `source_modul` -> did you mean `source_module`?",
        (
            "8:11: the name `shop` differs only in capitals from the one at f.yml:4:11"
            " -> give each source a name of its own"
        ),
        "9:11: unknown type `dlt_nativ` -> did you mean `dlt_native`?",
        "10:5: unknown key `retrys` -> did you mean `retries`?",
        "11:14: `retries` must be a whole number, not text -> remove the quotes",
        "12:5: `type` is missing -> add `type:`; `dango sources list` has all of them",
        "12:5: unknown key `nme` -> did you mean `name`?",
        "14:5: this key occurs twice; the first is at f.yml:13:5 -> remove one",
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("tags: shop", ("5:11: `tags` must be a list, not text"
         " -> write `tags: [one, two]`, or a line with `- ` for each")),
        ("tags: [a, 1]", "5:15: `tags[1]` must be text, not a whole number -> put it in quotes"),
        ("tags:", "5:5: `tags` has no value -> give it a value, or remove it"),
        ("retries: 11", "5:14: `retries` must be 10 or less -> use a smaller number"),
        ("timeout_minutes: 0", "5:22: `timeout_minutes` must be more than 0 -> use a larger number"),
        ("schema_contract: freezing", "5:22: `schema_contract` can't be `freezing` -> did you mean `freeze`?"),
        ("schema_contract: {column: freeze}", "5:23: unknown key `column` -> did you mean `columns`?"),
        ("on_empty_replace: no", "5:23: `on_empty_replace` can't be `no` -> use one of: block, allow"),
        ("source_function: f", "5:5: unknown key `source_function` -> it belongs under `dlt_native:`"),
        ("checks: [{table: a, max_age_hours: 1}]",
         "5:14: `max_age_hours` needs `cursor` -> add `cursor:` with the column that holds the time"),
        ("checks: [{min_rows: 1}]", ("5:14: `table` is missing"
         " -> add `table:` with the name of the table that is checked")),
        ("env: [A=b]", ("5:11: this is not the name of an environment variable"
         " -> a name has letters, digits and `_`, and no value behind it")),
        ("credentials_from: shopp", ("5:23: there is no source `shopp` in this file"
         " -> remove it: there is no other source")),
        ("credentials_from: shop",
         "5:23: a source can't use its own credentials by `credentials_from` -> name another one, or remove it"),
    ],
)  # fmt: skip
def test_a_problem_of_a_source_names_the_key_the_place_and_the_fix(line, problem):
    assert told(native(line)) == [problem]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("start_date: 2026-01-01", "unknown key `start_date` -> it belongs under `stripe:`"),
        ("lookback_day: 3", "unknown key `lookback_day` -> did you mean `lookback_days`? It belongs under `stripe:`"),
        ("stripe_secret_key: x", ("unknown key `stripe_secret_key`"
         " -> remove it, it is a secret: `dango secrets set sources.<name>.api_key`, or .dlt/secrets.toml")),
        ("shopify: {}", ("unknown key `shopify`"
         " -> this is the block of another type: the one of `type: stripe` is called `stripe:`")),
        ("resource: [charges]", "unknown key `resource` -> did you mean `resources`?"),
        ("stripe: {resource: 1}", "unknown key `resource` -> use one of: api_key, api_key_env, stripe_secret_key,"),
        ("stripe: {account_id: 12}", "`account_id` must be text -> put it in quotes"),
        ("stripe: {api_key: x}", ("`api_key` is a secret, and sources.yml is committed -> take one of:"
         " `dango secrets set sources.<name>.api_key`, .dlt/secrets.toml, or its variable: `api_key_env: NAME`")),
    ],
)  # fmt: skip
def test_a_key_beside_the_block_of_a_type_is_told_its_place(line, problem):
    [found] = told(f"sources:\n  - name: pay\n    type: stripe\n    {line}\n")
    assert problem in found


def test_of_several_forms_the_one_that_is_meant_is_told_once():
    found = told("""\
sources:
  - name: shop
    type: rest_api
    rest_api:
      client: {base_url: "https://api.example.com/", auth: {type: api_key}, paginator: single_page}
      resources: [{name: orders}]
""")
    assert [problem.partition(" -> use")[0] for problem in found] == [
        "5:60: `auth` can't be of the type `api_key`",
        "5:88: `paginator` must be a mapping, not text -> write it like `{type: single_page}`",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: the file is empty"),
        ("# nothing\n", "1:1: the file is empty"),
        ("- a\n", "1:1: the file must be a mapping, not a list"),
        ('version: "2.0"', "1:10: this version of the format is not known"),
        ("retries: 2", "1:1: unknown key `retries`"),
        ("sources:\n  shop: {}", "2:3: `sources` must be a list, not a mapping"),
        ("defaults: {name: a}", "1:12: unknown key `name`"),
    ],
)
def test_a_problem_outside_of_the_sources_leaves_no_configuration(text, problem):
    found = parsed(text)

    assert found.config is None
    assert str(found.problems[0]).startswith(f"f.yml:{problem}\n")


def test_a_broken_source_does_not_block_the_others():
    found = parsed("sources:\n" + SHOP + "  - {name: eu, type: x}\n  - 12\n" + SHOP)

    assert [source.name for source in found.config.sources] == ["shop"]
    assert {name: [p.at.line for p in problems] for name, problems in found.broken.items()} == {
        "eu": [3],
        "sources[2]": [4],
        "sources[3]": [5],
    }
    assert found.positions["shop"] == Position(file="f.yml", line=2, column=12)
    assert found.positions["eu"].line == 3


def test_a_source_that_is_called_like_an_index_is_not_taken_for_it():
    found = parsed('sources: [{name: "sources[1]", type: x}, 1, {name: "sources[1]", type: x}]')

    assert list(found.broken) == ["sources[0]", "sources[1]", "sources[2]"]


def test_thousands_of_mistakes_are_told_in_seconds():
    started = time.process_time()
    found = parsed("sources:\n" + "".join(f"- {{name: s{i}, credentials_from: x{i}}}\n" for i in range(1000)))

    assert len(found.problems) == 2000
    assert time.process_time() - started < 3


def test_a_problem_inside_an_anchor_breaks_every_source_that_repeats_it():
    text = """\
sources:
  - {name: a, type: dlt_native, dlt_native: &n {source_module: !x y}}
  - {name: b, type: dlt_native, dlt_native: *n}
"""
    found = parsed(text)

    assert set(found.broken) == {"a", "b"}
    assert len(found.problems) == 1


def test_credentials_are_borrowed_in_one_step_only():
    text = (
        "sources:\n"
        + SHOP
        + "".join(
            SHOP.replace("shop,", f"{name},").replace("dlt_native,", f"dlt_native, credentials_from: {lender},")
            for name, lender in [("b", "shop"), ("c", "b"), ("d", "shoq")]
        )
    )

    assert told(text) == [
        (
            "4:51: `b` has no credentials of its own: it has `credentials_from` itself"
            " -> name the source that has them"
        ),
        "5:51: there is no source `shoq` in this file -> did you mean `shop`?",
    ]


def test_a_name_that_dlt_needs_to_merge_another_source_is_refused():
    text = "sources:\n" + SHOP.replace("shop,", "shop_staging,") + SHOP

    assert list(parsed(text).broken) == ["shop_staging"]
    assert not parsed("sources:\n" + SHOP.replace("shop,", "shop_staging,")).problems


def test_a_value_among_the_arguments_is_never_repeated():
    kwargs = "{a: canary, b: [canary], a: canary, c: {canary: !x canary}, 1: canary}"
    block = f"source_module: shop, function_kwargs: {kwargs}"
    text = native("retries: x", block)

    assert len(told(text)) == 4
    assert "canary" not in "".join(told(text))
    assert "canary" not in repr(parsed(native("", "source_module: a, function_kwargs: {a: canary}")))
    assert "canary" not in "".join(told("target: postgres://user:canary@host/db"))


def test_a_name_can_not_bring_its_own_line_into_a_log():
    found = parsed('sources: [{name: "a\\n::set-env::\\e[0m", type: "x\\n::y"}]\n')

    assert len(found.problems) == 2
    assert all(text.isprintable() for problem in found.problems for text in (problem.what, problem.hint))
    assert all(name.isprintable() for name in found.broken)


def test_defaults_hold_where_a_source_says_nothing():
    text = "defaults: {retries: 0, tags: [all], timeout_minutes: 5}\n" + native("{}")
    text = text.replace("    {}\n", "    retries: 2\n    tags: []\n")

    (source,) = parsed(text).config.effective_sources()

    assert (source.retries, source.tags, source.timeout_minutes, source.enabled) == (2, (), 5, True)


def test_what_is_left_out_has_the_documented_default():
    config = parsed("sources:\n" + SHOP).config
    (source,) = config.sources

    assert str(config.target) == "duckdb:.dango/warehouse.duckdb"
    assert (config.version, config.precedence) == ("1.0", "guide")
    assert (source.enabled, source.timeout_minutes, source.retries) == (True, 60, 2)
    assert (source.resources, source.schema_contract, source.on_empty_replace) == (None, None, "block")
    assert (source.dlt_native.source_function, source.dlt_native.function_kwargs) == (None, {})


def test_a_configuration_can_not_be_changed():
    found = parsed("sources:\n" + SHOP)

    with pytest.raises(ValidationError):
        found.config.target = Target(kind="duckdb", location="x")
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.config = None
    with pytest.raises(TypeError):
        found.broken["x"] = ()


def test_a_target_is_parsed_outside_of_a_file_too():
    assert Target.parse("motherduck:db") == Target(kind="motherduck", location="db")
    with pytest.raises(ConfigError, match="did you mean `motherduck`"):
        Target.parse("motherduk:db")


@pytest.mark.parametrize("data", [b"\0\1\2", b"\xff\xfe", b"\xe9", b"[" * 100_000, b"a" * 10_000_000])
def test_a_file_that_is_no_yaml_is_one_problem(data):
    found = parse(data, "f.yml")

    assert found.config is None
    assert len(found.problems) == 1


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_no_bytes_raise_an_exception(data):
    assert isinstance(parse(data, "f.yml"), Parsed)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_no_change_to_a_file_raises_an_exception(data):
    whole = data.draw(st.sampled_from([file.read_bytes() for file in CORPUS]))
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    other = data.draw(st.sampled_from(["", "&a ", "*a", "!!int ", "[", "}", ": ", "\n", "null", "1", "é"]))
    found = parse(whole[:start] + other.encode() + whole[end:], "f.yml")

    assert found.config is not None or found.problems
    assert all(problem.at for problem in found.problems)


def write(project, data):
    (project / ".dango").mkdir()
    (project / ".dango/sources.yml").write_bytes(data)


def test_the_file_of_a_project_is_read(tmp_path):
    write(tmp_path, b"sources:\n" + SHOP.encode())

    assert read(tmp_path).positions["shop"].file == ".dango/sources.yml"


def test_a_missing_file_comes_with_a_line_to_start_with(tmp_path):
    (problem,) = read(tmp_path).problems
    line = problem.hint.partition("start with: ")[2]

    assert "no such file" in problem.what
    assert parsed(line).config.sources


def test_a_file_with_the_other_suffix_is_noticed(tmp_path):
    write(tmp_path, b"")
    (tmp_path / ".dango/sources.yml").rename(tmp_path / ".dango/sources.yaml")

    assert "rename" in read(tmp_path).problems[0].hint


def test_what_is_no_file_is_said_so(tmp_path):
    (tmp_path / ".dango/sources.yml").mkdir(parents=True)
    (directory,) = read(tmp_path).problems
    (tmp_path / ".dango/sources.yml").rmdir()
    os.mkfifo(tmp_path / ".dango/sources.yml")
    (pipe,) = read(tmp_path).problems

    assert directory.what == pipe.what == "this is not a file"


def test_a_folder_that_is_a_file_or_a_link_to_itself_is_a_problem(tmp_path):
    (tmp_path / ".dango").write_text("")
    assert "can't be read" in read(tmp_path).problems[0].what

    (tmp_path / ".dango").unlink()
    (tmp_path / ".dango").symlink_to(tmp_path / ".dango")
    assert "can't be read" in read(tmp_path).problems[0].what


def test_an_endless_file_is_not_read_to_its_end(tmp_path):
    write(tmp_path, b"")
    with (tmp_path / ".dango/sources.yml").open("r+b") as stream:
        stream.truncate(1 << 40)

    assert read(tmp_path).problems[0].what == "the file is larger than 1 MiB"


def test_parsing_imports_nothing_heavy():
    script = "import sys, dango_action.config.parse\nprint(sorted({m.split('.')[0] for m in sys.modules}))"
    modules = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    for heavy in ("dlt", "duckdb", "pyarrow", "requests", "rich", "click", "jsonschema"):
        assert f"'{heavy}'" not in modules
