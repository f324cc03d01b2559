"""The runner, and what it needs once per session."""

from __future__ import annotations

import subprocess

import pytest
from act import Runner
from stage import ROOT, checkout, doubles, shims


@pytest.fixture(scope="session")
def stage(tmp_path_factory):
    """The doubles by name, and the folder of shims."""
    folder = tmp_path_factory.mktemp("stage")
    return doubles(folder), shims(folder / "shims")


@pytest.fixture(scope="session")
def product(tmp_path_factory):
    """A copy of this repository, as a workflow gets it that names it in `uses:`."""
    return checkout(ROOT, tmp_path_factory.mktemp("product"))


@pytest.fixture
def runner_of(github, stage, tmp_path):
    """Return a runner that takes a folder for `dango-action` of whatever owner."""
    actions, programs = stage

    def runner(action, **more):
        known = {**actions, "dango-action": action}
        return Runner(github=github, actions=known, shims=programs, tmp=tmp_path / "runs", **more)

    return runner


@pytest.fixture
def repository(tmp_path):
    """Return a function that makes a git repository with these files, all of them committed on `main`."""

    def make(**files):
        folder = tmp_path / "shop"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        identity = ("-c", "user.name=Octocat", "-c", "user.email=octocat@example.com")
        for command in (("init", "-b", "main"), ("add", "--all"), (*identity, "commit", "--message", "Files")):
            subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)
        return folder

    return make
