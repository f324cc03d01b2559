"""Which value a source gets, from which place, and which it never sees."""

import json
import os
import subprocess

import pytest
from commands import DANGO
from sealed_projects import API, GOOGLE, keep_secret


def seen(project, source="api"):
    return project.query(f"select key, region from raw_{source}.seen")


# Each place, from the one that wins by the guide's order to the one that comes last.
GUIDE = ("kwargs", "named", "secrets.toml", "config.toml", "sealed", "job", ".env", "default")
# By dlt's order the environment comes before the files.
DLT = ("kwargs", "named", "sealed", "job", ".env", "secrets.toml", "config.toml", "default")


def fill(project, place, value, kwargs, variables):
    match place:
        case "kwargs":
            kwargs["region"] = value
        case "named":
            kwargs["region_env"] = "REGION_OF_SHOP"
            variables["REGION_OF_SHOP"] = value
        case "secrets.toml" | "config.toml":
            project.write(f".dlt/{place}", f'[sources.api]\nregion = "{value}"\n')
        case "sealed":
            keep_secret(project, "sources.api.region", value)
        case "job":
            variables["SOURCES__API__REGION"] = value
        case ".env":
            project.write(".env", f"SOURCES__API__REGION={value}\n")


@pytest.mark.parametrize(("precedence", "places"), [("guide", GUIDE), ("dlt", DLT)])
def test_of_all_places_the_first_one_that_has_a_value_wins(project, precedence, places):
    """One run after another, each without the place that has won the one before."""
    project.module("api", API)
    won = []
    for first in range(1, len(places)):  # `kwargs` and `named` can't both be given
        for file in (".dlt/secrets.toml", ".dlt/config.toml", ".dango/secrets.enc.yml", ".env"):
            (project.path / file).unlink(missing_ok=True)
        kwargs, variables = {}, {"SOURCES__API__API_KEY": "k"}
        for place in places[first:]:
            fill(project, place, f"from {place}", kwargs, variables)
        project.sources({"name": "api", "kwargs": kwargs}, precedence=precedence)
        assert project.sync("--full-refresh", **variables).code == 0
        [(_, region)] = seen(project)
        won.append(region)

    assert won == [f"from {place}" for place in places[1:-1]] + ["none"]


def test_an_explicit_argument_comes_before_every_place(project):
    project.module("api", API)
    kwargs, variables = {}, {"SOURCES__API__API_KEY": "k"}
    for place in GUIDE:
        if place != "named":
            fill(project, place, f"from {place}", kwargs, variables)
    project.sources({"name": "api", "kwargs": kwargs})

    assert project.sync(**variables).code == 0
    assert seen(project) == [("k", "from kwargs")]


@pytest.mark.parametrize(
    ("precedence", "expected"), [("guide", "from secrets.toml"), ("dlt", "from the short name in .env")]
)
def test_a_short_name_does_not_overtake_a_place_that_comes_first(project, precedence, expected):
    """dlt asks all places for `API__REGION` before it asks any for `SOURCES__API__REGION`."""
    project.module("api", API)
    project.sources("api", precedence=precedence)
    project.write(".dlt/secrets.toml", '[sources.api]\nregion = "from secrets.toml"\n')
    project.write(".env", "API__REGION=from the short name in .env\n")

    assert project.sync(SOURCES__API__API_KEY="k").code == 0
    assert seen(project) == [("k", expected)]


def test_an_empty_variable_falls_through_to_the_next_place(project):
    project.module("api", API)
    project.sources({"name": "api", "kwargs": {"api_key_env": "TOKEN"}})
    project.write(".env", "SOURCES__API__API_KEY=from .env\n")

    assert project.sync(TOKEN="", SOURCES__API__API_KEY="", API__API_KEY="").code == 0
    assert seen(project) == [("from .env", "none")]


