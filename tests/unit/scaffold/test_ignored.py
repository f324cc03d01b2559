import pytest

from dango_action.scaffold.ignored import WANTED, extended


def lines(content):
    return [line for line in content.decode().splitlines() if line and not line.startswith("#")]


def test_a_missing_file_gets_every_line():
    assert lines(extended(b"")) == list(WANTED)


@pytest.mark.parametrize(
    "before", [b"", b".env", b"*.log\n.env\n", b"a\r\n.env\r\n", b"a\r\n.env", b"\xef\xbb\xbf.env\n"]
)
def test_only_missing_lines_are_added_and_the_second_time_none(before):
    once = extended(before)

    assert once.startswith(before)
    assert sorted(set(WANTED) & set(lines(once.removeprefix(b"\xef\xbb\xbf")))) == sorted(WANTED)
    assert lines(once).count(".env") <= 1
    assert extended(once) == once


def test_the_last_line_without_an_end_stays_a_line_of_its_own():
    assert extended(b"*.log").startswith(b"*.log\n")


def test_a_file_with_crlf_keeps_it():
    assert extended(b"a\r\nb").replace(b"\r\n", b"").count(b"\n") == 0


def test_a_folder_of_the_name_does_not_hide_the_file_and_its_secrets():
    assert ".env" in lines(extended(b".env/\n"))


def test_bytes_that_are_no_text_stay_as_they_are():
    assert extended(b"caf\xe9\n").startswith(b"caf\xe9\n")
