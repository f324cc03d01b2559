import io
import re

import pytest

from dango_action.errors import Position, Problem
from dango_action.github.commands import (
    ANNOTATIONS,
    LARGEST_SUMMARY,
    LONGEST_MESSAGE,
    Runner,
    folder_in,
    write_summary,
)


def written(act, **options):
    stream = io.StringIO()
    act(Runner(stream, **options))
    return stream.getvalue()


def test_output_of_a_source_cannot_give_commands_to_the_runner():
    stream = io.StringIO()
    Runner(stream).group("shop", ["::set-env name=A::x", "::endgroup::"])

    lines = stream.getvalue().splitlines()
    token = lines[1].removeprefix("::stop-commands::")
    assert lines == [
        "::group::shop",
        f"::stop-commands::{token}",
        "| ::set-env name=A::x",
        "| ::endgroup::",
        f"::{token}::",
        "::endgroup::",
    ]
    assert len(token) == 32


def test_an_annotation_escapes_what_it_says():
    stream = io.StringIO()
    Runner(stream).error("a,b:c", Problem(what="1\n2", hint="%", at=Position(file="f", line=2, column=3)))

    assert stream.getvalue() == "::error title=a%2Cb%3Ac,file=f,line=2,col=3::1%0A2%0A%25\n"


def test_a_line_of_ours_that_quotes_something_is_no_command():
    said = written(lambda runner: runner.line("bad: ##[set-output name=a]b\n  ::error::c"))

    assert said == "bad: ## [set-output name=a]b\n|   ::error::c\n"


def test_a_traceback_of_a_source_does_not_set_off_the_matcher_of_setup_python():
    matcher = re.compile(r"^\s*File\s\"(.*)\",\sline\s(\d+),\sin\s(.*)$", re.MULTILINE)
    line = '  File "shop.py", line 3, in orders'
    assert matcher.search(line)

    assert not matcher.search(written(lambda runner: runner.group("log", [line])))


def test_a_place_is_counted_from_the_top_of_the_repository():
    problem = Problem(what="w", hint="h", at=Position(file=".dango/sources.yml", line=2, column=3))

    said = written(lambda runner: runner.error("t", problem), folder="ingest")

    assert said == "::error title=t,file=ingest/.dango/sources.yml,line=2,col=3::w%0Ah\n"


def test_no_more_annotations_are_sent_than_github_shows_and_the_last_one_says_so():
    def act(runner):
        for number in range(30):
            runner.error("t", Problem(what=f"problem {number}", hint=""))
        runner.notice("t", Problem(what="a notice", hint=""))

    errors, notices = [], []
    for line in written(act).splitlines():
        (errors if line.startswith("::error") else notices).append(line)

    assert len(errors) == ANNOTATIONS == 9
    assert "GitHub shows no more" not in errors[-2]
    assert "GitHub shows no more than these" in errors[-1]
    assert "problem 8" in errors[-1]
    assert len(notices) == 1


def test_a_long_message_is_cut_where_the_runner_would_cut_it():
    said = written(lambda runner: runner.error("t", Problem(what="x" * 10_000, hint="")))

    assert len(said.partition("::error title=t::")[2].rstrip("\n")) == LONGEST_MESSAGE


def test_a_secret_is_masked_whole_and_line_by_line():
    said = written(lambda runner: runner.mask("one\r\n two% \n\none\n"))

    assert said.splitlines() == ["::add-mask::one%0D%0A two%25 %0A%0Aone", "::add-mask::one", "::add-mask::two%25"]
    assert written(lambda runner: runner.mask(" \n ")) == ""


def test_texts_are_masked_as_they_are_and_once():
    said = written(lambda runner: runner.mask_all(["a%b", "two\nlines", "a%b", " "]))

    assert said.splitlines() == ["::add-mask::a%25b", "::add-mask::two%0Alines"]


def test_outputs_may_hold_any_text(tmp_path, monkeypatch):
    file = tmp_path / "output"
    file.touch()
    monkeypatch.setenv("GITHUB_OUTPUT", str(file))

    Runner(io.StringIO()).outputs({"a": "1\nb=2", "c": "ghadelimiter_"})

    lines = file.read_text().splitlines()
    delimiter = lines[0].removeprefix("a<<")
    assert lines[:4] == [f"a<<{delimiter}", "1", "b=2", delimiter]
    assert lines[5] == "ghadelimiter_"
    assert lines[4].removeprefix("c<<") != delimiter


@pytest.mark.parametrize("line", ["x" * 99, "€" * 33])
def test_a_summary_stays_below_the_size_that_github_refuses_whole(tmp_path, line):
    file = tmp_path / "summary"
    file.write_text("before\n")

    write_summary(file, f"{line}\n" * 20_000)

    text = file.read_text()
    assert LARGEST_SUMMARY - 300 < file.stat().st_size <= LARGEST_SUMMARY
    assert text.startswith(f"before\n{line}\n")
    assert "A job summary ends at 1 MiB" in text.splitlines()[-1].replace("a job", "A job")
    write_summary(file, "more\n" * 100)
    assert file.stat().st_size <= LARGEST_SUMMARY


def test_a_small_summary_is_written_as_it_is(tmp_path):
    file = tmp_path / "summary"
    write_summary(file, "## é\n")
    write_summary(file, "more\n")

    assert file.read_text(encoding="utf-8") == "## é\nmore\n"


def test_the_folder_of_a_project_is_its_path_in_the_repository(tmp_path):
    assert folder_in(tmp_path, tmp_path) == ""
    assert folder_in(tmp_path, tmp_path / "a/b") == "a/b"
    assert folder_in(tmp_path / "a", tmp_path) == ""
