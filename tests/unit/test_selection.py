import pytest

from dango_action.errors import UsageError
from dango_action.selection import Candidate, select

SHOP = [
    Candidate(name="shop_sg", enabled=True, tags=("shop", "asia")),
    Candidate(name="shop_us", enabled=True, tags=("shop",)),
    Candidate(name="shop_old", enabled=False, tags=("shop",)),
    Candidate(name="ads", enabled=True, tags=()),
]


@pytest.mark.parametrize(
    ("asked", "exclude", "expected"),
    [
        ([], [], ("shop_sg", "shop_us", "ads")),
        (["ads"], [], ("ads",)),
        (["ads", "shop_sg"], [], ("shop_sg", "ads")),
        (["shop_*"], [], ("shop_sg", "shop_us")),
        (["shop_?s"], [], ("shop_us",)),
        (["tag:shop"], [], ("shop_sg", "shop_us")),
        (["tag:a*"], [], ("shop_sg",)),
        ([], ["tag:shop"], ("ads",)),
        (["shop_*"], ["shop_us"], ("shop_sg",)),
        (["ads", "ads", "a*"], [], ("ads",)),
        (["ads"], ["ads"], ()),
    ],
)
def test_names_globs_and_tags_select_enabled_sources_in_the_order_of_the_file(asked, exclude, expected):
    assert select(SHOP, asked, exclude) == expected


def test_an_unknown_name_is_answered_with_near_names():
    with pytest.raises(UsageError, match="did you mean `shop_us`") as caught:
        select(SHOP, ["shop_uss"], [])

    assert "--source shop_uss" in str(caught.value)


def test_a_pattern_that_matches_nothing_is_an_error_too():
    with pytest.raises(UsageError, match=r"--source tag:shp: no source matches"):
        select(SHOP, ["tag:shp"], [])


def test_a_disabled_source_can_be_covered_by_a_pattern_but_not_named():
    assert "shop_old" not in select(SHOP, ["shop_*"], [])
    with pytest.raises(UsageError, match="this source is disabled"):
        select(SHOP, ["shop_old"], [])


def test_all_wrong_words_are_reported_at_once():
    with pytest.raises(UsageError) as caught:
        select(SHOP, ["nope", "shop_old"], ["neither"])

    assert len(caught.value.problems) == 3


def test_with_ten_thousand_sources_the_answer_stays_short():
    many = [Candidate(name=f"s{i}", enabled=True, tags=()) for i in range(10_000)]

    with pytest.raises(UsageError) as caught:
        select(many, ["zzz"], [])

    assert len(str(caught.value)) < 400


def test_there_is_nothing_to_select_in_an_empty_file():
    assert select([], [], []) == ()
    with pytest.raises(UsageError, match=r"sources.yml has no source"):
        select([], ["a"], [])
    with pytest.raises(UsageError, match=r"no source of sources.yml has a tag"):
        select([Candidate(name="a", enabled=True, tags=())], ["tag:b"], [])
