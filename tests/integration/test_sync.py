"""`dango sync` as users run it: a command, a project folder, a DuckDB file."""

import json
import re
import time
from pathlib import Path

import duckdb
import jsonschema
import pytest

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/result.schema.json").read_text())

SHOP = """
    import dlt

    @dlt.source
    def source(rows: int = 3, first: int = 1):
        @dlt.resource(write_disposition="append")
        def orders(at=dlt.sources.incremental("id", initial_value=0)):
            yield [{"id": i, "items": [{"sku": i}, {"sku": -i}]} for i in range(at.last_value + 1, first + rows)]

        @dlt.resource(write_disposition="replace")
        def shops():
            yield {"name": "one"}

        return orders, shops
"""


def test_eight_sources_of_which_three_fail_in_their_own_way(project):
    project.module("shop", SHOP)
    project.module(
        "bad",
        """
        import dlt, os, time

        @dlt.resource
        def raises():
            yield {"a": 1}
            raise ValueError("boom\\nsecond line")

        @dlt.resource
        def exits():
            yield {"a": 1}
            os._exit(3)

        @dlt.resource
        def hangs():
            yield {"a": 1}
            time.sleep(600)
        """,
    )
    good = [{"name": f"good_{i}", "module": "shop"} for i in range(5)]
    bad = [{"name": name, "module": "bad", "function": name} for name in ("raises", "exits", "hangs")]
    bad[2]["timeout_minutes"] = 0.02
    project.sources(*bad, *good)

    done = project.sync()

    assert done.code == 5
    jsonschema.validate({**done.document}, SCHEMA)
    for i in range(5):
        assert done.source(f"good_{i}")["tables"] == [
            {"name": "orders", "rows": 3, "discarded": 0},
            {"name": "orders__items", "rows": 6, "discarded": 0},
            {"name": "shops", "rows": 1, "discarded": 0},
        ]
        assert project.one(f"select count(*) from raw_good_{i}.orders__items") == 6
    causes = {name: done.source(name)["cause"] for name in ("raises", "exits", "hangs")}
    assert causes["raises"] == "custom_sources/bad.py:7:5: ValueError: boom"
    assert "ended by itself with status 3" in causes["exits"]
    assert "took longer than its limit of 0.02 minutes" in causes["hangs"]
    assert not any("\n" in cause for cause in causes.values())
    hung = (project.path / done.source("hangs")["log"]).read_text()
    assert re.search(r'bad.py", line 17 in hangs', hung), "the log says where it was waiting"
    assert "Traceback" in (project.path / done.source("raises")["log"]).read_text()
    assert (
        project.one(
            "select count(*) from duckdb_schemas() where schema_name in ('raw_raises', 'raw_exits', 'raw_hangs')"
        )
        == 0
    )

    folder = project.path / ".dango/runs" / done.document["run"]
    on_disk = json.loads((folder / "result.json").read_text())
    jsonschema.validate(on_disk, SCHEMA)
    assert [source["name"] for source in on_disk["sources"]] == [
        "raises",
        "exits",
        "hangs",
        *(f"good_{i}" for i in range(5)),
    ]
    summary = (folder / "summary.md").read_text()
    assert summary.startswith("## ❌")
    assert "boom" in summary
    activity = (project.path / ".dango/activity.log").read_text()
    assert "raises: failed: custom_sources/bad.py:7:5: ValueError: boom" in activity
    assert activity.endswith("exit code 5\n")
    assert [file.name for file in project.warehouse.parent.iterdir() if ".work" in file.name] == []


def test_a_second_run_loads_only_what_is_new_and_says_so(project):
    project.module("shop", SHOP)
    project.sources({"name": "shop", "resources": ["orders"]})
    assert project.sync().code == 0
    inode = project.warehouse.stat().st_ino

    second = project.dango("sync")

    assert second.code == 0
    assert "shop: ok up to date, 0 new rows (orders 0)" in second.out
    assert project.warehouse.stat().st_ino == inode, "a run with nothing to load leaves the very same file"

    project.sources({"name": "shop", "resources": ["orders"], "kwargs": {"rows": 5}})
    third = project.sync()
    assert [table["rows"] for table in third.source("shop")["tables"]] == [2, 4]
    assert project.query("select count(*), count(distinct id) from raw_shop.orders") == [(5, 5)]
    assert project.one("select count(*) from raw_shop.orders__items") == 10


