"""What a run knows of secrets, and what it hands to which source."""

from datetime import UTC, datetime

import pytest

from dango_action.config.parse import read
from dango_action.credentials.conflicts import conflicts
from dango_action.credentials.gather import gather, gather_names
from dango_action.credentials.held import Used
from dango_action.credentials.keys import PrivateKey
from dango_action.credentials.sealed import seal
from dango_action.credentials.surroundings import Surroundings
from dango_action.errors import ConfigError, CredentialsError

KEY = PrivateKey.generate()
NOW = datetime(2026, 1, 2, tzinfo=UTC)
SOURCES = """
sources:
  - {name: shop, type: dlt_native, env: [LISTED], dlt_native: {source_module: m, function_kwargs: {token_env: TOKEN}}}
  - {name: shop_us, type: dlt_native, dlt_native: {source_module: m}}
  - {name: sheets, type: dlt_native, credentials_from: shop, dlt_native: {source_module: m}}
"""


def sealed_document(**values):
    lines = [f"  {path}: {seal(value, tuple(path.split('.')), KEY.public, NOW)}" for path, value in values.items()]
    return "\n".join(["version: 1", f"key: {KEY.public.text}", "secrets:", *lines, ""])


@pytest.fixture
def config(tmp_path):
    (tmp_path / ".dango").mkdir()
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dango/sources.yml").write_text(SOURCES)
    return read(tmp_path).config


def source(config, name):
    return next(source for source in config.sources if source.name == name)


def gathered(tmp_path, config, *names, **given):
    sources = [source(config, name) for name in names or ("shop",)]
    return gather(tmp_path, config, sources, Surroundings(**{"keys": KEY.text(), **given}))


def test_only_what_the_sources_of_this_run_may_see_is_opened(tmp_path, config):
    foreign = PrivateKey.generate()
    text = sealed_document(**{"sources.shop.a": "1", "LISTED": "2", "TOKEN": "3", "shop.b": "4"})
    text += f"  sources.shop_us.a: {seal('5', ('sources', 'shop_us', 'a'), foreign.public, NOW)}\n"
    (tmp_path / ".dango/secrets.enc.yml").write_text(text)

    held = gathered(tmp_path, config).settings_of(source(config, "shop"))

    assert held.variables == {"SOURCES__SHOP__A": "1", "LISTED": "2", "TOKEN": "3", "SHOP__B": "4"}
    assert set(held.places.values()) == {".dango/secrets.enc.yml"}
    assert held.remedy == "sealed"
    with pytest.raises(CredentialsError, match="sealed for the key"):
        gathered(tmp_path, config, "shop", "shop_us")


def test_who_lends_is_opened_for_who_borrows(tmp_path, config):
    (tmp_path / ".dango/secrets.enc.yml").write_text(
        sealed_document(**{"sources.shop.credentials": {"id": 1}, "TOKEN": "t"})
    )

    lent = gathered(tmp_path, config, "sheets").settings_of(source(config, "sheets")).lent

    assert lent.source == "shop"
    assert lent.variables == {
        "SOURCES__SHEETS__CREDENTIALS": '{"id":1}',
        "SOURCES__SHEETS__CREDENTIALS__ID": "1",
        "SOURCES__SHEETS__TOKEN": "t",
    }
    assert lent.objects == ["SOURCES__SHEETS__CREDENTIALS"]


def test_everything_that_a_source_could_come_to_see_is_known_by_its_place(tmp_path, config):
    (tmp_path / ".dango/secrets.enc.yml").write_text(sealed_document(**{"sources.shop.a": "sealed"}))
    (tmp_path / ".dlt/secrets.toml").write_text(
        'bare = "b"\n[sources.other]\nids = [1, {x = "y"}]\nday = 2024-01-01\n'
    )
    (tmp_path / ".env").write_text("SHOP__C=dot\nNOT_OURS=n\n")
    held = gathered(tmp_path, config, variables={"SHOP__J": "job", "OTHER": "o"})

    known = {one.path: one.text for one in held.known([source(config, "shop")])}

    assert known == {
        "DANGO_SECRETS_KEY": KEY.text(),
        "SOURCES__SHOP__A in .dango/secrets.enc.yml": "sealed",
        "SHOP__J in environment": "job",
        "SHOP__C in .env": "dot",
        "bare in .dlt/secrets.toml": "b",
        "sources.other.ids in .dlt/secrets.toml": "y",
        "NOT_OURS in .env": "n",
    }


