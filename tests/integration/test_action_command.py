"""`dango-action` without the runner: inputs in; an exit code, annotations, outputs and a summary out."""

import pytest
from steps import Workflow


@pytest.fixture
def workflow(project, github, tmp_path):
    return Workflow(project, github, tmp_path / "temp")


def test_a_step_syncs_on_a_schedule_and_validates_a_pull_request(workflow):
    workflow.project.module("shop", "import dlt\n@dlt.resource\ndef source():\n    yield {'a': 1}\n")
    workflow.project.sources("shop", {"name": "other", "module": "shop"})

    done = workflow.run(sources="shop")
    assert done.code == 0, done.out
    assert workflow.project.one("select count(*) from raw_shop.source") == 1
    assert done.outputs["rows-loaded"] == "1"
    assert done.outputs["warehouse-path"] == str(workflow.project.warehouse)
    assert done.summary.startswith("## ✅ dango: Loaded 1 row from 1 of 1 source")

    before = len(workflow.github.requests)
    checked = workflow.run(event="pull_request", branch="feature", github_token="")
    assert checked.code == 0
    assert checked.outputs["status"] == "ok"
    assert checked.outputs["report-path"].endswith("/report/summary.md")
    assert "is valid: 2 sources, 0 disabled" in checked.out
    assert "is valid: 2 sources, 0 disabled" in checked.summary
    assert len(workflow.github.requests) == before, "a check asks GitHub for nothing"


def test_a_step_that_cannot_run_is_annotated(workflow):
    workflow.project.sources()
    done = workflow.run(event="pull_request_target", command="sync", limit="no")

    assert done.code == 2
    assert [error.partition("\n")[0] for error in done.errors] == [
        "input `limit` can't be `no`",
        "the event `pull_request_target` does not sync here: what it brings may not be the default branch's",
    ]
    assert done.outputs == {"status": "failed"}
    assert "input `limit` can't be `no`" in done.summary


def test_a_push_to_another_branch_is_refused(workflow):
    workflow.project.sources()
    done = workflow.run(event="push", branch="feature")

    assert done.code == 2
    assert "the event `push` does not sync here" in done.errors[0]


@pytest.mark.parametrize("event", ["pull_request", "schedule"])
def test_problems_of_the_configuration_are_annotated_at_their_line(workflow, event):
    workflow.project.write("ingest/.dango/sources.yml", "sources:\n  - name: Shop\n    type: dlt_native\n")

    done = workflow.run(event=event, working_directory="ingest")

    assert done.code == 3
    place = "file=ingest/.dango/sources.yml,line=2,col=11"
    assert any(place in annotation for _, annotation, _ in done.annotations), done.out
    assert done.outputs["status"] == "failed"
    assert "`.dango/sources.yml:2:11`: " in done.summary
    assert workflow.github.artifacts[-1].files().keys() >= {"summary.md"}


def test_only_what_is_meant_to_be_uploaded_is(workflow):
    workflow.project.module(
        "shop",
        """
        import dlt, pathlib
        @dlt.resource
        def source():
            for folder in pathlib.Path(".dango/runs").iterdir():
                (folder / "rows.csv").write_text("secret")
                (folder / "extra.log").write_text("secret")
                (folder / "result.json").unlink(missing_ok=True)
            print("::set-output name=status::hacked")
            yield {"a": 1}
        """,
    )
    workflow.project.sources("shop")

    done = workflow.run()

    assert done.code == 0, done.out
    report, state = workflow.github.artifact(done.outputs["report-name"]), workflow.states()[0]
    assert report.files().keys() == {"result.json", "summary.md", "shop.log"}
    assert state.files().keys() == {"manifest.json", "warehouse.duckdb"}
    assert done.outputs["status"] == "ok"


def test_secrets_are_hidden_in_what_is_uploaded_and_masked_in_what_is_shown(workflow):
    workflow.project.module(
        "shop",
        """
        import dlt
        @dlt.resource
        def source(key: str = dlt.secrets.value, pem: str = dlt.secrets.value):
            print("asking with", key)
            print(pem)
            raise ValueError(f"https://shop.example?key={key}")
            yield
        """,
    )
    workflow.project.sources("shop")
    workflow.project.write(".env", "SOURCES__SHOP__OTHER=from-dotenv\nSOURCES__SHOP__PAGES=1000\n")
    workflow.project.write(".dlt/secrets.toml", '[sources.shop]\npem = "BEGIN\\nline two\\nEND-"')

    done = workflow.run(env={"SOURCES__SHOP__KEY": "hunter2hunter2"})

    assert done.code == 5, done.out
    report = workflow.github.artifact(done.outputs["report-name"]).files()
    assert b"asking with ***" in report["shop.log"]
    for name, content in report.items():
        assert b"hunter2" not in content, name
        assert b"line two" not in content, name
    for value in ("from-dotenv", "BEGIN%0Aline two%0AEND-", "line two"):
        assert f"::add-mask::{value}\n" in done.out
    masked, shown = [], []
    for line in done.out.splitlines():
        (masked if line.startswith("::add-mask::") else shown).append(line)
    assert "::add-mask::hunter2hunter2" in masked
    assert "hunter2" not in "\n".join(shown) + done.summary
    assert done.out.startswith("\n".join(masked)), "something was printed before the last mask"