def test_a_full_refresh_starts_one_source_over_and_leaves_the_others(project):
    project.module("shop", SHOP)
    project.sources({"name": "a", "module": "shop"}, {"name": "b", "module": "shop"})
    project.sync()
    entries = [{"name": name, "module": "shop", "kwargs": {"rows": 2, "first": 11}} for name in ("a", "b")]
    project.sources(*entries)

    done = project.sync("--source", "a", "--full-refresh")

    assert done.code == 0
    assert project.query("select id from raw_a.orders order by id") == [(i,) for i in range(1, 13)]
    assert project.one("select count(*) from raw_b.orders") == 3
    assert project.sync("--source", "a").source("a")["tables"][0]["rows"] == 0


def test_a_full_refresh_is_seen_whole_and_one_that_fails_leaves_rows_and_cursor(project):
    project.module("shop", SHOP)
    waits = "    Path('waits').touch()\n    while not Path('go').exists():\n        time.sleep(0.02)\n"
    project.module(
        "late",
        f"import time\nfrom pathlib import Path\nimport dlt\n@dlt.resource\ndef source():\n{waits}    yield {{'a': 1}}\n",
    )
    project.sources("shop")
    project.sync()

    project.module("broken", SHOP.replace('yield {"name": "one"}', "yield 1 / 0"))
    project.sources({"name": "shop", "module": "broken", "kwargs": {"rows": 9}})
    failed = project.sync("--full-refresh")
    assert failed.code == 5
    assert project.one("select count(*) from raw_shop.orders") == 3
    project.sources("shop")
    assert project.sync().source("shop")["tables"][0]["rows"] == 0, "the cursor is where it was"

    project.sources({"name": "shop", "kwargs": {"rows": 9}}, "late")
    refresh = project.start("sync", "--full-refresh")
    log = project.path / ".dango/activity.log"
    try:
        end = time.monotonic() + 60
        while "shop: 28 rows" not in log.read_text() or not (project.path / "waits").exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        assert project.one("select count(*) from raw_shop.orders") == 3, "nobody sees it empty, or half"
    finally:
        (project.path / "go").touch()
    refresh.communicate(timeout=60)
    assert refresh.returncode == 0
    assert project.one("select count(*) from raw_shop.orders") == 9


def test_a_full_refresh_mends_a_state_that_cannot_be_read(project):
    project.module("shop", SHOP)
    project.sources("shop")
    project.sync()
    with duckdb.connect(str(project.warehouse)) as connection:
        connection.execute("update raw_shop._dlt_pipeline_state set state = 'no state at all'")

    broken = project.sync()
    assert broken.code == 6
    assert "--full-refresh" in broken.source("shop")["problems"][0]["hint"]
    assert project.one("select count(*) from raw_shop.orders") == 3

    assert project.sync("--full-refresh").code == 0
    assert project.one("select count(*) from raw_shop.orders") == 3
    assert project.sync().source("shop")["tables"][0]["rows"] == 0


def test_a_look_loads_nothing_moves_no_cursor_and_ends_an_endless_source(project):
    project.module(
        "endless",
        """
        import dlt, itertools
        import pyarrow as pa

        @dlt.source
        def source():
            @dlt.resource(write_disposition="append")
            def numbers(at=dlt.sources.incremental("id", initial_value=-1)):
                for page in itertools.count():
                    yield [{"id": page * 10 + i, "who": "kä\\x1bse"} for i in range(10)]

            @dlt.resource
            def columns():
                yield pa.table({"x": list(range(100))})

            @dlt.transformer(data_from=numbers)
            def details(rows):
                yield [{"of": row["id"]} for row in rows] * 3

            return numbers, columns, details
        """,
    )
    project.sources("endless")

    done = project.sync("--limit", "13")

    assert done.code == 0, done.err
    assert done.document["mode"] == "look"
    assert done.document["rows_loaded"] == 0
    previews = {preview["table"]: preview for preview in done.source("endless")["preview"]}
    assert {table["name"]: table["rows"] for table in done.source("endless")["tables"]}["numbers"] == 13
    assert previews["numbers"]["columns"] == ["id", "who"]
    assert len(previews["numbers"]["rows"]) == 10
    assert {table["name"]: table["rows"] for table in done.source("endless")["tables"]}["columns"] == 13
    assert not project.warehouse.exists()
    assert "kä" not in next(project.runs()[0].glob("result.json")).read_text(), "rows stay out of the artifact"

    shown = project.dango("sync", "--limit", "1").out
    assert "raw_endless.numbers" in shown
    assert "\x1b" not in shown


