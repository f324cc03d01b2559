import os
from importlib import metadata

import pytest

from dango_action.requirements.lines import lines
from dango_action.requirements.read import read

DLT = metadata.version("dlt")
SECRET = "hunter2"


@pytest.fixture
def asked(tmp_path):
    (tmp_path / "shop/.dango").mkdir(parents=True)
    (tmp_path / "shop/vendor").mkdir()
    (tmp_path / "shop/vendor/parcel-1.0-py3-none-any.whl").touch()
    (tmp_path / "shop/vendor/parcel-1.0.tar.gz").touch()
    (tmp_path / "outside.txt").write_text("stamp\n")

    def ask(text, **files):
        for name, content in {"requirements": text, **files}.items():
            data = content if isinstance(content, bytes) else content.encode()
            (tmp_path / f"shop/.dango/{name}.txt").write_bytes(data)
        return read(tmp_path / "shop")

    ask.project = tmp_path / "shop"
    return ask


def said(asked):
    return [f"{problem.at.line}:{problem.at.column} {problem.what}" for problem in asked.problems]


# a line -> what uv is given
SOUND = [
    ("Stamp_Album[mint] >=1,<2 ; python_version > '3'", 'Stamp_Album[mint]<2,>=1; python_version > "3"'),
    (f"dlt[filesystem]=={DLT}", f"dlt[filesystem]=={DLT}"),
    ("dlt<1; python_version < '3'", 'dlt<1; python_version < "3"'),
    ("stamp==1 --hash=sha256:" + "a" * 64, "stamp==1 --hash=sha256:" + "a" * 64),
    (f"stamp==1 \\\n --hash=sha256:{'a' * 64} --hash sha512:{'b' * 128} # two", f"stamp==1 --hash=sha256:{'a' * 64} --hash=sha512:{'b' * 128}"),
    ("https://shop.example/stamp-1.0-py3-none-any.whl", "stamp@ https://shop.example/stamp-1.0-py3-none-any.whl"),
    ("stamp @ https://shop.example/stamp-1.0-py3-none-any.whl#sha256=ab", "stamp@ https://shop.example/stamp-1.0-py3-none-any.whl#sha256=ab"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "given"), SOUND)
def test_a_sound_line_is_handed_on(asked, line, given):
    found = asked(f"{line}\n")

    assert said(found) == []
    assert [one.line.replace(" @ ", "@ ") for one in found.wanted] == [given]


def test_a_wheel_of_the_project_is_given_by_its_real_path(asked):
    found = asked("./vendor/parcel-1.0-py3-none-any.whl\nother @ vendor/parcel-1.0.tar.gz\n--no-binary Other\n")

    uri = (asked.project / "vendor").resolve().as_uri()
    assert said(found) == []
    assert [one.line.replace(" @ ", "@ ") for one in found.wanted] == [
        f"parcel@ {uri}/parcel-1.0-py3-none-any.whl",
        f"other@ {uri}/parcel-1.0.tar.gz",
    ]


