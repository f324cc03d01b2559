"""`--json`: whatever becomes of a command, its standard output is one document with the problems and the code."""

import os
import signal
import time

import pytest
from sealed_projects import API, keep_secret

SECRET = "hunter2-hunter2"
ALL = (
    "config explain",
    "config validate",
    "secrets check",
    "secrets list",
    "sync",
    "sync --dry-run",
    "pull",
    "init",
)
OPENS = ("config explain", "secrets check", "sync")


def asked(project, command, *arguments, code=None, **variables):
    """Run a command with `--json`, and return its document, which says what its exit code says."""
    done = project.dango(*command.split(), "--json", *arguments, **variables)
    assert SECRET not in done.out + done.err
    document = done.document
    assert done.code == document["exit_code"], done
    assert code is None or done.code == code, done
    for problem in document["problems"]:
        assert problem.keys() == {"what", "hint", "at"}
    if done.code and "sources" not in document:
        for problem in document["problems"]:
            assert problem["what"] in done.err
    return document


@pytest.fixture
def shop(project):
    project.module("shop", API)
    project.sources("shop")
    return project


@pytest.mark.parametrize("command", ["config explain", "config validate", "sync", "sync --dry-run", "pull"])
@pytest.mark.parametrize("text", [None, "sources: [", "a: 1"])
def test_a_broken_or_absent_configuration_is_told(project, command, text):
    (project.path / ".dango").mkdir()
    if text is not None:
        project.write(".dango/sources.yml", text)

    document = asked(project, command, code=3)

    assert document["problems"]


@pytest.mark.parametrize("command", ["config explain", "sync"])
def test_an_unknown_source_is_told(shop, command):
    arguments = ["shpo"] if command == "config explain" else ["--source", "shpo"]

    document = asked(shop, command, *arguments, code=2)

    [problem] = document["problems"]
    assert "did you mean `shop`?" in problem["hint"]


@pytest.mark.parametrize("command", OPENS)
def test_a_broken_settings_file_is_told(shop, command):
    shop.write(".dlt/secrets.toml", f"[sources.shop]\napi_key = {SECRET}\n")

    document = asked(shop, command, code=3)

    [problem] = document["problems"]
    assert (problem["at"]["file"], problem["at"]["line"]) == (".dlt/secrets.toml", 2)


@pytest.mark.parametrize("command", [*OPENS, "secrets list"])
def test_a_broken_document_of_secrets_is_told(shop, command):
    keep_secret(shop, "sources.shop.api_key", SECRET)
    file = shop.path / ".dango/secrets.enc.yml"
    file.write_text(file.read_text() + "  - no\n")

    document = asked(shop, command, code=4)

    assert document["problems"][0]["at"]["file"] == ".dango/secrets.enc.yml"


@pytest.mark.parametrize("command", ["secrets check", "sync"])
def test_a_key_that_is_none_is_told(shop, command):
    keep_secret(shop, "sources.shop.api_key", SECRET)

    document = asked(shop, command, code=4, DANGO_SECRETS_KEY=SECRET)

    assert "is no private key" in document["problems"][0]["what"]


@pytest.mark.parametrize("command", ["secrets check", "secrets list"])
def test_a_folder_that_is_no_project_is_told(project, command):
    document = asked(project, command, code=2)

    assert document["problems"][0]["hint"] == "run `dango init` first"


def test_a_project_without_sealed_secrets_is_told(shop):
    document = asked(shop, "secrets list", code=4)

    assert "dango secrets init" in document["problems"][0]["hint"]


def test_a_folder_that_can_not_be_written_is_told(project):
    (project.path / ".dango").write_text("")

    asked(project, "init", code=2)


def test_several_things_are_told_at_once(shop):
    keep_secret(shop, "sources.shop.api_key", SECRET)
    shop.write(".dlt/secrets.toml", "[")

    document = asked(shop, "secrets check", code=3, DANGO_SECRETS_KEY=SECRET)

    assert len(document["problems"]) == 2


@pytest.mark.parametrize("command", ["config explain", "config validate", "secrets check", "secrets list", "sync"])
def test_what_goes_well_has_no_problem(shop, command):
    keep_secret(shop, "sources.shop.api_key", SECRET)

    assert asked(shop, command, code=0)["problems"] == []


def test_a_contradiction_is_told(shop):
    asked(shop, "sync --limit 3 --full-refresh", code=2)


def test_an_option_that_there_is_not_stays_a_text(shop):
    for command in ALL:
        done = shop.dango(*command.split(), "--json", "--jsn")
        assert (done.code, done.out) == (2, "")
        assert "--jsn" in done.err


def test_whoever_is_interrupted_says_so(shop):
    shop.module("shop", "import pathlib, time\npathlib.Path('here').touch()\ntime.sleep(60)\n")
    process = shop.start("config", "explain", "--json")
    end = time.monotonic() + 60
    while not (shop.path / "here").exists() and time.monotonic() < end:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert '"exit_code": 130' in out
