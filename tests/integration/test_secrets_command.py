"""`dango secrets` as people and scripts use it: pipes, prompts, two at once, broken places."""

import json
import os
import pty
import re
import resource
import select
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from commands import DANGO, Done

from dango_action.credentials.document import read
from dango_action.credentials.keys import KeyRing, PrivateKey
from dango_action.credentials.sealed import open_entries, seal

CANARY = "hunter2-canary"
SHOP = """
import dlt

@dlt.source
def source():
    yield dlt.resource([{"id": 1}], name="orders")
"""
SECRET = r"dango-secret-v1\.[A-Za-z0-9_-]{43}"


@pytest.fixture
def vault(project):
    """A project with a document and a kept key."""
    project.sources("shop", "orders")
    done = secrets(project, "init")
    assert done.code == 0, done
    return project


def secrets(project, *arguments, given=b"", cwd=None, **variables):
    done = subprocess.run(
        [DANGO, "secrets", *arguments],
        cwd=cwd or project.path,
        env=project.environ(**variables),
        input=given.encode() if isinstance(given, str) else given,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def ok(project, *arguments, **options):
    done = secrets(project, *arguments, **options)
    assert done.code == 0, done
    return done


def file_of(project):
    return project.path / ".dango/secrets.enc.yml"


def keys_folder(project):
    return project.home / ".config/dango/keys"


def opened(project, keys=None):
    """What the document holds, opened with the given keys or the kept one."""
    found = read(project.path)
    assert found.problems == ()
    values, problems = open_entries(found.entries, KeyRing.of(keys or ok(project, "key").out), found.entries)
    assert problems == []
    return {".".join(path): value for path, value in values.items()}


def test_init_prints_the_private_key_alone_and_keeps_it_for_this_user_alone(project):
    project.sources("shop")

    done = ok(project, "init")

    assert re.fullmatch(f"{SECRET}\n", done.out)
    key = PrivateKey.parse(done.out.strip())
    [kept] = keys_folder(project).iterdir()
    assert (kept.name, kept.read_text()) == (key.public.id, done.out)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    assert read(project.path).key == key.public
    assert yaml.safe_load(file_of(project).read_text()) == {"version": 1, "key": key.public.text, "secrets": {}}
    assert done.out.strip() not in done.err + file_of(project).read_text()
    assert {path.name for path in (project.path / ".dango").iterdir()} == {"sources.yml", "secrets.enc.yml"}


def test_a_second_init_changes_nothing_and_prints_no_key(vault):
    before = file_of(vault).read_bytes()

    done = secrets(vault, "init")

    assert (done.code, done.out) == (2, "")
    assert "exists already" in done.err
    assert file_of(vault).read_bytes() == before
    assert len(list(keys_folder(vault).iterdir())) == 1


def test_a_key_that_is_not_kept_is_printed_only(project):
    project.sources("shop")

    done = ok(project, "init", "--no-keep")

    assert re.fullmatch(f"{SECRET}\n", done.out)
    assert not project.home.joinpath(".config").exists()
    assert secrets(project, "key").code == 4
    assert ok(project, "key", DANGO_SECRETS_KEY=done.out).out == done.out


@pytest.mark.parametrize("keep", [(), ("--no-keep",)])
def test_a_public_key_whose_private_key_nobody_took_is_never_written(project, keep):
    project.sources("shop")
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        [DANGO, "secrets", "init", *keep],
        cwd=project.path,
        env=project.environ(),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)

    assert done.returncode == 2
    assert "can't be printed" in done.stderr
    assert not file_of(project).exists()
    closed = project.shell("dango secrets init --no-keep >&-")
    assert closed.code != 0, closed
    assert not file_of(project).exists()
    full = project.shell("dango secrets init --no-keep > /dev/full")
    assert full.code == 2, full
    assert not file_of(project).exists()


