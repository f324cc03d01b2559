import io
import json
import os
import pty
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import orjson
import pytest

from dango_action.errors import ExitCode, Position, Problem
from dango_action.report.activity import ActivityLog
from dango_action.report.console import PlainScreen, screen
from dango_action.report.summary import code, escape, problem_list, summary
from dango_action.report.wording import headline, outcome
from dango_action.results import RunResult, SourceResult, StateResult, TablePreview, TableResult

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def source(name="shop", **fields):
    return SourceResult(name=name, dataset=f"raw_{name}", status=fields.pop("status", "ok"), **fields)


def failed(what="boom", **fields):
    problem = Problem(what=what, hint="mend it", at=fields.pop("at", None))
    return source(status="failed", exit_code=ExitCode.SOURCE_FAILED, problems=(problem,), **fields)


def run(*sources, **fields):
    return RunResult(
        run="20260102T030405.000000Z",
        mode=fields.pop("mode", "load"),
        target="duckdb:w.duckdb",
        started_at=START,
        finished_at=START + timedelta(seconds=2),
        sources=sources,
        **fields,
    )


def test_rows_are_named_by_table_with_the_largest_first():
    tables = (
        TableResult(name="items", rows=2000),
        TableResult(name="orders", rows=3),
        TableResult(name="a", rows=3),
    )

    assert outcome(source(tables=tables, changed=True)) == "2,006 rows (items 2,000, a 3, orders 3)"


def test_a_second_run_that_finds_nothing_says_so():
    assert outcome(source(tables=(TableResult(name="commits", rows=0),))) == "up to date, 0 new rows (commits 0)"


def test_a_table_that_has_become_empty_is_no_table_that_is_up_to_date():
    assert outcome(source(tables=(TableResult(name="t", rows=0),), changed=True)) == "0 rows (t 0)"


def test_rows_that_a_contract_held_back_are_counted():
    tables = (TableResult(name="t", rows=0, discarded=2),)

    assert outcome(source(tables=tables)) == "up to date, 0 new rows (t 0, 2 discarded by the schema contract)"


def test_a_run_of_a_window_says_which():
    load, look = (headline(run(source(), mode=mode, window="1 to 5")) for mode in ("load", "look"))

    assert load.endswith("into duckdb:w.duckdb in 2.0 s (backfill of 1 to 5)")
    assert look == "Looked at 0 rows of 1 of 1 source from 1 to 5 in 2.0 s; nothing was loaded"


def test_many_tables_are_counted_rather_than_listed():
    tables = tuple(TableResult(name=f"t{i}", rows=1) for i in range(10))

    assert outcome(source(tables=tables, changed=True)).endswith("t5 1, and 4 more)")


def test_a_cause_is_one_line_with_its_place():
    result = failed("two\nlines", at=Position(file="a.py", line=1, column=2))

    assert result.cause == "a.py:1:2: two lines"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (
            run(source(tables=(TableResult(name="t", rows=1),))),
            "Loaded 1 row from 1 of 1 source into duckdb:w.duckdb in 2.0 s",
        ),
        (
            run(failed(), source("b")),
            "shop failed. Loaded 0 rows from 1 of 2 sources into duckdb:w.duckdb in 2.0 s",
        ),
        (run(), "Nothing to do: no enabled source is selected"),
        (run(source(), mode="look"), "Looked at 0 rows of 1 of 1 source in 2.0 s; nothing was loaded"),
    ],
)
def test_the_headline_of_a_run(result, expected):
    assert headline(result) == expected


def test_the_exit_code_of_a_run_is_the_foremost_one():
    missing = source("c", status="failed", exit_code=ExitCode.CREDENTIALS)

    assert run(missing, source()).exit_code is ExitCode.CREDENTIALS
    assert run(missing, failed()).exit_code is ExitCode.SOURCE_FAILED
    assert run(missing, failed(), exit_codes=(ExitCode.STATE,)).exit_code is ExitCode.STATE
    assert run(source()).status == "ok"


def test_rows_that_were_looked_at_stay_out_of_the_document_on_disk():
    preview = TablePreview(table="t", columns=("a",), rows=(("private",),))
    result = run(source(preview=(preview,)), mode="look")

    assert "private" not in json.dumps(result.document())
    assert "private" in json.dumps(result.document(previews=True))


def test_a_summary_shows_hostile_names_as_they_are():
    page = summary(
        run(failed("<img src=x> | `a`\n# big", at=Position(file="a`b.py", line=1, column=1)), source("b"))
    )

    assert "<img" not in page.replace("\\<img", "")
    assert "\n# big" not in page
    assert "``a`b.py:1:1``" in page
    assert "| ✅ | b | 0 |" in page


def test_a_summary_is_written_for_a_failed_run_too():
    page = summary(run(problems=(Problem(what="locked", hint="wait"),), exit_codes=(ExitCode.STATE,)))

    assert page.startswith("## ❌ dango: Nothing was synced")
    assert "locked" in page


def test_code_spans_hold_any_backticks():
    assert code("a") == "`a`"
    assert code("`a``") == "``` `a`` ```"
    assert escape("a*b") == "a\\*b"


