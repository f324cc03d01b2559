"""`dango init` in real folders and repositories."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dango_action.scaffold.ignored import WANTED
from dango_action.scaffold.workflow import ACTION

TOOLS = Path(sys.executable).parent
EXAMPLES = Path(__file__).parents[2] / "examples"
FIRST = ["custom_sources/example.py", ".dango/sources.yml", ".gitignore", ".github/workflows/dango.yml"]


def git(path, *arguments):
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], cwd=path, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def repository(project):
    """A project in an empty git repository that GitHub knows as owner/data."""
    git(project.path, "init", "-b", "main")
    git(project.path, "remote", "add", "origin", "git@github.com:owner/data.git")
    return project


def below(project, folder):
    """A project in a folder of this one's repository."""
    path = project.path / folder
    path.mkdir(parents=True, exist_ok=True)
    return dataclasses.replace(project, path=path)


def init(project, *arguments):
    done = project.dango("init", "--json", *arguments)
    assert done.code == 0, done
    return done.document


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def workflow(project, name="dango.yml"):
    return yaml.load((project.path / ".github/workflows" / name).read_text(encoding="utf-8"), yaml.BaseLoader)


def options(document):
    return document["on"]["workflow_dispatch"]["inputs"]["sources"]["options"]


def given(document):
    return document["jobs"]["dango"]["steps"][1]["with"]


def test_a_new_project_is_valid_and_loads_offline_and_the_second_time_only_what_is_new(repository):
    assert init(repository) == {"created": FIRST, "kept": [], "extended": []}

    assert repository.dango("config", "validate").code == 0
    first = repository.sync()
    assert first.code == 0, first.out
    orders = repository.one("select count(*) from raw_example.orders")
    assert orders > 100
    second = repository.sync()
    assert second.code == 0, second.out
    [table] = second.source("example")["tables"] or [{"rows": 0}]
    assert table["rows"] <= 1  # midnight may have brought one
    assert repository.one("select count(*) - count(distinct id) from raw_example.orders") == 0


def test_a_second_run_changes_nothing_and_says_so(repository):
    init(repository)
    before = contents(repository.path)

    done = repository.dango("init")

    assert contents(repository.path) == before
    assert [line for line in done.out.splitlines() if "created" in line or "extended" in line] == []
    assert "kept      .github/workflows/dango.yml (exists already)" in done.out


def test_after_a_commit_nothing_of_a_run_is_left_for_git(repository):
    init(repository)
    git(repository.path, "add", ".")
    git(repository.path, "commit", "-m", "first")
    assert git(repository.path, "ls-files").split() == sorted(FIRST)

    repository.sync()
    repository.write(".env", "A=b")
    repository.write(".dlt/secrets.toml", "")

    assert git(repository.path, "status", "--porcelain") == ""


def test_it_says_what_to_do_next(repository):
    done = repository.dango("init")

    assert "dango config validate && dango sync\n" in done.out
    assert "git commit -m 'Sync with dango' && git push\n" in done.out
    assert "gh workflow run dango.yml\n" in done.out
    assert "private" in done.out


def test_the_commands_that_it_prints_up_to_the_push_work_as_they_are(project):
    done = project.dango("init")
    lines = [line.strip() for line in done.out.partition("Next:")[2].splitlines() if line.startswith("  ")]
    for name in ("AUTHOR", "COMMITTER"):
        lines.insert(0, f"export GIT_{name}_NAME=A GIT_{name}_EMAIL=a@example.org")
    script = "\n".join(line.partition(" && gh ")[0] for line in lines if not line.startswith("gh "))

    ran = project.shell(f"set -e\n{script}")

    assert ran.code == 0, ran
    assert git(project.path, "ls-files").split() == sorted(FIRST)


def test_without_a_repository_it_works_and_says_how_to_get_one(project):
    done = project.dango("init")

    assert done.code == 0
    assert "git init && git add" in done.out
    assert contents(project.path).keys() == set(FIRST)

    also = [".dango/requirements.txt", ".dlt/config.toml"]
    assert not any(name in done.out for name in also)
    for name in also:
        project.write(name, "")
    assert f" {' '.join(also)} custom_sources && git commit" in project.dango("init").out


