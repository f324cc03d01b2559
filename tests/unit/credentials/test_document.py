import os
import subprocess
import sys

import pytest

from dango_action.credentials.document import LARGEST, SECRETS_FILE, parse, read
from dango_action.credentials.keys import PrivateKey

KEY = PrivateKey.of(bytes(range(32)))
HEAD = f"version: 1\nkey: {KEY.public.text}\n"
CANARY = "hunter2-canary"


def said(text):
    """What is wrong, with its place."""
    found = parse(text.encode(), "f")
    assert CANARY not in repr(found)
    return [str(problem).partition("\n")[0] for problem in found.problems]


def hints(text):
    return [problem.hint for problem in parse(text.encode(), "f").problems]


def test_a_document_holds_paths_in_its_order_with_their_places():
    found = parse(f"# x\n{HEAD}secrets:\n  a.b: enc:v1:x\n  'c.\"d.e\"': enc:v2:y # z\n".encode(), "f")

    assert found.problems == ()
    assert found.key == KEY.public
    assert [(entry.path, entry.token, str(entry.at)) for entry in found.entries] == [
        (("a", "b"), "enc:v1:x", "f:5:3"),
        (("c", "d.e"), "enc:v2:y", "f:6:3"),
    ]


@pytest.mark.parametrize("secrets", ["secrets: {}", "secrets:", "secrets: null", "secrets: ~"])
def test_a_document_may_have_no_secret_yet(secrets):
    assert said(f"{HEAD}{secrets}\n") == []


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["f:1:1: the file is empty"]),
        ("- a", ["f:1:1: the file is no document of sealed secrets"]),
        (CANARY, ["f:1:1: the file is no document of sealed secrets"]),
        ("a: [", ["f:2:1: this is not valid YAML"]),
        ("secrets: {}", ["f:1:1: `version:` is missing", "f:1:1: `key:` is missing"]),
        (HEAD, ["f:1:1: `secrets:` is missing"]),
        (f"{HEAD}secrets: [a]", ["f:3:10: `secrets` must be a mapping"]),
        (f"{HEAD}secrets: {CANARY}", ["f:3:10: `secrets` must be a mapping"]),
        (f"{HEAD}secrets: {{}}\nsecret: {{}}", ["f:4:1: unknown key `secret`"]),
        (f"{HEAD}secrets: {{}}\nsources.a.b: x", ["f:4:1: unknown key `sources.a.b`"]),
        (f"{HEAD}secrets:\n  a.b: x\n  a.b: y", ["f:5:3: this key occurs twice; the first is at f:4:3"]),
        (f"{HEAD}secrets:\n  a.b: x\n  'a.\"b\"': y", ["f:5:3: this is another spelling of the path at f:4:3"]),
        (f"{HEAD}secrets:\n  a..b: x", ["f:4:3: this can't be the path of a secret: a part is missing at character 3"]),
        (f"{HEAD}secrets:\n  a: 1234", ["f:4:6: the value of `a` must be text like `enc:v1:…`: this is not sealed"]),
        (f"{HEAD}secrets:\n  a: [{CANARY}]", ["f:4:6: the value of `a` must be text like `enc:v1:…`: this is not sealed"]),
        (f"{HEAD}secrets:\n  a: {{b: {CANARY}}}", ["f:4:6: the value of `a` must be text like `enc:v1:…`: this is not sealed"]),
        (f"{HEAD}secrets:\n  a:", ["f:4:5: the value of `a` must be text like `enc:v1:…`: this is not sealed"]),
        (f"version: 2\nkey: {KEY.public.text}\nsecrets:", ["f:1:10: this document is of version 2, and this version of dango knows 1"]),
        (f"version: '1'\nkey: {KEY.public.text}\nsecrets:", ["f:1:10: `version` must be 1"]),
        (f"version: true\nkey: {KEY.public.text}\nsecrets:", ["f:1:10: `version` must be 1"]),
        (f"version: 1\nkey: {CANARY}\nsecrets:", ["f:2:6: `key` is no public key: it is not `dango-public-v1.` and 43 letters"]),
        ("version: 1\nkey: [a]\nsecrets:", ["f:2:6: `key` is no public key: it is no text"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place_and_without_any_value(text, problems):
    found = said(text)

    assert len(found) == len(problems)
    for one, start in zip(found, problems, strict=True):
        assert one.startswith(start)


def test_all_problems_come_at_once_in_the_order_of_the_file():
    found = said("version: 2\nkeys: x\nsecrets:\n  a..b: x\n  c: 1\n  d: [x]\n  d: y\n")

    assert [line.split(" ")[0] for line in found] == [
        "f:1:1:",
        "f:1:10:",
        "f:2:1:",
        "f:4:3:",
        "f:5:6:",
        "f:6:6:",
        "f:7:3:",
    ]


def test_a_wrong_key_is_answered_with_the_right_one():
    assert "did you mean `secrets`?" in hints(f"{HEAD}secrets: {{}}\nsecret: {{}}")
    assert "a secret stands below `secrets:`, with two spaces before it" in hints(f"{HEAD}secrets: {{}}\na.b: x")


def test_a_private_key_in_the_file_is_a_matter_of_its_own():
    text = f"version: 1\nkey: {KEY.text()}\nsecrets: {{}}\n"

    assert said(text) == ["f:2:6: `key` is no public key: it is a private key"]
    assert "replace them all" in hints(text)[0]
    assert KEY.text() not in repr(parse(text.encode(), "f"))


def test_a_file_that_is_too_large_or_no_text_is_a_problem():
    assert said(" " * (LARGEST + 1)) == ["f:1:1: the file is larger than 4 MiB"]
    assert parse(b"\xff", "f").problems
    assert parse(b"\xff\xfea\0", "f").problems


def test_no_file_is_no_document_and_one_that_can_not_be_read_is_a_problem(tmp_path):
    assert read(tmp_path) is None
    (tmp_path / ".dango").mkdir()
    assert read(tmp_path) is None
    file = tmp_path / SECRETS_FILE
    os.mkfifo(file)
    assert [problem.what for problem in read(tmp_path).problems] == ["this is not a file"]
    file.unlink()
    file.symlink_to(file.name)
    assert "can't be read" in read(tmp_path).problems[0].what
    file.unlink()
    file.write_text(f"{HEAD}secrets: {{}}\n")
    assert read(tmp_path) == parse(file.read_bytes(), SECRETS_FILE)


def test_ten_thousand_secrets_can_be_read():
    lines = "".join(f"  sources.s{number}.key: enc:v1:{'0' * 8}:{'A' * 160}\n" for number in range(10_000))

    found = parse(f"{HEAD}secrets:\n{lines}".encode(), "f")

    assert found.problems == ()
    assert len(found.entries) == 10_000


def test_parsing_imports_no_cryptography():
    program = (
        "import sys\n"
        "from dango_action.credentials import document, keys, sealed\n"
        f"found = document.parse({f'{HEAD}secrets: {{a: enc:v1:x}}'!r}.encode(), 'f')\n"
        "assert found.key.id and not found.problems\n"
        "keys.KeyRing.of('')\n"
        "sealed.open_entries(found.entries, keys.KeyRing(), found.entries)\n"
        "assert 'cryptography' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-P", "-c", program], check=True)
