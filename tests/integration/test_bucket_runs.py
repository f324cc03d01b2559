"""Whole runs with state in a bucket: S3 by moto, and folders where the store does not matter."""

import http.server
import time

import pytest
from s3 import S3
from steps import Workflow

from dango_action.errors import CredentialsError, StateError
from dango_action.state.bucket import Address, open_bucket

SHOP = """
    import os
    import dlt

    @dlt.source
    def source(last: int = 3):
        @dlt.resource(write_disposition="append")
        def orders(at=dlt.sources.incremental("id", initial_value=0)):
            yield [{"id": i, "seen": str(sorted(os.environ))} for i in range(at.last_value + 1, last + 1)]

        return orders
"""


@pytest.fixture(scope="module")
def s3():
    with S3() as server:
        yield server


@pytest.fixture
def workflow(project, github, tmp_path):
    project.module("shop", SHOP)
    project.sources("shop")
    return Workflow(project, github, tmp_path / "temp")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "bucket"
    made.mkdir()
    return made


def orders(workflow, last):
    workflow.project.sources({"name": "shop", "kwargs": {"last": last}})


def counted(workflow):
    return workflow.project.query("select count(*), count(distinct id) from raw_shop.orders")


def test_a_run_goes_on_from_s3_and_no_source_and_no_log_sees_its_secret(workflow, s3):
    workflow.extra = s3.variables
    url = "s3://acme/dango"

    first = workflow.run(state=url)
    assert first.code == 0, first.out
    assert f"It is kept as generation 1, {first.result['state']['size'] / 1e6:.1f} MB: `{url}`." in first.summary
    assert "state-name" not in first.outputs
    assert (first.outputs["state-generation"], first.outputs["state-uploaded"]) == ("1", "true")
    assert "-g1r101-" in first.outputs["report-name"]
    workflow.forget()
    orders(workflow, 5)
    second = workflow.run(state=url)

    assert second.code == 0, second.out
    assert second.outputs["rows-loaded"] == "2"
    assert counted(workflow) == [(5, 5)]
    assert workflow.states() == []
    state = second.result["state"]
    assert (state["where"], state["generations"], state["restored"]) == (url, 2, 1)
    [(seen,)] = workflow.project.query("select distinct seen from raw_shop.orders")
    assert "AWS_" not in seen
    assert f"::add-mask::{s3.secret}" in second.out
    assert s3.secret not in second.out.replace(f"::add-mask::{s3.secret}", "")


def opened(server, url, monkeypatch):
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    return open_bucket(Address(url=url, plain_http=True))


def test_a_data_object_that_s3_has_lost_is_said_and_the_one_before_it_taken(workflow, s3, monkeypatch):
    workflow.extra = s3.variables
    url = "s3://acme/lost"
    for last in (3, 5):
        orders(workflow, last)
        assert workflow.run(state=url).code == 0
        workflow.forget()
    bucket = opened(s3.variables, url, monkeypatch)
    [newest] = [item.name for item in bucket.items("4711") if "/data/g2-" in item.name]
    bucket.delete(newest)

    third = workflow.run(state=url)

    assert third.code == 0, third.out
    assert "generation 2 is gone, so this run goes on from 1" in third.notices
    assert (third.outputs["rows-loaded"], third.outputs["state-generation"]) == ("2", "3")


def test_s3_creates_an_object_once_and_says_what_is_missing(s3, monkeypatch):
    bucket = opened(s3.variables, "s3://acme/once", monkeypatch)

    assert bucket.create("a/g1.json", b"1")
    assert not bucket.create("a/g1.json", b"2")
    assert b"".join(bucket.read("a/g1.json")) == b"1"
    bucket.delete("a/g1.json")
    bucket.delete("a/g1.json")
    with pytest.raises(FileNotFoundError):
        list(bucket.read("a/g1.json"))
    with pytest.raises(StateError, match="there is no such bucket"):
        open_bucket(Address(url="s3://nobody/x", plain_http=True)).create("a/g1.json", b"1")


class _Refusing(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(403)
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_):
        pass


def test_a_refusal_names_the_variables_and_no_value(serve, monkeypatch):
    bucket = opened(S3().variables | {"AWS_ENDPOINT_URL": serve(_Refusing)}, "s3://acme/x", monkeypatch)

    with pytest.raises(CredentialsError, match="AWS_SECRET_ACCESS_KEY") as caught:
        bucket.items("a")

    assert S3.secret not in str(caught.value)


def test_a_bucket_that_fails_after_the_load_is_the_state_s_failure_and_the_sources_stay_ok(workflow, folder):
    url = f"file://{folder}"
    workflow.project.module(
        "shop",
        f"""
        import os, shutil
        import dlt

        @dlt.resource
        def source():
            yield [{{"id": 1}}]
            shutil.rmtree("{folder}")
            open("{folder}", "w").close()
    """,
    )

    done = workflow.run(state=url)

    assert done.code == 6, done.out
    assert (done.outputs["sources-ok"], done.outputs["sources-failed"]) == ("shop", "")
    assert "state-uploaded" not in done.outputs
    assert "can't be" in done.errors[0]


def test_a_run_that_is_killed_while_it_uploads_costs_no_row_and_doubles_none(workflow, folder):
    url = f"file://{folder}"
    assert workflow.run(state=url).code == 0
    workflow.forget()
    orders(workflow, 500)
    started = workflow.start(state=url)
    until = time.monotonic() + 60
    while not any("g2-" in path.name for path in folder.rglob("*")) and time.monotonic() < until:
        time.sleep(0.002)
    started.process.kill()
    started.process.communicate(timeout=60)
    workflow.forget()

    after = workflow.run(state=url)

    assert after.code == 0, after.out
    assert counted(workflow) == [(500, 500)]
