"""The self-test of this repository, as its own workflow file says it."""

import shutil
import subprocess


def test_the_selftest_syncs_on_a_push_and_expects_its_failure(tmp_path, runner_of, product):
    folder = shutil.copytree(product, tmp_path / "clone")
    identity = ("-c", "user.name=Octocat", "-c", "user.email=octocat@example.com")
    for command in (["init", "-qb", "main"], ["add", "--all"], [*identity, "commit", "-qm", "All"]):
        subprocess.run(["git", *command], cwd=folder, check=True)

    done = runner_of(product).run(folder, event="push", workflow=".github/workflows/selftest.yml")

    assert done.code == 0, done.text
    assert done.conclusion == "success"
    loaded = "Loaded" in done.summary and "2 of 2 sources" in done.summary
    assert loaded
    assert "1 problem to mend" in done.summary