def test_a_named_variable_has_the_type_that_its_parameter_wants(project):
    project.module(
        "typed",
        """
        import dlt

        @dlt.source
        def source(shop_id: int, pages=3, tags: list = dlt.config.value, on: bool = False, token_env: str = "x"):
            row = {"shop": shop_id * 2, "pages": pages + 1, "tags": len(tags), "on": on, "token_env": token_env}
            yield dlt.resource([row], name="seen")
        """,
    )
    names = {"shop_id": "A", "pages": "B", "tags": "C", "on": "D", "token": "E"}
    project.sources({"name": "typed", "kwargs": {f"{name}_env": variable for name, variable in names.items()}})

    done = project.sync(A="21", B="4", C='["a", "b"]', D="true", E="secret")

    assert done.code == 0, done.out
    # a parameter that really is called `token_env` gets the name, as its author wanted
    assert project.query('select shop, pages, tags, "on", token_env from raw_typed.seen') == [
        (42, 5, 2, True, "E")
    ]


def test_a_named_variable_of_another_type_is_an_answer_without_its_value(project):
    project.module("typed", "import dlt\n@dlt.resource\ndef source(shop_id: int):\n    yield {'id': shop_id}\n")
    project.sources({"name": "typed", "kwargs": {"shop_id_env": "SHOP"}})

    done = project.sync(SHOP="hunter2-hunter2")

    assert done.code == 4
    assert "the variable SHOP holds no int, which `shop_id` wants" in done.source("typed")["cause"]
    assert "hunter2" not in done.out + done.err


def test_an_argument_that_is_given_twice_is_refused(project):
    project.module("api", API)
    project.sources({"name": "api", "kwargs": {"region": "a", "region_env": "B"}})

    done = project.sync(SOURCES__API__API_KEY="k", B="b")

    assert done.code == 3
    assert "`region` is given twice" in done.source("api")["cause"]


def test_two_instances_get_their_own_keys_and_a_third_one_fails_closed(project):
    project.module("api", API)
    project.sources(*({"name": name, "module": "api"} for name in ("shop_us", "shop_eu", "shop_jp")))
    project.write(".dlt/secrets.toml", 'api_key = "bare"\n[sources]\napi_key = "bare too"\n')
    variables = {
        "API_KEY": "bare",
        "SOURCES__API_KEY": "bare",
        "SOURCES__SHOP_US__API_KEY": "us",
        "SHOP_EU__API_KEY": "eu",
    }

    done = project.sync(**variables)

    assert done.code == 5 if done.source("shop_jp")["exit_code"] == 5 else done.code == 4
    assert [s["status"] for s in done.document["sources"]] == ["ok", "ok", "failed"]
    assert (seen(project, "shop_us"), seen(project, "shop_eu")) == ([("us", "none")], [("eu", "none")])
    assert "`api_key` is missing for source `shop_jp`" in done.source("shop_jp")["cause"]


def test_a_missing_secret_is_told_with_every_place_before_anything_is_extracted(project):
    project.module(
        "api",
        """
        import dlt
        from pathlib import Path

        @dlt.source
        def source(api_key: str = dlt.secrets.value):
            @dlt.resource
            def first():
                Path("extracted").touch()
                yield {"id": 1}

            @dlt.resource
            def second(token: str = dlt.secrets.value):
                yield {"id": token}

            return first, second
        """,
    )
    project.sources({"name": "api", "kwargs": {"api_key_env": "SHOP_TOKEN"}})
    project.write(".dlt/secrets.toml", '[sources.api]\napi_kee = "x"\n')

    without_key = project.sync()
    without_token = project.sync(SHOP_TOKEN="k")

    assert (without_key.code, without_token.code) == (4, 4)
    assert not (project.path / "extracted").exists()
    [problem] = without_key.source("api")["problems"]
    assert problem["what"] == "`api_key` is missing for source `api`"
    assert problem["at"]["file"] == ".dango/sources.yml"
    assert problem["hint"] == (
        "did you mean `api_kee` below `[sources.api]` in .dlt/secrets.toml?; "
        "put `SHOP_TOKEN=…` into .env, or set it in the environment. It was looked for in "
        "variable SHOP_TOKEN (`api_key_env`); "
        ".dlt/secrets.toml ([api] api_key, [sources.api] api_key); "
        "environment (API__API_KEY, SOURCES__API__API_KEY)"
    )
    [problem] = without_token.source("api")["problems"]
    assert problem["what"] == "`token` is missing for source `api`"


