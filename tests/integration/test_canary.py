"""A source that is careless with its secrets, in every way, and nothing that leaves a job holds one.

Without the runner, so that many ways can be tried; `tests/action` does the same with `action.yml`.
"""

import re
import runpy
import shutil
import subprocess
import zlib
from pathlib import Path

import duckdb
import pytest
from commands import DANGO
from steps import Workflow

PROJECT = Path(__file__).parents[1] / "action/projects/canary"
CANARIES = runpy.run_path(str(PROJECT / "canaries.py"))
SHAPES = runpy.run_path(str(PROJECT / "custom_sources/shapes.py"))
SECRETS, PATHS, JOB = CANARIES["SECRETS"], CANARIES["PATHS"], CANARIES["JOB"]
shapes, packed, found = SHAPES["shapes"], SHAPES["packed"], SHAPES["found"]


@pytest.fixture
def canary(project):
    """Return a function that makes the project, whose source does some deeds."""

    def make(*deeds):
        shutil.copytree(PROJECT, project.path, dirs_exist_ok=True)
        for name, text in CANARIES["files"](*deeds).items():
            project.write(name, text)
        assert project.dango("secrets", "init").code == 0
        for name in CANARIES["SEALED"]:
            seal(project, f"sources.shop.{name}", SECRETS[name])
        return project

    return make


def seal(project, path, value):
    command = [DANGO, "secrets", "set", path]
    given = {"cwd": project.path, "env": project.environ(), "input": value, "text": True}
    subprocess.run(command, **given, capture_output=True, check=True)


@pytest.fixture
def step(canary, github, tmp_path):
    """Return a function that runs the step for a source that does some deeds."""

    def run(*deeds, **about):
        return Workflow(canary(*deeds), github, tmp_path / "temp").run(env=JOB, **about)

    return run


def clean(exits):
    """Fail for what holds a secret; `exits` are data or texts by name."""
    data = {name: each if isinstance(each, bytes) else each.encode() for name, each in exits.items()}
    held = {(exit_, name): found(each, SECRETS[name]) for exit_, each in data.items() for name in SECRETS}
    assert {place: forms for place, forms in held.items() if forms} == {}


def printed(done):
    """Return what a step printed, without the lines that only the runner reads: it hides what stands in them."""
    return "\n".join(line for line in done.out.splitlines() if not line.startswith("::add-mask::"))


def report(github, done):
    return github.artifact(done.outputs["report-name"]).files()


def tables(file):
    """Return all that the tables and names of a database hold as one text for each, by name."""
    with duckdb.connect(str(file), read_only=True) as connection:
        names = connection.sql("select schema_name, table_name, sql from duckdb_tables()").fetchall()
        found = {"names": "\n".join(f"{schema} {table} {sql}" for schema, table, sql in names)}
        for schema, table, _ in names:
            rows = connection.sql(f'select * from "{schema}"."{table}"').fetchall()
            found[f"{schema}.{table}"] = "\n".join(str(value) for row in rows for value in row)
    return found


@pytest.mark.parametrize("name", SECRETS)
def test_what_looks_for_a_secret_finds_it_in_every_form(name):
    secret = SECRETS[name]

    missed = [form for form, data in (shapes(secret) | packed(secret)).items() if not found(b"a " + data, secret)]

    assert missed == []
    assert found(b"of no interest ***", secret) == set()


def test_what_a_source_prints_in_any_form_is_in_no_log_and_no_file(step, github):
    done = step("log")

    assert done.code == 0, done.out
    files = report(github, done)
    clean({"job log": printed(done), "summary": done.summary, **files, **done.outputs})
    assert "<token raw>***</>" in printed(done), "the whole log is repeated in that of the job"
    log = files["shop.log"].decode()
    for name, secret in SECRETS.items():
        for form in shapes(secret):
            for where in ("", " on stderr") if name == "token" else ("",):
                assert "***" in re.search(rf"<{name} {form}{where}>(.*?)</>", log, re.DOTALL)[1], (name, form)
        for where in ("logged", "warned", "written", "of a child"):
            assert "***" in re.search(rf"<{name} {where}>(.*?)</>", log, re.DOTALL)[1], (name, where)
    assert re.search(r"<halves>(.*?)</>", log)[1] == "***"
    assert files.keys() == {"result.json", "summary.md", "shop.log"}, "not what the source put beside them"
    assert done.outputs["status"] == "ok"
    assert {level for level, *_ in done.annotations} <= {"notice", "error"}