def test_another_branch_than_the_default_one_is_pointed_out(repository, tmp_path):
    git(repository.path, "commit", "--allow-empty", "-m", "first")
    git(tmp_path, "clone", str(repository.path), "clone")
    clone = dataclasses.replace(repository, path=tmp_path / "clone")
    assert "once the workflow is on" not in clone.dango("init").out

    git(clone.path, "switch", "-c", "ingest")

    assert "once the workflow is on the branch main." in clone.dango("init").out


def test_a_token_in_the_remotes_address_is_neither_printed_nor_written(repository):
    git(repository.path, "remote", "set-url", "origin", "https://user:canary@github.com/owner/data.git")

    done = repository.dango("init")

    assert "canary" not in done.out + done.err
    assert not any(b"canary" in content for content in contents(repository.path).values())


def test_sources_that_are_there_get_the_entries_and_the_picker_and_no_example(repository):
    repository.module("shop", "import dlt\n@dlt.source\ndef shop_source(key=dlt.secrets.value): ...")
    repository.module(
        "two", "import dlt\n@dlt.resource\ndef eu(): yield {'a': 1}\n@dlt.resource\ndef us(): yield {'a': 2}"
    )
    repository.write("custom_sources/package/__init__.py", "from dlt import source\n@source\ndef x(): ...")
    repository.module("helper", "raise SystemExit('nobody imports this')")

    assert init(repository)["created"] == FIRST[1:]

    assert repository.dango("config", "validate", "--json").document["sources"] == ["shop", "eu", "us", "package"]
    assert options(workflow(repository)) == ["all", "shop", "eu", "us", "package"]
    text = (repository.path / ".github/workflows/dango.yml").read_text()
    assert "          SOURCES__SHOP__KEY: ${{ secrets.SOURCES__SHOP__KEY }}\n" in text
    done = repository.sync("--source", "eu", "--source", "us")
    assert done.code == 0, done.out
    assert repository.one("select a from raw_us.us") == 2


def test_a_sources_yml_that_is_there_is_kept_and_gives_the_choices(repository):
    repository.module("shop", "import dlt\n@dlt.source\ndef shop_source(key=dlt.secrets.value): ...")
    repository.sources(
        {"name": "eu", "module": "shop", "function": "shop_source", "tags": ["daily", "not, one"]},
        {"name": "off", "module": "shop", "function": "other", "enabled": False},
        "all",
    )

    assert init(repository) == {"created": FIRST[2:], "kept": [FIRST[1]], "extended": []}

    assert options(workflow(repository)) == ["all", "eu", "tag:daily"]
    text = (repository.path / ".github/workflows/dango.yml").read_text()
    assert "SOURCES__EU__KEY" in text


def test_a_broken_sources_yml_is_kept_and_its_problems_are_shown(repository):
    file = repository.write(".dango/sources.yml", "sources: [")

    done = repository.dango("init")

    assert done.code == 0
    assert "notice: .dango/sources.yml:" in done.out
    assert file.read_text() == "sources: ["
    assert options(workflow(repository)) == ["all"]
    assert not (repository.path / "custom_sources").exists()


def test_a_file_with_the_wrong_ending_is_kept_and_its_new_name_is_said(repository):
    repository.write(".dango/sources.yaml", "sources: []\n")

    done = repository.dango("init")

    assert "kept      .dango/sources.yaml" in done.out
    assert "rename `.dango/sources.yaml` to `.dango/sources.yml`" in done.out
    assert not (repository.path / ".dango/sources.yml").exists()


def test_a_file_called_example_that_is_no_source_stays_and_the_example_gets_another_name(repository):
    file = repository.module("example", "RATE = 1\n")

    assert "custom_sources/example_2.py" in init(repository)["created"]

    assert file.read_text() == "RATE = 1\n"
    done = repository.sync()
    assert done.code == 0, done.out


def test_python_that_can_not_be_read_or_imported_is_pointed_out(repository):
    repository.module("broken", "import dlt\ndef (:\n")
    repository.module("my-shop", "import dlt\n@dlt.source\ndef shop(): ...")

    done = repository.dango("init")

    assert done.code == 0
    assert "custom_sources/broken.py:2:5: this is no Python" in done.out
    assert "custom_sources/my-shop.py:1:1: Python can't import a file of this name" in done.out