def test_what_reaches_no_source_is_said_when_one_lacks_something(project):
    project.module("api", API)
    project.sources("api")
    project.write(
        ".dlt/secrets.toml", '[sources.api]\napi_key = ""\n[sources.apii]\napi_key = "hunter2-hunter2"\n'
    )

    done = project.sync()
    project.write(".dlt/secrets.toml", '[sources.api]\napi_key = "a-key-of-ours"\n[sources.apii]\napi_key = "x"\n')
    fine = project.sync()

    assert (done.code, fine.code) == (4, 0)
    [problem] = done.source("api")["problems"]
    assert problem["hint"].startswith("`api_key` below `[sources.api]` in .dlt/secrets.toml has no value; put ")
    [warning] = done.document["warnings"]  # none that an empty text can't be hidden
    assert warning["what"] == "reaches no source: `sources.apii.api_key` in .dlt/secrets.toml: did you mean `api`?"
    assert fine.document["warnings"] == []


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ("sealed", "run `dango secrets set sources.api.api_key` and commit"),
        ("runner", "add `SOURCES__API__API_KEY: ${{ secrets.SOURCES__API__API_KEY }}` below `env:` of this step"),
        ("laptop", "put `api_key = …` below `[sources.api]` in .dlt/secrets.toml"),
    ],
)
def test_the_remedy_is_the_one_of_this_project(project, kept, expected):
    project.module("api", API)
    project.sources("api")
    if kept == "sealed":
        keep_secret(project, "sources.other.key", "x")

    done = project.sync(**({"GITHUB_ACTIONS": "true"} if kept == "runner" else {}))

    assert done.source("api")["problems"][0]["hint"].startswith(expected)


def test_a_secret_in_config_toml_is_refused_without_its_value(project):
    project.module("api", API)
    project.sources("api")
    project.write(".dlt/config.toml", '[sources.api]\napi_key = "hunter2-hunter2"\n')

    done = project.sync()

    assert done.code == 4
    assert (
        "a secret of source `api` stands in .dlt/config.toml, which is committed: [sources.api] api_key"
        in (done.source("api")["cause"])
    )
    assert "hunter2" not in done.out + done.err


def test_shared_settings_of_config_toml_reach_every_source_and_neighbours_do_not(project):
    project.module(
        "api",
        """
        import dlt

        @dlt.source
        def source(region: str = "none", size: int = 0, api_key: str = "none", batch: int = 0):
            yield dlt.resource([{"region": region, "size": size, "key": api_key, "batch": batch}], name="seen")
        """,
    )
    project.sources("api", {"name": "other", "module": "api"})
    project.write(
        ".dlt/config.toml",
        'region = "eu"\n[sources]\nsize = 7\n[sources.other]\nbatch = 1\n[other]\nbatch = 2\n[sources.api.seen]\nx = 1\n',
    )
    project.write(
        ".dlt/secrets.toml", 'api_key = "bare"\n[sources]\napi_key = "bare"\n[other]\napi_key = "theirs"\n'
    )

    assert project.sync().code == 0
    assert project.query("select region, size, key, batch from raw_api.seen") == [("eu", 7, "none", 0)]
    assert project.query("select region, size, key, batch from raw_other.seen") == [("eu", 7, "theirs", 2)]


