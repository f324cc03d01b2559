"""Stand-ins for sources that people read of: each tells in its rows what it was given, and asks nobody else."""

ENTRY = {"type": "dlt_native", "enabled": True}

SUPPORT = """
import dlt
from dlt.common.configuration import configspec
from dlt.common.configuration.specs import CredentialsConfiguration
from dlt.common.typing import TSecretValue


@configspec
class WithToken(CredentialsConfiguration):
    email: str = dlt.config.value
    token: TSecretValue = dlt.secrets.value


@dlt.source(max_table_nesting=2)
def zendesk_support(
    subdomain: str, credentials: WithToken = dlt.secrets.value, start_date: str = "2000-01-01"
):
    given = {"subdomain": subdomain, "start_date": start_date}
    return dlt.resource([{**given, "email": credentials.email, "token": credentials.token}], name="tickets")
"""

STORE = """
import dlt


@dlt.source
def shopify_source(
    private_app_password: str = dlt.secrets.value, shop_url: str = dlt.config.value, api_key: str = "none"
):
    @dlt.resource(write_disposition="merge", primary_key="id")
    def orders():
        yield {"id": 1, "password": private_app_password, "shop": shop_url, "key": api_key}

    @dlt.resource(write_disposition="merge", primary_key="id")
    def customers():
        yield {"id": 7}

    return orders, customers
"""

GOOGLE = """
import dlt
from dlt.sources.credentials import GcpOAuthCredentials


@dlt.source
def google_source(credentials: GcpOAuthCredentials = dlt.secrets.value, customer_id: str = "none"):
    given = {"client": credentials.client_id, "secret": credentials.client_secret}
    return dlt.resource([{**given, "token": credentials.refresh_token, "customer": customer_id}], name="rows")


@dlt.source
def flat_source(
    client_id: str = dlt.secrets.value,
    client_secret: str = dlt.secrets.value,
    refresh_token: str = dlt.secrets.value,
    developer_token: str = dlt.secrets.value,
    customer_id: str = dlt.config.value,
):
    given = {"client": client_id, "secret": client_secret, "token": refresh_token}
    return dlt.resource([{**given, "developer": developer_token, "customer": customer_id}], name="rows")
"""

MINE = """
import dlt


@dlt.source
def my_source(
    api_key: str = dlt.secrets.value,
    username: str = dlt.secrets.value,
    password: str = dlt.secrets.value,
    batch_size: int = 10,
    timeout: float = 1.5,
    start_date: str = "2000-01-01",
    page: int = 5,
):
    given = {"key": api_key, "who": username, "password": password, "batch": batch_size, "timeout": timeout}
    return dlt.resource([{**given, "since": start_date, "page": page}], name="rows")
"""


def entry(name, module, function, **more):
    """Return an entry of sources.yml; `kwargs` and `source_path` go into its block."""
    block = {"source_module": module, "source_function": function, "function_kwargs": more.pop("kwargs", {})}
    return {"name": name, **ENTRY, **more, "dlt_native": block}
