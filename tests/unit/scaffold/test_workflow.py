import re

import pytest
import yaml

from dango_action.scaffold.other_workflows import projects, serves
from dango_action.scaffold.triggers import minute_for
from dango_action.scaffold.workflow import ACTION, Workflow


def workflow(**parts):
    given = {"name": "dango", "file": ".github/workflows/dango.yml", "header": "A header.", "minute": 7, **parts}
    return yaml.load(Workflow(**given).text, yaml.BaseLoader)


def step(document):
    return document["jobs"]["dango"]["steps"][1]


def test_the_minute_is_the_repositorys_own_and_never_the_full_hour():
    minutes = {minute_for(f"owner/repository-{number}") for number in range(2000)}

    assert minutes == set(range(1, 60))
    assert minute_for("Owner/Repository") == minute_for("owner/repository")


def test_the_picker_offers_all_first_and_then_each_source():
    document = workflow(choices=("shop", "on", "tag:daily"))

    picker = document["on"]["workflow_dispatch"]["inputs"]["sources"]
    assert picker["options"] == ["all", "shop", "on", "tag:daily"]
    assert picker["default"] == "all"


def test_only_what_loads_may_read_the_state_of_other_runs():
    assert workflow()["jobs"]["dango"]["permissions"] == {"contents": "read", "actions": "read"}
    assert workflow(minute=None, checks=True)["jobs"]["dango"]["permissions"] == {"contents": "read"}
    assert workflow()["permissions"] == {}


@pytest.mark.parametrize(
    ("parts", "group"),
    [
        ({}, "${{ github.workflow }}-load"),
        ({"minute": None, "checks": True}, "${{ github.workflow }}-${{ github.ref }}"),
        (
            {"checks": True},
            "${{ github.workflow }}-${{ github.event_name == 'pull_request' && github.ref || 'load' }}",
        ),
    ],
)
def test_loads_share_one_queue_and_each_pull_request_has_its_own(parts, group):
    assert workflow(**parts)["concurrency"] == {"group": group, "cancel-in-progress": "false"}


def test_a_project_below_the_top_is_named_to_the_action_and_to_the_filter():
    document = workflow(checks=True, folder="data/[new] ü+")

    assert step(document)["with"]["working-directory"] == "data/[new] ü+"
    assert document["on"]["pull_request"]["paths"] == [
        r"data/\[new\] ü\+/.dango/**",
        r"data/\[new\] ü\+/.dlt/**",
        r"data/\[new\] ü\+/custom_sources/**",
        ".github/workflows/dango.yml",
    ]


def test_no_script_is_in_it_and_every_expression_is_a_value_of_an_input_or_of_the_queue():
    text = Workflow(name="a", file="a.yml", header="", minute=1, choices=("b",), checks=True, secrets=("S",)).text

    assert "run:" not in text
    for line in text.splitlines():
        if "${{" in line:
            assert re.match(
                r"  group: |          (sources|full-refresh|limit|since|until|state|secrets-key|S): ", line
            ), line


def test_the_secrets_that_sources_want_stand_there_and_without_any_an_example():
    wanted = Workflow(name="a", file="a.yml", header="", minute=1, secrets=("SOURCES__SHOP__API_KEY",)).text
    example = Workflow(name="a", file="a.yml", header="", minute=1).text
    document = yaml.safe_load(wanted)

    assert example.replace("        # env:", "        env:").replace("#   SOURCES", "  SOURCES") == wanted
    assert step(document)["env"] == {"SOURCES__SHOP__API_KEY": "${{ secrets.SOURCES__SHOP__API_KEY }}"}


@pytest.mark.parametrize("folder", ["", "data", "data/[new] ü"])
def test_a_written_workflow_is_known_again_as_the_projects_own(folder):
    text = Workflow(name="a", file="a.yml", header="", minute=1, folder=folder).text

    assert projects(text.encode()) == {folder}


@pytest.mark.parametrize(
    ("uses", "given", "synced"),
    [
        (ACTION, "", {""}),
        ("somebody/dango-action@0123", "", {""}),
        (ACTION, "with: {working-directory: ./data/}", {"data"}),
        (ACTION, "with: {working-directory: .}", {""}),
        ("getdango/other@v1", "", set()),
        ("./dango-action", "", set()),
    ],
)
def test_another_workflow_that_uses_the_action_is_known(uses, given, synced):
    text = f"jobs:\n  a:\n    steps:\n      - uses: {uses}\n        {given}\n"

    assert projects(text.encode()) == synced


@pytest.mark.parametrize(
    "text", ["", "a: [", "- 1", "jobs: 3", "jobs: {a: {uses: b}}", "jobs: {a: {steps: [1, {}]}}"]
)
def test_a_workflow_of_another_shape_syncs_nothing(text):
    assert projects(text.encode()) == frozenset()


def test_a_folder_that_only_a_run_knows_may_be_any():
    assert serves(frozenset({"${{ matrix.project }}"}), "data")
    assert not serves(frozenset({"data"}), "")
