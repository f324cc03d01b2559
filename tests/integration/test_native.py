"""Any dlt source, unchanged: the shapes that a source can have, and the places where it can lie."""

import pytest


def sync(project, **kwargs):
    done = project.sync(**kwargs)
    assert done.code == 0, done.out
    return done


def test_async_and_parallelized_resources_and_an_async_source(project):
    project.module(
        "mixed",
        """
        import asyncio
        import dlt

        @dlt.source
        async def source():
            await asyncio.sleep(0)

            @dlt.resource
            async def waits():
                for i in range(3):
                    await asyncio.sleep(0)
                    yield {"id": i}

            @dlt.resource(parallelized=True)
            def threads():
                for i in range(4):
                    yield {"id": i}

            @dlt.transformer(data_from=threads)
            async def details(row):
                await asyncio.sleep(0)
                return {"of": row["id"]}

            return waits, threads, details
        """,
    )
    project.sources("mixed")

    assert {t["name"]: t["rows"] for t in sync(project).source("mixed")["tables"]} == {
        "waits": 3,
        "threads": 4,
        "details": 4,
    }


@pytest.mark.parametrize(
    "text",
    [
        "import dlt\n@dlt.resource\ndef source(n: int = 2):\n    yield from ({'id': i} for i in range(n))\n",
        "import dlt\n@dlt.resource\nasync def source(n: int = 2):\n    for i in range(n):\n        yield {'id': i}\n",
        "def source(n: int = 2):\n    for i in range(n):\n        yield {'id': i}\n",
        "async def source(n: int = 2):\n    for i in range(n):\n        yield {'id': i}\n",
        "import dlt\ndef source(n: int = 2):\n    return dlt.resource([{'id': i} for i in range(n)], name='source')\n",
        "import dlt\n@dlt.source\ndef source(n: int = 2):\n    yield dlt.resource([{'id': i} for i in range(n)], name='source')\n",
        (
            "import dlt\n@dlt.source(name='other', section='elsewhere')\ndef source(n: int = 2):\n"
            "    return dlt.resource([{'id': i} for i in range(n)], name='source')\n"
        ),
    ],
    ids=[
        "resource",
        "async resource",
        "generator",
        "async generator",
        "function",
        "yielding source",
        "named source",
    ],
)
@pytest.mark.parametrize("kwargs", [{}, {"n": 5}], ids=["default", "given"])
def test_every_shape_of_a_source_function(project, text, kwargs):
    project.module("shape", text)
    project.sources({"name": "shape", "kwargs": kwargs})

    sync(project)

    assert project.one("select count(*) from raw_shape.source") == kwargs.get("n", 2)


def test_the_settings_of_a_bare_resource_come_from_the_sources_own_section(project):
    project.module(
        "api",
        "import dlt\n@dlt.resource\ndef source(token: str = dlt.secrets.value, page: int = dlt.config.value):\n    yield {'t': token, 'p': page}\n",
    )
    project.write(".dlt/secrets.toml", '[sources.one]\ntoken = "a"\n[sources.two]\ntoken = "b"\n')
    project.write(".dlt/config.toml", "[sources.one]\npage = 1\n[sources.two]\npage = 2\n")
    project.sources({"name": "one", "module": "api"}, {"name": "two", "module": "api"})

    sync(project)

    assert project.query("select t, p from raw_one.source union all select t, p from raw_two.source") == [
        ("a", 1),
        ("b", 2),
    ]