def test_values_of_toml_keep_their_types(project):
    project.module(
        "typed",
        """
        import dlt
        from datetime import date, datetime

        @dlt.source
        def source(since: datetime = dlt.config.value, day: date = dlt.config.value, deep: dict = dlt.secrets.value,
                   many: list = dlt.config.value, half: float = dlt.config.value):
            row = {"since": since.year, "day": day.day, "deep": deep["a"]["b"], "many": len(many), "half": half}
            yield dlt.resource([row], name="seen")
        """,
    )
    project.sources("typed")
    project.write(
        ".dlt/config.toml",
        "[sources.typed]\nsince = 2024-05-06T07:08:09Z\nday = 2024-01-31\nmany = [1, [2], {x = 3}]\nhalf = 0.5\n",
    )
    project.write(".dlt/secrets.toml", '[sources.typed.deep.a]\nb = "päss\\n\\"word\\""\n')

    done = project.sync()

    assert done.code == 0, done.out
    assert project.query("select since, day, deep, many, half from raw_typed.seen") == [
        (2024, 31, 'päss\n"word"', 3, 0.5)
    ]


SPY = """
import dlt, json, os
from pathlib import Path

def fields(source):
    from dlt.common.configuration.container import Container
    from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
    providers = Container()[PluggableRunContext].providers.providers
    return [p.to_toml() for p in providers if hasattr(p, "to_toml")]

def ancestors():
    process = os.getpid()
    while process > 1:
        yield process
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])

def environment(process):
    try:
        return Path(f"/proc/{process}/environ").read_text()
    except PermissionError:
        return "refused"

@dlt.resource
def source():
    own, server, parent, *_ = ancestors()
    blocks = [environment(own), environment(server)]
    assert environment(parent) == "refused", "the parent's environment can be read"
    assert "CapEff:\\t0000000000000000" in Path("/proc/self/status").read_text()
    files = fields("spy")
    yield {"held": json.dumps([dict(os.environ), blocks, files])}
"""


