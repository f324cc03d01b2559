"""What the tests of databases share: an entry of sources.yml, and what a sync says of each source."""

from __future__ import annotations

from urllib.parse import urlsplit


def entry(url, name="shop", **block):
    """Return a source for a database by its address; the password comes from the variable PASSWORD."""
    split = urlsplit(url)
    top = {key: block.pop(key) for key in ("resources", "retries") if key in block}
    login = {
        "host": split.hostname,
        "port": split.port,
        "database": split.path.removeprefix("/"),
        "username": split.username,
        "password_env": "PASSWORD",
    }
    kind = "postgres" if split.scheme.startswith("postgres") else "mysql"
    own = {key: value for key, value in {**login, **block}.items() if value is not None}
    return {"name": name, "type": kind, kind: own, **top}


def rows(done):
    """Return how many rows the sync of one source says to have brought, by table."""
    assert done.code == 0, done.out + done.err
    [source] = done.document["sources"]
    return {table["name"]: table["rows"] for table in source["tables"]}


def told(done):
    """Return the exit code and the problems of each source."""
    return {
        one["name"]: (one["exit_code"], " ".join(f"{it['what']}; {it['hint']}" for it in one["problems"]))
        for one in done.document["sources"]
    }
