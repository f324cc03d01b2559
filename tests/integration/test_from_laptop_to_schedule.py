"""The README's path from `.dlt/secrets.toml` on a laptop to a workflow, followed command by command."""

import re
from dataclasses import replace
from pathlib import Path

import yaml
from steps import Workflow

README = Path(__file__).parents[2] / "README.md"
# A stand-in for GitHub's command, which takes a secret and never gives it back.
GH = """
    set -eo pipefail
    gh() {
        case "$*" in
            "secret set DANGO_SECRETS_KEY") cat > "$HOME/stored" ;;
            "workflow run dango.yml") touch "$HOME/started" ;;
            *) return 9 ;;
        esac
    }
    export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org
    git init -q --bare -b main ../remote.git && git init -q -b main && git remote add origin ../remote.git
    git config push.autoSetupRemote true
"""


def block(section, language):
    """Return the first code block of this language in a section of the README."""
    text = README.read_text().split(f"## {section}\n")[1]
    return re.search(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)[1]


def test_ten_lines_lead_from_a_laptop_to_a_workflow_that_loads(project, github, tmp_path):
    project.write("custom_sources/shop.py", block("Your own source, on your laptop", "python"))
    project.write(".dango/sources.yml", block("Your own source, on your laptop", "yaml"))
    project.write(".dlt/secrets.toml", '[sources.shop]\napi_key = "hunter2-hunter2"\n')
    path = block("From `.dlt/secrets.toml` to a scheduled workflow", "sh")

    done = project.shell(GH + path)

    assert done.code == 0, done
    assert len(path.splitlines()) <= 10
    assert "1 sealed value opened, 1 source looked at, 0 problems" in done.out
    assert (project.home / "started").exists()

    # Another machine, which has what git has and the one secret of the repository.
    elsewhere = replace(project, path=tmp_path / "checkout", home=tmp_path / "runner")
    elsewhere.home.mkdir()
    cloned = project.shell("git clone -q ../remote.git ../checkout")
    assert cloned.code == 0, cloned
    [step] = [step for step in workflow_steps(elsewhere) if "dango-action" in step["uses"]]
    assert "secrets.DANGO_SECRETS_KEY" in step["with"]["secrets-key"]
    key = (project.home / "stored").read_text()
    ran = Workflow(elsewhere, github, tmp_path / "temp").run(secrets_key=key)

    assert ran.code == 0, ran.out
    assert elsewhere.query("select count(*) from raw_shop.orders") == [(2,)]
    assert "hunter2" not in re.sub(r"^::add-mask::.*$", "", ran.out, flags=re.MULTILINE)
    assert f"::add-mask::{key.strip()}" in ran.out
    assert not list(elsewhere.path.rglob("secrets.toml"))


def workflow_steps(project):
    file = project.path / ".github/workflows/dango.yml"
    return yaml.safe_load(file.read_text())["jobs"]["dango"]["steps"]