def test_what_was_asked_for_as_a_setting_is_marked_wherever_it_stands(tmp_path, config):
    (tmp_path / ".dlt/secrets.toml").write_text('[shop]\nurl = "a/1x9/b"\nkey = "k-1x9"\n')
    held = gathered(tmp_path, config, variables={"SHOP__REGION": "eu-1x9", "SOURCES__SHOP__TOKEN": "t-1x9"})

    plain = {"SOURCES__SHOP__URL", "SOURCES__SHOP__REGION"}
    known = {one.path: one.setting for one in held.known([source(config, "shop")], Used(plain=plain))}

    assert {path.split(" in ")[0]: setting for path, setting in known.items()} == {
        "DANGO_SECRETS_KEY": False,
        "SHOP__REGION": True,
        "SOURCES__SHOP__TOKEN": False,
        "shop.url": True,
        "shop.key": False,
    }


def test_nothing_of_it_is_in_a_repr(tmp_path, config):
    (tmp_path / ".dlt/secrets.toml").write_text('[shop]\nkey = "hunter2"\n')
    held = gathered(tmp_path, config, variables={"SHOP__X": "hunter2"})

    for shown in (repr(held), repr(held.files), repr(held.settings_of(source(config, "shop"))), repr(held.sealed)):
        assert "hunter2" not in shown
        assert KEY.text() not in shown
    assert KEY.text() not in repr(Surroundings(keys=KEY.text(), variables={"A": KEY.text()}))


def test_all_that_is_wrong_is_said_at_once(tmp_path, config):
    text = sealed_document(**{"sources.shop.a": "1"}) + "  sources.shop.b: plain\nunknown: 1\n"
    (tmp_path / ".dango/secrets.enc.yml").write_text(text)
    (tmp_path / ".env").write_text("SHOP__C=enc:v1:00000000:AAAA\n")

    with pytest.raises(CredentialsError) as caught:
        gathered(tmp_path, config, keys=PrivateKey.generate().text())

    assert len(caught.value.problems) == 4
    assert "plain" not in str(caught.value).replace("plain text", "")


def test_a_settings_file_that_is_broken_comes_before_everything(tmp_path, config):
    (tmp_path / ".dlt/config.toml").write_text("a = 1\na = 2\n")

    with pytest.raises(ConfigError, match=r"config.toml:2:1: this is not TOML"):
        gathered(tmp_path, config)


def test_names_are_gathered_without_a_key_and_for_all_sources(tmp_path, config):
    (tmp_path / ".dango/secrets.enc.yml").write_text(
        sealed_document(**{"sources.shop.a": "1", "sources.shop_us.b": "2"})
    )

    held = gather_names(tmp_path, config, Surroundings())

    assert held.settings_of(source(config, "shop")).variables == {"SOURCES__SHOP__A": "sealed"}
    assert set(held.sealed) == {"SOURCES__SHOP__A", "SOURCES__SHOP_US__B"}


@pytest.mark.parametrize(
    ("toml", "variable", "warned"),
    [
        ('k = "a"', "b", True),
        ('k = "a"', "a", False),
        ("k = true", "true", False),
        ("k = 5", "5", False),
        ("k = 5", "6", True),
        ("k = [1, 2]", "[1,2]", False),
        ("k = [1, 2]", "[2,1]", True),
        ("k = 2024-01-02", "2024-01-02", False),
        ('k = ""', "b", True),
    ],
)
def test_two_places_with_different_values_are_a_conflict(tmp_path, config, toml, variable, warned):
    (tmp_path / ".dlt/config.toml").write_text(f"[sources.shop]\n{toml}\n")
    held = gathered(tmp_path, config, variables={"SHOP__K": variable})

    assert bool(list(conflicts(source(config, "shop"), held))) is warned