def test_a_look_after_a_sync_shows_rows_and_leaves_the_cursor(project):
    project.module("shop", SHOP)
    project.sources("shop")
    project.sync()
    inode = project.warehouse.stat().st_ino

    look = project.sync("--limit", "2").source("shop")

    assert {table["name"]: table["rows"] for table in look["tables"]}["orders"] == 2
    assert project.warehouse.stat().st_ino == inode
    assert project.sync().source("shop")["tables"][0]["rows"] == 0


def test_a_dry_run_prints_the_plan_and_does_nothing(project):
    project.module("shop", "raise RuntimeError('imported')")
    project.sources("shop", {"name": "off", "module": "shop", "enabled": False})

    done = project.dango("sync", "--dry-run")

    assert done.code == 0
    assert "shop: dlt_native into raw_shop" in done.out
    assert "off" not in done.out
    assert not (project.path / ".dango/runs").exists()
    document = json.loads(project.dango("sync", "--dry-run", "--json").out)
    assert [source["name"] for source in document["sources"]] == ["shop"]


def test_an_unknown_or_disabled_name_is_a_mistake_in_usage(project):
    project.sources("shop", {"name": "off", "enabled": False})

    unknown = project.dango("sync", "--source", "shp")
    assert (unknown.code, unknown.out) == (2, "")
    assert "did you mean `shop`" in unknown.err
    assert project.dango("sync", "--source", "off").code == 2
    assert project.dango("sync", "--limit", "0").code == 2
    assert project.dango("sync", "--jobs", "x").code == 2
    assert project.dango("sync", "--limit", "1", "--full-refresh").code == 2
    assert project.dango("sink").code == 2
    assert project.dango("--project", "nowhere", "sync").code == 2


def test_nothing_enabled_is_said_clearly_and_is_no_failure(project):
    project.sources({"name": "off", "enabled": False})

    done = project.dango("sync")

    assert done.code == 0
    assert "no enabled source is selected" in done.out


def test_one_broken_source_does_not_block_the_others(project):
    project.module("shop", SHOP)
    project.sources("shop", {"name": "broken", "retires": 3})

    done = project.sync()

    assert done.code == 3
    assert done.source("shop")["rows"] == 10
    assert ".dango/sources.yml:1:" in done.source("broken")["cause"]
    assert "did you mean `retries`" in done.source("broken")["problems"][0]["hint"]
    assert project.sync("--source", "shop").code == 0
    project.sources("shop", {"name": "broken", "retires": 3, "enabled": False})
    assert project.sync().code == 0, "what is disabled does not fail a sync"
    assert project.dango("config", "validate").code == 3, "and is reported all the same"
    strict = project.dango("sync", "--strict")
    assert strict.code == 3
    assert "retires" in strict.err


def test_a_missing_secret_names_the_setting_and_the_remedy(project):
    project.module(
        "api", "import dlt\n@dlt.resource\ndef source(api_key: str = dlt.secrets.value):\n    yield {'a': 1}\n"
    )
    project.sources("api")

    done = project.sync(API_KEY="of somebody else")

    assert done.code == 4
    [problem] = done.source("api")["problems"]
    assert problem["what"] == "`api_key` is missing for source `api`"
    assert problem["hint"].startswith("put `api_key = …` below `[sources.api]` in .dlt/secrets.toml")
    assert "SOURCES__API__API_KEY" in problem["hint"]


