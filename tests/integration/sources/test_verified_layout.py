"""A checkout laid out like dlt's repository of verified sources, with the idioms of the sources in it.

A folder for each source, relative imports, alternative credentials, cursors that an external scheduler may move,
state of the source, transformers and hints that are applied later. The hosts are played by `tests/peers/hosts.py`.
"""

from base64 import b64decode
from dataclasses import dataclass

import pytest
from commands import Done
from hosts import Hosts
from vendors import instant

FOLDER = "vendor/verified-sources/sources"
TOKEN, PASSWORD, OAUTH = "helpdesk-token-8812", "helpdesk-password-04fe", "helpdesk-oauth-71cc"
SHOP, STAFF = "shpat_5512aa", "staff-secret-9911"
DESK, STORE, PEOPLE = "acme.helpdesk.example", "acme.storefront.example", "api.people.example"
START = "2024-01-01T00:00:00Z"

HELPDESK = '''
"""Tickets, their fields and events, groups and calls of a help desk."""

from typing import Iterable, Iterator, Optional

import dlt
from dlt.common import pendulum
from dlt.common.time import ensure_pendulum_datetime
from dlt.common.typing import TAnyDateTime, TDataItem
from dlt.sources import DltResource

from .helpers import as_row
from .helpers.client import Client
from .helpers.credentials import THelpdeskCredentials
from .settings import DEFAULT_START, FIELDS


@dlt.source(max_table_nesting=2)
def helpdesk_chat(credentials: THelpdeskCredentials = dlt.secrets.value) -> Iterable[DltResource]:
    yield dlt.resource([{"id": 1}], name="chats")


@dlt.source(max_table_nesting=2)
def helpdesk_support(
    credentials: THelpdeskCredentials = dlt.secrets.value,
    pivot_fields: bool = True,
    start_date: Optional[TAnyDateTime] = DEFAULT_START,
    end_date: Optional[TAnyDateTime] = None,
) -> Iterable[DltResource]:
    client = Client(credentials)
    start = ensure_pendulum_datetime(start_date)
    end = ensure_pendulum_datetime(end_date) if end_date else None

    @dlt.resource(
        name="tickets", primary_key="id", write_disposition="merge", columns={"tags": {"data_type": "json"}}
    )
    def ticket_table(
        client: Client,
        updated_at: dlt.sources.incremental[pendulum.DateTime] = dlt.sources.incremental(
            "updated_at", initial_value=start, end_value=end, allow_external_schedulers=True
        ),
    ) -> Iterator[TDataItem]:
        names = dlt.current.source_state().setdefault(FIELDS, {})
        for page in client.pages("tickets", updated_at.last_value.int_timestamp):
            yield [as_row(ticket, names) for ticket in page]
            if updated_at.end_out_of_range:
                return

    @dlt.resource(primary_key="id", write_disposition="append")
    def ticket_events(
        client: Client,
        timestamp: dlt.sources.incremental[int] = dlt.sources.incremental(
            "timestamp",
            initial_value=start.int_timestamp,
            end_value=end.int_timestamp if end else None,
            allow_external_schedulers=True,
        ),
    ) -> Iterator[TDataItem]:
        yield from client.pages("ticket_events", timestamp.last_value)

    def ticket_fields(client: Client) -> Iterator[TDataItem]:
        names = dlt.current.source_state().setdefault(FIELDS, {})
        for page in client.pages("ticket_fields", 0):
            for field in page:
                names.setdefault(str(field["id"]), field["title"])
                yield field

    yield dlt.resource(name="ticket_fields", write_disposition="replace")(ticket_fields)(client)
    yield ticket_table(client)
    yield ticket_events(client=client)
    yield dlt.resource(client.pages("groups", 0), name="groups", write_disposition="replace")
    yield dlt.resource(calls, name="calls_incremental", primary_key="id", write_disposition="merge")(
        client=client,
        updated_at=dlt.sources.incremental[str](
            "updated_at", initial_value=start.isoformat(), allow_external_schedulers=True
        ),
    )


def calls(client: Client, updated_at: dlt.sources.incremental[str]) -> Iterator[TDataItem]:
    yield from client.pages("calls", ensure_pendulum_datetime(updated_at.last_value).int_timestamp)
'''
CREDENTIALS = """
from typing import ClassVar, List, Union

import dlt
from dlt.common.configuration import configspec
from dlt.common.configuration.specs import CredentialsConfiguration
from dlt.common.typing import TSecretValue


@configspec
class Base(CredentialsConfiguration):
    subdomain: str = dlt.config.value
    __config_gen_annotations__: ClassVar[List[str]] = []


@configspec
class WithPassword(Base):
    email: str = dlt.config.value
    password: TSecretValue = dlt.secrets.value


@configspec
class WithOAuth(Base):
    oauth_token: TSecretValue = dlt.secrets.value


@configspec
class WithToken(Base):
    email: str = dlt.config.value
    token: TSecretValue = dlt.secrets.value


THelpdeskCredentials = Union[WithPassword, WithToken, WithOAuth]
"""
CLIENT = """
from dlt.sources.helpers.requests import client

from .. import settings
from .credentials import THelpdeskCredentials, WithOAuth, WithPassword, WithToken


class Client:
    def __init__(self, credentials: THelpdeskCredentials) -> None:
        self.headers, self.auth = {}, None
        if isinstance(credentials, WithOAuth):
            self.headers = {"Authorization": f"Bearer {credentials.oauth_token}"}
        elif isinstance(credentials, WithToken):
            self.auth = f"{credentials.email}/token", credentials.token
        elif isinstance(credentials, WithPassword):
            self.auth = credentials.email, credentials.password
        else:
            raise TypeError("wrong credentials")
        self.url = f"https://{credentials.subdomain}.helpdesk.example{settings.PATH}"

    def pages(self, kind, since):
        url, params = f"{self.url}/{kind}", {"start_time": since}
        while url:
            response = client.get(url, params=params, headers=self.headers, auth=self.auth)
            response.raise_for_status()
            document = response.json()
            yield document[kind]
            url, params = document["next_page"], None
"""
STOREFRONT = '''
"""Orders and products of a shop."""

from typing import Iterable, Literal

import dlt
from dlt.common import pendulum
from dlt.common.time import ensure_pendulum_datetime
from dlt.common.typing import TAnyDateTime, TDataItem
from dlt.sources import DltResource

from sources.storefront.helpers import pages

TStatus = Literal["open", "any"]


@dlt.source(name="storefront")
def storefront_source(
    private_app_password: str = dlt.secrets.value,
    shop_url: str = dlt.config.value,
    start_date: TAnyDateTime = "2000-01-01",
    items_per_page: int = 250,
    status: TStatus = "any",
) -> Iterable[DltResource]:
    start = ensure_pendulum_datetime(start_date)

    @dlt.resource(primary_key="id", write_disposition="merge")
    def orders(
        updated_at: dlt.sources.incremental[pendulum.DateTime] = dlt.sources.incremental(
            "updated_at", initial_value=start, allow_external_schedulers=True
        ),
        created_at_min: pendulum.DateTime = start,
        items_per_page: int = items_per_page,
        status: TStatus = status,
    ) -> Iterable[TDataItem]:
        params = {"updated_at_min": updated_at.last_value.isoformat(), "limit": items_per_page, "status": status}
        yield from pages(shop_url, private_app_password, params)

    return (orders,)
'''
PERSONNEL = '''
"""Employees, and their absences."""

import dlt
from dlt.sources.helpers import requests

from .settings import BASE


def _get(path, client_secret, **params):
    response = requests.get(f"{BASE}/{path}", params=params, headers={"Authorization": f"Bearer {client_secret}"})
    return response.json()["data"]


@dlt.source(name="personnel", max_table_nesting=1)
def personnel_source(client_id: str = dlt.config.value, client_secret: str = dlt.secrets.value):
    @dlt.resource(primary_key="id", write_disposition="merge")
    def employees(
        changed=dlt.sources.incremental("last_modified_at", initial_value=None, allow_external_schedulers=True),
    ):
        since = {"since": changed.last_value} if changed.last_value else {}
        yield _get("employees", client_secret, client=client_id, **since)

    @dlt.transformer(primary_key="id", write_disposition="merge", selected=True)
    def absences(page):
        for employee in page:
            yield _get(f"employees/{employee['id']}/absences", client_secret)

    everybody = employees()
    kept = everybody | absences
    kept.apply_hints(table_name="days_off", columns={"days": {"data_type": "decimal"}})
    return everybody, kept
'''


