"""Files in S3 and on an SFTP server, by the type `filesystem`."""

import json

import pytest
from s3 import S3


@pytest.fixture(scope="module")
def s3():
    with S3() as peer:
        yield peer


def configure(project, *entries):
    project.write(".dango/sources.yml", json.dumps({"version": "1.0", "sources": list(entries)}))


def login(project, name, **values):
    lines = [f"[sources.{name}.credentials]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    file = project.path / ".dlt/secrets.toml"
    text = file.read_text() if file.exists() else ""
    project.write(".dlt/secrets.toml", "\n".join([text, *lines]))


def test_objects_of_a_bucket_are_read_once_each(project, s3):
    table = {"orders": "orders/**/*.csv", "events": {"path": "events.jsonl", "primary_key": "id"}}
    block = {"bucket_url": "s3://acme/exports", "endpoint_url": s3.url, "tables": table}
    configure(
        project,
        {"name": "lake", "type": "filesystem", "filesystem": block},
        {
            "name": "open",
            "type": "filesystem",
            "filesystem": {**block, "tables": {"o": "public/*.csv"}, "anonymous": True},
        },
        {
            "name": "by_env",
            "type": "filesystem",
            "filesystem": {"bucket_url": "s3://acme/exports/orders/*.csv", "endpoint_url": s3.url},
            "env": ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
        },
    )
    login(project, "lake", aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key=s3.secret)
    variables = {key: s3.variables[key] for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    s3.put("exports/orders/1.csv", b"id,zip\n1,01234\n")
    s3.put("exports/orders/2024/ü 2.csv", b"id,zip\n2,\n")
    s3.put("exports/orders/readme.txt", b"no table")
    s3.put("exports/events.jsonl", b'{"id": 1, "n": [1, 2]}\n')
    s3.publish("exports/public/1.csv", b"id\n1\n")
    first = project.sync(**variables)
    s3.put("exports/orders/1.csv", b"id,zip\n1,43210\n")
    s3.put("exports/orders/3.csv", b"id,zip\n3,x\n")
    second = project.sync(**variables)
    third = project.sync(**variables)

    assert [first.code, second.code, third.code] == [0, 0, 0], first.err + second.err
    rows = [{one["name"]: one["rows"] for one in done.document["sources"]} for done in (first, second, third)]
    assert rows == [
        {"lake": 5, "open": 1, "by_env": 1},
        {"lake": 2, "open": 0, "by_env": 2},
        {"lake": 0, "open": 0, "by_env": 0},
    ]
    assert project.query("select id, zip, _file from raw_lake.orders order by id") == [
        ("1", "43210", "orders/1.csv"),
        ("2", None, "orders/2024/ü 2.csv"),
        ("3", "x", "orders/3.csv"),
    ]
    assert s3.secret not in first.out + first.err


def test_a_store_that_can_not_be_read_says_why(project, s3):
    block = {"bucket_url": "s3://acme", "endpoint_url": s3.url, "path": "*.csv"}
    configure(
        project,
        {"name": "bare", "type": "filesystem", "filesystem": block},
        {
            "name": "nowhere",
            "type": "filesystem",
            "filesystem": {**block, "bucket_url": "s3://no-such-bucket", "anonymous": True},
        },
        {
            "name": "gone",
            "type": "filesystem",
            "filesystem": {**block, "endpoint_url": "http://127.0.0.1:9", "anonymous": True},
        },
        {
            "name": "private",
            "type": "filesystem",
            "filesystem": {**block, "path": "private.csv", "anonymous": True},
        },
        {"name": "typo", "type": "filesystem", "filesystem": {**block, "path": "order.csv", "anonymous": True}},
    )
    s3.put("orders.csv", b"id\n1\n")
    s3.put("private.csv", b"id\n1\n")
    done = project.sync()

    told = {one["name"]: (one["exit_code"], one["cause"]) for one in done.document["sources"]}
    assert {name: code for name, (code, _) in told.items()} == {
        "bare": 4,
        "nowhere": 5,
        "gone": 5,
        "private": 4,
        "typo": 3,
    }
    assert "there are no credentials for s3://acme" in told["bare"][1]
    assert "there is no such bucket, or listing is not allowed" in told["nowhere"][1]
    assert "s3://acme/ can't be read" in told["gone"][1]
    assert "s3://acme/ refuses these credentials" in told["private"][1]
    assert "there is no file s3://acme/order.csv" in told["typo"][1]
    assert "orders.csv" in done.source("typo")["problems"][0]["hint"]
