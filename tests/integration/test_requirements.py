"""The step that installs `.dango/requirements.txt`, with uv, in an environment of its own."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import threading
from dataclasses import dataclass
from pathlib import Path

import dlt
import pytest
from packages import sdist, serving, wheel

ROOT = Path(__file__).parents[2]
UV = ROOT / ".tools/bin/uv"
OWN = {"pull_request": {"head": {"repo": {"id": 7}}, "base": {"repo": {"id": 7}}}}
FORK = {"pull_request": {"head": {"repo": {"id": 8}}, "base": {"repo": {"id": 7}}}}
OURS = {"dlt/__init__.py": "", "dlt/version.py": "OURS = True\n", "tests/__init__.py": "ours = True\n"}
KEY = "planted-key-of-the-job"


@dataclass
class Job:
    """A checkout, and the folder that `action.yml` has made outside of it."""

    path: Path
    folder: Path

    @property
    def packages(self):
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.folder / "env/lib" / version / "site-packages"

    def start(self, text, *, event="schedule", payload=None, **environ):
        file = self.path / ".dango/requirements.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        (self.folder / "event.json").write_text(json.dumps(payload or {}))
        for name in ("output", "summary.md"):
            (self.folder / name).write_text("")
        kept = {name: os.environ[name] for name in ("PATH", "COVERAGE_PROCESS_CONFIG") if name in os.environ}
        variables = {
            "HOME": str(self.folder),
            "DANGO_FOLDER": str(self.folder),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_WORKSPACE": str(self.path),
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "SOURCES__SHOP__API_KEY": KEY,
            "UV_HTTP_RETRIES": "0",
        }
        return subprocess.Popen(
            [self.folder / "env/bin/python", "-B", "-E", "-P", "-u", "-m", "dango_action.installing"],
            env={**kept, **variables, **environ},
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, text, **about):
        process = self.start(text, **about)
        out, _ = process.communicate(timeout=60)
        return process.returncode, out

    def refused(self, text, **about):
        """Return the annotations, as place and message, of a step that has refused."""
        code, out = self.run(text, **about)
        assert code == 3, out
        assert "status<<" in (self.folder / "output").read_text()
        assert "failed" in (self.folder / "output").read_text()
        found = re.findall(r"^::error title=dango,file=(.*?),line=(\d+),col=(\d+)::(.*)$", out, re.MULTILINE)
        assert found, out
        assert "## ❌ dango" in (self.folder / "summary.md").read_text()
        return [(f"{file}:{line}:{column}", text.replace("%0A", "\n")) for file, line, column, text in found]


@pytest.fixture
def links(tmp_path):
    folder = tmp_path / "shop/vendor"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def job(tmp_path, links):
    """The environment has dango, and a dlt that uv knows of: this version, without its 150 MB."""
    job = Job(tmp_path / "shop", tmp_path / "step")
    (job.folder / "uv/bin").mkdir(parents=True)
    (job.folder / "uv/bin/uv").symlink_to(UV)
    subprocess.run([UV, "venv", "-q", "--no-config", "--python", sys.executable, job.folder / "env"], check=True)
    own = wheel(links, "dlt", dlt.__version__, files=OURS)
    command = [UV, "pip", "install", "-q", "--no-config", "--offline", "--no-index"]
    subprocess.run([*command, "--python", job.folder / "env/bin/python", own], check=True)
    (job.packages / "tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n")
    return job


def here(*lines):
    return "\n".join(["--no-index", "--find-links ../vendor", *lines, ""])


def test_what_the_file_names_is_installed_with_what_it_needs_and_dlt_stays(job, links):
    brought = {"parcel.py": "", "tests/__init__.py": "", "parcel.pth": "import parcel\n"}
    wheel(links, "parcel", needs=["dlt>=1", "stamp"], files=brought)
    wheel(links, "stamp", "2.0")
    text = "\ufeff# für custom_sources\r\nparcel>=1, \\\r\n  <2  # postage\r\n" + "# a long file\r\n" * 10_000
    with serving(links, login="reader:pa55word") as index:
        address = index.url.replace("://", "://reader:pa55word@")
        code, out = job.run(text, PIP_INDEX_URL=address)

    assert code == 0, out
    assert "installed 1 requirement of .dango/requirements.txt" in out
    assert (job.packages / "parcel.py").exists()
    assert (job.packages / "stamp.py").read_text() == "VERSION = '2.0'\n"
    assert not any(path.startswith("/files/dlt") for path in index.asked), "it was there"
    assert (job.packages / "dlt/version.py").read_text() == "OURS = True\n"
    assert "`parcel`: `.pth` files are left out" in out
    assert not (job.packages / "parcel.pth").exists()
    assert [line for line in out.splitlines() if "pa55word" in line] == ["::add-mask::pa55word"]


@pytest.mark.parametrize("text", [b"", b"# nothing yet\n\n", b"\xef\xbb\xbf--no-index\n"])
def test_a_file_that_asks_for_nothing_says_nothing(job, text):
    assert job.run(text) == (0, "")


def test_code_is_built_only_if_its_name_is_given_and_sees_no_secret(job, links):
    sdist(links, "parcel")
    [(place, said)] = job.refused(here("parcel"))
    assert place == ".dango/requirements.txt:3:1"
    assert "`--no-binary parcel` lets its code be built" in said
    assert not (job.packages / "parcel.py").exists()

    code, out = job.run(here("parcel", "--no-binary parcel"))
    assert code == 0, out
    seen = (job.packages / "parcel.py").read_text()
    assert "PATH" in seen
    assert KEY not in seen
    assert "GITHUB" not in seen

    sdist(links, "leaky", fails=True)
    code, out = job.run(here("leaky", "--no-binary leaky"), UV_INDEX_SHOP_PASSWORD="pa55word")
    assert code == 3
    assert "'UV_INDEX_SHOP_PASSWORD': '***'" in out
    assert "pa55word" not in out.replace("::add-mask::pa55word", "")


def test_a_conflict_is_uvs_to_explain_at_each_line_that_has_one_by_itself(job, links):
    wheel(links, "dlt", "0.9")
    wheel(links, "relic", needs=["dlt<1.0"])
    wheel(links, "parcel")
    found = job.refused(here("parcel", "relic", "ghost"))

    assert [place for place, _ in found] == [".dango/requirements.txt:4:1", ".dango/requirements.txt:5:1"]
    assert f"dlt=={dlt.__version__}" in found[0][1]
    assert "ghost" in found[1][1]
    assert not (job.packages / "parcel.py").exists(), "all or nothing"


def test_two_lines_that_exclude_each_other_are_one_problem(job, links):
    wheel(links, "parcel", needs=["stamp<2"])
    wheel(links, "stamp", "1.0")
    wheel(links, "stamp", "2.0")
    [(place, said)] = job.refused(here("parcel", "stamp>=2"))

    assert place == ".dango/requirements.txt:1:1"
    assert said.startswith("these packages can't be installed together: ")


def test_an_index_that_fails_is_no_conflict_and_its_password_is_not_shown(job, links):
    with serving(links, status=503) as index:
        address = index.url.replace("://", "://reader:pa55word@")
        code, out = job.run("parcel\nstamp\n", UV_INDEX_URL=address)
    assert code == 3
    assert "uv could not look for the packages: " in out
    _, wrong = job.run("parcel\n", UV_INDEX_URL="http://reader:pa55word@[bad/simple")
    assert "http://***@[bad/simple" in wrong
    assert "pa55word" not in (out + wrong).replace("::add-mask::pa55word", "")
    assert "pa55word" not in (job.folder / "summary.md").read_text()


@pytest.mark.parametrize(
    ("needs", "digest", "right"), [(["dlt"], "", True), (["dlt"], "0" * 64, False), (["stamp"], "", False)]
)
def test_hashes_of_the_user_are_held_against_packages_and_may_be_asked_for_everywhere(
    job, links, needs, digest, right
):
    wheel(links, "stamp")
    own = hashlib.sha256(wheel(links, "parcel", needs=needs).read_bytes()).hexdigest()
    text = here("--require-hashes", f"parcel==1.0 --hash=sha256:{digest or own}")
    if right:
        assert job.run(text)[0] == 0
    else:
        [(place, said)] = job.refused(text)
        assert place == ".dango/requirements.txt:4:1"
        assert said.startswith("the packages were found, and not installed: ") == (digest != "")
    assert (job.packages / "parcel.py").exists() == right


@pytest.mark.parametrize(
    "file",
    [
        "dlt/version.py",
        "dlt/more.py",
        "dlt/__pycache__/version.cpython-311.pyc",
        "sitecustomize.py",
        "parcel-1.0.data/data/pyvenv.cfg",
    ],
)
def test_a_package_may_not_bring_what_is_dangos_or_runs_at_every_start(job, links, file):
    wheel(links, "parcel", files={file: "print('theirs')\n", "tests/__init__.py": ""})
    [(place, said)] = job.refused(here("parcel"))

    assert place == ".dango/requirements.txt:1:1"
    assert said.startswith(
        "`parcel` brings files that belong to dango's own packages, or run whenever Python starts"
    )
    assert said.partition(": ")[2].splitlines()[0] == f"`{file.rpartition('data/data/')[2]}`"


# event, payload -> whether something is fetched
EVENTS = [
    ("pull_request", OWN, True),
    ("pull_request", FORK, False),
    ("pull_request_target", OWN, False),
    ("push", {"ref": "refs/heads/side", "repository": {"default_branch": "main"}}, False),
]


@pytest.mark.parametrize(("event", "payload", "installed"), EVENTS)
def test_nothing_is_fetched_for_a_fork(job, links, event, payload, installed):
    wheel(links, "parcel")
    with serving(links) as index:
        code, out = job.run(f"--index-url {index.url}\nparcel\n", event=event, payload=payload)

    assert code == 0, out
    assert bool(index.asked) == installed == (job.packages / "parcel.py").exists()
    assert ("are not installed: " in out) == (not installed)
    assert ("::notice" in out) == (payload is FORK)


def test_a_dry_run_installs_nothing_and_a_pull_requests_check_says_what_is_wrong_itself(job, links):
    wheel(links, "parcel")
    code, out = job.run(here("parcel"), DANGO_INPUT_DRY_RUN="true")
    assert (code, out) == (
        0,
        "the packages of .dango/requirements.txt are not installed: a dry run does nothing\n",
    )
    assert job.run("no requirement\n", event="pull_request", payload=OWN) == (0, "")
    assert job.run("parcel\n", DANGO_INPUT_WORKING_DIRECTORY="../..") == (0, ""), "the run says so"


def test_a_step_that_is_cancelled_ends_uv(job, links):
    with serving(links, held=threading.Event()) as index:
        process = job.start(f"--index-url {index.url}\nparcel\n")
        assert index.reached.wait(30)
        [uv] = children(process.pid)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
        index.held.set()

    assert process.returncode == 130, out
    assert not Path(f"/proc/{uv}").exists()


def children(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_validate_reports_the_file_without_installing(project):
    project.sources()
    project.write(".dango/requirements.txt", "parcel>=1\nduckdb==1.2\nno requirement\n")
    done = project.dango("config", "validate")

    assert done.code == 3
    assert ".dango/requirements.txt:2:1: `==1.2` for duckdb: this version of dango has duckdb 1." in done.out
    assert ".dango/requirements.txt:3:1: this is no requirement: `no requirement`" in done.out