class Desk:
    """Tickets by their time, two a page."""

    def __init__(self):
        self.rows = {"groups": [{"id": 1}], "ticket_fields": [{"id": 7, "title": "Colour"}]}
        self.rows |= {"tickets": [], "ticket_events": [], "calls": []}
        self.auths = set()

    def add(self, number, moment):
        files = [{"name": "a.png", "sizes": [{"w": 1}]}]
        ticket = {"id": number, "updated_at": moment, "tags": ["x"], "custom_fields": [{"id": 7, "value": "red"}]}
        self.rows["tickets"].append({**ticket, "comments": [{"text": "Hello", "files": files}]})
        self.rows["ticket_events"].append({"id": number, "timestamp": instant(moment)})
        self.rows["calls"].append({"id": number, "updated_at": moment})

    def __call__(self, asked):
        scheme, _, value = asked.headers.get("authorization", "").partition(" ")
        self.auths.add(b64decode(value).decode() if scheme == "Basic" else value)
        kind = asked.path.removeprefix("/api/v2/")
        if kind not in self.rows:
            return 404, {}
        since, begin = int(asked.query["start_time"]), int(asked.query.get("after", 0))
        found = [row for row in self.rows[kind] if _time(row) is None or _time(row) >= since]
        link = f"https://{asked.host}{asked.path}?start_time={since}&after={begin + 2}"
        return 200, {kind: found[begin : begin + 2], "next_page": link if begin + 2 < len(found) else None}


