"""This repository's own project: its sources.yml and demo sources, in a repository made for the test."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def git(path, *arguments):
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=path, check=True, capture_output=True)


@pytest.fixture
def demo(project):
    shutil.copytree(
        ROOT / "custom_sources", project.path / "custom_sources", ignore=shutil.ignore_patterns("__pycache__")
    )
    (project.path / ".dango").mkdir()
    shutil.copy(ROOT / ".dango/sources.yml", project.path / ".dango")
    git(project.path, "init", "-b", "main")
    git(project.path, "add", "custom_sources")
    git(project.path, "commit", "-m", "first")
    return project


def test_the_second_run_loads_no_commit_and_says_so_and_the_third_only_the_new_one(demo):
    first = demo.sync()
    assert first.code == 0, first.out
    assert {t["name"]: t["rows"] for t in first.source("git_history")["tables"]}["commits"] == 1
    assert demo.one("select count(*) from raw_python_packages.packages where name = 'dlt'") == 1

    second = demo.dango("sync")
    assert "git_history: ok up to date, 0 new rows (authors 0, commits 0)" in second.out

    git(demo.path, "commit", "--allow-empty", "-m", "second")
    third = demo.sync("--source", "git_history")
    assert {t["name"]: t["rows"] for t in third.source("git_history")["tables"]} == {"commits": 1, "authors": 1}
    assert demo.query("select count(*), count(distinct hash) from raw_git_history.commits") == [(2, 2)]
    assert demo.query("select commits from raw_git_history.authors") == [(2,)]


def test_a_full_refresh_of_the_history_loads_every_commit_once(demo):
    demo.sync()
    git(demo.path, "commit", "--allow-empty", "-m", "second")

    assert demo.sync("--source", "git_history", "--full-refresh").code == 0
    assert demo.query("select count(*), count(distinct hash) from raw_git_history.commits") == [(2, 2)]