def test_a_source_holds_its_own_secrets_only_and_can_not_read_those_of_its_parent(project):
    project.module("spy", SPY)
    project.module("api", API)
    project.sources({"name": "spy", "env": ["LISTED", "DANGO_SECRETS_KEY"]}, "api")
    project.write(
        ".dlt/secrets.toml", 'api_key = "theirs-01"\n[sources.api]\napi_key = "theirs-02"\n[spy]\nmine = "own-1"\n'
    )
    project.write(
        ".dlt/config.toml", '[destination.motherduck]\npassword = "theirs-03"\n[api]\nregion = "theirs-04"\n'
    )
    project.write(
        ".env", "API__X=theirs-05\nPATH=theirs-06\nDANGO_SECRETS_KEY=theirs-07\nSPY__E=own-2\nOTHER=theirs-08\n"
    )
    keep_secret(project, "sources.api.token", "theirs-09")
    keep_secret(project, "sources.spy.token", "own-3")
    key = project.dango("secrets", "key").out.strip()
    variables = {"API_KEY": "theirs-10", "API__KEY": "theirs-11", "LISTED": "own-4", "SPY__V": "own-5"}
    # root may read everything, so a root without its capabilities stands for an ordinary user
    ordinary = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []

    done = subprocess.run(
        [*ordinary, DANGO, "sync", "--json", "--source", "spy"],
        cwd=project.path,
        env=project.environ(DANGO_SECRETS_KEY=key, **variables),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    held = project.one("select held from raw_spy.source")
    assert "theirs" not in held
    assert key not in held
    environ, _, files = json.loads(held)
    assert {environ[name] for name in ("SPY__E", "SOURCES__SPY__TOKEN", "LISTED", "SPY__V")} == {
        f"own-{n}" for n in (2, 3, 4, 5)
    }
    assert "own-1" in files[0]


def test_a_source_borrows_the_credentials_of_another_one_and_not_its_settings(project):
    project.module("google", GOOGLE)
    project.sources(
        {"name": "ads", "module": "google"},
        {"name": "analytics", "module": "google", "credentials_from": "ads"},
        {"name": "sheets", "module": "google"},
    )
    project.write(
        ".dlt/secrets.toml",
        '[sources.ads]\nclient_id = "id"\nclient_secret = "s"\nproject_id = "p"\ncustomer = "of ads"\n',
    )

    done = project.sync(ADS__REFRESH_TOKEN="r")

    assert [s["status"] for s in done.document["sources"]] == ["ok", "ok", "failed"]
    assert project.query("select id, of, customer from raw_analytics.seen") == [("id", "p", "none")]
    assert project.query("select id, of, customer from raw_ads.seen") == [("id", "p", "of ads")]
    assert all("or share them: `credentials_from: ads`" in p["hint"] for p in done.source("sheets")["problems"])
    assert not [p for p in done.document["notices"] if "credentials_from" in p["what"]]


@pytest.mark.parametrize("form", ["flat", "section", "json", "sealed", "service account"])
def test_google_credentials_are_found_in_every_form(project, form):
    project.module("google", GOOGLE)
    project.sources({"name": "ads", "module": "google"})
    keys = {"client_id": "id", "client_secret": "s", "refresh_token": "r", "project_id": "p"}
    variables = {}
    lines = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
    match form:
        case "flat":
            project.write(".dlt/secrets.toml", f"[sources.ads]\n{lines}")
        case "section":
            project.write(".dlt/secrets.toml", f"[sources.ads.credentials]\n{lines}")
        case "json":
            variables["SOURCES__ADS__CREDENTIALS"] = json.dumps(keys)
        case "sealed":
            keep_secret(project, "sources.ads.credentials", json.dumps(keys), "--json")
        case "service account":
            account = {"type": "service_account", "project_id": "p", "private_key": "k\n", "client_email": "e"}
            (project.path / "account.json").write_text(json.dumps(account | {"client_id": "id"}))
            keep_secret(project, "sources.ads.credentials", "", "--file", "account.json")

    done = project.sync(**variables)

    if form == "service account":  # it has no client_id, and says so itself
        assert "client_id" in done.source("ads")["cause"]
        assert "missing" not in done.source("ads")["cause"]
    else:
        assert done.code == 0, done.out
        assert project.query("select id, of from raw_ads.seen") == [("id", "p")]


def test_one_setting_with_two_values_is_a_warning_that_names_both_places_and_no_value(project):
    project.module("api", API)
    project.sources("api")
    project.write(".dlt/secrets.toml", '[sources.api]\napi_key = "one-secret"\nregion = "same"\n')

    done = project.sync(API__API_KEY="two-secret", SOURCES__API__REGION="same")

    assert done.code == 0
    [warning] = done.document["warnings"]
    assert warning["what"] == (
        "source `api` has two values for one setting: in `[sources.api] api_key` in .dlt/secrets.toml, "
        "and another in API__API_KEY in environment"
    )
    assert seen(project) == [("one-secret", "same")]
    assert "-secret" not in done.out + done.err


@pytest.mark.parametrize("place", ["secrets.toml", "config.toml", "job", ".env", "kwargs", "named"])
def test_a_ciphertext_never_reaches_a_source_as_its_value(project, place):
    project.module("api", "from pathlib import Path\nPath('imported').touch()\n" + API)
    keep_secret(project, "sources.api.region", "x")
    token = next(
        line for line in (project.path / ".dango/secrets.enc.yml").read_text().split() if line.startswith("enc:")
    )
    (project.path / ".dango/secrets.enc.yml").unlink()
    kwargs, variables = {}, {"SOURCES__API__API_KEY": "k"}
    fill(project, place, token, kwargs, variables)
    project.sources({"name": "api", "kwargs": kwargs})

    done = project.sync(**variables)

    assert done.code == 4
    assert "is a sealed value, which only opens in .dango/secrets.enc.yml" in done.out
    assert token not in done.out + done.err
    assert not (project.path / "imported").exists()


def sealed_lines(project):
    return (project.path / ".dango/secrets.enc.yml").read_text().splitlines()


def break_it(lines, how):
    first, second = [n for n, line in enumerate(lines) if "enc:v1:" in line]
    one, other = (lines[n].split(": ", 1) for n in (first, second))
    match how:
        case "swapped":
            lines[first], lines[second] = f"{one[0]}: {other[1]}", f"{other[0]}: {one[1]}"
        case "bit flipped":
            lines[first] = lines[first][:-1] + ("A" if lines[first][-1] != "A" else "E")
        case "truncated":
            lines[first] = lines[first][:-30]
        case "duplicate":
            lines.insert(first, lines[first])
        case "v2":
            lines[first] = lines[first].replace("enc:v1:", "enc:v2:")
        case "plain":
            lines[first] = f"{one[0]}: hunter2-hunter2"
    return lines


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("another key", "is sealed for the key"),
        ("no key", "key"),
        ("bit flipped", "was tampered with, or damaged"),
        ("swapped", "it was swapped, or copied, to another path"),
        ("truncated", "is not whole"),
        ("duplicate", "this key occurs twice"),
        ("v2", "this value is of form 2"),
        ("plain", "this value is not sealed"),
    ],
)
def test_a_sealed_value_that_does_not_open_is_told_apart_and_starts_no_extraction(project, how, words):
    project.module("api", "from pathlib import Path\nPath('imported').touch()\n" + API)
    project.sources("api")
    keep_secret(project, "sources.api.api_key", "hunter1-hunter1")
    keep_secret(project, "sources.api.region", "hunter3-hunter3")
    file = project.path / ".dango/secrets.enc.yml"
    file.write_text("\n".join(break_it(sealed_lines(project), how)) + "\n")
    variables = {}
    if how in {"another key", "no key"}:
        (project.home / ".config").rename(project.home / "away")
    if how == "another key":
        file.rename(project.path / "kept")
        variables["DANGO_SECRETS_KEY"] = project.dango("secrets", "init", "--no-keep").out.strip()
        (project.path / "kept").rename(file)

    done = project.sync(**variables)

    assert done.code == 4
    found = done.document["problems"]
    assert any(words in problem["what"] for problem in found), found
    assert all(problem["at"]["file"] == ".dango/secrets.enc.yml" for problem in found)
    assert not (project.path / "imported").exists()
    assert not any(word in done.out + done.err for word in ("hunter", "enc:v1:", *variables.values()))