def test_instances_of_one_module_keep_their_secrets_state_and_data_apart(project):
    project.module(
        "shop",
        """
        import dlt

        @dlt.source
        def source(key: str = dlt.secrets.value, rows: int = dlt.config.value):
            @dlt.resource(write_disposition="append")
            def orders(at=dlt.sources.incremental("id", initial_value=0)):
                yield [{"id": i, "key": key} for i in range(at.last_value + 1, rows + 1)]

            return orders
        """,
    )
    project.sources({"name": "us", "module": "shop"}, {"name": "eu", "module": "shop"})
    variables = {"SOURCES__US__KEY": "u", "US__ROWS": "2", "SOURCES__EU__KEY": "e", "EU__ROWS": "5"}
    sync(project, **variables)
    sync(project, **{**variables, "US__ROWS": "3"})

    assert project.query("select key, count(*), max(id) from raw_us.orders group by 1") == [("u", 3, 3)]
    assert project.query("select key, count(*), max(id) from raw_eu.orders group by 1") == [("e", 5, 5)]


def test_a_package_with_its_own_modules(project):
    project.module(
        "shop/__init__", "from .client import rows\nimport dlt\n@dlt.resource\ndef source():\n    yield rows()\n"
    )
    project.module("shop/client", "from shop.shared import ONE\ndef rows():\n    return [{'id': ONE}]\n")
    project.module("shop/shared", "ONE = 1\n")
    project.module("helper", "TWO = 2\n")
    project.module(
        "shop/api/v2", "import dlt, helper\n@dlt.resource\ndef source():\n    yield {'id': helper.TWO}\n"
    )
    project.sources("shop", {"name": "deep", "module": "shop.api.v2"})

    sync(project)

    assert project.query("select id from raw_shop.source union all select id from raw_deep.source") == [(1,), (2,)]


def test_a_file_may_be_called_like_a_standard_or_installed_module_and_shadows_nothing(project):
    project.module(
        "json",
        "import json, dlt\n@dlt.resource\ndef source():\n    yield json.loads('{\"id\": 1}')\n",
    )
    project.module("calendar", "raise RuntimeError('shadowed')\n")
    project.module(
        "requests", "import dlt, requests\n@dlt.resource\ndef source():\n    yield {'v': requests.__name__}\n"
    )
    project.module(
        "plain",
        "import dlt, json, calendar, email\n@dlt.resource\ndef source():\n    yield {'id': calendar.MONDAY}\n",
    )
    project.sources("json", "requests", "plain")

    sync(project)

    assert project.query("select id from raw_json.source") == [(1,)]
    assert project.query("select v from raw_requests.source") == [("requests",)]
    assert project.query("select id from raw_plain.source") == [(0,)]


def test_an_installed_package_is_a_source_too(project, flaky):
    """dlt's own rest_api package stands for any: it is installed, and not in custom_sources."""
    project.sources(
        {
            "name": "api",
            "module": "dlt.sources.rest_api",
            "function": "rest_api_source",
            "kwargs": {"config": {"client": {"base_url": flaky[0]}, "resources": ["posts"]}},
        }
    )

    sync(project)

    assert project.query("select id from raw_api.posts") == [(1,)]


def test_a_source_function_need_not_be_named_if_there_is_one(project):
    project.module(
        "shop", "import dlt\n@dlt.source\ndef anything():\n    return dlt.resource([{'id': 1}], name='t')\n"
    )
    project.sources({"name": "shop", "function": None})

    sync(project)

    assert project.one("select count(*) from raw_shop.t") == 1


TWO = "import dlt\n@dlt.source\ndef first():\n    return []\n@dlt.source\ndef second(a, b=1):\n    return []\n"


