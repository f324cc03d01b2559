"""What the README and the docs show is what happens."""

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from hosts import Hosts
from systems.stripe import Stripe

from dango_action.config.json_schema import json_schema
from dango_action.config.lines import load
from dango_action.config.nodes import plain
from dango_action.config.parse import parse
from dango_action.errors import PRECEDENCE, ExitCode

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def shop(project):
    """The README's own source, its entry and its secret."""
    [python], [yaml], [toml] = (blocks(ROOT / "README.md", language) for language in ("python", "yaml", "toml"))
    project.write("custom_sources/shop.py", python)
    project.write(".dango/sources.yml", yaml)
    project.write(".dlt/secrets.toml", toml)
    return project


def commands():
    """Give those of the README, but for those that have tests of their own."""
    for block in blocks(ROOT / "README.md", "sh"):
        for line in block.splitlines():
            if line.startswith("dango ") and not line.startswith(("dango init", "dango pull", "dango secrets")):
                yield line.partition("#")[0].replace("'", "").split()


def of_a_type(command):
    return command[1] == "sources" or "pay" in command


def test_the_commands_for_a_system_lead_to_its_rows(project, tmp_path):
    account = Stripe("rk_live_51H7aaXYZ")
    account.add("charges", "ch_1", 1767225600, amount=1250)
    with Hosts(tmp_path, {"api.stripe.com": account}) as hosts:
        done = [
            project.dango(*command[1:], **hosts.environ, SOURCES__PAY__API_KEY=account.key)
            for command in commands()
            if of_a_type(command)
        ]

    assert [(one.code, one.err) for one in done] == [(0, "")] * 4
    assert "ch_1" in done[-1].out
    assert account.refused == []


def test_the_commands_of_the_readme_do_what_it_says(shop):
    found = [command for command in commands() if not of_a_type(command)]
    assert len(found) == 5
    for command in found:
        done = shop.dango(*command[1:])
        assert done.code == 0, (command, done)

    assert shop.query("select count(*) from raw_shop.orders") == [(2,)]
    assert "up to date" not in done.out


def is_workflow(block):
    return re.search(r"^jobs:", block, re.MULTILINE)


def test_every_workflow_of_the_docs_is_valid(tmp_path):
    found = [block for page in PAGES for block in blocks(page, "yaml") if is_workflow(block)]
    assert found
    for number, block in enumerate(found):
        file = tmp_path / f"{number}.yml"
        file.write_text(block)
        for command in (
            ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
            ["actionlint"],
            ["zizmor", "--offline", "--config", ROOT / ".github/zizmor.yml"],
        ):
            tool = Path(sys.executable).with_name(command[0])
            done = subprocess.run([tool, *command[1:], file], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr


def test_every_yaml_of_the_docs_is_valid():
    found = [block for page in PAGES for block in blocks(page, "yaml") if not is_workflow(block)]
    assert len(found) >= 2
    for block in found:
        parsed = parse(block.encode(), "docs")
        assert not parsed.problems, parsed.problems
        jsonschema.validate(plain(load(block.encode(), "docs").root), json_schema())


def test_the_documents_in_the_docs_match_their_schema():
    [example] = blocks(ROOT / "docs/result.md", "json")

    jsonschema.validate(json.loads(example), json.loads((ROOT / "docs/result.schema.json").read_text()))


def test_the_exit_codes_of_the_readme_are_those_of_the_code():
    text = (ROOT / "README.md").read_text()
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    not_yet = {ExitCode.CHECK_FAILED}

    assert codes == set(ExitCode) - not_yet
    order = re.search(r"Several at once: ([\d, ]+), in this order", text).group(1)
    assert [int(code) for code in order.split(", ")] == [code for code in PRECEDENCE if code not in not_yet]


def test_the_inputs_and_outputs_of_the_docs_are_those_of_the_action():
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    text = (ROOT / "docs/action.md").read_text()
    for section, names in (("Inputs", action["inputs"]), ("Outputs", action["outputs"])):
        table = re.search(rf"^## {section}\n(.*?)^## ", text, re.DOTALL | re.MULTILINE).group(1)
        cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        assert sorted(name for cell in cells for name in re.findall("`(.*?)`", cell)) == sorted(names)


def test_every_link_to_a_file_leads_to_one():
    for page in [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_every_dependency_has_its_reason_and_its_bound():
    text = (ROOT / "docs/dependencies.md").read_text()
    project = (ROOT / "pyproject.toml").read_text()
    listed = re.search(r"^dependencies = \[\n(.*?)^\]", project, re.DOTALL | re.MULTILINE).group(1)
    for name, bound in re.findall(r'"([a-z0-9-]+(?:\[\w+\])?)([^"]*)"', listed):
        assert re.search(rf"^\| `{re.escape(name)}` \|.*`{re.escape(bound)}`", text, re.MULTILINE), name


def test_no_file_names_the_address_of_a_package_index():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    files = [ROOT / name for name in listed.stdout.split("\0") if name] or list((ROOT / "requirements").iterdir())
    hosts = re.compile(
        "|".join(re.escape(host) for host in ("py" + "pi.org", "pythonhosted" + ".org", "npmjs" + ".org"))
    )
    for file in files:
        if file.is_file():
            assert not hosts.search(file.read_text(encoding="utf-8", errors="replace")), file


def test_the_locks_have_a_hash_for_everything():
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        pinned = re.findall(
            r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", lock.read_text(), re.DOTALL | re.MULTILINE | re.IGNORECASE
        )
        assert pinned
        assert all("==" in entry and "--hash=sha256:" in entry for entry in pinned), lock


def test_the_commands_answer_to_help():
    for name in ("dango", "dango-action"):
        assert Path(sys.executable).with_name(name).exists()
    done = subprocess.run(
        [Path(sys.executable).with_name("dango"), "--help"], capture_output=True, text=True, check=True
    )
    assert "sync" in done.stdout
    assert "config" in done.stdout