def _time(row):
    return row.get("timestamp") or (instant(row["updated_at"]) if "updated_at" in row else None)


class Store:
    """Orders by their time."""

    def __init__(self):
        self.orders = []

    def __call__(self, asked):
        wanted = asked.query.get("status") == "open" and asked.query.get("limit") == "250"
        if asked.headers.get("x-access-token") != SHOP or asked.path != "/admin/orders.json" or not wanted:
            return 403, {}
        since = instant(asked.query["updated_at_min"])
        return 200, {"orders": [order for order in self.orders if instant(order["updated_at"]) >= since]}


class Staff:
    """Employees by their time, and the absences of each."""

    def __init__(self):
        self.employees = []

    def __call__(self, asked):
        if asked.bearer != STAFF:
            return 401, {}
        if asked.path == "/employees" and asked.query["client"] == "c-1":
            since = asked.query.get("since", "")
            return 200, {"data": [row for row in self.employees if row["last_modified_at"] >= since]}
        number = int(asked.path.split("/")[2])
        return 200, {"data": [{"id": number * 10, "employee": number, "days": "2.5"}]}


@dataclass(frozen=True)
class Synced:
    """Two syncs of everything, with a new row of each kind between them."""

    project: object
    desk: Desk
    hosts: Hosts
    first: Done
    second: Done

    def rows(self, name):
        return [{t["name"]: t["rows"] for t in done.source(name)["tables"]} for done in (self.first, self.second)]


@pytest.fixture(scope="module")
def synced(new_project, tmp_path_factory):
    project, desk, store, staff = new_project(), Desk(), Store(), Staff()

    def add(number):
        moment = f"2024-02-{number:02}T08:00:00Z"
        desk.add(number, moment)
        store.orders.append({"id": number, "updated_at": moment})
        staff.employees.append({"id": number, "last_modified_at": moment})

    for number in (1, 2, 3):
        add(number)
    check_out(project)
    configure(project)
    with Hosts(tmp_path_factory.mktemp("hosts"), {DESK: desk, STORE: store, PEOPLE: staff}) as hosts:
        first = project.sync(**hosts.environ)
        add(4)
        desk.rows["ticket_fields"][0]["title"] = "Color"
        second = project.sync(**hosts.environ)
    assert (first.code, second.code) == (0, 0), first.out + second.out
    assert hosts.refused == []
    return Synced(project, desk, hosts, first, second)


def check_out(project):
    files = {
        "helpdesk/__init__": HELPDESK,
        "helpdesk/settings": f'PATH, FIELDS, DEFAULT_START = "/api/v2", "fields", "{START}"\n',
        "helpdesk/helpers/__init__": """
            from dlt.common.time import ensure_pendulum_datetime

            def as_row(ticket, names):
                row = {key: value for key, value in ticket.items() if key != "custom_fields"}
                row["updated_at"] = ensure_pendulum_datetime(ticket["updated_at"])
                return row | {names[str(field["id"])]: field["value"] for field in ticket["custom_fields"]}
            """,
        "helpdesk/helpers/client": CLIENT,
        "helpdesk/helpers/credentials": CREDENTIALS,
        "storefront/__init__": STOREFRONT,
        "storefront/helpers": """
            from urllib.parse import urljoin

            from dlt.common.time import ensure_pendulum_datetime
            from dlt.sources.helpers import requests

            def pages(shop_url, password, params):
                headers = {"X-Access-Token": password}
                response = requests.get(urljoin(shop_url, "/admin/orders.json"), params=params, headers=headers)
                for order in response.json()["orders"]:
                    yield order | {"updated_at": ensure_pendulum_datetime(order["updated_at"])}
            """,
        "personnel/__init__": PERSONNEL,
        "personnel/settings": f'BASE = "https://{PEOPLE}"\n',
    }
    for name, text in files.items():
        project.write(f"{FOLDER}/{name}.py", text)
    project.write(f"{FOLDER}/helpdesk/requirements.txt", "dlt>=1\n")
    project.write(f"{FOLDER}/helpdesk_pipeline.py", "raise RuntimeError('an example, not a source')\n")