def test_the_place_that_wins_is_named_first_by_either_order(tmp_path, config):
    (tmp_path / ".dlt/secrets.toml").write_text('[sources.shop]\nk = "a"\n')
    held = gathered(tmp_path, config, variables={"SHOP__K": "b"})
    [by_guide] = conflicts(source(config, "shop"), held)
    dlt = config.model_copy(update={"precedence": "dlt"})
    [by_dlt] = conflicts(source(dlt, "shop"), gathered(tmp_path, dlt, variables={"SHOP__K": "b"}))

    assert by_guide.hint.startswith("the one in `[sources.shop] k` in .dlt/secrets.toml is used")
    assert by_dlt.hint.startswith("the one in SHOP__K in environment is used")


@pytest.mark.parametrize(
    ("text", "asked", "setting"),
    [
        ("customers", "", True),
        ("eu-west-1", "", True),
        ("us-store.myshopify.com", "", True),
        ("a.b@example.org", "", True),
        ("sk_live_51Habc", "", False),
        ("correct horse battery staple", "", False),
        ("customers", "secret", False),
        ("sk_live_51Habc", "plain", True),
        ("sheets", "secret", True),  # the name of a source: it is in every report
    ],
)
def test_a_word_that_nobody_has_asked_for_as_a_secret_is_no_reason_to_stop_an_upload(
    tmp_path, config, text, asked, setting
):
    held = gathered(tmp_path, config, variables={"SHOP__K": text})
    names = {"SOURCES__SHOP__K"}
    used = Used(
        secret=names if asked == "secret" else (), plain=names if asked == "plain" else (), words=("sheets",)
    )

    [known] = [one for one in held.known([source(config, "shop")], used) if one.path.startswith("SHOP__K")]

    assert known.setting is setting


def test_the_password_of_a_proxy_is_known(tmp_path, config):
    held = gathered(
        tmp_path, config, variables={"HTTPS_PROXY": "http://u:p4ssw0rd@h:1", "HTTP_PROXY": "http://h:1"}
    )

    assert [one.text for one in held.known([source(config, "shop")]) if "PROXY" in one.path] == [
        "http://u:p4ssw0rd@h:1"
    ]


def test_a_place_that_comes_first_does_so_with_all_its_names(tmp_path, config):
    (tmp_path / ".dango/secrets.enc.yml").write_text(sealed_document(**{"sources.shop.k": "sealed"}))
    (tmp_path / ".env").write_text("SHOP__K=dot\n")
    given = {"variables": {"SHOP__J": "job"}}

    assert gathered(tmp_path, config, **given).settings_of(source(config, "shop")).variables == {
        "SOURCES__SHOP__K": "sealed",
        "SHOP__J": "job",
    }
    dlt = config.model_copy(update={"precedence": "dlt"})
    assert "SHOP__K" in gathered(tmp_path, dlt, **given).settings_of(source(dlt, "shop")).variables


def test_a_bundle_replaces_a_table_that_the_file_has_leaf_by_leaf(tmp_path, config):
    (tmp_path / ".dango/secrets.enc.yml").write_text(
        sealed_document(**{"sources.shop.c.a": "1", "sources.shop.d": "2"})
    )
    bundle = sealed_document(**{"sources.shop.c": {"b": "3"}})

    held = gathered(tmp_path, config, bundle=bundle).settings_of(source(config, "shop"))

    assert held.variables == {
        "SOURCES__SHOP__C": '{"b":"3"}',
        "SOURCES__SHOP__C__B": "3",
        "SOURCES__SHOP__D": "2",
    }


def test_two_paths_that_become_one_name_are_a_problem_at_their_line(tmp_path, config):
    (tmp_path / ".dango/secrets.enc.yml").write_text(
        sealed_document(**{"sources.shop.Api_Key": "1", "sources.shop.api_key": "2"})
    )

    with pytest.raises(CredentialsError, match=r"secrets.enc.yml:[45]:3: "):
        gathered(tmp_path, config)


def test_a_list_of_sections_is_a_problem_and_not_an_absence(tmp_path, config):
    (tmp_path / ".dlt/secrets.toml").write_text('[[shop]]\nk = "a"\n')

    with pytest.raises(CredentialsError, match=r"`\[\[shop\]\]` in .dlt/secrets.toml is a list of sections"):
        gathered(tmp_path, config)
