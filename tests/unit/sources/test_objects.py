"""What an object store tells of an object, and what it is told of credentials."""

import datetime as dt
import json

import pytest

from dango_action.errors import ConfigError, CredentialsError
from dango_action.sources.stores import objects


def about(tag):
    moment = dt.datetime(2024, 1, 31, tzinfo=dt.UTC)
    return {"path": "a.csv", "last_modified": moment, "size": 3, "e_tag": tag, "version": None}


def test_the_version_of_an_object_is_the_same_whether_its_tag_is_quoted_or_not():
    listed, fetched = objects._found(about("0x1C14")), objects._found(about('"0x1C14"'))

    assert listed == fetched
    assert objects._found(about('"0x1C15"')) != listed
    assert objects._found(about(None)).version == "2024-01-31T00:00:00+00:00 3"


@pytest.mark.parametrize(
    ("url", "values", "config"),
    [
        (
            "s3://acme",
            {"aws_access_key_id": "id", "aws_secret_access_key": "key", "region_name": "eu-central-1"},
            {"access_key_id": "id", "secret_access_key": "key", "region": "eu-central-1"},
        ),
        ("s3://acme", {"anonymous": True}, {"skip_signature": True, "region": "us-east-1"}),
        (
            "az://acme",
            {"azure_storage_account_name": "acme", "azure_storage_sas_token": "sv=1", "endpoint_url": "https://x"},
            {"account_name": "acme", "sas_key": "sv=1", "endpoint": "https://x"},
        ),
    ],
)
def test_credentials_have_dlt_s_names_here_and_obstore_s_there(url, values, config, monkeypatch):
    monkeypatch.delenv("AWS_REGION", raising=False)

    assert objects._config(url, objects.SCHEMES[url[:2]], values) == config


def test_a_service_account_of_google_s_is_given_as_its_two_parts():
    config = objects._config(
        "gs://acme", "gs", {"client_email": "x@acme.example.com", "private_key": "-----BEGIN"}
    )

    key = json.loads(config["service_account_key"])
    assert (key["type"], key["client_email"], key["private_key"]) == (
        "service_account",
        "x@acme.example.com",
        "-----BEGIN",
    )


@pytest.mark.parametrize("url", ["s3://acme", "gs://acme", "abfss://acme@acme.dfs.core.windows.net/x"])
def test_without_credentials_no_cloud_of_the_machine_is_asked_for_some(url, monkeypatch):
    for names in objects._VARIABLES.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)

    with pytest.raises(CredentialsError, match="there are no credentials for"):
        objects.open_objects(url, {})


def test_a_credential_that_can_not_be_one_is_told_without_its_value():
    with pytest.raises(ConfigError, match=r"client_email|service_account_key") as failed:
        objects.open_objects("gs://acme", {"private_key": "no such key", "client_email": "x@example.com"})

    assert "no such key" not in str(failed.value)
