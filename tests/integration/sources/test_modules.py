"""Where a source's module may lie, and that it shadows nothing."""

import importlib.util
import json
import sys

import pytest

from dango_action.errors import ConfigError
from dango_action.sources.modules import locate

ROWS = "import dlt\n@dlt.resource\ndef source():\n    yield {'from': __name__}\n"


def problem(done, code=3):
    assert done.code == code, done.out
    return done.source("shop")["problems"][0]


def entry(**block):
    return {"name": "shop", "module": "shop", **block}


def test_a_checkout_of_verified_sources_is_named_by_its_folder(project):
    folder = "vendor/verified-sources/sources"
    project.write(
        f"{folder}/shop/__init__.py",
        "from .helpers import rows\nimport dlt\n\n@dlt.source\ndef shop(n=2):\n    return dlt.resource(rows(n), name='orders')\n",
    )
    project.write(
        f"{folder}/shop/helpers.py",
        "from sources.shop.settings import FIRST\n\ndef rows(n):\n    return [{'id': FIRST + i} for i in range(n)]\n",
    )
    project.write(f"{folder}/shop/settings.py", "FIRST = 10\n")
    project.sources(entry(function="shop", source_path=folder, kwargs={"n": 3}))

    assert project.sync().code == 0
    assert project.query("select id from raw_shop.orders order by 1") == [(10,), (11,), (12,)]


def test_a_module_of_source_path_may_be_called_like_an_installed_one(project):
    project.write(
        "vendor/sources/requests.py",
        "import requests as installed, dlt\n@dlt.resource\ndef source():\n    yield {'v': installed.__version__, 'name': __name__}\n",
    )
    project.sources({"name": "shop", "module": "requests", "source_path": "vendor/sources"})

    assert project.sync().code == 0
    assert project.one("select name from raw_shop.source") == "sources.requests"


def test_source_path_can_be_the_project_itself(project):
    project.write("shop.py", ROWS)
    project.sources(entry())
    assert "shop.py lies beside .dango" in problem(project.sync())["hint"]

    project.sources(entry(source_path="."))
    assert project.sync().code == 0


def test_a_source_path_that_is_not_there_is_said_with_its_line(project):
    project.sources(entry(source_path="vendor/verified-sources/sources"))

    found = problem(project.sync())
    assert found["what"] == "`source_path`: there is no folder vendor/verified-sources/sources"
    assert found["hint"].startswith("is it checked out?")
    assert found["at"]["line"] == 1


@pytest.mark.parametrize("source_path", ["../elsewhere", "/tmp", "inside"])
def test_a_source_path_out_of_the_project_is_refused_also_by_a_link(project, source_path):
    elsewhere = project.path.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "shop.py").write_text(ROWS)
    (project.path / "inside").symlink_to(elsewhere)
    project.sources(entry(source_path=source_path))

    assert problem(project.sync())["what"] == f"the folder {source_path} leads out of the project"


@pytest.mark.parametrize("link", ["shop.py", "shop"])
def test_a_link_out_of_custom_sources_is_refused(project, link):
    elsewhere = project.path.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "shop.py").write_text(ROWS)
    (elsewhere / "__init__.py").write_text(ROWS)
    (project.path / "custom_sources").mkdir()
    (project.path / "custom_sources" / link).symlink_to(
        elsewhere / "shop.py" if link.endswith("py") else elsewhere
    )
    project.sources(entry())

    found = problem(project.sync())
    assert "`shop` leads out of custom_sources/" in found["what"]
    assert found["at"]["line"] == 1


def test_a_link_inside_of_custom_sources_and_one_that_leads_to_itself(project):
    project.module("real", ROWS)
    (project.path / "custom_sources/shop.py").symlink_to("real.py")
    project.sources(entry())
    assert project.sync().code == 0

    (project.path / "custom_sources/loop.py").symlink_to("loop.py")
    project.sources(entry(module="loop"))
    assert "there is no module `loop`" in problem(project.sync())["what"]


@pytest.mark.parametrize(("module", "what"), [
    ("os", "is a module of Python itself"),
    ("os.path", "is a module of Python itself"),
    ("sys", "is a module of Python itself"),
    ("shop.deep", "there is no module `shop.deep` in custom_sources/, nor among the installed packages"),
    ("dlt.sources.rest_apy", "there is no module `dlt.sources.rest_apy`"),
])  # fmt: skip
def test_what_is_no_module_of_a_project_or_package(project, module, what):
    project.module("shop", ROWS)
    project.sources(entry(module=module))

    assert what in problem(project.sync())["what"]