def test_a_value_comes_by_a_pipe_and_loses_one_final_newline(vault):
    for number, given in enumerate(
        [CANARY, f"{CANARY}\n", f"{CANARY}\r\n", f"{CANARY}\n\n", f" {CANARY} \n", "é\n"]
    ):
        done = ok(vault, "set", f"sources.shop.k{number}", given=given)
        assert CANARY not in done.out + done.err
        assert done.out == ""

    values = opened(vault)
    assert list(values.values()) == [CANARY, CANARY, CANARY, f"{CANARY}\n", f" {CANARY} ", "é"]
    assert CANARY not in file_of(vault).read_text()


def test_a_secret_is_one_line_and_the_next_value_of_it_too(vault):
    ok(vault, "set", "sources.shop.a", given="1")
    before = file_of(vault).read_text().splitlines()

    ok(vault, "set", "sources.shop.b", given="2")
    ok(vault, "set", "PLAIN", given="3")
    ok(vault, "set", "sources.shop.b", given="4")

    after = file_of(vault).read_text().splitlines()
    assert after[: len(before)] == before
    assert [line.strip().split(":")[0] for line in after[len(before) :]] == ["sources.shop.b", "PLAIN"]
    assert opened(vault) == {"sources.shop.a": "1", "sources.shop.b": "4", "PLAIN": "3"}


def test_json_keeps_types_and_a_file_is_text_unless_it_is_said_to_be_json(vault):
    account = '{\n  "type": "service_account",\n  "key": "-----\\nx"\n}\n'
    file = vault.write("account.json", account)

    ok(vault, "set", "sources.shop.number", "--json", given="42\n")
    ok(vault, "set", "sources.shop.object", "--json", given='{"a": [true, 1.5, "é"]}')
    ok(vault, "set", "sources.shop.text", "--file", file)
    ok(vault, "set", "sources.shop.parsed", "--file", file, "--json")

    assert opened(vault) == {
        "sources.shop.number": 42,
        "sources.shop.object": {"a": [True, 1.5, "é"]},
        "sources.shop.text": account,
        "sources.shop.parsed": json.loads(account),
    }


@pytest.mark.parametrize(
    ("arguments", "given", "reason"),
    [
        ([], b"", "it is empty"),
        ([], b"\n", "it is empty"),
        ([], b"hunter2-canary\0", "NUL"),
        ([], b"hunter2-canary\xff", "not UTF-8"),
        ([], b"enc:v1:hunter2-canary", "sealed already"),
        ([], b"x" * 98305, "96 KiB"),
        ([], b"x" * 1_000_000, "96 KiB"),
        (["--json"], b"null", "it is null"),
        (["--json"], b'""', "it is empty"),
        (["--json"], b"hunter2-canary", "not JSON, at line 1, column 1"),
        (["--json"], b"[NaN]", "can't be used"),
        (["--json"], b'"\\ud800"', "surrogate"),
        (["--json"], b"[" * 90_000, "can't be used"),
        (["--json"], b"9" * 5000, "can't be used"),
        (["--file", "nowhere"], b"", "does not exist"),
        (["--file", ".dango"], b"", "is a directory"),
        ([CANARY], b"", "the value is no argument"),
    ],
)
def test_what_is_no_value_is_refused_with_the_reason_and_never_shown(vault, arguments, given, reason):
    before = file_of(vault).read_bytes()

    done = secrets(vault, "set", "sources.shop.key", *arguments, given=given)

    assert done.code == 2, done
    assert reason in done.err
    assert CANARY not in done.out + done.err
    assert file_of(vault).read_bytes() == before


@pytest.mark.parametrize("path", [f"a={CANARY}", "a..b", "", "é", "a b", f"a: {CANARY}", "a\nb", "x" * 501])
def test_what_is_no_path_is_refused_and_not_shown(vault, path):
    done = secrets(vault, "set", path, given="x")

    assert done.code == 2, done
    assert "PATH number 1 can't be used" in done.err
    assert CANARY not in done.err


