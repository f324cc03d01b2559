"""A source that is careless with its secrets, under the real runner: what a reader of the run can see and download."""

import io
import json
import re
import runpy
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import duckdb
import pytest

from dango_action.credentials.keys import KeyRing
from dango_action.scaffold.workflow import CHECKOUT
from dango_action.state.seal import Keys, unseal

PROJECT = Path(__file__).parent / "projects/canary"
CANARIES = runpy.run_path(str(PROJECT / "canaries.py"))
SHAPES = runpy.run_path(str(PROJECT / "custom_sources/shapes.py"))
SECRETS, PATHS = CANARIES["SECRETS"], CANARIES["PATHS"]
shapes, found = SHAPES["shapes"], SHAPES["found"]
DANGO = Path(sys.executable).with_name("dango")
WORKFLOW = f"""\
name: dango
on: {{schedule: [{{cron: "17 5 * * *"}}]}}
jobs:
  dango:
    runs-on: ubuntu-latest
    permissions: {{contents: read, actions: read}}
    steps:
      - uses: {CHECKOUT}
      - id: dango
        uses: getdango/dango-action@v0
        with:
          secrets-key: ${{{{ secrets.DANGO_SECRETS_KEY }}}}
        env:
          SOURCES__SHOP__KEY: ${{{{ secrets.KEY }}}}
          SOURCES__SHOP__PEM: ${{{{ secrets.PEM }}}}
"""


