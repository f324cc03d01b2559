"""`dango config explain` and `dango secrets check`: every place, the winner, and never a value."""

import json

import pytest
from sealed_projects import API, GOOGLE, keep_secret

SECRET = "hunter2-hunter2"


def explained(project, *arguments, **variables):
    done = project.dango("config", "explain", "--json", *arguments, **variables)
    assert SECRET not in done.out + done.err
    return done


def parameters(done, source="api"):
    return {parameter["name"]: parameter for parameter in done.source(source)["parameters"]}


def test_each_parameter_has_its_places_in_their_order_and_the_winner(project):
    project.module("api", API)
    project.sources("api")
    project.write(".dlt/secrets.toml", f'[sources.api]\napi_key = "{SECRET}"\n')
    project.write(".dlt/config.toml", 'region = "eu"\n')

    done = explained(project)

    assert done.code == 0
    key, region = parameters(done)["api_key"], parameters(done)["region"]
    assert (key["type"], key["required"], key["secret"], key["missing"]) == ("str", True, True, False)
    assert key["winner"] == {"place": ".dlt/secrets.toml", "name": "[sources.api] api_key"}
    assert [(t["place"], t["name"], t["found"]) for t in region["tries"]] == [
        (".dlt/secrets.toml", "[api] region", False),
        (".dlt/secrets.toml", "[sources.api] region", False),
        (".dlt/config.toml", "[api] region", False),
        (".dlt/config.toml", "[sources.api] region", False),
        (".dlt/config.toml", "[sources] region", False),
        (".dlt/config.toml", "region", True),
    ]
    assert (region["required"], region["secret"]) == (False, False)


def test_what_it_says_is_what_a_sync_does(project):
    """The same place wins in both, for every place in its turn."""
    project.module("api", API)
    project.sources({"name": "api", "kwargs": {"api_key_env": "TOKEN"}})
    offers = {
        "TOKEN": lambda: {"TOKEN": "from TOKEN"},
        "[api] api_key": lambda: (
            project.write(".dlt/secrets.toml", '[api]\napi_key = "from [api] api_key"\n') and {}
        ),
        "API__API_KEY": lambda: {"API__API_KEY": "from API__API_KEY"},
        "SOURCES__API__API_KEY": lambda: (
            project.write(".env", "SOURCES__API__API_KEY=from SOURCES__API__API_KEY\n") and {}
        ),
    }
    for first in range(len(offers)):
        (project.path / ".dlt/secrets.toml").unlink(missing_ok=True)
        variables = {}
        for offer in list(offers.values())[first:]:
            variables |= offer()
        winner = parameters(explained(project, **variables))["api_key"]["winner"]["name"]
        assert project.sync("--full-refresh", **variables).code == 0

        assert winner == list(offers)[first]
        assert project.one("select key from raw_api.seen") == f"from {winner}"


def test_fields_of_alternative_credentials_are_listed_and_one_complete_alternative_is_enough(project):
    project.module("google", GOOGLE)
    project.sources({"name": "ads", "module": "google"}, {"name": "empty", "module": "google"})
    lines = "".join(
        f'{key} = "{SECRET}"\n' for key in ("client_id", "client_secret", "refresh_token", "project_id")
    )
    project.write(".dlt/secrets.toml", f"[sources.ads]\n{lines}")

    done = explained(project)

    fields = {(p["name"], p["alternative"]): p for p in done.source("ads")["parameters"]}
    assert fields["credentials.client_id", "GcpOAuthCredentials"]["winner"]["name"] == "[sources.ads] client_id"
    assert fields["credentials.private_key", "GcpServiceAccountCredentials"]["winner"] is None
    assert done.source("ads")["missing"] == []
    assert done.source("empty")["missing"] == [
        f"credentials.{key}" for key in ("client_id", "client_secret", "refresh_token", "project_id")
    ]


def test_a_connection_string_is_used_for_all_of_its_fields(project):
    project.module(
        "shop",
        """
        import dlt
        from dlt.sources.credentials import ConnectionStringCredentials

        @dlt.source
        def source(credentials: ConnectionStringCredentials = dlt.secrets.value, pages: int = 1):
            return dlt.resource([{"id": 1}], name="rows")
        """,
    )
    project.sources({"name": "shop", "kwargs": {"pages": 2}})
    project.write(".dlt/secrets.toml", '[sources.shop]\ncredentials = "postgres://u:p@h/d"\npagse = 3\n')

    shop = explained(project).source("shop")

    assert shop["missing"] == []
    assert [one["label"] for one in shop["unused"]] == ["`[sources.shop] pagse` in .dlt/secrets.toml"]


