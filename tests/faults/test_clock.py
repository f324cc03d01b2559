"""A machine whose clock is wrong: what it loads is loaded once, there and by the machines after it."""

import duckdb

SOURCE = """
    import dlt

    @dlt.resource(write_disposition="append")
    def source(at=dlt.sources.incremental("id", initial_value=0)):
        first = at.last_value + 1
        more = {1: {}, 11: {"v": 1}, 21: {"v": "text"}}[first]
        yield [{"id": i, **more} for i in range(first, first + 10)]
"""
AHEAD = "4070908800.0"  # dlt's load id, seconds of the year 2099
YEAR_2099 = f"""
    update raw_events._dlt_loads set load_id = '{AHEAD}', inserted_at = '2099-01-01';
    update raw_events._dlt_pipeline_state set _dlt_load_id = '{AHEAD}', created_at = '2099-01-01';
    update raw_events._dlt_version set inserted_at = '2099-01-01';
    update raw_events.source set _dlt_load_id = '{AHEAD}';
"""


def test_runs_go_on_from_the_newest_state_and_schema_after_one_whose_clock_was_ahead(project):
    project.module("events", SOURCE)
    project.sources("events")
    assert project.sync().code == 0
    with duckdb.connect(str(project.warehouse)) as connection:
        connection.execute(YEAR_2099)

    for _ in range(2):
        done = project.sync()
        assert done.code == 0, done.out

    assert project.query("select count(*), count(distinct id) from raw_events.source") == [(30, 30)]
    assert project.query("select distinct v, v__v_text from raw_events.source where id > 20") == [(None, "text")]
