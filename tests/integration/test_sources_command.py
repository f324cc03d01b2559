"""`dango sources`: a source that is added works, and what is shown is what a sync would do."""

import json

from dango_action.cli.main import cli, run

SECRET = "hunter2-hunter2"
SHOP = """
    import dlt

    @dlt.source
    def shop_source(region: str, api_key: str = dlt.secrets.value, pages: int = 1):
        @dlt.resource(write_disposition="merge", primary_key=["shop", "id"])
        def orders(updated_at=dlt.sources.incremental("updated_at", initial_value=1)):
            yield [{"id": n, "shop": region, "updated_at": n} for n in range(1, pages + 1)]

        @dlt.resource(selected=False)
        def events(since: dlt.sources.incremental):
            yield 1 / 0

        return orders, events(dlt.sources.incremental("at"))
"""
LISTED = """
    # the team's sources
    sources:
      - name: other  # keep
        type: dlt_native
        tags: [daily]
        dlt_native: {source_module: other, source_function: rows}
"""
OTHER = """
    import dlt

    @dlt.resource
    def rows():
        yield {"id": 1}
"""


def shown(project, word, **variables):
    done = project.dango("sources", "show", word, "--json", **variables)
    assert SECRET not in done.out + done.err
    return done


def test_a_source_that_is_added_is_listed_shown_and_synced(project):
    project.module("shop", SHOP)
    project.module("other", OTHER)
    text = project.write(".dango/sources.yml", LISTED).read_text()

    before = project.dango("sources", "list", "--json")
    assert [source["name"] for source in before.document["sources"]] == ["other"]
    assert before.document["unlisted"] == ["shop"]
    added = project.dango("sources", "add", "dlt_native", "shop", "--set", "region=no", "--set", "pages=2")

    assert (added.code, added.err) == (0, "")
    assert (project.path / ".dango/sources.yml").read_text().startswith(text)
    assert "SOURCES__SHOP__API_KEY" in added.out
    assert "dango sync --source shop --limit 5" in added.out
    assert project.dango("config", "validate").code == 0
    assert project.sync("--source", "shop", SOURCES__SHOP__API_KEY=SECRET).code == 0
    assert project.query("select shop, id from raw_shop.orders order by 2") == [("no", 1), ("no", 2)]
    after = project.dango("sources", "list")
    assert "shop   dlt_native  shop.shop_source  -> raw_shop" in after.out
    assert "other  dlt_native  other.rows        -> raw_other  tags: daily" in after.out
    assert "not listed" not in after.out


def test_show_has_options_parameters_and_resources_or_why_they_are_not_known(project):
    project.module("shop", SHOP)
    project.sources(
        {"name": "shop", "function": "shop_source", "kwargs": {"region": "eu"}}, defaults={"retries": 7}
    )

    without = shown(project, "shop").document
    found = shown(project, "shop", SOURCES__SHOP__API_KEY=SECRET).document

    assert without["resources"] is None
    assert "api_key" in without["not_built"]["what"]
    assert (without["missing"], without["log"]) == (["api_key"], [])
    assert found["not_built"] is None
    assert found["options"]["retries"] == 7
    assert {parameter["name"] for parameter in found["parameters"]} == {"region", "api_key", "pages"}
    orders = {
        "write_disposition": "merge",
        "primary_key": ["shop", "id"],
        "cursor": "updated_at",
        "selected": True,
    }
    events = {"write_disposition": "append", "primary_key": [], "cursor": "at", "selected": False}
    assert found["resources"] == [{"name": "orders", **orders}, {"name": "events", **events}]
    text = project.dango("sources", "show", "shop", SOURCES__SHOP__API_KEY=SECRET)
    assert "orders, merge, key shop + id, cursor updated_at" in text.out
    assert "enabled: true\n" in text.out
    assert '  function_kwargs: {"region":"eu"}\n' in text.out
    assert (text.code, SECRET in text.out) == (0, False)
    assert "did you mean `shop`?" in project.dango("sources", "show", "shoop").err


def test_show_has_resources_that_are_no_functions_or_renamed_ones(project):
    text = (
        "import dlt\n\n@dlt.resource\ndef rows(at=dlt.sources.incremental('at')):\n    yield {}\n\n@dlt.source\n"
    )
    project.module(
        "shop", f"{text}def source():\n    return dlt.resource([], name='kinds'), rows().with_name('orders')\n"
    )
    project.sources("shop")

    found = shown(project, "shop").document["resources"]

    assert [(one["name"], one["cursor"]) for one in found] == [("kinds", None), ("orders", "at")]


def test_a_source_that_ends_its_process_when_it_is_built_is_shown_without_resources(project):
    project.module("shop", SHOP.replace("return orders", "print(api_key, flush=True); __import__('os')._exit(3)"))
    project.sources({"name": "shop", "function": "shop_source", "kwargs": {"region": "eu"}})

    found = shown(project, "shop", SOURCES__SHOP__API_KEY=SECRET)

    assert (found.code, found.document["missing"], found.document["resources"]) == (0, [], None)
    assert "status 3, like os._exit does, before it said which resources" in found.document["not_built"]["what"]
    assert found.document["log"] == ["***"]


def test_show_of_a_type_has_its_keys_and_an_example_that_is_valid(project):
    done = project.dango("sources", "show", "dlt_native")

    assert "source_module (required): The module:" in done.out
    example = done.out.partition(".dango/sources.yml:\n")[2].partition("\nor:")[0]
    project.write(".dango/sources.yml", "sources:\n" + example)
    assert project.dango("sources", "list", "--json").document["sources"][0]["code"] == "shopee_api.shopee_source"