def test_commands_that_a_source_prints_with_a_secret_are_none(step):
    done = step("log")

    assert done.outputs["status"] == "ok"
    commands = re.findall(r"^::(?:set-output|error|notice file).*$|^.*##\[.*$", printed(done), re.MULTILINE)
    assert commands == []
    masks = [line for line in done.out.splitlines() if line.startswith("::add-mask::")]
    assert done.out.startswith("\n".join(masks)), "the source has added none"


def test_a_message_full_of_secrets_is_told_without_them(step, github):
    done = step("fail")

    assert done.code == 5, done.out
    clean({"job log": printed(done), "summary": done.summary, **report(github, done), **done.outputs})
    [error] = done.errors
    assert error.startswith("ValueError: ")
    assert "[***] [***]" in error
    assert b"ValueError: [***" in report(github, done)["shop.log"]


def test_a_source_finds_no_file_or_variable_of_the_runner(step):
    done = step("log")

    with duckdb.connect(done.outputs["warehouse-path"], read_only=True) as connection:
        names = {name for (name,) in connection.sql("select name from raw_shop.environment").fetchall()}
    assert "SOURCES__SHOP__TOKEN" in names
    of_runner = {name for name in names if name.startswith(("GITHUB_", "RUNNER_", "ACTIONS_", "INPUT_", "DANGO_"))}
    assert of_runner <= {"GITHUB_ACTIONS", "RUNNER_OS", "RUNNER_TEMP"}, "none of them names a file of commands"


def test_a_secret_in_a_column_of_the_users_own_is_a_notice_and_the_warehouse_goes_up(step, github):
    done = step("column")

    assert done.code == 0, done.out
    for path in PATHS.values():
        assert any(
            f"raw_shop.own.value in the warehouse holds the secret {path}" in notice for notice in done.notices
        )
    [state] = [artifact for artifact in github.artifacts if artifact.name == done.outputs["state-name"]]
    assert state.files().keys() == {"manifest.json", "warehouse.duckdb"}
    held = tables(done.outputs["warehouse-path"])
    assert found(held.pop("raw_shop.own").encode(), SECRETS["token"])
    clean({"job log": printed(done), "summary": done.summary, "manifest": state.files()["manifest.json"], **held})


FATAL = {
    "state": ("token", "raw_shop._dlt_pipeline_state.state"),
    "column description": ("token", "raw_shop._dlt_version.schema"),
    "table description": ("token", "raw_shop._dlt_version.schema"),
    "table name": ("dotenv", "raw_shop (names and comments)"),
    "column name": ("dotenv", "raw_shop (names and comments)"),
}


@pytest.mark.parametrize("deed", FATAL)
def test_a_secret_where_dlt_keeps_its_own_stops_the_warehouse_and_not_the_report(step, github, deed):
    name, place = FATAL[deed]

    done = step(deed)

    assert done.code == 4, done.out
    assert done.outputs["status"] == "failed"
    assert "state-name" not in done.outputs
    assert [artifact.name for artifact in github.artifacts] == [done.outputs["report-name"]]
    what = f"the warehouse is not kept: {place} in it holds the secret {PATHS[name]}"
    assert any(error.startswith(what) for error in done.errors), done.errors
    clean({"job log": printed(done), "summary": done.summary, **report(github, done), **done.outputs})
    assert Path(done.outputs["warehouse-path"]).exists(), "nothing is deleted"


def test_a_compressed_secret_in_a_log_stops_every_upload_and_deletes_nothing(step, github):
    done = step("pack")

    assert done.code == 4, done.out
    what = f"`shop.log` is not uploaded, and nothing beside it: it holds the secret {PATHS['token']}"
    assert [error.partition("\n")[0] for error in done.errors] == [what]
    assert what in done.summary.replace("\\", "")
    assert github.artifacts == []
    assert not done.outputs.keys() & {"state-name", "report-name"}
    clean({"summary": done.summary, **done.outputs})
    run = Path(done.outputs["result-path"]).parent
    assert zlib.compress(SECRETS["token"].encode()) in (run / "shop.log").read_bytes()
    assert {"result.json", "summary.md", "shop.log"} <= {file.name for file in run.iterdir()}
    assert Path(done.outputs["warehouse-path"]).exists()