def test_a_bundle_works_like_the_file_and_comes_before_it(project):
    project.module("api", API)
    project.sources("api")
    keep_secret(project, "sources.api.api_key", "from the bundle")
    keep_secret(project, "sources.api.region", "bundled")
    file = project.path / ".dango/secrets.enc.yml"
    bundle = file.read_text()
    keep_secret(project, "sources.api.api_key", "from the file")

    both = project.sync(DANGO_SECRETS_BUNDLE=bundle)
    file.unlink()
    alone = project.sync("--full-refresh", DANGO_SECRETS_BUNDLE=bundle)

    assert (both.code, alone.code) == (0, 0), both.out + alone.out
    assert seen(project) == [("from the bundle", "bundled")]


def test_sealed_credentials_of_every_kind_work_as_a_table_leaf_by_leaf_and_when_they_are_lent(project):
    """A connection string has a native form of its own, so JSON in its place would be taken for that."""
    project.module(
        "db",
        """
        import dlt
        from dlt.sources.credentials import ConnectionStringCredentials

        @dlt.source
        def source(db: ConnectionStringCredentials = dlt.secrets.value, extra: dict = None):
            yield dlt.resource([{"url": db.to_native_representation(), "extra": str(extra)}], name="seen")
        """,
    )
    project.sources(
        {"name": "whole", "module": "db"},
        {"name": "leaves", "module": "db"},
        {"name": "text", "module": "db"},
        {"name": "lent", "module": "db", "credentials_from": "whole"},
    )
    fields = {
        "drivername": "postgresql",
        "host": "h",
        "port": 5432,
        "database": "d",
        "username": "u",
        "password": "p",
    }
    keep_secret(project, "sources.whole.db", json.dumps(fields), "--json")
    keep_secret(project, "sources.whole.extra", '{"a": {"b": [1, null]}}', "--json")
    for field, value in fields.items():
        keep_secret(project, f"sources.leaves.db.{field}", json.dumps(value), "--json")
    keep_secret(project, "sources.text.db", "postgresql://u:p@h:5432/d")

    done = project.sync()

    assert done.code == 0, done.out
    for name in ("whole", "leaves", "text", "lent"):
        assert project.one(f"select url from raw_{name}.seen") == "postgresql://u:p@h:5432/d"
    assert project.one("select extra from raw_whole.seen") == "{'a': {'b': [1, None]}}"


