"""Files in S3 and on an SFTP server, by the type `filesystem`."""

import datetime as dt
import json
import os

import pytest
import sftp
from objects import Objects
from s3 import S3
from sftp import Sftp


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


def test_objects_of_google_and_of_azure_are_read_once_each(project):
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    signature = "sv=2024-11-04&sp=rl&sr=c&sig=c2lnbmF0dXJl"
    table = {"tables": {"orders": "exports/*.csv"}}
    with Objects("acme", now) as google, Objects("acme", now, sas=signature) as azure:
        google_block = {"bucket_url": "gs://acme", "endpoint_url": google.url, "anonymous": True, **table}
        azure_block = {"bucket_url": "az://acme", "endpoint_url": azure.url, **table}
        configure(
            project,
            {"name": "in_gs", "type": "filesystem", "filesystem": google_block},
            {"name": "in_az", "type": "filesystem", "filesystem": azure_block},
            {"name": "stale", "type": "filesystem", "filesystem": azure_block, "retries": 0},
        )
        login(project, "in_az", azure_storage_account_name="lakehouse", azure_storage_sas_token=signature)
        login(
            project,
            "stale",
            azure_storage_account_name="lakehouse",
            azure_storage_sas_token="sv=2024-11-04&sig=b2xk",
        )
        for peer in (google, azure):
            peer.objects = {f"exports/{n} ü.csv": f"id\n{n}\n".encode() for n in range(5)} | {
                "exports/x.txt": b"no"
            }
        first = project.sync()
        for peer in (google, azure):
            peer.objects["exports/0 ü.csv"] = b"id\n9\n"
        second = project.sync()
        third = project.sync()

    for name in ("in_gs", "in_az"):
        assert [done.source(name)["rows"] for done in (first, second, third)] == [5, 1, 0], first.err
        assert project.query(f"select id from raw_{name}.orders order by 1") == [(n,) for n in "12349"]
    assert first.source("stale")["exit_code"] == 4
    assert "sig=" not in first.out + first.err


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


@pytest.mark.skipif(not sftp.program(), reason="no sshd is installed")
def test_files_of_an_sftp_server_are_read_once_each_and_no_other_server_is_spoken_to(project):
    with Sftp() as server:
        block = {"bucket_url": f"{server.url}/in", "path": "**/*.csv", "sftp_username": server.user}
        known = {**block, "sftp_host_key": server.host_key}
        kind = {"type": "filesystem"}
        configure(
            project,
            {**kind, "name": "shop", "filesystem": known},
            {**kind, "name": "unknown", "filesystem": block},
            {**kind, "name": "other", "filesystem": {**known, "sftp_host_key": "ssh-ed25519 AAAA"}},
            {**kind, "name": "stranger", "filesystem": known},
        )
        login(project, "shop", sftp_private_key=server.key)
        for name in ("unknown", "other"):
            login(project, name, sftp_password="must not be sent")
        login(project, "stranger", sftp_private_key=server.strange_key)
        folder = server.folder / "in/2024"
        folder.mkdir(parents=True)
        (folder / "ü a.csv").write_text("id,n\n1,1\n2,2\n")
        (folder / ".part.csv").write_text("id,n\n9,9\n")
        os.utime(folder / "ü a.csv", (1_700_000_000, 1_700_000_000))
        first = project.sync()
        (folder / "b.csv").write_text("id,n\n3,3\n")
        second = project.sync("--source", "shop")
        (folder / "b.csv").write_text("id,n\n3,4\n")  # the same size, within the same second or soon after it
        third = project.sync("--source", "shop")
        fourth = project.sync("--source", "shop")

    rows = [done.source("shop")["rows"] for done in (first, second, third, fourth)]
    assert rows == [2, 1, 1, 0], first.err
    assert project.query("select id, n, _file from raw_shop.shop order by id") == [
        ("1", "1", "2024/ü a.csv"),
        ("2", "2", "2024/ü a.csv"),
        ("3", "4", "2024/b.csv"),
    ]
    refused = {name: first.source(name) for name in ("unknown", "other", "stranger")}
    assert {one["exit_code"] for one in refused.values()} == {4}
    assert "is not known" in refused["unknown"]["cause"]
    assert f"set `sftp_host_key: {server.host_key}`" in refused["unknown"]["problems"][0]["hint"]
    assert "has another key than `sftp_host_key`" in refused["other"]["cause"]
    assert "refuses the login" in refused["stranger"]["cause"]
