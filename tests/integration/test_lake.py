"""A DuckLake is loaded into by the command as safely as a file is, beside other runs, and unseen by user code."""

import re
import time

import pytest
from lakes import COUNTED, counted, end_leases, opened, query
from postgres import PASSWORD
from sealed_projects import keep_secret
from steps import Workflow

WAITS = """
    import dlt, time
    from pathlib import Path

    @dlt.resource(write_disposition="append")
    def source(at=dlt.sources.incremental("id", initial_value=0)):
        Path("waits").touch()
        until = time.monotonic() + 60
        while not Path("go").exists() and time.monotonic() < until:
            time.sleep(0.02)
        yield [{"id": i, "items": [{"x": i}]} for i in range(at.last_value + 1, at.last_value + 1001)]
"""


def until(path, seconds=60):
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_runs_go_on_from_each_other_and_a_full_refresh_starts_over(project):
    project.module("a", COUNTED)
    project.module(
        "bad", "import dlt\n\n@dlt.resource\ndef source():\n    yield {'i': 1}\n    raise ValueError('no')\n"
    )
    project.sources("a", "bad", target="ducklake:lake")

    first = project.sync()
    assert (first.code, counted(project, "a")) == (5, 1000)
    assert first.source("a")["changed"]
    assert not query(
        project,
        "select 1 from duckdb_tables() where schema_name = 'raw_bad' and not starts_with(table_name, '_dango')",
    )
    assert project.sync("--source", "a").code == 0
    assert counted(project, "a") == 2000
    look = project.sync("--source", "a", "--limit", "3")
    assert (look.code, counted(project, "a")) == (0, 2000)
    assert project.sync("--source", "a", "--full-refresh").code == 0
    assert counted(project, "a") == 1000


def test_dlts_tables_that_were_dropped_by_hand_are_missed_and_a_full_refresh_goes_on(project):
    project.module("a", COUNTED)
    project.sources("a", target="ducklake:lake")
    assert project.sync().code == 0
    with opened(project) as lake:
        lake.execute("drop table raw_a._dlt_version")

    refused = project.sync()
    assert refused.code == 6
    assert "_dlt_version is missing" in refused.out
    assert project.sync("--full-refresh").code == 0
    assert counted(project, "a") == 1000


def test_of_two_runs_at_once_one_is_refused_and_one_that_was_taken_over_cannot_load(project):
    project.module("a", WAITS)
    project.module("b", COUNTED)
    project.sources("a", "b", target="ducklake:lake")
    frozen = project.start("sync", "--json", "--source", "a")
    until(project.path / "waits")

    other = project.sync()
    assert other.code == 6
    assert re.search(r"run \S+Z holds its lease until \d\d:\d\d:\d\d", other.source("a")["cause"])
    assert other.source("b")["status"] == "ok", "a source that nobody holds is loaded"

    end_leases(project, "a")
    project.module("a", COUNTED)
    assert project.sync("--source", "a").code == 0
    (project.path / "go").touch()
    out, _ = frozen.communicate(timeout=60)

    assert frozen.returncode == 6
    assert "has gone to another run" in out
    assert counted(project, "a") == 1000


def test_no_secret_of_the_target_reaches_user_code_or_what_a_run_leaves(project, postgres):
    project.module(
        "spy",
        """
        import contextlib, dlt, os
        from pathlib import Path

        def readable():
            yield str(dict(os.environ))
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):  # it has ended, or is another user's
                    if b"dango_action" in (process / "cmdline").read_bytes():
                        yield (process / "environ").read_bytes().decode(errors="replace")
            for file in Path(os.environ.get("TMPDIR", "/tmp")).glob("dango-*/state/*"):
                with contextlib.suppress(OSError):
                    yield file.read_bytes().decode(errors="replace")

        @dlt.resource
        def source():
            asked = [dlt.config.get("destination.ducklake.credentials.catalog"), dlt.secrets.get("destination")]
            text = "".join(readable()) + str(asked)
            yield {"seen": "PASSWORD" in text, "asked": str(asked)}
        """.replace("PASSWORD", PASSWORD),
    )
    project.sources("spy", target="ducklake:spied")
    project.write(".dlt/secrets.toml", f'[destination.ducklake.credentials]\ncatalog = "{postgres}"\n')

    done = project.sync(DESTINATION__DUCKLAKE__CREDENTIALS__CATALOG=postgres)

    assert done.code == 0, done.out
    assert query(project, "select seen, asked from raw_spy.source", catalog=postgres, lake="spied") == [
        (False, "[None, None]")
    ]
    assert PASSWORD not in done.out + done.err
    for file in project.path.glob(".dango/runs/*/*"):
        assert PASSWORD not in file.read_text()