@pytest.mark.parametrize("place", ["secrets.toml", ".env", "environment", "short", "listed"])
def test_a_setting_is_found_in_each_of_its_places(project, place):
    project.module(
        "api",
        "import dlt, os\n@dlt.resource\ndef source(token: str = dlt.secrets.value):\n    yield {'n': len(token), 'x': os.environ.get('EXTRA')}\n",
    )
    project.sources({"name": "api", "env": ["EXTRA"]})
    variables = {"EXTRA": "seen"}
    match place:
        case "secrets.toml":
            project.write(".dlt/secrets.toml", '[sources.api]\ntoken = "12345"\n')
        case ".env":
            project.write(".env", "SOURCES__API__TOKEN=12345\n")
        case "environment":
            variables["SOURCES__API__TOKEN"] = "12345"
        case "short" | "listed":
            variables["API__TOKEN"] = "12345"

    done = project.sync(**variables)

    assert done.code == 0, done.out
    assert project.query("select n, x from raw_api.source") == [(5, "seen")]


def test_a_source_sees_no_secret_of_another_and_none_in_proc(project):
    project.module(
        "spy",
        """
        import dlt, os
        from pathlib import Path

        @dlt.resource
        def source():
            pids, process = [], os.getpid()
            while process > 1 and len(pids) < 3:  # this one, the fork server; the parent sees everything
                pids.append(process)
                process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
            blocks = "".join(Path(f"/proc/{pid}/environ").read_text() for pid in pids[:2])
            yield {"environ": "\\n".join(os.environ.values()), "proc": blocks, "open": " ".join(os.listdir("/proc/self/fd"))}
        """,
    )
    project.sources({"name": "spy"}, {"name": "other", "module": "spy"})

    done = project.sync(
        "--source",
        "spy",
        SOURCES__SPY__OWN="mine-1",
        SOURCES__OTHER__KEY="theirs-2",
        API_KEY="bare-3",
        GITHUB_TOKEN="ghs-4",
    )

    assert done.code == 0, done.out
    [(environ, proc)] = project.query("select environ, proc from raw_spy.source")
    assert "mine-1" in environ
    assert not re.search("theirs-2|bare-3|ghs-4", environ)
    assert not re.search("mine-1|theirs-2|bare-3|ghs-4", proc)


def test_a_failed_load_leaves_the_data_and_the_cursor_as_they_were(project):
    project.module("shop", SHOP)
    project.sources("shop")
    project.sync()
    project.sources({"name": "shop", "kwargs": {"rows": 9}})
    with duckdb.connect(str(project.warehouse)) as connection:  # a rule of the user's that the new rows break
        connection.execute("create schema mine")
        connection.execute("drop table raw_shop.orders__items")
        connection.execute(
            "create table raw_shop.orders__items (sku bigint check (sku < 5), _dlt_parent_id varchar not null, "
            "_dlt_list_idx bigint not null, _dlt_id varchar not null)"
        )

    inode = project.warehouse.stat().st_ino
    failed = project.sync()

    assert failed.code == 5
    assert failed.source("shop")["cause"].startswith("ConstraintException: ")
    assert project.warehouse.stat().st_ino == inode, "a run that has loaded nothing leaves the very same file"
    assert project.one("select count(*) from raw_shop.orders") == 3
    assert project.one("select count(*) from raw_shop._dlt_loads") == 1

    with duckdb.connect(str(project.warehouse)) as connection:
        connection.execute("drop table raw_shop.orders__items")
        connection.execute(
            "create table raw_shop.orders__items (sku bigint, _dlt_parent_id varchar not null, "
            "_dlt_list_idx bigint not null, _dlt_id varchar not null)"
        )
    assert project.sync().code == 0
    assert project.query("select count(*), count(distinct id) from raw_shop.orders") == [(9, 9)]