def test_the_activity_log_is_one_line_an_event(tmp_path):
    log = ActivityLog(tmp_path / "activity.log", "r1")
    log.phase("shop", "starting", 1)
    log.phase("shop", "extracting", 1)
    log.phase("shop", "loading", 2)
    log.finished(failed("two\nlines"))
    log.ended(run(failed()))

    lines = (tmp_path / "activity.log").read_text().splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == [
        "shop: starting",
        "shop: loading, attempt 2",
        "shop: failed: two lines",
        "run: shop failed. Loaded 0 rows from 0 of 1 source into duckdb:w.duckdb in 2.0 s; exit code 5",
    ]
    assert all(line.split(" ")[1] == "r1" and line[10] == "T" for line in lines)


def test_lines_for_a_pipe_have_no_control_characters():
    stream = io.StringIO()
    preview = TablePreview(table="t", columns=("a", "b"), rows=(("x\x1b[31m\ny", None), ("z" * 99, "1")))
    with screen(stream) as shown:
        shown.phase("shop", "extracting", 2)
        shown.progress("shop", 5)
        shown.finished(source(preview=(preview,)))
        shown.finished(failed(log=".dango/runs/r/shop.log"))
        shown.ended(run(failed()))

    text = stream.getvalue()
    assert "\x1b" not in text
    assert "\r" not in text
    assert "shop: extracting (attempt 2)" in text
    assert "log: .dango/runs/r/shop.log" in text
    assert "NULL" in text


def test_a_stream_that_cannot_show_a_character_gets_it_escaped():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    PlainScreen(stream).line("käse ✓")

    assert raw.getvalue() == b"k\\xe4se \\u2713\n"


def test_the_summary_says_where_the_data_is_and_how_to_get_it():
    name = "dango-state-w-12345678-g12-a1-s1"
    kept = StateResult(restored=11, kept=12, artifact=name, size=1_234_567, generations=3, total=3_456_789)
    put = StateResult(kept=12, where="s3://bucket/a", size=1_234_567, generations=1, total=1_000_000)

    assert "It goes up as generation 12, 1.2 MB: artifact `dango-state-w-12345678-g12-a1-s1`." in summary(
        run(source(), state=kept)
    )
    assert "the newest 3 generations take up 3.5 MB." in summary(run(source(), state=kept))
    assert "It is kept as generation 12, 1.2 MB: `s3://bucket/a`. With it," in summary(run(source(), state=put))
    assert "It is not sealed" in summary(run(source(), state=kept))
    assert "generation 11 stays the newest" in summary(run(source(), state=StateResult(restored=11)))
    assert "There is nothing to keep yet" in summary(run(source(), state=StateResult()))
    aside = summary(run(source(), state=StateResult(restored=11, read_only=True)))
    assert "Nothing of this run is kept" in aside
    assert "dango pull" not in aside
    assert "dango pull" not in summary(run(source()))


def test_lines_of_a_hint_that_are_to_be_pasted_become_a_block():
    problem = Problem(what="no_right", hint="paste *this*:\npermissions:\n  actions: read")

    assert "\n".join(problem_list([problem])).startswith(
        "- no\\_right  \n  paste \\*this\\*:\n\n  ```yaml\n  permissions:\n    actions: read\n  ```\n"
    )


def test_a_live_display_shows_phases_and_leaves_the_results(tmp_path):
    """A real terminal: `script` is not everywhere, so a pseudo-terminal of our own."""
    program = tmp_path / "show.py"
    program.write_text(
        "import sys\n"
        "from dango_action.report.console import screen\n"
        "from dango_action.results import SourceResult, TableResult\n"
        "with screen(sys.stdout) as shown:\n"
        "    shown.phase('shop', 'extracting', 1)\n"
        "    shown.progress('shop', 1234)\n"
        "    shown.finished(SourceResult(name='shop', dataset='raw_shop', status='ok',\n"
        "        tables=(TableResult(name='[red]t', rows=5),), changed=True))\n"
    )
    output = bytearray()

    def read(descriptor):
        data = os.read(descriptor, 4096)
        output.extend(data)
        return data

    sys.stdout.flush()
    code_of = pty.spawn([sys.executable, "-P", str(program)], read, lambda _: b"")

    assert code_of == 0
    assert b"shop: ok 5 rows ([red]t 5)" in output


def test_the_result_document_matches_its_published_schema():
    schema = json.loads((Path(__file__).parents[3] / "docs/result.schema.json").read_text())
    at = Position(file="a", line=1, column=1)
    for document in (
        run(source(tables=(TableResult(name="t", rows=1),)), failed(at=at)).document(),
        run(problems=(Problem(what="a", hint="b"),)).document(),
        run(source(preview=(TablePreview(table="t", columns=("a",), rows=((None,),)),)), mode="look").document(
            previews=True
        ),
    ):
        read = json.loads(orjson.dumps(document))
        jsonschema.validate(read, schema)
        unknown = {**read, "schema_version": 2}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(unknown, schema)