def at_a_terminal(project, *arguments, typed):
    """Run a command on a terminal of its own, and type a line at each prompt."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(project.path)
        os.execve(DANGO, [DANGO, "secrets", *arguments], project.environ(TERM="dumb"))
    shown, waiting, end = b"", list(typed), time.monotonic() + 30
    while time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 1)
        try:
            piece = os.read(terminal, 4096) if ready else b""
        except OSError:  # Linux says so when the other side has closed
            break
        if ready and not piece:
            break
        shown += piece
        if waiting and shown.endswith(b": "):
            time.sleep(0.05)  # the prompt is written before the echo is off
            os.write(terminal, waiting.pop(0) + b"\n")
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode()


def test_at_a_terminal_the_value_is_asked_for_twice_and_not_shown(vault):
    typed = CANARY.encode()

    code, shown = at_a_terminal(vault, "set", "sources.shop.key", typed=[typed, b"other", typed, typed])

    assert code == 0, shown
    assert CANARY not in shown
    assert "do not match" in shown
    assert opened(vault) == {"sources.shop.key": CANARY}


def test_at_a_terminal_a_value_that_it_may_have_cut_is_refused(vault):
    typed = b"x" * 5000

    code, shown = at_a_terminal(vault, "set", "sources.shop.key", typed=[typed, typed])

    assert code == 2, shown
    assert "a terminal cuts lines" in shown
    assert opened(vault) == {}


def test_at_a_terminal_init_says_how_to_store_the_key(project):
    project.sources("shop")

    code, shown = at_a_terminal(project, "init", typed=[])

    assert code == 0
    assert len(re.findall(SECRET, shown)) == 1
    assert "store it: dango secrets key | gh secret set DANGO_SECRETS_KEY" in shown


def test_only_who_opens_needs_the_private_key(vault, tmp_path):
    ok(vault, "set", "sources.shop.key", given=CANARY)
    elsewhere = {"HOME": str(tmp_path)}

    ok(vault, "set", "sources.shop.other", given="x", **elsewhere)
    ok(vault, "list", **elsewhere)
    ok(vault, "unset", "sources.shop.other", **elsewhere)
    for command in (["key"], ["mv", "sources.shop.key", "A"], ["rotate"]):
        done = secrets(vault, *command, **elsewhere)
        assert (done.code, done.out) == (4, ""), (command, done)
        assert CANARY not in done.err
    ok(vault, "mv", "sources.shop.key", "A", **elsewhere, DANGO_SECRETS_KEY=ok(vault, "key").out)

    assert opened(vault) == {"A": CANARY}


def test_a_key_that_somebody_has_changed_takes_no_new_secret(vault):
    ok(vault, "set", "sources.shop.key", given="x")
    text = file_of(vault).read_text()
    other = PrivateKey.generate()
    file_of(vault).write_text(re.sub(r"key: dango\S*", f"key: {other.public.text}", text))

    for command in (["set", "A"], ["import"], ["mv", "sources.shop.key", "A"]):
        vault.write(".dlt/secrets.toml", "a = 'x'")
        done = secrets(vault, *command, given=CANARY)
        assert done.code == 4, done
        assert "has somebody changed it?" in done.err
    ok(vault, "rotate")

    values = opened(vault)
    assert values == {"sources.shop.key": "x"}


def test_a_path_that_nothing_reads_is_sealed_and_pointed_out(vault):
    def notice(path):
        return ok(vault, "set", path, given="x").err

    assert "no source `shpo`\n  did you mean `shop`?" in notice("sources.shpo.key")
    assert "nothing reads the path `source.shop.key`" in notice("source.shop.key")
    assert "nothing reads the path `my-key`" in notice("my-key")
    for path in ("sources.shop.key", "destination.motherduck.token", "SHOP_KEY", "shop.key"):
        assert "notice" not in notice(path)


def test_unset_removes_all_or_nothing(vault):
    for path in ("sources.shop.a", "sources.shop.b", "C"):
        ok(vault, "set", path, given="x")
    before = file_of(vault).read_bytes()

    done = secrets(vault, "unset", "sources.shop.a", "sources.shop.x", "D")

    assert done.code == 2
    assert "no secret `sources.shop.x`\n  did you mean `sources.shop." in done.err
    assert "no secret `D`" in done.err
    assert file_of(vault).read_bytes() == before
    ok(vault, "unset", "sources.shop.a", "C", "sources.shop.b")
    assert opened(vault) == {}


def test_mv_seals_for_the_new_path_and_overwrites_nothing(vault):
    ok(vault, "set", "sources.shop.a", given="1")
    ok(vault, "set", "sources.shop.b", given="2")

    assert "already" in secrets(vault, "mv", "sources.shop.a", "sources.shop.b").err
    assert "did you mean" in secrets(vault, "mv", "sources.shop.z", "A").err
    ok(vault, "mv", "sources.shop.a", 'sources."a.b".key')

    assert opened(vault) == {"sources.a.b.key": "1", "sources.shop.b": "2"}


def test_list_shows_paths_keys_and_ages_and_no_value(vault):
    assert ok(vault, "list", "--json").document["secrets"] == []
    ok(vault, "set", "sources.shop.key", given=CANARY)
    file = file_of(vault)
    file.write_text(f"{file.read_text()}  CLEAR: {CANARY}\n")

    done, as_json = secrets(vault, "list"), secrets(vault, "list", "--json")

    key_id = read(vault.path).key.id
    assert done.code == as_json.code == 4
    assert re.fullmatch(rf"sources\.shop\.key  {key_id}  \d{{4}}-\d\d-\d\d \(today\)\n", done.out)
    [secret] = as_json.document["secrets"]
    assert (secret["path"], secret["key"]) == ("sources.shop.key", key_id)
    assert "secrets.enc.yml:7:3: this value is not sealed" in done.err
    assert CANARY not in done.out + done.err + as_json.out + as_json.err


TOML = f"""
top = "t"
empty = ""
todo = "<configure me>"
[sources.shop]
api_key = "{CANARY}"
since = 2026-01-02
at = 2026-01-02T03:04:05Z
numbers = [1, 2.5, "x"]
inline = {{a = "1", b.c = true}}
nan = nan
[sources."a.b"]
"ü" = "é"
[[sources.shop.many]]
id = 1
day = 2026-01-02
[[sources.shop.many]]
id = 2
"""


def test_import_seals_every_value_and_names_what_it_leaves_out(vault):
    toml = vault.write(".dlt/secrets.toml", TOML)
    ok(vault, "set", "top", given="old")

    done = secrets(vault, "import")

    assert done.code == 4  # for the one that can't be
    assert opened(vault) == {
        "top": "t",
        "sources.shop.api_key": CANARY,
        "sources.shop.since": "2026-01-02",
        "sources.shop.at": "2026-01-02T03:04:05+00:00",
        "sources.shop.numbers": [1, 2.5, "x"],
        "sources.shop.inline.a": "1",
        "sources.shop.inline.b.c": True,
        "sources.a.b.ü": "é",
        "sources.shop.many": [{"id": 1, "day": "2026-01-02"}, {"id": 2}],
    }
    assert "sealed 9 secrets of .dlt/secrets.toml: 8 new and 1 replaced" in done.err
    assert "`empty` has no value" in done.err
    assert "`todo` has no value" in done.err
    assert "`sources.shop.nan` can't be sealed" in done.err
    assert "never commit it" in done.err
    assert CANARY not in done.out + done.err
    assert toml.read_text() == TOML
    toml.write_text(TOML.replace("nan = nan\n", ""))
    assert ok(vault, "import").err.startswith("sealed 9 secrets of .dlt/secrets.toml: 0 new and 9 replaced")


@pytest.mark.parametrize(
    ("content", "code", "reason"),
    [
        (b"a = hunter2-canary", 3, ".dlt/secrets.toml:1:5: this is not TOML"),
        (b"a = 1\n[a]\nb = 'hunter2-canary'", 3, ":2:3: this is not TOML"),
        (b"a = '\xff'", 3, "not UTF-8"),
        (b"a = " + b"[" * 50_000, 3, "this is not TOML"),
        (b"a." * 5000 + b"a = 'hunter2-canary'", 3, "nested too deeply"),
        (b"x = [{" + b"a." * 5000 + b"a = 'hunter2-canary'}]", 3, "nested too deeply"),
        (None, 2, "No such file"),
    ],
)
def test_import_of_what_is_no_toml_says_where_and_shows_nothing(vault, content, code, reason):
    before = file_of(vault).read_bytes()
    if content is not None:
        vault.write(".dlt/secrets.toml", "").write_bytes(content)

    done = secrets(vault, "import")

    assert done.code == code, done
    assert reason in done.err
    assert CANARY not in done.err
    assert file_of(vault).read_bytes() == before


def test_rotate_prints_the_new_key_and_the_old_one_and_keeps_every_line_in_its_place(vault):
    for path in ("sources.shop.a", "B"):
        ok(vault, "set", path, given=path)
    file = file_of(vault)
    file.write_text(file.read_text().replace("secrets:", "# ours\nsecrets: # all"))
    before, old, times = file.read_text().splitlines(), ok(vault, "key").out, ok(vault, "list", "--json").document

    done = ok(vault, "rotate")

    new, old_again = done.out.splitlines()
    assert f"{old_again}\n" == old
    assert ok(vault, "key").out == f"{new}\n"
    assert opened(vault, new) == {"sources.shop.a": "sources.shop.a", "B": "B"}
    after = file.read_text().splitlines()
    assert [line.split(":")[0] for line in after] == [line.split(":")[0] for line in before]
    assert "# ours" in after
    listed = ok(vault, "list", "--json").document["secrets"]
    assert [one["sealed_at"] for one in listed] == [one["sealed_at"] for one in times["secrets"]]
    assert {one["key"] for one in listed} == {PrivateKey.parse(new).public.id}
    assert "dango secrets key | gh secret set DANGO_SECRETS_KEY" in done.err
    assert new not in done.err


def test_rotating_twice_before_a_commit_prints_the_key_of_the_committed_file_too(vault):
    ok(vault, "set", "A", given="x")
    done = vault.shell(
        "git init -q && git add .dango && git -c user.name=A -c user.email=a@example.org commit -qm first"
    )
    assert done.code == 0, done
    first = ok(vault, "key").out.strip()
    second = ok(vault, "rotate").out.splitlines()[0]

    third = ok(vault, "rotate").out.splitlines()

    assert third[1:] == [second, first]


def test_rotate_opens_everything_first_and_names_all_that_does_not_open(vault):
    for path in ("A", "B", "C"):
        ok(vault, "set", path, given=path)
    file = file_of(vault)
    text = file.read_text()
    a, b = (re.search(rf"  {name}: (\S+)", text)[1] for name in "AB")
    file.write_text(text.replace(a, "@").replace(b, a).replace("@", "'@'") + f"  D: {CANARY}\n")
    before = file.read_bytes()

    done = secrets(vault, "rotate")

    assert (done.code, done.out) == (4, "")
    assert done.err.count("secrets.enc.yml:") == 3
    assert CANARY not in done.err
    assert file.read_bytes() == before
    assert len(list(keys_folder(vault).iterdir())) == 1


def test_two_at_once_lose_nothing(vault):
    started = [
        subprocess.Popen(
            [DANGO, "secrets", "set", f"sources.shop.k{number}"],
            cwd=vault.path,
            env=vault.environ(),
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    for number, process in enumerate(started):
        process.stdin.write(str(number))
        process.stdin.close()
    for process in started:
        assert process.wait(60) == 0, process.stderr.read()
        process.stderr.close()

    assert opened(vault) == {f"sources.shop.k{number}": str(number) for number in range(8)}


def test_projects_that_share_a_file_by_a_link_wait_for_each_other(vault, tmp_path):
    other = tmp_path / "other"
    (other / ".dango").mkdir(parents=True)
    (other / ".dango/secrets.enc.yml").symlink_to(file_of(vault))

    script = f"exec 9<.dango; flock 9; (sleep 1; flock -u 9) & cd {other}; echo x | dango secrets set A 9<&-"
    done = vault.shell(script)

    assert done.code == 0, done
    assert "waiting for another" in done.err
    started = [
        subprocess.Popen(
            [DANGO, "secrets", "set", f"sources.shop.k{number}"],
            cwd=(vault.path, other)[number % 2],
            env=vault.environ(),
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    for number, process in enumerate(started):
        _, err = process.communicate(str(number), timeout=60)
        assert process.returncode == 0, err
    assert opened(vault) == {"A": "x"} | {f"sources.shop.k{number}": str(number) for number in range(8)}


@pytest.mark.parametrize("target", ["nothing.yml", "no/folder/nothing.yml", "secrets.enc.yml"])
def test_a_link_that_leads_to_nothing_is_called_so_by_every_command(project, target):
    project.sources("shop")
    file_of(project).symlink_to(target)
    project.write(".dlt/secrets.toml", "a = 'x'")

    for command in (
        ["init"],
        ["key"],
        ["set", "A"],
        ["unset", "A"],
        ["mv", "A", "B"],
        ["list"],
        ["rotate"],
        ["import"],
        ["check"],
    ):
        done = secrets(project, *command, given="x")
        said = done.out + done.err
        assert done.code == 4, (command, done)
        if target == "secrets.enc.yml":
            assert "Too many levels of symbolic links" in said
        else:
            assert f"this is a link to {target}, where there is no file\n  put that file back, or remove" in said
    assert project.dango("config", "validate").code == 3
    assert file_of(project).is_symlink()


CLASHES = [
    ("sources.shop.k", "sources.shop.k.z", "`sources.shop.k` has a value, and other values below it"),
    ("sources.shop.k.z", "sources.shop.k", "`sources.shop.k` has a value, and other values below it"),
    ("sources.shop.api_key", "sources.shop.Api_Key", "are one variable for dlt: SOURCES__SHOP__API_KEY"),
    ("sources.shop.a.b", "sources.shop.a__b", "are one variable for dlt: SOURCES__SHOP__A__B"),
]


@pytest.mark.parametrize(("first", "second", "reason"), CLASHES)
def test_a_path_in_whose_way_another_one_stands_is_refused_before_anything_is_sealed(vault, first, second, reason):
    ok(vault, "set", first, given="x")
    ok(vault, "set", "B", given="x")
    before = file_of(vault).read_bytes()
    vault.write(".dlt/secrets.toml", f"c = 'x'\n{second} = 'y'\n")

    for command in (["set", second], ["mv", "B", second], ["import"]):
        done = secrets(vault, *command, given=CANARY)
        assert done.code == 2, (command, done)
        assert reason in done.err
        assert ".dango/secrets.enc.yml:" in done.err
        assert "nothing was changed" in done.err

    assert file_of(vault).read_bytes() == before
    ok(vault, "mv", first, second)
    ok(vault, "set", second, given="z")
    assert opened(vault) == {second: "z", "B": "x"}


@pytest.mark.parametrize(("first", "second", "reason"), CLASHES)
def test_paths_that_a_merge_has_brought_together_are_found_with_their_lines(vault, first, second, reason):
    ok(vault, "set", first, given="x")
    alone = file_of(vault).read_text()
    ok(vault, "mv", first, second)
    line = file_of(vault).read_text().splitlines()[-1]
    file_of(vault).write_text(f"{alone}{line}\n")
    vault.module("shop", SHOP)
    vault.module("orders", SHOP)

    checked, validated = secrets(vault, "check", "--json"), vault.dango("config", "validate", "--json")

    assert (checked.code, validated.code, vault.sync().code) == (4, 3, 4)
    for done in (checked, validated):
        [problem] = done.document["problems"]
        assert reason in problem["what"]
        assert problem["at"]["line"] in {6, 7}
    ok(vault, "set", second, given="y")
    ok(vault, "unset", first)
    assert opened(vault) == {second: "y"}


def test_check_finds_a_value_that_opens_and_that_no_variable_can_hold(vault):
    vault.module("shop", SHOP)
    vault.module("orders", SHOP)
    path = ("sources", "shop")
    token = seal({"a": None, "b": "x"}, path, read(vault.path).key, datetime.now(UTC))
    text = file_of(vault).read_text().replace("secrets: {}", f"secrets:\n  sources.shop: {token}")
    file_of(vault).write_text(text)

    done = secrets(vault, "check")

    assert done.code == vault.sync().code == 4
    assert "`sources.shop.a` is null, which no variable can hold" in done.out


def test_what_no_variable_can_hold_is_refused_before_it_is_sealed(vault):
    before = file_of(vault).read_bytes()
    large = f"[{2**70}]"
    vault.write(".dlt/secrets.toml", f"'a=b' = '{CANARY}'\nlarge = {large}\nfine = 'x'\n")

    null = secrets(vault, "set", "sources.shop", "--json", given=f'{{"a": null, "b": "{CANARY}"}}')
    number = secrets(vault, "set", "sources.shop.large", "--json", given=large)
    name = secrets(vault, "set", '"a=b"', given=CANARY)
    assert file_of(vault).read_bytes() == before
    imported = secrets(vault, "import")

    assert (null.code, number.code, name.code, imported.code) == (2, 2, 2, 4)
    assert "`sources.shop.a` is null" in null.err
    assert "over 64 bits" in number.err
    assert "a name that no variable can have" in name.err
    assert ".dlt/secrets.toml: `a=b` has a name that no variable can have" in imported.err
    assert ".dlt/secrets.toml: `large` is a list with an integer of over 64 bits" in imported.err
    assert CANARY not in null.err + name.err + imported.err
    assert opened(vault) == {"fine": "x"}


def test_whoever_waits_for_another_edit_says_so(vault):
    script = "exec 9<.dango; flock 9; (sleep 1; flock -u 9) & echo x | dango secrets set A 9<&-"

    done = vault.shell(script)

    assert done.code == 0, done
    assert "waiting for another" in done.err
    assert opened(vault) == {"A": "x"}


def test_a_folder_that_is_no_project_is_told_what_to_do(project):
    for command in (["init"], ["key"], ["set", "A"], ["unset", "A"], ["mv", "A", "B"], ["list"], ["rotate"]):
        done = secrets(project, *command, given="x")
        assert done.code == 2, (command, done)
        assert "run `dango init` first" in done.err
    (project.path / ".dango").mkdir()
    for command in (["key"], ["set", "A"], ["unset", "A"], ["mv", "A", "B"], ["list"], ["rotate"]):
        done = secrets(project, *command, given="x")
        assert done.code == 4, (command, done)
        assert "dango secrets init" in done.err


def test_a_full_disk_leaves_the_old_file(vault):
    ok(vault, "set", "A", given="x")
    before = file_of(vault).read_bytes()

    def no_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    done = subprocess.run(
        [sys.executable, "-X", "frozen_modules=off", DANGO, "secrets", "set", "B"],
        cwd=vault.path,
        env=vault.environ(PYTHONDONTWRITEBYTECODE="1"),
        input="y",
        capture_output=True,
        text=True,
        preexec_fn=no_room,
        check=False,
    )

    assert done.returncode == 2, done
    assert "can't be written: File too large" in done.stderr
    assert file_of(vault).read_bytes() == before
    assert not list((vault.path / ".dango").glob("*.tmp"))


def test_what_a_killed_edit_has_left_is_in_nobodys_way(vault):
    draft = vault.path / ".dango/.secrets.enc.yml.tmp"
    draft.write_text("half")

    ok(vault, "set", "A", given="x")

    assert not draft.exists()
    assert opened(vault) == {"A": "x"}


def test_mode_and_link_of_the_file_stay(vault):
    file, real = file_of(vault), vault.path / "real.yml"
    file.rename(real)
    real.chmod(0o640)
    file.symlink_to("../real.yml")

    ok(vault, "set", "A", given="x")

    assert file.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert opened(vault) == {"A": "x"}


def test_a_file_that_can_not_be_written_is_said(vault):
    before = file_of(vault).read_bytes()
    (vault.path / ".dango/.secrets.enc.yml.tmp").mkdir()

    done = secrets(vault, "set", "A", given="x")

    assert done.code == 2
    assert "can't be written" in done.err
    assert file_of(vault).read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_can_not_be_written_is_said(vault):
    (vault.path / ".dango").chmod(0o500)

    done = secrets(vault, "set", "A", given="x")

    assert done.code == 2
    assert "Permission denied" in done.err


def test_a_key_that_is_no_key_is_named_by_its_line_and_not_shown(vault):
    ok(vault, "set", "A", given="x")

    done = secrets(vault, "mv", "A", "B", DANGO_SECRETS_KEY=f"\n{CANARY}\n")

    assert done.code == 4
    assert "line 2 of DANGO_SECRETS_KEY is no private key" in done.err
    assert CANARY not in done.err


def test_keys_are_kept_where_the_user_wants_settings(project, tmp_path):
    project.sources("shop")

    ok(project, "init", XDG_CONFIG_HOME=str(tmp_path / "xdg"))

    assert len(list((tmp_path / "xdg/dango/keys").iterdir())) == 1


def test_thousands_of_secrets_can_be_imported_and_listed(vault):
    vault.write(
        ".dlt/secrets.toml", "".join(f"[sources.s{number}]\nkey = 'x{number}'\n" for number in range(3_000))
    )

    ok(vault, "import")
    ok(vault, "set", "sources.s2000.more", given="x")

    assert len(ok(vault, "list").out.splitlines()) == 3_001
    lines = file_of(vault).read_text().splitlines()
    [place] = [number for number, line in enumerate(lines) if "sources.s2000.more" in line]
    assert "sources.s2000.key" in lines[place - 1]


def test_help_is_quick_and_imports_no_cryptography():
    program = (
        "import sys\n"
        "from dango_action.cli.main import cli, run\n"
        "code = run(cli, ['secrets', '--help'])\n"
        "heavy = {'dlt', 'duckdb', 'pyarrow', 'requests', 'rich', 'cryptography'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ("init", "key", "set", "unset", "mv", "list", "import", "rotate"))


def test_an_edit_that_is_killed_at_any_time_leaves_the_old_file_or_the_new_one(vault):
    ok(vault, "set", "A", given="x")
    for number in range(12):
        before = read(vault.path).entries
        process = subprocess.Popen(
            [DANGO, "secrets", "set", f"sources.shop.k{number}"],
            cwd=vault.path,
            env=vault.environ(),
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        process.stdin.write(b"x")
        process.stdin.close()
        time.sleep(0.1 + number * 0.03)
        process.kill()
        process.wait()
        after = read(vault.path)
        assert after.problems == ()
        assert [entry.token for entry in after.entries if not entry.path[-1].startswith(f"k{number}")] == [
            entry.token for entry in before
        ]

    ok(vault, "set", "Z", given="x")
    assert {"A", "Z"} <= opened(vault).keys()
    assert not list((vault.path / ".dango").glob("*.tmp"))


def test_the_commands_of_the_docs_lead_from_secrets_toml_to_a_stored_key(project):
    page = (Path(__file__).parents[2] / "docs/secrets.md").read_text()
    first, _, rotation, after = re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    project.sources("shop")
    project.write(".dlt/secrets.toml", f"[sources.shop]\napi_key = '{CANARY}'\n")
    project.write(".gitignore", ".dlt/\n")
    # A stand-in for GitHub's command, which takes a secret and never gives it back.
    start = """
        set -eo pipefail
        gh() { [ "$1 $2 $3" = "secret set DANGO_SECRETS_KEY" ] && cat > "$HOME/stored"; }
        export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org
    """
    setup = (
        "git init -q --bare -b main ../remote.git && git init -q -b main && git remote add origin ../remote.git\n"
    )
    setup += "git config push.autoSetupRemote true && git add .dango .gitignore && git commit -qm first\n"

    done = project.shell(f"{start}{setup}{first}")
    assert done.code == 0, done
    before = (project.home / "stored").read_text()
    assert opened(project, before) == {"sources.shop.api_key": CANARY}

    done = project.shell(f"{start}{rotation}")
    assert done.code == 0, done
    both = (project.home / "stored").read_text()
    assert before in both
    assert opened(project, both) == {"sources.shop.api_key": CANARY}

    done = project.shell(f"{start}{after}")
    assert done.code == 0, done
    assert (project.home / "stored").read_text() == both.splitlines(keepends=True)[0]
    assert CANARY not in done.out + done.err
