import pytest

from dango_action.errors import ExitCode
from dango_action.uploads import tell


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    def tell_of(state, report):
        output, summary = tmp_path / "output", tmp_path / "summary.md"
        output.touch()
        monkeypatch.setenv("GITHUB_OUTPUT", str(output))
        code = tell(
            {
                "DANGO_STATE_UPLOADS": state,
                "DANGO_REPORT_UPLOADS": report,
                "DANGO_GENERATION": "7",
                "GITHUB_STEP_SUMMARY": str(summary),
            }
        )
        said = summary.read_text() if summary.exists() else ""
        assert bool(said) == ("::" in capsys.readouterr().out)
        return code, output.read_text().splitlines()[1:2], said

    return tell_of


@pytest.mark.parametrize("state", ["success ", "success skipped", "failure success"])
def test_an_upload_that_has_worked_once_is_no_news(told, state):
    assert told(state, "success") == (ExitCode.OK, ["true"], "")


@pytest.mark.parametrize("state", ["", " ", "skipped skipped"])
def test_nothing_to_upload_is_no_failure_and_no_output(told, state):
    assert told(state, "success") == (ExitCode.OK, [], "")


@pytest.mark.parametrize(
    ("state", "words"), [("failure failure", "has failed, twice"), ("cancelled ", "was cancelled")]
)
def test_a_generation_that_did_not_go_up_is_a_failure_of_the_state(told, state, words):
    code, output, said = told(state, "success")

    assert (code, output) == (ExitCode.STATE, ["false"])
    assert f"generation 7 of the warehouse was loaded and is not kept: its upload {words}" in said


def test_lost_logs_are_said_and_are_no_failure(told):
    code, output, said = told("success ", "failure")

    assert (code, output) == (ExitCode.OK, ["true"])
    assert "logs and result of this run could not be uploaded" in said