def test_what_the_code_sets_itself_counts_and_base_variables_are_no_values(project):
    project.module(
        "own",
        """
        import dlt, os

        os.environ["SOURCES__OWN__API_KEY"] = "set in the environment"
        dlt.secrets["sources.own.token"] = "set in dlt.secrets"
        dlt.secrets["bare"] = "set bare"

        @dlt.source
        def source(api_key: str = dlt.secrets.value, token: str = dlt.secrets.value, user: str = "none", home: str = "none"):
            row = {"key": api_key, "token": token, "user": user, "home": home, "bare": dlt.secrets["bare"]}
            yield dlt.resource([row], name="seen")
        """,
    )
    project.sources("own")

    done = project.sync(USER="somebody")

    assert done.code == 0, done.out
    assert project.query("select key, token, user, home, bare from raw_own.seen") == [
        ("set in the environment", "set in dlt.secrets", "none", "none", "set bare")
    ]


def test_code_with_sections_of_its_own_finds_what_its_source_has(project):
    """A helper of `with_config`, a source within a source, `dlt.secrets` by a bare and by a full name."""
    project.module(
        "vendor",
        """
        import dlt

        @dlt.source
        def inner(vendor_key: str = dlt.secrets.value):
            return dlt.resource([{"key": vendor_key}], name="inner")
        """,
    )
    project.module(
        "shop",
        """
        import dlt
        from dlt.common.configuration import with_config
        from vendor import inner

        @with_config(sections=("sources", "helper"))
        def client(token: str = dlt.secrets.value):
            return token

        @dlt.source
        def source():
            bare, full = dlt.secrets["stripe_key"], dlt.secrets["sources.shop.other_key"]
            made = dlt.resource([{"token": client(), "bare": bare, "full": full}], name="seen")
            return [made, inner().resources["inner"]]
        """,
    )
    project.sources("shop")
    project.write(".dlt/secrets.toml", '[sources.shop]\ntoken = "t"\nvendor_key = "v"\n[shop]\nstripe_key = "s"\n')

    done = project.sync(SOURCES__SHOP__OTHER_KEY="o")

    assert done.code == 0, done.out
    assert project.query('select token, bare, "full" from raw_shop.seen') == [("t", "s", "o")]
    assert project.query("select key from raw_shop.inner") == [("v",)]


@pytest.mark.parametrize("precedence", ["guide", "dlt"])
@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ('dlt.secrets["sources.shop.stripe_key"]', "put `stripe_key = …` below `[sources.shop]`"),
        ('dlt.secrets["stripe_key"]', "put `stripe_key = …` below `[sources.shop]`"),
        ("client()", "put `token = …` below `[sources.shop]`"),
    ],
)
def test_the_remedy_for_what_code_asks_for_helps(project, precedence, code, remedy):
    project.module(
        "shop",
        f"""
        import dlt
        from dlt.common.configuration import with_config

        @with_config(sections=("sources", "helper"))
        def client(token: str = dlt.secrets.value):
            return token

        @dlt.source
        def source():
            return dlt.resource([{{"value": {code}}}], name="seen")
        """,
    )
    project.sources("shop", precedence=precedence)

    missing = project.sync()
    project.write(".dlt/secrets.toml", '[sources.shop]\nstripe_key = "found"\ntoken = "found"\n')
    done = project.sync()

    hint = missing.source("shop")["problems"][0]["hint"]
    assert hint.startswith(remedy), hint
    assert hint.count("[sources.shop] ") == 1
    assert precedence == "dlt" or "[shop] " in hint
    assert done.code == 0, done.out
    assert project.one("select value from raw_shop.seen") == "found"