def test_only_missing_lines_are_added_to_gitignore_and_crlf_stays(repository):
    file = repository.path / ".gitignore"
    file.write_bytes(b"*.log\r\n.env")
    file.chmod(0o640)

    assert init(repository)["extended"] == [".gitignore"]

    lines = file.read_bytes().decode().split("\r\n")
    assert lines[:2] == ["*.log", ".env"]
    assert sorted(set(WANTED) & set(lines)) == sorted(WANTED)
    assert lines.count(".env") == 1
    assert file.stat().st_mode & 0o777 == 0o640


def test_what_git_ignores_is_pointed_out_before_it_is_missed(repository):
    repository.write(".gitignore", ".dango/\n")

    assert "notice: git ignores .dango/sources.yml" in repository.dango("init").out


@pytest.mark.parametrize("folder", ["ingest", "data/ünïcode 数据", "a[b] +c", ".hidden", "on"])
def test_a_project_below_the_top_of_its_repository_has_its_workflow_at_the_top(repository, folder):
    project = below(repository, folder)
    up = "../" * (folder.count("/") + 1)

    assert init(project)["created"] == [*FIRST[:3], f"{up}{FIRST[3]}"]

    document = workflow(repository)
    assert given(document)["working-directory"] == folder
    paths = document["on"]["pull_request"]["paths"]
    assert paths[-1] == ".github/workflows/dango.yml"
    assert all(path.replace("\\", "").startswith(f"{folder}/") for path in paths[:-1])
    assert init(project)["created"] == []
    check(repository.path / ".github/workflows/dango.yml")


def test_each_project_of_a_repository_gets_a_workflow_of_its_own(repository):
    projects = [below(repository, folder) for folder in ("one", "two", ".")]
    for project in projects:
        init(project)

    names = ["dango.yml", "dango-two.yml", "dango-project.yml"]
    assert {file.name for file in (repository.path / ".github/workflows").iterdir()} == set(names)
    assert len({workflow(repository, name)["name"] for name in names}) == 3
    for project in projects:
        assert init(project)["created"] == []


def test_the_folder_is_found_from_outside_and_the_commands_are_for_it(repository):
    outside = dataclasses.replace(repository, path=repository.home)

    done = outside.dango("--project", str(repository.path), "init")

    assert done.code == 0, done
    assert f"Next, in {repository.path}:" in done.out
    assert contents(repository.path).keys() == set(FIRST)


def test_the_variables_of_a_git_hook_do_not_lead_elsewhere(repository, tmp_path):
    git(tmp_path, "init", "other")
    project = below(repository, "ingest")

    done = project.dango("init", GIT_DIR=str(tmp_path / "other/.git"))

    assert done.code == 0, done
    assert given(workflow(repository))["working-directory"] == "ingest"


def test_another_workflow_that_uses_the_action_is_kept_instead_of_a_second_one(repository):
    repository.write(".github/workflows/ingest.yaml", f"jobs: {{a: {{steps: [{{uses: {ACTION}}}]}}}}\n")

    done = repository.dango("init")

    assert "kept      .github/workflows/ingest.yaml (exists already)" in done.out
    assert "gh workflow run ingest.yaml" in done.out
    assert not (repository.path / ".github/workflows/dango.yml").exists()


def test_a_workflow_of_the_name_that_does_something_else_is_kept_and_pointed_out(repository):
    file = repository.write(".github/workflows/dango.yml", "jobs: {}\n")

    done = repository.dango("init")

    assert "does not use the Action for this project" in done.out
    assert file.read_text() == "jobs: {}\n"


def blocked_by_a_file(project):
    project.write(".github", "")
    return ".github is in the way: it is not a folder"


def blocked_by_a_folder(project):
    (project.path / ".dango/sources.yml").mkdir(parents=True)
    return ".dango/sources.yml is in the way: it is not a file"


def blocked_by_a_dead_link(project):
    (project.path / ".gitignore").symlink_to("nowhere")
    return ".gitignore is in the way: it is not a file"


def blocked_by_a_link_to_the_outside(project):
    (project.path / ".github").symlink_to(project.home)
    return "leads out of project"