def test_a_server_that_refuses_is_named_without_its_password(project):
    project.module("a", COUNTED)
    project.sources("a", target="ducklake:lake")
    url = f"postgresql://loader:{PASSWORD}@127.0.0.1:1/postgres"

    done = project.sync(DESTINATION__DUCKLAKE__CREDENTIALS__CATALOG=url)

    assert done.code == 6
    assert "target ducklake:lake can't be opened" in done.out
    assert PASSWORD not in done.out + done.err + "".join(f.read_text() for f in project.runs()[0].iterdir())


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("motherduck:db", ["`credentials.password` is missing for target motherduck:db", "MOTHERDUCK_TOKEN"]),
        (
            "ducklake:lake",
            [
                "`credentials.catalog.drivername` is missing",
                "DESTINATION__DUCKLAKE__CREDENTIALS__CATALOG__DRIVERNAME",
            ],
        ),
    ],
)
def test_credentials_that_are_missing_are_told_before_anything_is_extracted(project, target, says):
    project.module(
        "a",
        'import dlt\nfrom pathlib import Path\n\n@dlt.resource\ndef source():\n    Path("ran").touch()\n    yield {"i": 1}\n',
    )
    project.sources("a", target=target)
    project.write(
        ".dlt/secrets.toml",
        '[destination.ducklake.credentials.catalog]\nhost = "127.0.0.1"\nusername = "u"\n',
    )

    done = project.sync()

    assert done.code == 4, done.out
    for words in says:
        assert words in done.out
    assert not (project.path / "ran").exists()


def test_a_source_cannot_hand_statements_to_the_process_with_the_credentials(project):
    project.module(
        "a",
        """
        import dlt, sys
        from pathlib import Path

        @dlt.resource
        def source():
            yield {"i": 1}

        Pipeline = sys.modules["dlt.pipeline.pipeline"].Pipeline
        normalize = Pipeline.normalize

        def planted(self, *args, **kwargs):
            done = normalize(self, *args, **kwargs)
            [package] = Path(self.working_dir, "load/normalized").iterdir()
            (package / "new_jobs/source.abcdef1234.0.sql").write_text("create table raw_a.planted as select 1")
            return done

        Pipeline.normalize = planted
        """,
    )
    project.sources("a", target="ducklake:lake")

    done = project.sync()

    assert done.code == 6
    assert "is not what its load was announced to be" in done.out
    assert not query(project, "select 1 from duckdb_tables() where table_name in ('planted', 'source')")


def test_a_workflow_keeps_nothing_of_a_target_that_is_its_own_state_and_pull_says_so(project, github, tmp_path):
    project.module("a", COUNTED)
    project.sources("a", target="ducklake:lake")
    workflow = Workflow(project, github, tmp_path / "temp")

    for rows in (1000, 2000):
        done = workflow.run()
        assert done.code == 0, done.out
        assert counted(project, "a") == rows
    assert workflow.states() == []
    assert "warehouse-path" not in done.outputs
    assert any("keeps its own state" in notice for notice in done.notices)
    assert "keeps its own state" in done.summary
    pulled = project.dango("pull")
    assert pulled.code == 3
    assert "docs/targets.md has the statements" in pulled.out + pulled.err


def test_a_catalog_may_be_sealed(project, postgres):
    project.module("a", COUNTED)
    project.sources("a", target="ducklake:sealed")
    keep_secret(project, "destination.ducklake.credentials.catalog", postgres)

    done = project.sync()

    assert done.code == 0, done.out
    assert counted(project, "a", catalog=postgres, lake="sealed") == 1000