# a line -> what is wrong with it, at its first letter
WRONG = [
    ("no requirement", "this is no requirement: `no requirement`"),
    ("dlt<1.0", f"`<1.0` for dlt: this version of dango has dlt {DLT}"),
    ("dango-action @ https://shop.example/x-1-py3-none-any.whl", "an address for dango-action: this version of dango has dango-action 0.1.0"),
    ("-c bounds.txt", f"`==0.1` for dlt: this version of dango has dlt {DLT}"),
    ("-e .", "nothing is installed so that it can be edited"),
    ("./vendor/parcel-1.0.tar.gz", "this is not the name of a wheel"),
    ("parcel @ ./vendor/parcel-1.0.tar.gz", "`parcel` is no wheel, so it would have to be built"),
    ("parcel @ git+https://shop.example/parcel.git", "`parcel` is no wheel, so it would have to be built"),
    ("parcel @ git+https://shop.example/parcel.whl", "`parcel` is no wheel, so it would have to be built"),
    ("dlt; sys_platform ~= 'linux'", "what stands behind `;` can't be compared"),
    ("-c code.txt", "`parcel` is no wheel, so it would have to be built"),
    ("./vendor/none-1.0-py3-none-any.whl", "there is no such file or folder"),
    ("../outside-1.0-py3-none-any.whl", "this path leads out of the project"),
    ("-r ../../outside.txt", "this path leads out of the project"),
    ("-r/etc/passwd", "this path leads out of the project"),
    ("--find-links=file:///etc", "this path leads out of the project"),
    ("-r", "`--requirement` lacks its value"),
    ("--index-url", "`--index-url` lacks its value"),
    (f"--index-url https://reader:{SECRET}@shop.example/simple", "there is a login in this address"),
    (f"https://{SECRET}@shop.example/stamp-1.0-py3-none-any.whl", "there is a login in this address"),
    (f"stamp @ ftp://reader:{SECRET}@shop.example/stamp.whl", "this address can't be used"),
    ("--extra-index-url https://${TOKEN}@shop.example", "variables are not filled in here"),
    ("--no-binary :all:", "code is built only of packages that are named"),
    ("--trusted-host shop.example", "the option `--trusted-host` has no meaning here"),
    ("--index-url 'https://shop.example", "a quotation mark has no partner"),
    ("stamp==1 --hash=md5:abc", "this hash is none that can be compared"),
    (f"stamp {'-' * 5000}", "this is longer than 4,096 characters"),
    ("stamp\x00", "the file has NUL bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "what"), WRONG)
def test_what_is_wrong_is_said_with_its_place_and_without_a_password(asked, line, what):
    found = asked(
        f"# ours\n  {line}\n", bounds="\ndlt==0.1\n", code="\nparcel @ https://shop.example/parcel.zip\n"
    )

    [problem] = found.problems
    assert problem.what == what
    assert problem.at.line == 2
    assert problem.hint
    assert SECRET not in str(problem)


def test_all_problems_are_said_at_once_and_lines_are_counted_as_editors_do(asked):
    found = asked(b"\xef\xbb\xbfstamp>=1, \\\r\n <2\r\n\r\nduckdb==0.1\r\n# \\\r\n-e .\r\n--require-hashes\r\n")

    assert [line[:3] for line in said(found)] == ["4:1", "6:1", "1:1"]
    assert found.problems[-1].what == "`stamp` has no hash, and `--require-hashes` stands in the file"


def test_files_may_include_each_other_and_count_their_own_lines(asked):
    found = asked("-r more.txt\n-c bounds.txt\n", more="parcel\n-r requirements.txt\n-e .\n", bounds="six<2\n")

    assert [one.line for one in found.wanted] == ["parcel"]
    assert [one.line for one in found.bounds] == ["six<2"]
    [problem] = found.problems
    assert str(problem.at) == ".dango/more.txt:3:1"


def test_files_include_each_other_so_far_and_no_further(asked):
    chain = {f"more{number}": f"-r more{number + 1}.txt\n" for number in range(60)}
    found = asked("-r more0.txt\n", **chain)

    assert [(str(problem.at), problem.what) for problem in found.problems] == [
        (".dango/more48.txt:1:1", "too many files include each other")
    ]


def test_a_file_that_is_none_is_refused_without_waiting_for_it(asked):
    os.mkfifo(asked.project / ".dango/requirements.txt")
    assert [problem.what for problem in read(asked.project).problems] == ["this is not a file"]
    for target, what in (("../../outside.txt", "leads out of the project"), ("requirements.txt", "no such file")):
        (asked.project / ".dango/requirements.txt").unlink()
        (asked.project / ".dango/requirements.txt").symlink_to(target)
        [problem] = read(asked.project).problems
        assert what in problem.what


def test_a_comment_needs_a_blank_before_it_and_an_address_has_none():
    text = "a #one\nb#two\n\\\n  c \\\n# three\n"
    assert [(line.text, line.at.line) for line in lines(text, "f")] == [("a", 1), ("b#two", 2), ("c", 3)]


@pytest.mark.parametrize("text", [" " * 500_000 + "x", "a " * 250_000 + "--hash", "\\\n" * 250_000, "'" * 500_000])
def test_a_hostile_file_is_read_in_time(asked, text):
    assert len(asked(text).problems) <= 1
