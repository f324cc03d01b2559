import pytest

from dango_action.credentials.redaction import Redactor, toml_values


@pytest.mark.parametrize("value", ["hunter2", "12345678", "a b c", "päss", "2024-01-01x", "Basic abc=="])
def test_a_value_is_replaced_wherever_it_stands(tmp_path, value):
    origin, target = tmp_path / "a", tmp_path / "b"
    origin.write_text(f"x{value}y\n{value}\n")

    Redactor.of([value]).copy(origin, target)

    assert target.read_text() == "x***y\n***\n"


@pytest.mark.parametrize(
    "value", ["", "abc", "true", "None", "1000", "-1.5", "2024-01-01", "2024-01-01T00:00:00Z"]
)
def test_what_is_no_secret_and_stands_everywhere_stays(value):
    assert Redactor.of([value]).values == ()


def test_a_value_with_several_lines_is_hidden_line_by_line_and_the_longest_first(tmp_path):
    (tmp_path / "a").write_text("one two\r\nthree\none two\n")

    Redactor.of(["one two\nthree", "one two three"]).copy(tmp_path / "a", tmp_path / "b")

    assert (tmp_path / "b").read_bytes() == b"***\r\n***\n***\n"


def test_only_a_plain_file_of_its_own_is_copied(tmp_path):
    (tmp_path / "plain").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    (tmp_path / "folder").mkdir()
    (tmp_path / "twice").hardlink_to(tmp_path / "plain")

    for name in ("link", "folder", "twice", "missing"):
        Redactor.of([]).copy(tmp_path / name, tmp_path / "copy")
        assert not (tmp_path / "copy").exists(), name


def test_a_representation_shows_no_value():
    assert "hunter2" not in repr(Redactor.of(["hunter2"]))


def test_every_text_in_secrets_toml_is_a_value(tmp_path):
    (tmp_path / ".dlt").mkdir()
    file = tmp_path / ".dlt/secrets.toml"
    file.write_text('[a]\nb = "one"\nc = [1, {d = "two"}]\n')
    assert sorted(toml_values(tmp_path)) == ["one", "two"]
    file.write_text("[")
    assert list(toml_values(tmp_path)) == []
