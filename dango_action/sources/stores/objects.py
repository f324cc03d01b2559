"""Object stores by obstore, which serves S3, Google Cloud Storage and Azure without a package for each.

What dlt calls a credential is translated here; what is not given, obstore looks up in the environment, of which a
source sees what its `env:` lists.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dango_action.errors import ConfigError, CredentialsError, SourceError
from dango_action.sources.stores.found import Fetched, Found
from dango_action.sources.stores.globs import compiled, folder_of, is_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from obstore.store import ClientConfig, ObjectStore, RetryConfig

SCHEMES = {
    **dict.fromkeys(("s3", "s3a"), "s3"),
    **dict.fromkeys(("gs", "gcs"), "gs"),
    **dict.fromkeys(("az", "azure", "adl", "abfs", "abfss"), "az"),
}
# dlt's name of a credential -> obstore's
_NAMES = {
    "s3": {
        "aws_access_key_id": "access_key_id",
        "aws_secret_access_key": "secret_access_key",
        "aws_session_token": "session_token",
        "region_name": "region",
        "endpoint_url": "endpoint",
    },
    "gs": {"endpoint_url": "base_url"},
    "az": {
        "azure_storage_account_name": "account_name",
        "azure_storage_account_key": "account_key",
        "azure_storage_sas_token": "sas_key",
        "azure_tenant_id": "tenant_id",
        "azure_client_id": "client_id",
        "azure_client_secret": "client_secret",
        "endpoint_url": "endpoint",
    },
}
_SECRETS = {
    "s3": ("aws_secret_access_key",),
    "gs": ("private_key",),
    "az": ("azure_storage_account_key", "azure_storage_sas_token", "azure_client_secret"),
}
# Without any of these, obstore would ask the machine's cloud for an identity, and wait long where there is none.
_VARIABLES = {
    "s3": ("AWS_SECRET_ACCESS_KEY", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    "gs": ("GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_APPLICATION_CREDENTIALS"),
    "az": (
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_SAS_KEY",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
    ),
}
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """A bucket, or a folder of one. A file's version is its entity tag."""

    url: str
    store: ObjectStore = field(repr=False)

    def find(self, pattern: str) -> Iterator[Found]:
        """Give the objects that fit a pattern.

        Raises:
            CredentialsError: the store refuses to list them.
            SourceError: it can't be reached, or there is no such bucket.

        """
        import obstore  # noqa: PLC0415 - only a source that uses a bucket needs it

        if not is_pattern(pattern):
            with suppress(FileNotFoundError), self._speaking():
                yield _found(obstore.head(self.store, pattern))
            return
        fits = compiled(pattern)
        with self._speaking():
            try:
                pages = list(obstore.list(self.store, folder_of(pattern) or None))
            except obstore.exceptions.GenericError as error:
                raise self._refusal(folder_of(pattern)) or error from error
        yield from (_found(one) for page in pages for one in page if fits.match(one["path"]))

    @contextmanager
    def fetch(self, found: Found, scratch: Path) -> Iterator[Fetched]:
        """Copy an object.

        Raises:
            FileNotFoundError: it has gone.
            CredentialsError: the store refuses to hand it out.
            SourceError: it can't be reached.

        """
        import obstore  # noqa: PLC0415 - as above

        path = scratch / "object"
        with self._speaking():
            answer = obstore.get(self.store, found.name)
            with path.open("wb") as writer:
                for chunk in answer.stream(_CHUNK):
                    writer.write(chunk)
        yield Fetched(path=path, version=_found(answer.meta).version)
        path.unlink(missing_ok=True)

    def _refusal(self, folder: str) -> Exception | None:
        """Return why a listing was refused, which only the look at an object has a type for."""
        import obstore  # noqa: PLC0415 - as above

        try:
            obstore.head(self.store, f"{folder}probe")
        except FileNotFoundError:
            what = f"{self.url} can't be listed: there is no such bucket, or listing is not allowed"
            return SourceError.because(what, "is `bucket_url` right, and may these credentials list it?")
        except (obstore.exceptions.BaseError, PermissionError) as error:
            return error
        return None

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        from obstore import exceptions  # noqa: PLC0415 - as above

        try:
            yield
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError) as error:
            what = f"{self.url} refuses these credentials"
            hint = "they have to allow listing and reading; `dango config explain` tells their place"
            raise CredentialsError.because(what, hint) from error
        except exceptions.BaseError as error:
            # its text may hold an address with a signature
            what = f"{self.url} can't be read: {type(error).__name__}"
            raise SourceError.because(what, "is `bucket_url` right? if so, run again; the log has more") from error


def open_objects(url: str, values: Mapping[str, Any]) -> Objects:
    """Return the store at a URL; nothing is asked of it yet.

    Raises:
        CredentialsError: there are none.
        ConfigError: the URL or a credential can't be right.

    """
    from obstore import exceptions, store  # noqa: PLC0415 - as above

    kind = SCHEMES[url.partition("://")[0]]
    config = _config(url, kind, values)
    retry: RetryConfig = {"max_retries": 4, "retry_timeout": timedelta(seconds=60)}
    plain = str(values.get("endpoint_url") or "").startswith("http://")
    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=10),
        "read_timeout": timedelta(seconds=60),
        "timeout": timedelta(hours=2),
    }
    if plain:
        client["allow_http"] = True
    make: Any = store.from_url  # which store it is, only the URL tells
    try:
        opened: ObjectStore = make(url, config=config, client_options=client, retry_config=retry)
    except (exceptions.BaseError, ValueError) as error:
        what = f"{url} can't be opened with these credentials: {type(error).__name__}"
        raise ConfigError.because(what, f"look at `bucket_url`, and at {', '.join(sorted(config))}") from error
    return Objects(url=f"{url.rstrip('/')}/", store=opened)


def _config(url: str, kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    config = {theirs: values[ours] for ours, theirs in _NAMES[kind].items() if values.get(ours)}
    if kind == "gs" and values.get("private_key"):
        config["service_account_key"] = json.dumps(
            {
                "type": "service_account",
                "private_key_id": "",
                "private_key": values["private_key"],
                "client_email": values.get("client_email") or "",
            }
        )
    if values.get("anonymous"):
        config["skip_signature"] = True
    elif not any(map(values.get, _SECRETS[kind])) and not any(map(os.environ.get, _VARIABLES[kind])):
        what = f"there are no credentials for {url}"
        needed = " or ".join(f"`{name}`" for name in _SECRETS[kind])
        hint = (
            f"set {needed}, or list the variables of the environment in `env:`; a public one has `anonymous: true`"
        )
        raise CredentialsError.because(what, hint)
    if kind == "s3":
        config.setdefault("region", os.environ.get("AWS_REGION") or "us-east-1")
    return config


def _found(about: Any) -> Found:  # noqa: ANN401 - obstore's ObjectMeta, a dict
    modified = about["last_modified"]
    # Azure quotes the tag of an object that it hands out, and not that of one in a list
    version = (about["e_tag"] or "").strip('"') or f"{modified.isoformat()} {about['size']}"
    return Found(name=about["path"], version=version, modified=modified.timestamp())