def test_a_broken_source_is_marked_and_a_file_that_can_not_be_read_accuses_no_module(project):
    project.module("shop", SHOP)
    project.module("other", OTHER)
    project.sources({"name": "other", "function": "rows"}, {"name": "shop", "kwarg": {}})

    broken = project.dango("sources", "list")
    document = project.dango("sources", "list", "--json").document

    assert (broken.code, "shop   BROKEN" in broken.out) == (3, True)
    assert (document["broken"], document["unlisted"], document["exit_code"]) == (["shop"], [], 3)
    assert document["problems"][0]["what"] in project.dango("sources", "show", "shop").err
    project.write(".dango/sources.yml", "sources: [")
    document = project.dango("sources", "list", "--json").document
    assert (document["sources"], document["unlisted"], document["exit_code"]) == ([], [], 3)
    assert "to list it" not in project.dango("init").out


def test_what_can_not_be_added_changes_nothing(project, capsys):
    def add(*arguments):  # in this process: there are many, and starting one is most of its time
        code = run(cli, ["--project", str(project.path), "sources", "add", *arguments])
        return code, capsys.readouterr()

    project.module("shop", SHOP)
    project.module("two", OTHER + OTHER.replace("def rows", "def more").replace("import dlt", ""))
    project.write("custom_sources/package/__init__.py", OTHER)
    text = project.write(".dango/sources.yml", LISTED).read_bytes()
    for arguments, said in (
        (["shop"], "`shop_source` needs the argument `region`"),
        (["shop", "--set", "region=eu", "--set", f"api_key={SECRET}"], "`api_key` is a secret"),
        (["shop", "--set", "region=eu", "--set", "page=1"], "takes no argument `page`"),
        (["shop", "--set", f"{SECRET}"], "--set number 1"),
        (["new", "--module", "shoop"], "did you mean `shop`?"),
        (["shoop"], "did you mean `shop`?"),
        (["two"], "--function with one of: rows, more"),
        (["two", "--function", "row"], "did you mean `rows`?"),
        (["other", "--module", "two", "--function", "rows"], "there is a source `other` already"),
        (["Bad", "--module", "two", "--function", "rows"], "`bad` would be a name"),
        (["package", "--path", ".."], "leads out of the project"),
    ):
        ended, printed = add("dlt_native", *arguments)
        assert (ended, said in printed.err) == (2, True), (arguments, printed)
        assert SECRET not in printed.err
    ended, printed = add("dlt_natve", "shop", "--json")
    assert (ended, json.loads(printed.out)["problems"][0]["hint"]) == (2, "did you mean `dlt_native`?")
    assert (project.path / ".dango/sources.yml").read_bytes() == text


def test_a_type_is_found_by_what_it_syncs_and_takes_what_stands_beside_its_block(project, capsys):
    def add(*arguments):
        return run(cli, ["--project", str(project.path), "sources", "add", *arguments]), capsys.readouterr()

    for arguments, said in (
        (["pay", "stripe"], "the type comes first: dango sources add stripe pay"),
        (["mariadb", "shop"], "did you mean `mysql`?"),
        (["google", "ads"], "did you mean `google_ads` or `google_analytics` or `google_sheets`?"),
        (["unheard_of", "crm"], "`rest_api` takes any REST API"),
        (["stripe", "pay", "--set", "resources=[chargs]"], "did you mean `charges`?"),
    ):
        ended, printed = add(*arguments)
        assert (ended, said in printed.err) == (2, True), (arguments, printed)
    values = ["resources=[campaigns]", "account_id=0123", "insights_level=ad", "attribution_window_days_lag=7"]
    ended, printed = add("facebook_ads", "ads", *(word for value in values for word in ("--set", value)), "--json")

    assert ended == 0, printed
    assert json.loads(printed.out)["entry"] == {
        "name": "ads",
        "type": "facebook_ads",
        "facebook_ads": {"account_id": "0123", "insights_level": "ad", "attribution_window_days_lag": 7},
        "resources": ["campaigns"],
    }


def test_where_secrets_are_sealed_the_command_that_seals_those_of_a_new_source_is_told(project):
    assert ".env: SOURCES__PAY__API_KEY" in project.dango("sources", "add", "stripe", "pay").out
    project.write(".dango/secrets.enc.yml", "version: 1")

    assert "  dango secrets set sources.pay2.api_key\n" in project.dango("sources", "add", "stripe", "pay2").out


def test_two_at_once_are_both_there_and_a_new_project_gets_a_file(project):
    for name in ("a", "b", "c"):
        project.module(name, OTHER)

    started = [project.start("sources", "add", "dlt_native", name) for name in ("a", "b", "c")]
    ended = [(process.communicate(timeout=60), process.returncode) for process in started]

    assert [code for _, code in ended] == [0, 0, 0], ended
    listed = project.dango("sources", "list", "--json").document["sources"]
    assert sorted(source["name"] for source in listed) == ["a", "b", "c"]
    assert json.loads(project.dango("config", "validate", "--json").out)["valid"]


def test_what_is_not_listed_and_what_was_meant_is_said(project):
    assert "run `dango init`" in project.dango("sync").err
    project.module("shop", SHOP)
    project.module("other", OTHER)
    project.sources({"name": "other", "function": "rows"})

    again = project.dango("init")
    stray = project.dango("sync", "other", "--json")

    assert "to list it: dango sources add dlt_native shop" in again.out
    assert "add dlt_native other" not in again.out
    assert (stray.code, stray.document["problems"][0]["hint"]) == (2, "did you mean --source other?")
