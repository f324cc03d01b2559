"""`dango config validate` reads the modules of sources, and runs nothing of them."""

import pytest

MODULE = """
import dlt
raise RuntimeError("this must not run")

@dlt.source
def shop(pages: int, key: str = dlt.secrets.value, *, region="eu", fresh: bool = True):
    return []

@dlt.source
def open_to_all(**more):
    return []

@cached
@dlt.source
def changed(a):
    return []

@dlt.source(spec=Shop)
def with_spec(token):
    return []

plain = dlt.source(shop)
from elsewhere import imported

@dlt.transformer(data_from=imported)
def fed(row, region):
    yield row
"""


def validate(project, **block):
    project.module("shop", MODULE)
    project.sources({"name": "shop", **block})
    return project.dango("config", "validate")


@pytest.mark.parametrize(
    ("block", "line"),
    [
        ({"function": "shop"}, "sources.yml:1:122: `shop` needs the argument `pages`"),
        ({"function": "shop", "kwargs": {"pages": 1, "keys": "x"}}, "`shop` takes no argument `keys`\n  did you mean `key`?"),
        ({"function": "shop", "kwargs": {"pages_env": "P", "regn_env": "R"}}, "takes no argument `regn`\n  did you mean `region`?"),
        ({"function": "shop", "kwargs": {"pages": "7"}}, "`pages` must be a whole number, not text\n  remove the quotes"),
        ({"function": "shop", "kwargs": {"pages": 1, "fresh": "no"}}, "`fresh` must be true or false, not text\n  write `false`: in YAML 1.2, `no` is text"),
        ({"function": "shp", "kwargs": {"pages": 1}}, "`shop` has no function `shp`\n  did you mean `shop`?"),
        ({"module": "shp"}, "there is no module `shp` in custom_sources/, nor among the installed packages\n  did you mean `shop`?"),
        ({"module": "json"}, "`json` is a module of Python itself"),
        ({"source_path": "nowhere"}, "`source_path`: there is no folder nowhere"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_found_with_its_line(project, block, line):
    done = validate(project, **block)

    assert done.code == 3
    assert line in done.out
    assert "1 problem to mend" in done.out


@pytest.mark.parametrize(
    "block",
    [
        {"function": "shop", "kwargs": {"pages": 1}},
        {"function": "shop", "kwargs": {"pages_env": "PAGES", "region": "us"}},
        {"function": "open_to_all", "kwargs": {"anything": 1}},
        {"function": "changed"},
        {"function": "with_spec"},
        {"function": "plain"},
        {"function": "imported"},
        {"function": "fed", "kwargs": {"region": "eu"}},
        {"function": None},
        {"module": "dlt.sources.rest_api", "function": "rest_api_source"},
    ],
)
def test_what_may_work_is_let_through(project, block):
    done = validate(project, **block)

    assert done.code == 0, done.out


@pytest.mark.parametrize(
    "text",
    [
        "from elsewhere import *",
        "def __getattr__(name): ...",
        "globals().update(made())",
        "match made():\n    case shop: ...",
        "def shop(region, size): yield 1\nshop = partial(shop, size=1)",
        "def shop(size): yield 1\nif new:\n    def shop(region): yield 1",
    ],
)
def test_a_function_that_only_running_the_module_shows_is_let_through(project, text):
    project.module("shop", text)
    project.sources({"name": "shop", "function": "shop", "kwargs": {"region": "eu"}})

    assert project.dango("config", "validate").code == 0


def test_the_only_source_of_a_module_need_not_be_named_to_be_held_against_its_arguments(project):
    resource = "@dlt.resource\ndef rows(limit=1):\n    yield {}\n\n"
    project.module("shop", f"import dlt\n\n{resource}@dlt.source\ndef shop(pages=1):\n    return rows()\n")
    project.module("two", f"import dlt\n\n{resource}")
    project.sources(
        {"name": "shop", "function": None, "kwargs": {"limit": 2}},
        {"name": "two", "function": None, "kwargs": {"odd": 2}},
    )

    done = project.dango("config", "validate")

    assert done.code == 3
    assert "`shop` takes no argument `limit`" in done.out
    assert "1 problem to mend" in done.out  # that a resource is meant is for the sync to find


def test_idioms_that_dlt_cannot_run_are_notices(project):
    project.module(
        "shop",
        'import dlt\n@dlt.source\ndef source():\n    @dlt.resource\n    def orders(at: int = dlt.sources.incremental("at")):\n        yield {}\n    return orders\n',
    )
    project.sources("shop", {"name": "again", "module": "shop"})

    done = project.dango("config", "validate")

    assert done.code == 0
    assert done.out.count("notice: custom_sources/shop.py:5:16: `orders`: dlt takes `at: int` for a setting") == 1


def test_a_secret_in_the_configuration_is_a_notice_without_its_value(project):
    done = validate(project, function="shop", kwargs={"pages": 1, "key": "hunter2-hunter2", "region": "eu"})
    named = validate(project, function="shop", kwargs={"pages": 1, "key_env": "KEY_OF_SHOP"})

    assert (done.code, done.out.count("notice: ")) == (0, 1)
    assert "`key` is a secret of `shop`, and sources.yml is committed\n  put it into .dlt/secrets.toml" in done.out
    assert "hunter2" not in done.out
    assert "notice" not in named.out


def test_the_login_of_a_rest_api_in_the_configuration_is_a_notice_without_its_value(project):
    config = {
        "client": {"base_url": "http://127.0.0.1:9/", "auth": {"type": "bearer", "token": "hunter2-hunter2"}}
    }
    block = {"module": "dlt.sources.rest_api", "function": "rest_api_source"}
    done = validate(project, **block, kwargs={"config": config})
    config["client"]["auth"].pop("token")
    without = validate(project, **block, kwargs={"config": config})

    assert (done.code, done.out.count("notice: ")) == (0, 1)
    assert "`token` of `auth` stands in sources.yml, which is committed" in done.out
    assert "hunter2" not in done.out
    assert "notice" not in without.out


def test_what_requirements_may_bring_is_a_notice(project):
    project.write(".dango/requirements.txt", "some-package\n")
    done = validate(project, module="some_package")

    assert done.code == 0
    assert "notice: .dango/sources.yml:1:" in done.out
    assert "there is no module `some_package`" in done.out


@pytest.mark.parametrize("text", ["def (:", "\0", "(" * 10_000, "é".encode("latin-1").decode("latin-1")])
def test_text_that_is_no_python_is_left_to_the_sync(project, text):
    project.module("shop", text)
    project.sources({"name": "shop", "function": None})

    assert project.dango("config", "validate").code == 0


def test_a_module_that_nobody_has_written_by_hand_is_left_to_the_sync(project):
    project.module("shop", "import dlt\n" + "#" * 3_000_000)
    project.sources({"name": "shop", "function": "made_of_data"})

    assert project.dango("config", "validate").code == 0