# An entry, a module's text, and the code, the cause and the next step that it ends with
ANSWERS = [
    ({"function": None}, TWO, 3, "has 2 sources", "set `source_function` to one of: first, second"),
    ({"function": "scond"}, TWO, 3, "has no function `scond`", "did you mean `second`"),
    ({"function": "second", "kwargs": {"a": 1, "c": 2}}, TWO, 3, "takes no argument `c`", "use one of: a, b"),
    ({"function": "dlt"}, TWO, 3, "is module, not a function", "decorated"),
    ({"module": "shp"}, TWO, 3, "there is no module `shp`", "did you mean `shop`"),
    ({"module": "zzz"}, TWO, 3, "there is no module `zzz`", "create custom_sources/zzz.py"),
    ({}, "import not_installed_here\n", 5, "needs the module `not_installed_here`", "in .dango/requirements.txt"),
    ({}, "def source(:\n", 5, "SyntaxError", "log"),
    ({}, "import dlt\n@dlt.source\ndef source():\n    return 'text'\n", 5, "", "log"),
    ({}, "def source():\n    raise SystemExit(0)\n", 5, "called sys.exit(0)", "log"),
    ({}, "import sys\nsys.exit('bye')\n", 5, "called sys.exit('bye')", "log"),
    ({"resources": ["a", "b"]}, "import dlt\n@dlt.source\ndef source():\n    return dlt.resource([1], name='aa')\n", 3,
     "no resource `a`", "did you mean `aa`"),
    ({"function": "second", "kwargs": {"b": 2}}, TWO, 3, "`second` needs the argument `a`", "below `function_kwargs:`"),
    ({"module": "os"}, TWO, 3, "`os` is a module of Python itself", "create custom_sources/os.py"),
    ({"module": "rest_api"}, TWO, 3, "there is no module `rest_api`", "write `dlt.sources.rest_api`"),
    ({"module": "zendesk"}, TWO, 3, "there is no module `zendesk`", "set `source_path: vendor/verified-sources/sources`"),
    ({"function": "source"}, "import os\ndef source():\n    yield {'key': os.environ['API_KEY']}\n", 5,
     "the variable API_KEY is not there for source `shop_", "add `env: [API_KEY]`"),
    ({"function": "source"}, "import dlt\n@dlt.resource\ndef source():\n    return None if dlt else []\n", 5,
     "the resource `source` has nothing", "yield its rows"),
    ({"function": "source"}, "import dlt\n@dlt.source\ndef source():\n    dlt.resource([1], name='a')\n", 5,
     "the source function `source` returns nothing", "return its resources"),
    ({"function": "source"}, "import dlt\n@dlt.transformer\ndef source(row):\n    yield row\n", 3,
     "`source` is a transformer", "return both from a @dlt.source, like `orders | source`"),
    ({"function": "source"}, "def source():\n    yield dlt.current\n", 5, "`dlt` is not defined", "add `import dlt` at the top"),
    ({"function": "source"}, "def source():\n    yield requests.get('')\n", 5,
     "`requests` is not defined", "add `from dlt.sources.helpers import requests`"),
    ({"function": "source"}, "def source():\n    yield time.time()\n", 5, "`time` is not defined", "add `import time`"),
    ({"function": "source"}, "URLS = []\ndef source():\n    yield URL\n", 5, "`URL` is not defined", "did you mean `URLS`?"),
    ({"function": "source"}, "def source():\n    yield zzzz\n", 5, "`zzzz` is not defined", "define it, or import it"),
    ({"function": "source"}, "import dlt\n@dlt.resource\ndef source(at: int | None = dlt.sources.incremental('at')):\n    yield {}\n", 5,
     "dlt takes `at: int | None` for a setting", "write `at=dlt.sources.incremental('at')`"),
    ({"function": "source"}, "import dlt\nfrom typing import Optional\n@dlt.resource\ndef source(at: Optional[int] = dlt.sources.incremental('at')):\n    yield {}\n", 5,
     "dlt takes `at: Optional[int]` for a setting", "write `at=dlt.sources.incremental('at')`"),
    ({"function": "source"}, "import dlt\n@dlt.resource(name=lambda args: args['table'])\ndef source(table: str = dlt.config.value):\n    yield {}\n", 5,
     "a resource's name is made of its arguments, and `table` is not among them", "add `table:` below `function_kwargs:`"),
    ({"function": "source"}, "import dlt\n@dlt.source\ndef source(a, b={}):\n    return []\n", 5,
     "`source`: dlt can't have a mapping as the default of `b`", "write `b=None`, and `b = b or {}` below"),
    ({"function": "source"}, "class source:\n    pass\n", 3, "is a class, not a function", "decorated"),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers(one_project):
    """What one sync says of all these sources."""
    one_project.module("shop", TWO)
    for number, (_, text, *_) in enumerate(ANSWERS):
        one_project.module(f"shop_{number}", text)
    one_project.sources(*({"name": f"shop_{number}", **entry} for number, (entry, *_) in enumerate(ANSWERS)))
    return one_project.sync()


@pytest.mark.parametrize("number", range(len(ANSWERS)))
def test_what_cannot_be_used_is_answered_with_the_next_step(answers, number):
    _, _, code, what, hint = ANSWERS[number]

    source = answers.source(f"shop_{number}")
    problem, *_ = source["problems"]
    assert source["exit_code"] == code, source
    assert what in problem["what"]
    assert hint in problem["hint"]
    assert problem["at"]


def test_a_key_that_is_set_and_looked_for_elsewhere_is_answered_with_the_parameter(project):
    project.module(
        "shop", "import dlt\nCONFIG = {}\n@dlt.resource\ndef source():\n    yield {'key': CONFIG['api_key']}\n"
    )
    project.write(".dlt/secrets.toml", "[sources.shop]\napi_key = 'of the file'\n")
    project.sources("shop")

    [problem] = project.sync().source("shop")["problems"]

    assert problem["what"] == (
        "`api_key` is set for this source in .dlt/secrets.toml, and the code looks for it elsewhere: KeyError('api_key')"
    )
    assert problem["hint"] == "take it as a parameter of the source function: `api_key=dlt.secrets.value`"
    assert problem["at"] == {"file": "custom_sources/shop.py", "line": 5, "column": 19}


def test_only_the_selected_resources_are_synced(project):
    project.module(
        "shop",
        "import dlt\n@dlt.source\ndef source():\n    return [dlt.resource([{'id': 1}], name=n) for n in ('a', 'b', 'c')]\n",
    )
    project.sources({"name": "shop", "resources": ["a", "c"]})

    assert [table["name"] for table in sync(project).source("shop")["tables"]] == ["a", "c"]


def test_of_a_nested_configuration_the_part_that_is_wrong_is_named(project):
    config = {
        "client": {"base_url": "http://127.0.0.1:9/"},
        "resources": [{"name": "rows", "endpoint": {"path": "rows", "dta_selector": "x"}}],
    }
    project.sources(
        {
            "name": "api",
            "module": "dlt.sources.rest_api",
            "function": "rest_api_source",
            "kwargs": {"config": config},
        }
    )

    [problem] = project.sync().source("api")["problems"]

    assert "Path `./resources[0]/endpoint`: received unexpected fields `{'dta_selector'}`" in problem["what"]


def test_what_a_frozen_schema_refuses_is_named_with_what_lets_it_in(project):
    project.module(
        "shop",
        "import dlt\n@dlt.resource\ndef source(more: dict | None = None):\n    yield {'id': 1, **(more or {})}\n",
    )
    project.sources("shop")
    sync(project)
    freeze = {"module": "shop", "schema_contract": "freeze"}
    project.sources(
        {"name": "shop", **freeze, "kwargs": {"more": {"x": 1}}},
        {"name": "first", **freeze},
    )

    done = project.sync()
    project.sources({"name": "shop", **freeze, "kwargs": {"more": {"id": "a"}}})
    [other] = project.sync().source("shop")["problems"]

    assert done.code == 5
    [column], [table] = done.source("shop")["problems"], done.source("first")["problems"]
    assert column["what"] == "the column `source.x` is new, and the schema contract is `columns: freeze`"
    assert column["hint"].startswith("write `schema_contract: {columns: evolve, …}` to let it in; ")
    assert table["what"] == "the table `source` is new, and the schema contract is `tables: freeze`"
    assert table["hint"].endswith("`freeze` refuses the tables of a first load, too")
    assert other["what"].startswith("a value does not fit its column: `source.id__v_text` would be new, and ")
    assert column["at"] != table["at"]
    assert project.query("select id from raw_shop.source") == [(1,)]


def test_a_source_that_yields_nothing_is_fine_and_says_so(project):
    project.module("shop", "import dlt\n@dlt.resource\ndef source():\n    yield from ()\n")
    project.sources("shop")

    assert sync(project).source("shop")["tables"] == [{"name": "source", "rows": 0, "discarded": 0}]


def test_ten_thousand_tables_worth_of_names_and_unicode(project):
    project.module(
        "names",
        "import dlt\n@dlt.resource\ndef source():\n    yield [{'Größe in m²': i, 'select': i, 'a' * 300: 1, '日本': 'ü'} for i in range(10_000)]\n",
    )
    project.sources("names")

    sync(project)

    assert project.one("select count(*) from raw_names.source") == 10_000


@pytest.mark.parametrize(
    ("raised", "cause"),
    [
        ("ValueError('x' * 100_000_000)", "ValueError: " + "x" * 488 + "…"),
        ("ValueError('lone \\ud800 and \\x1b[31m')", "ValueError: lone \\ud800 and \\x1b[31m"),
        ("ValueError('\\n \\n  first\\nsecond')", "ValueError: first"),
        ("Unprintable()", "ValueError: no"),
        ("KeyboardInterrupt()", "KeyboardInterrupt"),
        ("BaseException('all')", "BaseException: all"),
        ("RecursionError()", "RecursionError"),
    ],
    ids=["huge", "surrogate", "lines", "unprintable", "interrupt", "base", "recursion"],
)
def test_whatever_is_raised_has_a_cause_in_one_line(project, raised, cause):
    project.module(
        "odd",
        "class Unprintable(Exception):\n    def __str__(self):\n        raise ValueError('no')\n"
        f"def source():\n    raise {raised}\n    yield\n",
    )
    project.sources("odd")

    done = project.sync()

    assert done.code == 5
    assert done.source("odd")["cause"].endswith(cause)
    assert "Traceback" not in done.err


def test_rows_that_a_contract_holds_back_are_counted(project):
    project.module(
        "shop",
        "import dlt\n@dlt.resource\ndef source(more: bool = False):\n"
        "    yield [{'id': 1, 'items': [{'a': 1}]}, {'id': 2, **({'x': 1} if more else {})}]\n",
    )
    contract = {"tables": "evolve", "columns": "discard_row", "data_type": "freeze"}
    project.sources({"name": "shop", "schema_contract": contract})
    sync(project)
    project.sources({"name": "shop", "schema_contract": contract, "kwargs": {"more": True}})

    tables = {t["name"]: (t["rows"], t["discarded"]) for t in sync(project).source("shop")["tables"]}

    assert tables == {"source": (1, 1), "source__items": (1, 0)}


def test_a_secret_is_hidden_in_the_cause(project):
    project.module(
        "api",
        "import dlt, requests\n@dlt.resource\ndef source(key: str = dlt.secrets.value, other: str = dlt.secrets.value):\n"
        "    yield requests.get('http://127.0.0.1:9/', params={'key': key, 'other': other}, timeout=5).json()\n",
    )
    project.write(".dlt/secrets.toml", "[sources.api]\nkey = 'of a file/&'\n")
    project.sources({"name": "api", "retries": 0})

    done = project.sync(SOURCES__API__OTHER="of the environment")

    assert done.code == 5
    shown = done.out + done.err + next(project.runs()[0].glob("summary.md")).read_text()
    shown += (project.path / ".dango/activity.log").read_text()
    assert "key=***&other=***" in done.source("api")["cause"]
    assert "of+a+file" not in shown
    assert "environment" not in shown