def test_sealed_secrets_are_explained_without_a_key(project):
    project.module("api", API)
    project.sources("api")
    keep_secret(project, "sources.api.api_key", SECRET)
    (project.home / ".config").rename(project.home / "away")

    done = explained(project)

    assert parameters(done)["api_key"]["winner"] == {
        "place": ".dango/secrets.enc.yml",
        "name": "SOURCES__API__API_KEY",
    }


def test_values_that_nobody_asks_for_are_listed_with_what_they_may_be_meant_for(project):
    project.module("api", API)
    project.sources("api", {"name": "shop", "module": "api"})
    project.write(
        ".dlt/secrets.toml",
        f'api_key = "{SECRET}"\n[sources.api]\napi_kee = "{SECRET}"\nother = 1\n[sources.shopp]\napi_key = "{SECRET}"\n'
        "[destination.x]\ny = 1\n",
    )

    done = explained(project, SOURCES__SHOP__API_KEY=SECRET)

    assert done.source("api")["unused"] == [
        {"label": "`[sources.api] api_kee` in .dlt/secrets.toml", "meant": "api_key"},
        {"label": "`[sources.api] other` in .dlt/secrets.toml", "meant": None},
    ]
    assert done.source("shop")["unused"] == []
    assert done.document["unseen"] == [
        "`api_key` in .dlt/secrets.toml: no source of this project sees it",
        "`sources.shopp.api_key` in .dlt/secrets.toml: did you mean `shop`?",
    ]


def test_people_get_a_table_and_one_source_if_they_ask_for_one(project):
    project.module("api", API)
    project.sources("api", {"name": "shop", "module": "api"})
    project.write(".dlt/secrets.toml", '[sources.shopp]\napi_key = "x"\n[sources.apii]\napi_key = "x"\n')

    done = project.dango("config", "explain", "shop")

    assert done.code == 0
    assert "reaches no source: `sources.shopp.api_key` in .dlt/secrets.toml: did you mean `shop`?" in done.out
    assert "apii" not in done.out
    assert "api_key" in done.out
    assert "SHOP__API_KEY, SOURCES__SHOP__API_KEY" in done.out
    assert "MISSING" in done.out
    assert "API__API_KEY" not in done.out.replace("SHOP__API_KEY", "")


def test_a_source_that_can_not_be_looked_at_is_an_answer_and_the_others_are_explained(project):
    project.module("api", API)
    project.module("broken", "import os\nos._exit(3)\n")
    project.sources("api", "broken", "absent")

    done = explained(project)

    assert done.code == 3
    assert parameters(done)["api_key"]["missing"]
    assert "ended by itself with status 3" in done.source("broken")["problems"][0]["what"]
    assert "there is no module `absent`" in done.source("absent")["problems"][0]["what"]


def test_nothing_is_called_or_extracted_to_explain(project):
    project.module(
        "api",
        "import dlt\nfrom pathlib import Path\n@dlt.source\ndef source(a: int = 1):\n    Path('called').touch()\n",
    )
    project.sources("api")

    assert parameters(explained(project))["a"]["type"] == "int"
    assert not (project.path / "called").exists()
    assert not project.warehouse.exists()


def test_arguments_that_only_the_configuration_can_give_are_explained_too(project):
    project.module(
        "api",
        "import dlt\n@dlt.source\ndef source(a, b: int, c=3, **more):\n    yield dlt.resource([1], name='x')\n",
    )
    project.sources({"name": "api", "kwargs": {"a": 1, "z_env": "Z"}})

    found = parameters(explained(project))

    assert {name: (p["required"], p["given"], p["missing"]) for name, p in found.items()} == {
        "a": (True, "function_kwargs", False),
        "b": (True, None, True),
        "c": (False, None, False),
        "z": (False, None, False),
    }


def test_check_opens_every_value_and_finds_the_source_without_its_secret(project):
    project.module("api", API)
    project.sources("api", {"name": "shop", "module": "api"})
    keep_secret(project, "sources.api.api_key", SECRET)
    keep_secret(project, "sources.unused.token", SECRET)

    lacking = project.dango("secrets", "check", "--json")
    keep_secret(project, "sources.shop.api_key", SECRET)
    done = project.dango("secrets", "check")

    assert lacking.code == 4
    assert (lacking.document["opened"], lacking.document["sources"]) == (2, ["api", "shop"])
    assert [p["what"] for p in lacking.document["problems"]] == ["`api_key` is missing for source `shop`"]
    assert "`dango secrets set sources.shop.api_key`" in lacking.document["problems"][0]["hint"]
    assert (done.code, done.out) == (0, "3 sealed values opened, 2 sources looked at, 0 problems\n")