def test_a_module_on_the_path_that_belongs_to_no_package_is_refused(tmp_path, monkeypatch):
    (tmp_path / "stray").mkdir()
    (tmp_path / "stray/stray_module.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "stray")

    with pytest.raises(ConfigError, match="belongs to no installed package"):
        locate(tmp_path, None, "stray_module", {})


def test_an_editable_installation_is_an_installed_package(tmp_path):
    located = locate(tmp_path, None, "dango_action.sources.native", {})

    assert located.folder is None
    assert located.file.name == "native.py"


def test_a_near_name_is_looked_for_in_the_same_package(project):
    project.module("shop/__init__", "")
    project.module("shop/api/orders", ROWS)
    project.module("shop/api/__init__", "")
    project.sources(entry(module="shop.api.order"))

    assert problem(project.sync())["hint"] == "did you mean `shop.api.orders`?"


def test_what_a_package_imports_wrongly_is_answered_with_the_right_import(project):
    project.module("shop/__init__", "import client\n")
    project.module("shop/client", "")
    project.sources(entry())

    found = problem(project.sync(), 5)
    assert found["what"] == "`shop` needs the module `client`, which is not installed"
    assert found["hint"] == "client.py lies beside __init__.py: write `from . import client`"
    assert found["at"] == {"file": "custom_sources/shop/__init__.py", "line": 1, "column": 1}


def test_the_requirements_of_a_checkout_are_named(project):
    project.write("vendor/shop/__init__.py", "from .deep import thing\n")
    project.write("vendor/shop/deep/__init__.py", "import no_such_thing_here\n")
    project.write(
        "vendor/shop/requirements.txt",
        "# what it needs\nno-such-thing>=2\ndlt>=1\nno-such-stamp @ https://reader:s3cret@shop.example/stamp.whl\n",
    )
    project.sources(entry(source_path="vendor"))

    found = problem(project.sync(), 5)
    assert found["hint"].startswith(
        "its own requirements.txt has no-such-thing>=2: name these in .dango/requirements.txt"
    )
    assert found["at"]["file"] == "vendor/shop/deep/__init__.py"


def test_a_project_that_was_installed_in_place_with_a_finder_of_its_own_is_found(tmp_path, monkeypatch):
    class Finder:
        def find_spec(self, name, _path=None, _target=None):
            if name == "parcel_in_place":
                return importlib.util.spec_from_file_location(
                    name, code, submodule_search_locations=[str(code.parent)]
                )
            return None

    code = tmp_path / "checkout/parcel_in_place/__init__.py"
    code.parent.mkdir(parents=True)
    code.write_text(ROWS)
    installed = tmp_path / "site/parcel-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: parcel\nVersion: 1.0\n")
    (installed / "direct_url.json").write_text(json.dumps({"url": (tmp_path / "checkout").as_uri()}))
    monkeypatch.syspath_prepend(installed.parent)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])

    assert locate(tmp_path, None, "parcel_in_place", {}).file == code


def test_an_import_in_the_middle_of_an_extraction_is_answered_too(project):
    project.module(
        "shop", "import dlt\n@dlt.resource\ndef source():\n    import yaml_of_another_world\n    yield {}\n"
    )
    project.sources(entry())

    found = problem(project.sync(), 5)
    assert "needs the module `yaml_of_another_world`" in found["what"]
    assert found["at"]["line"] == 4


def test_modules_of_other_sources_stay_importable_and_nothing_else_of_the_project_does(project):
    project.module("shared", "ONE = 1\n")
    project.write(
        "vendor/shop.py",
        "import dlt, shared\nfrom custom_sources import shared as same\n@dlt.resource\ndef source():\n    yield {'id': shared.ONE + same.ONE}\n",
    )
    project.write("setup.py", "raise RuntimeError\n")
    project.write("vendor/other.py", "import setup\n")
    project.sources(entry(source_path="vendor"), {"name": "other", "source_path": "vendor"})

    done = project.sync()

    assert project.one("select id from raw_shop.source") == 2
    assert "needs the module `setup`" in done.source("other")["cause"]


@pytest.mark.parametrize(
    ("module", "hint"),
    [
        ("dlt.sources.rest_apy", "did you mean `dlt.sources.rest_api`?"),
        ("dlt.sources.zzz", "`dlt.sources` has: config, credentials, filesystem, helpers, rest_api, sql_database"),
        (
            "dlt.sources",
            "`dlt.sources` has no sources|name one of its modules: dlt.sources.config, dlt.sources.credentials",
        ),
    ],
)
def test_the_modules_of_an_installed_package_are_named(project, module, hint):
    project.sources(entry(module=module, function=None))

    found = problem(project.sync())
    assert hint in f"{found['what']}|{found['hint']}"
    assert found["at"]["line"] == 1


def test_a_failure_in_somebody_elses_code_is_at_the_entry_and_names_their_line(project):
    project.sources(
        entry(module="dlt.sources.rest_api", function="rest_api_source", kwargs={"config": {"client": {}}})
    )

    found = problem(project.sync(), 5)
    assert found["at"]["file"] == ".dango/sources.yml"


def test_a_setting_that_is_no_secret_belongs_into_config_toml(project):
    project.module(
        "shop",
        "import dlt\n@dlt.source\ndef source(site: str = dlt.config.value, key: str = dlt.secrets.value):\n    return []\n",
    )
    project.sources(entry())

    done = project.sync()
    assert [each["hint"].split(".toml")[0] for each in done.source("shop")["problems"]] == [
        "put `site = …` below `[sources.shop]` in .dlt/config",
        "put `key = …` below `[sources.shop]` in .dlt/secrets",
    ]
