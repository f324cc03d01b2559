"""Every block of the guide that lies beside the project, as it is: it runs, or is answered with a line and the fix.

What a block speaks of elsewhere, a vendor's host or a package that is not here, has a stand-in on loopback. Each test
says which blocks it takes, and the last one that none is left.
"""

import importlib.metadata
import json
import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from guided import GOOGLE, MINE, SUPPORT, entry
from hosts import Hosts
from systems.shopify import Shopify
from vendors import Shopee

GUIDE = Path(__file__).parents[3] / "shared/guide.md"
SOURCES, SECRETS, CONFIG = ".dango/sources.yml", ".dlt/secrets.toml", ".dlt/config.toml"
pytestmark = pytest.mark.skipif(
    not GUIDE.exists(), reason="the guide is not beside the project, see CONTRIBUTING.md"
)
TAKEN = Counter()


@dataclass(frozen=True)
class Blocks:
    """The blocks between fences by their language, in the order of the text; `text` if it names none."""

    of: dict

    def __getitem__(self, name):
        language, number = name.split()
        return self.of[language][int(number)]


def _read():
    found = {}
    for language, text in re.findall(
        r"^```(\w*)\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    ):
        found.setdefault(language or "text", []).append(text)
    return Blocks(found)


@pytest.fixture(scope="module")
def blocks():
    return _read()


def takes(*names):
    """Say which blocks a test takes."""
    TAKEN.update(names)
    return lambda test: test


def put(project, **files):
    """Write files whose names are keys: `secrets` and `config` of dlt, `sources`, `env`, and modules by theirs."""
    known = {"sources": SOURCES, "secrets": SECRETS, "config": CONFIG, "env": ".env"}
    for name, text in files.items():
        path = project.path / known.get(name, f"custom_sources/{name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def entries(*listed):
    return json.dumps({"sources": list(listed)})


def answer(done, name):
    """Return the only problem of a source as its place, what is wrong, and the fix."""
    [problem] = done.source(name)["problems"]
    at = problem["at"]
    return f"{at['file']}:{at['line']}", problem["what"], problem["hint"]


def text_of(project, module):
    return (project.path / f"custom_sources/{module}.py").read_text()


def with_cursor(text, problem):
    """Return a module's text with the cursor that an answer writes, at the place that it names."""
    fixed = re.fullmatch("write `(.*)`", problem["hint"])[1]
    lines, at = text.splitlines(), problem["at"]
    lines[at["line"] - 1] = f"{lines[at['line'] - 1][: at['column'] - 1]}{fixed}):"
    return "\n".join(lines)


@takes("python 0", "yaml 0", "toml 0", "bash 0")
def test_the_shop_of_the_first_chapter_is_answered_and_then_runs(blocks, project, tmp_path):
    put(project, sources=blocks["yaml 0"], secrets=blocks["toml 0"], shopee_api=blocks["python 0"])
    given = tomllib.loads(blocks["toml 0"])["sources"]["shopee_sg"]
    shopee = Shopee(given["partner_id"], given["partner_key"], given["shop_id"])
    with Hosts(tmp_path, {"partner.shopeemobile.com": shopee}) as hosts:
        exports = "".join(f"export {key}='{value}'\n" for key, value in hosts.environ.items())
        done = project.sync(**hosts.environ)
        cursor, body = done.source("shopee_sg")["problems"]
        assert "dlt takes `timestamp: int` for a setting of that name, not for a cursor" in cursor["what"]
        assert "`products` has no body" in body["what"]

        mended = with_cursor(blocks["python 0"], cursor)
        put(project, shopee_api=mended.replace(" pass\n", ' yield {"item_id": 1}\n'))
        first = project.shell(exports + blocks["bash 0"])
        shopee.orders.append({"order_sn": "S9", "timestamp": 2000})
        second = project.sync(**hosts.environ)

    assert first.code == 0, first.out
    assert {table["name"]: table["rows"] for table in second.source("shopee_sg")["tables"]}["orders"] == 1
    assert project.query("select count(*), count(distinct order_sn) from raw_shopee_sg.orders") == [(6, 6)]
    assert hosts.refused == []


@takes("python 1", "python 2", "python 3", "python 4")
def test_fragments_are_answered_line_by_line_until_only_the_users_own_is_missing(blocks, project):
    for number in (1, 2, 3, 4):
        put(project, **{f"part{number}": blocks[f"python {number}"]})
    put(project, secrets='[sources.part3]\napi_key = "a key of ours"\n')
    project.sources(
        *({"name": f"part{number}", "function": None} for number in (1, 2, 3, 4)), defaults={"retries": 0}
    )

    bare = project.sync()
    for number in (1, 2, 3, 4):
        assert answer(bare, f"part{number}") == (
            f"custom_sources/part{number}.py:1",
            "NameError: `dlt` is not defined",
            "add `import dlt` at the top of the file",
        )
        put(project, **{f"part{number}": "import dlt\n" + blocks[f"python {number}"]})

    done = project.sync()
    assert [table["rows"] for table in done.source("part1")["tables"]] == [1]
    [problem] = done.source("part2")["problems"]
    assert "the function receives None" in problem["what"]
    put(project, part2=with_cursor(text_of(project, "part2"), problem))
    _, what, hint = answer(done, "part3")
    assert (what, hint) == ("`my_api` has no body, which dlt refuses", "return its resources")
    put(project, part3=text_of(project, "part3").replace("pass", "return dlt.resource([{}], name='r')"))
    _, what, hint = answer(done, "part4")
    assert what == "NameError: `requests` is not defined"
    put(project, part4=f"{hint.split('`')[1]}\n{text_of(project, 'part4')}")

    last = project.sync()
    assert last.source("part3")["status"] == "ok"
    for name, missing, line in (("part2", "api", "records = "), ("part4", "url", "requests.get")):
        at, what, _ = answer(last, name)
        assert what == f"NameError: `{missing}` is not defined"
        file, number = at.split(":")
        assert line in (project.path / file).read_text().splitlines()[int(number) - 1]


@takes("bash 1", "yaml 1", "toml 1", "bash 2")
def test_a_verified_source_is_no_package_and_its_checkout_runs(blocks, project):
    assert blocks["bash 1"].strip() == "pip install dlt[zendesk]"
    assert "zendesk" not in importlib.metadata.metadata("dlt").get_all("Provides-Extra")  # so it installs nothing
    put(project, sources=blocks["yaml 1"], secrets=blocks["toml 1"])

    line = 1 + next(at for at, text in enumerate(blocks["yaml 1"].splitlines()) if "source_module:" in text)
    for done in (project.sync(), project.dango("config", "validate", "--json")):
        assert done.code == 3
        assert f'"line": {line}' in done.out
        assert "source_path: vendor/verified-sources/sources" in done.out

    project.write("vendor/verified-sources/sources/zendesk/__init__.py", SUPPORT)
    added = "dlt_native:\n      source_path: vendor/verified-sources/sources\n"
    put(project, sources=blocks["yaml 1"].replace("dlt_native:\n", added))
    done = project.shell(blocks["bash 2"])
    assert done.code == 0, done.out
    given = tomllib.loads(blocks["toml 1"])["sources"]["zendesk_support"]["credentials"]
    columns = "subdomain, start_date, email, token"
    assert project.query(f"select {columns} from raw_zendesk_support.tickets") == [
        ("mycompany", "2024-01-01", given["email"], given["token"])
    ]


@takes("toml 2", "toml 3", "bash 3")
def test_googles_flat_keys_reach_their_own_source_and_others_by_name(blocks, project):
    ads = entry("google_ads", "google", "flat_source")
    sheets = entry("google_sheets", "google", "google_source")
    analytics = entry("google_analytics", "google", "google_source", credentials_from="google_ads")
    put(project, google=GOOGLE, sources=entries(ads), secrets=blocks["toml 2"])
    assert project.sync().code == 0
    given = tomllib.loads(blocks["toml 2"])["sources"]["google_ads"]
    names = ("client_id", "client_secret", "refresh_token", "developer_token", "customer_id")
    assert project.query("from raw_google_ads.rows")[0][:5] == tuple(given[name] for name in names)

    put(project, sources=entries({**ads, "enabled": False}, sheets, analytics), secrets=blocks["toml 3"])
    alone = project.sync()
    assert alone.code == 4
    missing = alone.source("google_sheets")["problems"]
    assert [problem["what"].split("`")[1] for problem in missing] == [
        f"credentials.{name}" for name in ("client_id", "client_secret", "refresh_token", "project_id")
    ]
    shared = alone.source("google_analytics")["problems"]
    assert [problem["what"].split("`")[1] for problem in shared] == ["credentials.project_id"]
    assert "put `project_id = …`" in shared[0]["hint"]

    # there is no `dango auth` yet: it says so, and the line before it works
    done = project.shell(blocks["bash 3"])
    assert (done.code, done.err.splitlines()[-1]) == (2, "Error: No such command 'auth'.")


@takes("yaml 2", "toml 4")
def test_two_stores_of_a_type_run_with_their_own_secrets(blocks, project, tmp_path):
    put(project, sources=blocks["yaml 2"], secrets=blocks["toml 4"])
    given = tomllib.loads(blocks["toml 4"])["sources"]
    stores = {}
    for number, (name, secrets) in enumerate(given.items(), 1):
        store = stores[secrets["shop_url"]] = Shopify(secrets["private_app_password"])
        for rows in ("orders", "customers", "shop"):
            store.add(rows, number, "2026-01-01T00:00:00Z", name=name)

    assert project.dango("config", "validate").code == 0
    with Hosts(tmp_path, stores) as hosts:
        done = project.sync(**hosts.environ)

    assert done.code == 0
    for number, name in enumerate(given, 1):
        assert project.query(f"select id, name from raw_{name}.orders") == [(number, name)]
        assert project.query(f"select id, name from raw_{name}.customers") == [(number, name)]


@takes("toml 5", "toml 6", "bash 4", "text 0", "text 1", "text 2", "bash 5")
def test_direct_settings_arrive_by_their_order_and_troubles_are_answered(blocks, project):
    put(project, sources=entries(entry("my_source", "my_source", "my_source")))
    assert blocks["text 0"].strip() == "ModuleNotFoundError: No module named 'my_source'"
    at, what, hint = answer(project.sync(), "my_source")
    assert (at, what.split(" in ")[0]) == (f"{SOURCES}:1", "there is no module `my_source`")
    assert hint.startswith("create custom_sources/my_source.py")

    assert blocks["text 1"].strip() == "KeyError: 'api_key'"
    secrets = blocks["toml 6"]
    put(
        project, my_source=MINE.replace("given =", '{}["api_key"]; given ='), secrets=secrets, env=blocks["bash 4"]
    )
    at, what, hint = answer(project.sync(), "my_source")
    assert at == "custom_sources/my_source.py:15"
    assert "`api_key` is set for this source in .dlt/secrets.toml" in what
    assert hint == "take it as a parameter of the source function: `api_key=dlt.secrets.value`"

    lower = blocks["bash 4"].replace("xxxxx", "this one loses").replace("1000", "1")
    put(project, my_source=MINE, config=blocks["toml 5"], env=lower)
    assert project.sync().code == 0
    given = {
        key: value
        for part in ("toml 5", "toml 6")
        for key, value in tomllib.loads(blocks[part])["sources"]["my_source"].items()
    }
    names = {
        "key": "api_key",
        "who": "username",
        "password": "password",
        "batch": "batch_size",
        "timeout": "timeout",
    }
    [row] = project.query("select * exclude (_dlt_id, _dlt_load_id) from raw_my_source.rows")
    assert row == (*(given[name] for name in names.values()), given["start_date"], 5)

    assert blocks["text 2"].startswith("PipelineStateEngineError: ")
    with duckdb.connect(str(project.warehouse)) as connection:
        connection.execute("update raw_my_source._dlt_pipeline_state set state = 'damaged'")
    [problem] = project.sync().source("my_source")["problems"]
    assert problem["hint"].endswith(blocks["bash 5"].splitlines()[-1])
    assert project.shell(blocks["bash 5"]).code == 0


def test_no_block_is_overlooked_and_none_is_taken_twice(blocks):
    there = [f"{language} {number}" for language, found in blocks.of.items() for number in range(len(found))]

    assert sorted(TAKEN.elements()) == sorted(there)
    assert len(there) == 24