def configure(project):
    desk = {"module": "helpdesk", "function": "helpdesk_support", "source_path": FOLDER}
    project.sources(
        {"name": "desk_token", **desk},
        {"name": "desk_password", **desk, "resources": ["groups"]},
        {"name": "desk_oauth", **desk, "resources": ["groups"], "kwargs": {"start_date": "2024-02-01"}},
        {
            "name": "shop",
            "module": "storefront",
            "source_path": FOLDER,
            "function": None,
            "kwargs": {"status": "open"},
        },
        {"name": "staff", "module": "personnel", "source_path": FOLDER, "function": "personnel_source"},
        defaults={"retries": 0},
    )
    project.write(
        ".dlt/secrets.toml",
        f"""
        [sources.desk_token.credentials]
        subdomain = "acme"
        email = "desk@acme.example"
        token = "{TOKEN}"
        [sources.desk_password.credentials]
        subdomain = "acme"
        email = "desk@acme.example"
        password = "{PASSWORD}"
        [sources.desk_oauth.credentials]
        subdomain = "acme"
        oauth_token = "{OAUTH}"
        [sources.shop]
        private_app_password = "{SHOP}"
        [sources.staff]
        client_secret = "{STAFF}"
        """,
    )
    project.write(
        ".dlt/config.toml",
        f"""
        [sources.shop]
        shop_url = "https://{STORE}"
        [sources.staff]
        client_id = "c-1"
        """,
    )


def test_cursors_that_a_scheduler_may_move_are_moved_by_what_was_loaded(synced):
    tables = {"calls_incremental": 3, "groups": 1, "ticket_events": 3, "ticket_fields": 1, "tickets": 3}
    nested = {"tickets__comments": 3, "tickets__comments__files": 3}

    first, second = synced.rows("desk_token")

    assert first == {**tables, **nested}
    assert (second["tickets"], second["calls_incremental"], second["ticket_events"]) == (1, 1, 1)
    for table in ("tickets", "calls_incremental", "ticket_events"):
        counted = f"select count(*), count(distinct id) from raw_desk_token.{table}"
        assert synced.project.query(counted) == [(4, 4)]


def test_each_of_the_alternative_credentials_is_chosen_by_what_is_there(synced):
    assert synced.desk.auths == {f"desk@acme.example/token:{TOKEN}", f"desk@acme.example:{PASSWORD}", OAUTH}


def test_the_state_of_a_source_outlives_the_run(synced):
    columns = synced.project.query("select column_name from (describe raw_desk_token.tickets)")

    assert ("colour",) in columns
    assert ("color",) not in columns
    assert synced.project.one("select count(*) from raw_desk_token.tickets where colour = 'red'") == 4


def test_the_nesting_that_a_source_asks_for_is_kept(synced):
    assert (
        synced.project.one("select sizes::text from raw_desk_token.tickets__comments__files limit 1")
        == '[{"w":1}]'
    )


def test_orders_of_a_typed_cursor_and_a_literal(synced):
    assert synced.rows("shop") == [{"orders": 3}, {"orders": 1}]
    assert synced.project.query("select count(*), count(distinct id) from raw_shop.orders") == [(4, 4)]


def test_transformers_hints_and_a_cursor_without_a_beginning(synced):
    assert synced.rows("staff") == [{"days_off": 3, "employees": 3}, {"days_off": 1, "employees": 1}]
    assert synced.project.query("select sum(days), typeof(any_value(days)) from raw_staff.days_off") == [
        (10, "DECIMAL(38,9)")
    ]
    asked = [it.query.get("since") for it in synced.hosts.of(PEOPLE) if it.path == "/employees"]
    assert (asked[0], asked[-1]) == (None, "2024-02-03T08:00:00Z")
