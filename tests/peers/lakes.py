"""Projects whose target is a DuckLake, and a look into it."""

from __future__ import annotations

import contextlib

import duckdb

from dango_action.warehouse.extensions import in_wheel
from dango_action.warehouse.lease import END

COUNTED = """
    import dlt

    @dlt.resource(write_disposition="append")
    def source(at=dlt.sources.incremental("id", initial_value=0)):
        yield [{"id": i, "items": [{"x": i}]} for i in range(at.last_value + 1, at.last_value + 1001)]
"""


@contextlib.contextmanager
def opened(project, catalog=None, lake="lake"):
    """Give a connection to the lake of a project, by default the one in its .dango folder."""
    base = project.path / ".dango" / f"{lake}.ducklake"
    with duckdb.connect() as connection:
        for extension in ("postgres_scanner" if catalog else "sqlite_scanner", "ducklake"):
            connection.load_extension(str(in_wheel(extension)))
        meta = f"metadata_schema '{lake}'" if catalog else "meta_type 'sqlite', meta_journal_mode 'WAL'"
        location = f"postgres:{catalog}" if catalog else f"{base}.sqlite"
        connection.execute(f"attach 'ducklake:{location}' as lake (data_path '{base}.files', {meta})")
        connection.execute("use lake")
        yield connection
        connection.execute("use memory; detach lake")


def query(project, sql, **options):
    with opened(project, **options) as connection:
        return connection.sql(sql).fetchall()


def counted(project, name, **options):
    """Return the rows of a counting source, after it was seen that each is there once, with its nested row."""
    sql = (
        f"select count(*), count(distinct id), max(id), (select count(*) from raw_{name}.source__items), "
        f"(select count(distinct x) from raw_{name}.source__items) from raw_{name}.source"
    )
    [row] = query(project, sql, **options)
    assert len(set(row)) == 1, f"each row once, nested ones too, and none is missing: {row}"
    return row[0]


def end_leases(project, *names, **options):
    """Let the leases of sources end now, as they do by themselves some minutes after a run was killed."""
    with opened(project, **options) as connection:
        for name in names:
            connection.execute(f"update raw_{name}.{END} set ends = now()")