@pytest.fixture
def run(repository, runner_of, product, tmp_path):
    """Return a function that runs the workflow for a source that does some deeds, and returns the private key, too."""

    def make(*deeds):
        folder, env = tmp_path / "shop", {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        shutil.copytree(PROJECT, folder)

        def dango(*arguments, given=None):
            command = [DANGO, "secrets", *arguments]
            return subprocess.run(
                command, cwd=folder, env=env, input=given, capture_output=True, text=True, check=True
            ).stdout.strip()

        files = {".github/workflows/dango.yml": WORKFLOW, **CANARIES["files"](*deeds)}
        repository(**files)
        key = dango("init", "--no-keep")
        for name in CANARIES["SEALED"]:
            dango("set", f"sources.shop.{name}", given=SECRETS[name])
        secrets = {"DANGO_SECRETS_KEY": key, "KEY": SECRETS["key"], "PEM": SECRETS["pem"]}
        return runner_of(product).run(repository(**files), secrets=secrets), key

    return make


def visible(done):
    """Return all that leaves the job, by name: the log, the summary, annotations, outputs, and files of artifacts."""
    exits = {
        "log": done.text,
        "log before it is masked": "\n".join(
            line for line in printed(done) if not line.startswith("::add-mask::")
        ),
        "summary": done.summary,
        "annotations": "\n".join(f"{note.title} {note.message} {note.file}" for note in done.annotations),
        **{f"output {name}": value for name, value in done.outputs("dango").items()},
        **{f"output {name} of the step": value for name, value in done.outputs("dango/run").items()},
    }
    files = {file: data for artifact in done.artifacts for file, data in artifact.files().items()}
    return {name: text.encode() for name, text in exits.items()} | {"names": str([*files]).encode()} | files


def printed(done):
    """Return the lines that the steps printed, as they are."""
    lines = (entry.get("raw", entry["msg"] if entry.get("raw_output") else None) for entry in done.log)
    return [line.rstrip("\r\n") for line in lines if line is not None]


def clean(exits, key):
    """Fail for what holds a secret or the private key."""
    held = {
        (exit_, name): found(each, secret)
        for exit_, each in exits.items()
        for name, secret in (SECRETS | {"private key": key}).items()
    }
    assert {place: forms for place, forms in held.items() if forms} == {}


def opened(data, key):
    """Return what is sealed in the kept state, by the names that it has where it is not sealed."""
    unsealed = unseal(io.BytesIO(data), Keys(ring=KeyRing.of(key)))
    return {"manifest.json": unsealed.manifest.encode(), "warehouse.duckdb": b"".join(unsealed.chunks())}


def tables(data, file):
    """Return all that the tables and names of a database hold as one text for each, by name."""
    file.write_bytes(data)
    with duckdb.connect(str(file), read_only=True) as connection:
        names = connection.sql("select schema_name, table_name, sql, comment from duckdb_tables()").fetchall()
        held = {"names of the warehouse": "\n".join(map(str, names))}
        for schema, table, *_ in names:
            rows = connection.sql(f'select * from "{schema}"."{table}"').fetchall()
            held[f"{schema}.{table}"] = "\n".join(str(value) for row in rows for value in row)
    return {name: text.encode() for name, text in held.items()}


def masks(done):
    return [line.removeprefix("::add-mask::") for line in printed(done) if line.startswith("::add-mask::")]


def test_a_run_that_passes_shows_no_secret_and_a_column_that_holds_one_is_reported(run, tmp_path):
    done, key = run("log", "column")

    assert done.code == 0, done.text
    exits = visible(done)
    assert {"state.sealed", "result.json", "summary.md", "shop.log"} <= exits.keys()
    exits |= opened(exits["state.sealed"], key)
    held = tables(exits.pop("warehouse.duckdb"), tmp_path / "kept.duckdb")
    own = held.pop("raw_shop.own")
    clean(exits | held, key)
    assert all(found(own, secret) for secret in SECRETS.values())
    notices = "\n".join(note.message for note in done.annotations if note.level == "notice")
    for path in PATHS.values():
        what = f"raw_shop.own.value in the warehouse holds the secret {path}"
        assert what in notices
        assert what in done.summary.replace("\\", "")
    assert "<token raw>***</>" in done.text, "the whole log is repeated in that of the job"
    log = exits["shop.log"].decode()
    for name, secret in SECRETS.items():
        for form in shapes(secret):
            assert "***" in re.search(rf"<{name} {form}>(.*?)</>", log, re.DOTALL)[1], (name, form)
    assert done.outputs("dango")["status"] == "ok"
    assert not any(note.level == "error" for note in done.annotations)
    assert {SECRETS["token"].replace("%", "%25"), SECRETS["dotenv"], key} <= set(masks(done))
    leak = next(done.workspace().glob(".dango/runs/*/leak.log"))
    assert found(leak.read_bytes(), SECRETS["token"]), "the source's own file stays on the machine"


def test_a_run_that_fails_tells_its_cause_without_the_secrets_in_it(run):
    done, key = run("fail")

    assert done.step("dango/run") == "failure"
    assert done.outputs("dango")["status"] == "failed"
    [error] = [note for note in done.annotations if note.level == "error" and note.title == "shop"]
    assert error.message.startswith("ValueError: [***] [***]")
    assert (error.file, error.line is not None) == ("custom_sources/shop.py", True)
    exits = visible(done)
    assert b"ValueError: [***" in exits["shop.log"]
    assert {"result.json", "summary.md", "shop.log"} <= exits.keys()
    clean({name: data for name, data in exits.items() if name != "warehouse.duckdb"}, key)


def test_nothing_goes_up_of_a_run_with_a_secret_in_dlts_state_and_a_packed_one_in_its_log(run):
    done, key = run("log", "state", "pack")

    assert re.findall(r"^exit status (\d+)$", done.trouble, re.MULTILINE)[:1] == ["4"]
    assert done.step("dango/run") == "failure"
    assert done.artifacts == []
    assert not done.outputs("dango/run").keys() & {"state-name", "report-name"}
    errors = "\n".join(note.message for note in done.annotations if note.level == "error")
    path = PATHS["token"]
    assert f"the warehouse is not kept: raw_shop._dlt_pipeline_state.state in it holds the secret {path}" in errors
    assert f"`shop.log` is not uploaded, and nothing beside it: it holds the secret {path}" in errors
    clean(visible(done), key)
    run_folder = next(done.workspace().glob(".dango/runs/*"))
    assert {"shop.log", "result.json", "summary.md"} <= {file.name for file in run_folder.iterdir()}
    assert zlib.compress(SECRETS["token"].encode()) in (run_folder / "shop.log").read_bytes()
    assert (done.workspace() / ".dango/warehouse.duckdb").exists(), "nothing is deleted"
    assert json.loads((run_folder / "result.json").read_text())["exit_code"] == 4
