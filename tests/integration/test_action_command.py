"""`dango-action` without the runner: inputs in, an exit code and annotations out."""

import subprocess
import sys
from pathlib import Path

ACTION = Path(sys.executable).with_name("dango-action")


def step(project, **variables):
    return subprocess.run(
        [ACTION],
        cwd=project.path,
        env=project.environ(GITHUB_ACTIONS="true", **variables),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_step_syncs_on_a_schedule_and_validates_a_pull_request(project):
    project.module("shop", "import dlt\n@dlt.resource\ndef source():\n    yield {'a': 1}\n")
    project.sources("shop", "other")

    done = step(project, GITHUB_EVENT_NAME="schedule", DANGO_INPUT_SOURCES="shop")
    assert done.returncode == 0, done.stdout
    assert project.one("select count(*) from raw_shop.source") == 1

    checked = step(project, GITHUB_EVENT_NAME="pull_request")
    assert checked.returncode == 0
    assert "is valid: 2 sources, 0 disabled" in checked.stdout


def test_a_step_that_cannot_run_is_annotated(project):
    done = step(project, GITHUB_EVENT_NAME="pull_request_target", DANGO_INPUT_COMMAND="sync")

    assert done.returncode == 2
    assert done.stdout.startswith("::error title=dango::the event `pull_request_target` does not sync here")


def test_problems_of_the_configuration_are_annotated_at_their_line(project):
    project.write(".dango/sources.yml", "sources:\n  - name: Shop\n    type: dlt_native\n")

    done = step(project, GITHUB_EVENT_NAME="pull_request")

    assert done.returncode == 3
    assert "::error title=dango config validate,file=.dango/sources.yml,line=2,col=11::" in done.stdout