@pytest.mark.parametrize("precedence", ["guide", "dlt"])
@pytest.mark.parametrize("kept", ["[api.credentials]", "[sources.api.credentials]", None])
def test_credentials_that_code_with_a_section_of_its_own_asks_for_are_those_of_its_source(
    project, precedence, kept
):
    project.module(
        "api",
        """
        import dlt
        from dlt.common.configuration import resolve_configuration
        from dlt.sources.helpers.rest_client.auth import BearerTokenAuth

        @dlt.source(name="helper", section="helper")
        def inner():
            token = resolve_configuration(BearerTokenAuth()).token
            return dlt.resource([{"token": token}], name="seen")

        @dlt.source
        def source():
            return inner()
        """,
    )
    project.sources("api", precedence=precedence)
    variables = {} if kept else {"SOURCES__API__CREDENTIALS__TOKEN": "tok-of-api"}
    if kept:
        project.write(".dlt/secrets.toml", f'{kept}\ntoken = "tok-of-api"\n')

    done = project.sync(**variables)

    assert done.code == 0, done.document
    assert project.query("select token from raw_api.seen") == [("tok-of-api",)]


def test_dlts_own_name_for_a_source_in_a_module_of_its_name_works(project):
    project.module("api", API)
    project.sources("api")

    assert project.sync(SOURCES__API__API__API_KEY="k").code == 0
    assert seen(project) == [("k", "none")]


def test_an_empty_text_and_what_dlt_init_has_written_are_no_secrets(project):
    project.module("api", API)
    project.sources("api")
    keep_secret(project, "sources.api.api_key", "sealed")
    for text in ("", "<configure me>"):
        project.write(".dlt/secrets.toml", f'[sources.api]\napi_key = "{text}"\n')
        assert project.sync("--full-refresh").code == 0
        assert seen(project) == [("sealed", "none")]


def test_settings_of_the_run_reach_dlt_by_variables_and_a_reload_of_its_context_opens_no_file(project):
    project.module(
        "own",
        """
        import dlt
        from dlt.common.configuration.container import Container
        from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

        @dlt.source
        def source():
            Container()[PluggableRunContext].reload_providers()
            row = {"workers": dlt.config.get("extract.workers", int), "theirs": dlt.secrets.get("other.key") or "none"}
            return dlt.resource([row], name="seen")
        """,
    )
    project.sources("own", {"name": "other", "module": "own", "enabled": False})
    project.write(".dlt/secrets.toml", '[other]\nkey = "theirs"\n')

    done = project.sync(EXTRACT__WORKERS="3")

    assert done.code == 0, done.out
    assert project.query("select workers, theirs from raw_own.seen") == [(3, "none")]


def test_tables_that_are_called_like_a_setting_stay_what_they_are(project):
    project.module(
        "shop",
        """
        import dlt

        @dlt.source
        def source(table: str = dlt.config.value):
            yield dlt.resource([{"id": 1}, {"id": 2}], name=table)
            yield dlt.resource([{"id": 1}], name="customers")
        """,
    )
    project.sources("shop")

    done = project.sync(SHOP__TABLE="orders_all", SHOP__OTHER="customers")

    assert {table["name"]: table["rows"] for table in done.source("shop")["tables"]} == {
        "orders_all": 2,
        "customers": 1,
    }


def test_a_secret_that_can_not_be_hidden_is_a_warning_and_a_short_setting_is_none(project):
    project.module(
        "api",
        """
        import dlt

        @dlt.source
        def source(pin: str = dlt.secrets.value, code: str = dlt.secrets.value, pages: int = 1, region: str = "x"):
            yield dlt.resource([{"id": 1}], name="seen")
        """,
    )
    project.sources("api")
    values = {
        "API__PIN": "4839",
        "API__CODE": "api",
        "API__PAGES": "1000",
        "API__REGION": "eu",
        "API__UNUSED": "12",
    }

    done = project.sync(**values)

    assert done.code == 0, done.out
    assert [warning["what"].split(" can't")[0] for warning in done.document["warnings"]] == [
        "API__PIN in environment",
        "API__CODE in environment",
    ]