def test_a_run_whose_uploads_are_stopped_does_not_say_that_something_goes_up(step):
    done = step("pack")

    assert "It goes up" not in done.summary
    assert "state-generation" not in done.outputs
    assert done.summary.startswith("## ❌")


@pytest.mark.parametrize("name", ["x.duckdb", "folder/x.txt"])
def test_a_file_that_a_source_puts_where_uploads_come_from_does_not_go_up_unseen(project, github, tmp_path, name):
    project.module(
        "shop",
        f"""
        import dlt, pathlib
        @dlt.resource
        def source(token: str = dlt.secrets.value):
            file = pathlib.Path({str(tmp_path)!r}, "temp/step-1/dango/report", {name!r})
            file.parent.mkdir(parents=True)
            file.write_text(token)
            yield {{"a": 1}}
        """,
    )
    project.sources("shop")

    done = Workflow(project, github, tmp_path / "temp").run(env={"SOURCES__SHOP__TOKEN": SECRETS["key"]})

    assert "status" in done.outputs
    files = [data for artifact in github.artifacts for data in artifact.files().values()]
    assert not any(SECRETS["key"].encode() in data for data in files)


@pytest.mark.parametrize(("deeds", "code"), [(("log", "column"), 0), (("fail",), 5)])
def test_a_laptops_files_and_screen_hold_no_secret(canary, deeds, code):
    project = canary(*deeds)

    done = project.dango("sync", **JOB)

    assert done.code == code, done.err
    [run] = project.runs()
    names = ("shop.log", "summary.md", "result.json")
    files = {name: (run / name).read_bytes() for name in names}
    assert b"***" in files["shop.log"]
    clean(
        {
            "out": done.out,
            "err": done.err,
            "activity": project.path.joinpath(".dango/activity.log").read_text(),
            **files,
        }
    )


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_rows_that_are_looked_at_show_stars(canary, options):
    project = canary("log", "column")

    done = project.dango("sync", "--limit", "3", *options, **JOB)

    assert done.code == 0, done.err
    assert "***" in done.out
    if options:
        rows = {row[0]: row[1] for row in looked_at(done, "own")}
        assert rows["token"] == "***"
        assert rows["account"] == "***"
    clean({"out": done.out, "err": done.err, "result": (project.runs()[0] / "result.json").read_bytes()})


def looked_at(done, table):
    """Return the rows of a look by their names, without numbers that only our columns have."""
    [preview] = [each for each in done.document["sources"][0]["preview"] if each["table"] == table]
    columns = [preview["columns"].index(name) for name in ("name", "value")]
    return [[row[column] for column in columns] for row in preview["rows"]]


LONG = "".join(f"{number:04x}" for number in range(0x1000, 0x10F0))  # 960 characters without a part of its own


def beginnings(text, secret, size=12):
    """Return the longest beginning of a secret that is in a text; a short one may be chance."""
    return max((end for end in range(size, len(secret) + 1) if secret[:end] in text), default=0)


@pytest.mark.parametrize("before", [0, 450])
@pytest.mark.parametrize("secret", [LONG, LONG[:60] + "\\t\t" + LONG[60:100]], ids=["long", "odd"])
def test_of_a_secret_that_a_message_is_cut_in_nothing_is_told(project, github, tmp_path, secret, before):
    project.module(
        "shop",
        f"""
        import dlt
        @dlt.resource
        def source(token: str = dlt.secrets.value):
            raise ValueError({"." * before!r} + " " + token)
            yield
        """,
    )
    project.sources("shop")

    done = Workflow(project, github, tmp_path / "temp").run(env={"SOURCES__SHOP__TOKEN": secret})

    assert done.code == 5, done.out
    exits = {"job log": printed(done), "summary": done.summary}
    exits |= {name: data.decode() for name, data in report(github, done).items()}
    assert {name: beginnings(text, secret) for name, text in exits.items() if beginnings(text, secret)} == {}


@pytest.mark.parametrize("before", [0, 180])
def test_of_a_secret_that_a_looked_at_value_is_cut_in_nothing_is_shown(project, before):
    project.module(
        "shop",
        f"""
        import dlt
        @dlt.resource
        def source(token: str = dlt.secrets.value):
            yield {{"value": {"." * before!r} + token}}
        """,
    )
    project.sources("shop")

    done = project.sync("--limit", "3", SOURCES__SHOP__TOKEN=LONG)

    assert done.code == 0, done.err
    assert beginnings(done.out, LONG) == 0
