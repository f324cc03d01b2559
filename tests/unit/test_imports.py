"""The direction of imports, and what start-up may not import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dango_action

PACKAGE = Path(dango_action.__file__).parent
BASE = {"errors", "results", "machine", "retry_after"}
LOW = BASE | {"protocol", "explained", "config", "credentials", "github"}
MIDDLE = LOW | {"sources", "state"}
HIGH = MIDDLE | {"warehouse", "sync"}
PROCESSES = {"forkserver", "pool", "worker"}
RUN = (
    HIGH
    | PROCESSES
    | {
        "schedule",
        "jobs",
        "targets",
        "remote",
        "outcomes",
        "publishing",
        "stop",
        "plan",
        "selection",
        "environment",
        "inputs",
        "window",
        "report",
        "known",
        "tasks",
    }
)
UPPER = RUN | {
    "run",
    "explain",
    "scaffold",
    "fetch",
    "keeper",
    "whereabouts",
    "pull",
    "overview",
    "reset",
    "sources_overview",
    "reference",
    "requirements",
}
# part of the package -> what of the package it may import
MAY_IMPORT = {
    "errors": set(),
    "results": {"errors"},
    "machine": set(),
    "retry_after": set(),
    "tasks": BASE | {"config", "protocol"},
    "environment": {"credentials"},
    "window": {"errors"},
    "inputs": {"errors", "config", "environment", "window"},
    "explained": set(),
    "protocol": BASE | {"config", "explained"},
    "config": BASE,
    "credentials": BASE | {"config", "explained", "protocol"},
    "github": BASE,
    "scaffold": BASE | {"config", "sources"},
    "state": BASE | {"credentials", "github", "stop"},
    "report": BASE,
    "sources": LOW | {"requirements"},
    "warehouse": MIDDLE | {"stop"},
    "sync": MIDDLE | {"warehouse", "window"},
    "selection": {"errors", "config"},
    "plan": LOW | {"inputs", "selection"},
    "forkserver": {"worker"},
    "worker": HIGH,
    "pool": BASE | {"protocol", "forkserver", "credentials"},
    "outcomes": BASE | {"protocol"},
    "stop": set(),
    "retries": set(),
    "publishing": BASE | {"warehouse"},
    "targets": BASE | {"protocol"},
    "remote": BASE | {"credentials", "plan", "pool", "protocol", "stop"},
    "jobs": BASE | {"pool", "protocol"},
    "schedule": HIGH | PROCESSES | {"jobs", "outcomes", "publishing", "retries", "stop", "targets"},
    "execution": RUN,
    "known": BASE | {"credentials", "plan"},
    "run": RUN | {"execution"},
    "explain": BASE | {"config", "credentials", "explained", "protocol"} | PROCESSES | {"tasks"},
    "fetch": BASE | {"github", "state", "warehouse"},
    "keeper": BASE | {"credentials", "github", "state", "warehouse", "fetch"},
    "whereabouts": BASE | {"config", "github", "environment", "inputs", "plan", "scaffold", "state"},
    "pull": BASE
    | {"config", "credentials", "github", "environment", "state", "fetch", "warehouse", "whereabouts"},
    "overview": BASE | {"config", "plan", "state", "warehouse", "whereabouts"},
    "reference": BASE | {"config", "scaffold"},
    "sources_overview": BASE | {"config", "scaffold"},
    "reset": BASE | {"config", "plan", "scaffold", "warehouse"},
    "refusal": BASE | {"environment", "github", "report"},
    "requirements": BASE | {"config"},
    "installing": BASE
    | {"cli", "credentials", "environment", "github", "inputs", "refusal", "report", "requirements"},
    "leavings": BASE | {"credentials", "github", "inputs", "state", "report"},
    "action": UPPER | {"cli", "leavings", "refusal"},
    "uploads": BASE | {"cli", "environment", "github", "report"},
    "cli": UPPER,
}


def parts():
    return sorted(
        {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")} - {"__init__"}
    )


def imports(part):
    files = [PACKAGE / f"{part}.py"] if (PACKAGE / f"{part}.py").exists() else (PACKAGE / part).rglob("*.py")
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert not node.level, f"{file}: imports are absolute"
                if node.module == "dango_action":
                    yield from (alias.name for alias in node.names if alias.name != "__version__")
                elif node.module.startswith("dango_action."):
                    yield node.module.split(".")[1]
            elif isinstance(node, ast.Import):
                yield from (
                    alias.name.split(".")[1] for alias in node.names if alias.name.startswith("dango_action.")
                )


@pytest.mark.parametrize("part", parts())
def test_a_part_imports_only_what_lies_before_it(part):
    assert set(imports(part)) - {part} <= MAY_IMPORT[part]


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_the_directions_have_no_circle(part):
    def reachable(start, seen):
        for other in MAY_IMPORT[start] - seen:
            seen.add(other)
            reachable(other, seen)
        return seen

    allowed_back = {"forkserver": {"forkserver"}, "worker": set()}.get(part, set())
    assert part not in reachable(part, set()) - allowed_back


def test_demo_sources_import_nothing_of_the_product():
    for file in (PACKAGE.parent / "custom_sources").rglob("*.py"):
        assert "dango_action" not in file.read_text(), file


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["config", "validate"],
        ["config", "schema"],
        ["sync", "--help"],
        ["state", "show", "--help"],
        ["pull", "--help"],
        ["sync", "--dry-run"],
        ["init"],
        ["sources", "list"],
    ],
)
def test_start_up_imports_neither_dlt_nor_what_only_a_sync_needs(arguments, tmp_path):
    (tmp_path / ".dango").mkdir()
    entry = "{name: shop, type: postgres, enabled: false, postgres: {host: h, database: d, username: u}}"
    (tmp_path / ".dango/sources.yml").write_text(f"sources: [{entry}]\n")
    program = (
        "import sys\n"
        "from dango_action.cli.main import cli, run\n"
        f"code = run(cli, {['--project', str(tmp_path), *arguments]!r})\n"
        "heavy = {'dlt', 'duckdb', 'pyarrow', 'requests', 'rich', 'cryptography', 'nacl', 'obstore'}\n"
        "heavy = (heavy | {'sqlalchemy', 'psycopg', 'pymysql'}) & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