@pytest.mark.parametrize(
    ("answers", "retries", "code", "attempts"),
    [([503], 2, 0, 2), ([429, 500], 2, 0, 3), ([503, 503], 1, 5, 2), ([404], 2, 5, 1), ([503], 0, 5, 1)],
)
def test_only_a_transient_error_is_tried_again_and_from_a_clean_start(
    project, flaky, answers, retries, code, attempts
):
    url, queue = flaky
    queue.extend(answers)
    project.module(
        "api",
        """
        import dlt, requests

        @dlt.resource(write_disposition="append")
        def source(url: str):
            yield {"page": 1}
            requests.get(url, timeout=5).raise_for_status()
            yield {"page": 2}
        """,
    )
    project.sources({"name": "api", "kwargs": {"url": url}, "retries": retries})

    done = project.sync()

    assert done.code == code, done.out
    assert done.source("api")["attempts"] == attempts
    log = (project.path / done.source("api")["log"]).read_text()
    assert [f"[attempt {n}]" in log for n in (1, 2, 3)] == [False, attempts > 1, attempts > 2]
    if code == 0:
        assert project.one("select count(*) from raw_api.source") == 2


def test_a_server_that_is_not_there_is_a_transient_error(project):
    project.module(
        "api",
        "import dlt, requests\n@dlt.resource\ndef source():\n    yield requests.get('http://127.0.0.1:9/', timeout=5).json()\n",
    )
    project.sources({"name": "api", "retries": 1})

    assert project.sync().source("api")["attempts"] == 2


def test_on_a_runner_each_source_is_a_group_and_each_failure_an_annotation(project):
    project.module(
        "shop", "import dlt\n@dlt.resource\ndef source():\n    print('::set-output name=a::b')\n    yield 1 / 0\n"
    )
    project.sources("shop")

    out = project.dango("sync", GITHUB_ACTIONS="true").out

    before, stop, inside = out.partition("::stop-commands::")
    assert stop
    assert "::group::shop: log" in before
    token, _, rest = inside.partition("\n")
    printed, _, after = rest.partition(f"::{token}::")
    assert "::set-output name=a::b" in printed
    assert (
        "::error title=shop,file=custom_sources/shop.py,line=5,col=11::ZeroDivisionError: division by zero"
        in after
    )
    assert "\r" not in out
    assert "\x1b" not in out


def test_standard_output_is_one_json_document_and_all_else_goes_to_standard_error(project):
    project.module("shop", SHOP)
    project.sources("shop")

    done = project.sync()

    assert json.loads(done.out)["status"] == "ok"
    assert "Loaded 10 rows from 1 of 1 source into duckdb:.dango/warehouse.duckdb" in done.err


def test_another_target_can_be_named_for_one_run(project):
    project.module("shop", SHOP)
    project.sources("shop")

    done = project.sync("--target", "duckdb:elsewhere/käse 1.duckdb")

    assert done.code == 0
    assert (project.path / "elsewhere/käse 1.duckdb").is_file()
    assert not project.warehouse.exists()
    assert project.dango("sync", "--target", "duckbd:x").code == 2


@pytest.mark.parametrize("target", ["motherduck:a db", "ducklake:../lake"])
def test_a_target_with_a_name_that_it_cannot_have_is_refused_before_anything_runs(project, target):
    project.module("shop", SHOP)
    project.sources("shop", target=target)

    done = project.dango("sync")

    assert done.code == 3
    assert "has letters, digits and `_`" in done.out + done.err
    assert not list(project.path.glob(".dango/*lake*"))


def test_one_job_at_a_time_is_enough(project):
    project.module("shop", SHOP)
    project.sources(*({"name": f"s{i}", "module": "shop"} for i in range(3)))

    assert project.sync("--jobs", "1").document["rows_loaded"] == 30


def test_a_second_run_at_the_same_time_is_refused(project):
    project.module(
        "slow",
        "import dlt, time\n@dlt.resource\ndef source():\n    print('here', flush=True)\n    time.sleep(60)\n    yield 1\n",
    )
    project.sources("slow")
    first = project.start("sync")
    try:
        while not list(project.path.glob(".dango/runs/*/slow.log")):
            assert first.poll() is None
        second = project.sync()
        assert second.code == 6
        assert "another run is loading" in second.document["problems"][0]["what"]
    finally:
        first.kill()
        first.communicate()