def blocked_by_a_link_of_gitignore(project):
    (project.home / "ignore").write_text("*.log\n")
    (project.path / ".gitignore").symlink_to(project.home / "ignore")
    return "leads out of project"


@pytest.mark.parametrize(
    "block",
    [
        blocked_by_a_file,
        blocked_by_a_folder,
        blocked_by_a_dead_link,
        blocked_by_a_link_to_the_outside,
        blocked_by_a_link_of_gitignore,
    ],
)
def test_what_is_in_the_way_is_said_and_nothing_is_written(repository, block):
    sentence = block(repository)
    before = contents(repository.path), contents(repository.home)

    done = repository.dango("init")

    assert done.code == 2
    assert sentence in done.err
    assert "Traceback" not in done.err
    assert (contents(repository.path), contents(repository.home)) == before


def test_everything_that_is_in_the_way_is_said_at_once(repository):
    blocked_by_a_file(repository)
    blocked_by_a_folder(repository)

    assert repository.dango("init").err.count("in the way") == 2


@pytest.mark.parametrize(
    ("folder", "mode", "sentence"),
    [(".", 0o555, ". can't be written to"), (".dango", 0o600, "can't be looked at: Permission denied")],
)
def test_a_folder_that_can_not_be_used_is_said_to_be_one(repository, folder, mode, sentence):
    path = repository.path / folder
    path.mkdir(exist_ok=True)
    path.chmod(mode)
    try:
        if os.access(path, os.W_OK | os.X_OK):
            pytest.skip("root may do everything")
        done = repository.dango("init")
    finally:
        path.chmod(0o755)

    assert done.code == 2
    assert sentence in done.err
    assert contents(repository.path) == {}


def test_a_full_disk_leaves_no_half_of_a_file_and_the_next_run_goes_on(repository):
    done = repository.shell("ulimit -f 1; trap '' XFSZ; dango init")

    assert done.code == 2, done
    assert "can't be written: File too large" in done.err
    assert not [name for name in contents(repository.path) if name.endswith(".tmp")]
    assert init(repository)["created"]
    assert repository.dango("config", "validate").code == 0


@pytest.mark.parametrize("folder", ["a${{ github.token }}b", "a\nb", os.fsdecode(b"a\xffb")])
def test_a_folder_that_no_workflow_can_name_is_refused(repository, folder):
    project = below(repository, folder)

    done = project.dango("init")

    assert done.code == 2
    assert "a workflow can't name the folder" in done.err
    assert contents(repository.path) == {}


def check(file):
    """Hold a workflow against everything that knows what GitHub takes, and what is unsafe."""
    policies = {f"{ACTION.partition('@')[0]}": "ref-pin", "*": "hash-pin"}
    config = file.parent / "zizmor-for-the-test.json"
    config.write_text(json.dumps({"rules": {"unpinned-uses": {"config": {"policies": policies}}}}))
    try:
        for command in (
            ["actionlint", file],
            ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", file],
            ["zizmor", "--offline", "--strict-collection", "--pedantic", "--config", config, file],
        ):
            done = subprocess.run(
                [TOOLS / command[0], *command[1:]], cwd=file.parent, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
    finally:
        config.unlink()


def test_the_written_workflow_gives_only_inputs_that_the_action_has(repository):
    action = yaml.safe_load((EXAMPLES.parent / "action.yml").read_text(encoding="utf-8"))
    init(below(repository, "ingest"))

    assert given(workflow(repository)).keys() <= action["inputs"].keys()


def test_the_written_workflow_passes_every_linter(repository):
    repository.module("shop", "import dlt\n@dlt.source\ndef shop_source(key=dlt.secrets.value): ...")
    init(repository)

    check(repository.path / ".github/workflows/dango.yml")


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yml")), ids=lambda file: file.stem)
def test_an_example_passes_every_linter(repository, example):
    check(repository.write(f".github/workflows/{example.name}", example.read_text(encoding="utf-8")))


def test_nothing_that_the_repository_configures_is_run(project):
    subprocess.run(["git", "init", "-q"], cwd=project.path, check=True)
    subprocess.run(["git", "config", "core.fsmonitor", "touch pwned; false"], cwd=project.path, check=True)

    assert project.dango("init").code == 0
    assert not (project.path / "pwned").exists()