def test_check_names_each_value_that_does_not_open(project):
    project.module("api", API)
    project.sources("api")
    keep_secret(project, "sources.api.api_key", SECRET)
    (project.home / ".config").rename(project.home / "away")

    done = project.dango("secrets", "check", "--json")

    assert done.code == 4
    assert done.document["opened"] == 0
    assert json.dumps(done.document["problems"]).count("secrets.enc.yml") >= 1


LEAKY = """
import dlt, os

raise ValueError("cannot connect with " + os.environ["SOURCES__API__API_KEY"])
"""


@pytest.mark.parametrize("command", [("config", "explain"), ("secrets", "check")])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_what_a_module_says_when_it_fails_is_shown_without_the_secrets_in_it(project, command, form):
    project.module("api", LEAKY)
    project.sources("api")

    done = project.dango(*command, *form, SOURCES__API__API_KEY=SECRET)

    assert SECRET not in done.out + done.err
    assert "ValueError: cannot connect with ***" in done.out
    assert done.code == 5, "as `dango sync` says of the same module"


@pytest.mark.parametrize("command", [("config", "explain"), ("secrets", "check")])
def test_a_sealed_value_that_opens_is_hidden_too(project, command):
    project.module("api", LEAKY)
    project.sources("api")
    keep_secret(project, "sources.api.api_key", SECRET)

    done = project.dango(*command)

    assert SECRET not in done.out + done.err
    assert "ValueError: cannot connect with" in done.out


@pytest.mark.parametrize("command", [("config", "explain"), ("secrets", "check")])
def test_the_stand_in_of_a_sealed_value_hides_no_word(project, command):
    project.module("api", "raise ValueError('the envelope was sealed')")
    project.sources("api")
    keep_secret(project, "sources.api.api_key", SECRET)

    done = project.dango(*command)

    assert "ValueError: the envelope was sealed" in done.out


@pytest.mark.parametrize("command", [("config", "explain"), ("secrets", "check")])
def test_the_log_that_a_hint_speaks_of_is_shown(project, command):
    project.module("api", "import helper\nhelper.connect()")
    project.module("helper", "def connect():\n    raise OSError('::error::no \\\\n::warning::way')")
    project.sources("api")

    people, script = project.dango(*command), project.dango(*command, "--json")

    assert "the log has the whole traceback" in people.out
    assert "in connect" in people.out
    assert not [line for line in people.out.splitlines() if line.lstrip().startswith("::")]
    [lines] = script.document["logs"].values()
    assert any(line.startswith("OSError: ::error::no") for line in lines)
    assert any("in connect" in line for line in lines)


def test_a_source_that_exits_has_the_code_of_a_failed_source(project):
    project.module("api", "print('before')\nimport os\nos._exit(3)\n")
    project.sources("api")

    for command in (("config", "explain"), ("secrets", "check")):
        done = project.dango(*command, "--json")

        assert done.code == project.sync().code == 5
        [problem] = done.document["problems"]
        assert "its process ended by itself with status 3" in problem["what"]
        assert done.document["logs"]["api"] == ["before"]


def test_a_broken_source_is_reported_as_a_sync_reports_it_and_the_others_are_explained(project):
    project.module("api", API)
    project.sources("api", {"name": "odd", "function": 3})
    synced = project.sync(SOURCES__API__API_KEY=SECRET)

    for command in (("config", "explain"), ("secrets", "check")):
        done = project.dango(*command, "--json", SOURCES__API__API_KEY=SECRET)

        assert done.code == synced.code == 3
        assert done.document["problems"] == synced.source("odd")["problems"]
    assert project.dango("config", "explain", "odd").code == 3
    assert "api_key" in project.dango("config", "explain").out


def test_sealed_leaves_are_a_table_for_who_asks_for_one_and_a_generator_has_its_resource(project):
    project.module(
        "api",
        "import dlt\n@dlt.source\ndef source(creds: dict = dlt.secrets.value):\n    yield dlt.resource([creds], name='x')\n",
    )
    project.module("rows", "import dlt\ndef source(key: str = dlt.secrets.value):\n    yield {'id': key}\n")
    project.sources("api", "rows")
    keep_secret(project, "sources.api.creds.a", SECRET)

    done = explained(project, SOURCES__ROWS__SOURCE__KEY=SECRET)

    assert parameters(done)["creds"]["winner"]["name"] == "SOURCES__API__CREDS"
    assert done.source("api")["unused"] == []
    assert parameters(done, "rows")["key"]["winner"]["name"] == "SOURCES__ROWS__SOURCE__KEY"
    assert project.sync(SOURCES__ROWS__SOURCE__KEY=SECRET).code == 0