def test_output_of_any_kind_and_amount_ends_up_in_the_log(project):
    project.module(
        "loud",
        """
        import dlt, os, sys

        @dlt.resource
        def source():
            print("käse ✓ \\x1b[31m")
            os.write(2, b"\\xff\\xfe raw\\n")
            for _ in range(3000):
                print("x" * 1000)
            yield {"a": 1}
            print("no newline at the end", end="")
        """,
    )
    project.sources("loud")

    done = project.sync()

    log = (project.path / done.source("loud")["log"]).read_bytes()
    assert done.code == 0
    assert "käse ✓".encode() in log
    assert b"\xff\xfe raw" in log
    assert log.count(b"x" * 1000) == 3000
    assert log.endswith(b"no newline at the end")


def test_a_key_that_is_not_in_force_yet_is_said_to_be_so(project):
    project.module("shop", SHOP)
    project.sources({"name": "shop", "checks": [{"table": "orders", "min_rows": 99}]})

    done = project.sync()

    assert done.code == 0
    [notice] = done.document["notices"]
    assert notice["what"] == "`checks` of source `shop` is not in force in this version"
    assert notice["at"]["file"] == ".dango/sources.yml"
    assert "not in force" in done.err


def test_an_empty_name_is_no_way_to_say_all(project):
    project.sources("shop")

    for option in ("--source", "--exclude"):
        done = project.dango("sync", option, "")
        assert done.code == 2
        assert "is empty" in done.err


def test_a_run_that_cannot_begin_is_reported_like_any_other(project):
    project.write(".dango/sources.yml", "sources: {")

    done = project.sync()

    assert done.code == 3
    jsonschema.validate(done.document, SCHEMA)
    assert done.document["problems"][0]["at"]["file"] == ".dango/sources.yml"
    assert "❌" in next(project.runs()[0].glob("summary.md")).read_text()
    assert json.loads(project.sync("--source", "nope").out)["exit_code"] in (2, 3)


@pytest.mark.parametrize("file", [".dlt/secrets.toml", ".dlt/config.toml", ".env"])
def test_a_settings_file_that_cannot_be_read_is_a_problem_with_its_place(project, file):
    project.module("shop", SHOP)
    project.sources("shop")
    project.write(file, "[sources.shop\n" if file.endswith("toml") else "'x\n")

    for command in (("sync",), ("config", "validate")):
        done = project.dango(*command)
        assert done.code == 3
        assert f"{file}:1:" in done.out + done.err


def test_validate_says_what_a_sync_would_refuse(project):
    project.module("shop", SHOP)
    project.sources({"name": "shop", "checks": [{"table": "t", "min_rows": 1}]}, target="motherduck:a-db")

    done = project.dango("config", "validate", "--json")

    assert done.code == 3
    assert not done.document["valid"]
    assert "motherduck" in done.document["problems"][0]["what"]
    assert len(done.document["notices"]) == 1


def test_a_table_that_can_not_become_a_merged_one_is_not_tried_again_and_a_full_refresh_makes_it_one(project):
    module = "import dlt\n@dlt.resource(%s)\ndef source():\n    yield {'id': 1, 'items': [{'sku': 'a'}]}\n"
    project.module("shop", module % "")
    project.sources("shop")
    project.sync()
    project.module("shop", module % "write_disposition='merge', primary_key='id'")

    done = project.sync()

    assert (done.code, done.source("shop")["attempts"]) == (5, 1)
    assert "--full-refresh starts the source over" in done.source("shop")["problems"][0]["hint"]
    assert project.sync("--full-refresh").code == 0


@pytest.mark.parametrize("table", ["_dlt_loads", "_dlt_pipeline_state", "_dlt_version", "orders"])
def test_a_full_refresh_mends_a_table_that_was_dropped_by_hand(project, table):
    project.module("shop", SHOP)
    project.sources("shop")
    project.sync()
    with duckdb.connect(str(project.warehouse)) as connection:
        connection.execute(f"drop table raw_shop.{table}")

    for problem in project.sync().source("shop")["problems"]:
        assert "--full-refresh" in problem["hint"]

    assert project.sync("--full-refresh").code == 0
    assert project.query("select count(*), count(distinct id) from raw_shop.orders") == [(3, 3)]
    assert project.one("select count(*) from raw_shop._dlt_loads") >= 1
