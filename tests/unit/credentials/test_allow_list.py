import pytest

from dango_action.credentials.allow_list import base_environment, is_own
from dango_action.credentials.files import read_files, settings_problems
from dango_action.errors import ConfigError

ENVIRON = {
    "PATH": "/bin",
    "HOME": "/home/x",
    "API_KEY": "bare",
    "GITHUB_TOKEN": "ghs",
    "SOURCES__SHOP__API_KEY": "a",
    "SHOP__API_KEY": "b",
    "SOURCES__SHOP_US__API_KEY": "c",
    "SHOP_US__API_KEY": "d",
    "SHOP_EXTRA": "e",
    "EMPTY": "",
    "SOURCES__SHOP__EMPTY": "",
    "NORMALIZE__WORKERS": "2",
    "DESTINATION__DUCKDB__CREDENTIALS": "x",
}


def test_a_process_starts_with_base_variables_and_no_secret():
    base = base_environment(ENVIRON)

    assert base["PATH"] == "/bin"
    assert base["NORMALIZE__WORKERS"] == "2"
    assert base["RUNTIME__DLTHUB_TELEMETRY"] == "false"
    assert not {"API_KEY", "GITHUB_TOKEN", "SOURCES__SHOP__API_KEY", "DESTINATION__DUCKDB__CREDENTIALS"} & set(
        base
    )


def seen(source, named=()):
    return {name for name in ENVIRON if is_own(name, source, named)}


def test_a_source_sees_its_own_sections_and_what_its_configuration_names():
    assert seen("shop", ["SHOP_EXTRA"]) == {
        "SOURCES__SHOP__API_KEY",
        "SHOP__API_KEY",
        "SHOP_EXTRA",
        "SOURCES__SHOP__EMPTY",
    }


def test_a_source_whose_name_begins_like_another_one_sees_nothing_of_it():
    assert seen("shop_us") == {"SOURCES__SHOP_US__API_KEY", "SHOP_US__API_KEY"}


def test_dotenv_is_read_as_its_library_reads_it(tmp_path):
    (tmp_path / ".env").write_text("A=file\nB='two words'\n# no\nexport D=é\nE=$A\n", encoding="utf-8")

    assert read_files(tmp_path).dotenv == {"A": "file", "B": "two words", "D": "é", "E": "$A"}


def test_a_project_without_settings_files_says_nothing(tmp_path):
    files = read_files(tmp_path)

    assert (files.dotenv, files.secrets, files.config) == ({}, {}, {})


def test_a_dotenv_that_is_no_text_is_a_clear_error(tmp_path):
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe")

    with pytest.raises(ConfigError, match=r"\.env:1:1: this file cannot be read"):
        read_files(tmp_path)


def test_a_line_that_is_no_variable_has_its_place_and_not_its_text(tmp_path):
    (tmp_path / ".env").write_text("A=1\n'unclosed secret\nB=2\n", encoding="utf-8")

    [problem] = settings_problems(tmp_path)

    assert str(problem.at) == ".env:2:1"
    assert "secret" not in str(problem)


@pytest.mark.parametrize(
    ("text", "place"),
    [('[sources.a\nk = "s3cret"\n', "1:11"), ("[a]\nk = s3cret\n", "2:5"), ('k = 1\nk = "s3cret"\n', "2:1")],
)
def test_toml_that_is_none_has_its_place_and_not_its_text(tmp_path, text, place):
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/secrets.toml").write_text(text, encoding="utf-8")

    [problem] = settings_problems(tmp_path)

    assert str(problem.at).startswith(".dlt/secrets.toml:")
    assert str(problem.at).endswith(place)
    assert "s3cret" not in str(problem)


def test_sound_settings_have_no_problem(tmp_path):
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/config.toml").write_text("[sources.a]\nk = [1, 2]\n", encoding="utf-8")
    (tmp_path / ".env").write_text("\ufeff# only a comment\n", encoding="utf-8")

    assert settings_problems(tmp_path) == []


@pytest.mark.parametrize("line", ["'SHOP__A=B'=x", "A='\0'", "'\0'=a"])
def test_what_no_process_can_have_as_a_variable_has_its_line(tmp_path, line):
    (tmp_path / ".env").write_text(f"OK=1\n{line}\n")

    [problem] = settings_problems(tmp_path)

    assert (problem.at.file, problem.at.line) == (".env", 2)


@pytest.mark.parametrize("text", [f"a = {'[' * 90}{']' * 90}\n", f"{'a.' * 90}b = 1\n"])
def test_a_file_that_is_nested_too_deeply_is_a_problem(tmp_path, text):
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/secrets.toml").write_text(text)

    [problem] = settings_problems(tmp_path)

    assert "nested deeper than 64 levels" in problem.what


def test_a_byte_order_mark_is_no_problem(tmp_path):
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/secrets.toml").write_text('\ufeffa = "b"\n', encoding="utf-8")

    assert read_files(tmp_path).secrets == {"a": "b"}