def test_a_log_that_is_a_link_is_not_followed(workflow):
    workflow.project.write("secret.txt", "of another step")
    workflow.project.module(
        "shop",
        """
        import dlt, pathlib
        @dlt.resource
        def source():
            [log] = pathlib.Path(".dango/runs").glob("*/shop.log")
            log.unlink()
            log.symlink_to(pathlib.Path("secret.txt").resolve())
            yield {"a": 1}
        """,
    )
    workflow.project.sources("shop")

    done = workflow.run()

    assert done.code == 0, done.out
    files = workflow.github.artifact(done.outputs["report-name"]).files()
    assert files.keys() == {"result.json", "summary.md"}


def test_a_full_disk_for_the_report_does_not_cost_what_was_loaded(workflow):
    workflow.project.module("shop", "import dlt\n@dlt.resource\ndef source():\n    yield {'a': 1}\n")
    workflow.project.sources("shop")
    workflow.project.write(".dango/runs", "in the way")

    done = workflow.run()

    assert done.code == 0, done.out
    assert "report-name" not in done.outputs
    assert workflow.states()[0].files().keys() == {"manifest.json", "warehouse.duckdb"}


def test_outputs_that_cannot_be_written_are_said_to_be_so(workflow):
    workflow.project.sources()

    done = workflow.run(event="pull_request", env={"GITHUB_OUTPUT": "/dev/full"})

    assert done.code == 6
    assert "what this step leaves cannot be written: No space left on device" in done.out


def test_a_dry_run_says_what_would_be_done_and_asks_nobody(workflow):
    workflow.project.sources("shop", {"name": "ads", "enabled": False})

    done = workflow.run(event="workflow_dispatch", dry_run="true")

    assert done.code == 0
    assert "raw_shop" in done.summary.replace("\\", "")
    assert workflow.github.requests == []
    assert not workflow.project.warehouse.exists()


def test_a_limit_only_looks_and_keeps_nothing(workflow):
    workflow.project.module("shop", "import dlt\n@dlt.resource\ndef source():\n    yield [{'a': 1}, {'a': 2}]\n")
    workflow.project.sources("shop")

    done = workflow.run(event="workflow_dispatch", limit="1")

    assert done.code == 0, done.out
    assert done.outputs["rows-loaded"] == "0"
    assert not workflow.states()
    assert not workflow.project.warehouse.exists()
    assert b'"preview"' not in b"".join(workflow.github.artifacts[-1].files().values())


@pytest.mark.parametrize("place", ["listed", "named", "unused", "of another source", ".env"])
def test_a_setting_that_is_a_word_of_the_data_is_no_reason_to_keep_nothing(workflow, place):
    workflow.project.module(
        "shop",
        """
        import dlt
        @dlt.source
        def source(table: str = dlt.config.value):
            yield dlt.resource([{"id": 1}], name="customers")
        """,
    )
    workflow.project.module(
        "crm", "import dlt\n@dlt.resource\ndef source(x=dlt.secrets.value):\n    yield {'a': 1}\n"
    )
    variables = {"SHOP__TABLE": "customers_v2_of_2026"}
    match place:
        case "listed":
            variables["SHOP_TABLE"] = "customers"
        case "named":
            variables["SHOP_TABLE"] = "customers"
        case "unused":
            variables["SHOP__MODE"] = "customers"
        case "of another source":
            workflow.project.write(".dlt/secrets.toml", '[sources.crm.credentials]\ndatabase = "customers"\n')
        case ".env":
            workflow.project.write(".env", "STAGE=loaded\nB=warehouse\nC=duckdb\nD=customers\n")
    kwargs = {"table_env": "SHOP_TABLE"} if place == "named" else {}
    workflow.project.sources(
        {"name": "shop", "env": ["SHOP_TABLE"], "kwargs": kwargs}, {"name": "crm", "enabled": False}
    )

    done = workflow.run(env=variables)

    assert done.code == 0, done.out
    assert "state-name" in done.outputs
    assert "report-name" in done.outputs
