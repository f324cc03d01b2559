"""Names of sources: the rule, what is reserved, and the name that is suggested instead."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dango_action.config.names import LONGEST, RESERVED, flaw, suggestion

DLT = Path(find_spec("dlt").origin).parent


@pytest.mark.parametrize("name", ["shop", "shopee_sg", "s3", "a1_2b", "a" * LONGEST, "github", "filesystem"])
def test_a_plain_name_is_fine(name):
    assert flaw(name) is None


@pytest.mark.parametrize(
    ("name", "rule", "better"),
    [
        ("", "empty", "my_source"),
        ("Shop", "capital letters", "shop"),
        ("ShopUS", "capital letters", "shop_us"),
        ("my-shop.eu", "only small letters", "my_shop_eu"),
        ("süß", "only small letters", "su"),
        ("店", "only small letters", "my_source"),
        ("2shop", "start with a letter", "source_2shop"),
        ("_shop", "start with a letter", "shop"),
        ("my__shop", "separate the parts", "my_shop"),
        ("shop_", "ends with `_`", "shop"),
        ("shop\n", "only small letters", "shop"),
        ("a" * 65, "65 characters", "a" * 64),
        ("runtime", "its own settings", "my_runtime"),
    ],
)
def test_a_name_that_breaks_the_rule_is_told_which_one_and_a_better_name(name, rule, better):
    what, hint = flaw(name)

    assert rule in what
    assert suggestion(name) == better
    assert f"`{suggestion(name)}`" in hint


@given(st.text(max_size=100))
def test_a_suggested_name_is_always_allowed(name):
    assert flaw(suggestion(name)) is None


@pytest.mark.parametrize("file", ["common/configuration/specs/known_sections.py", "_workspace/known_sections.py"])
def test_every_section_that_dlt_knows_is_reserved(file):
    body = ast.parse((DLT / file).read_text()).body
    sections = {node.value.value for node in body if isinstance(node, ast.Assign)}

    assert sections
    assert sections <= RESERVED


def test_every_section_that_a_configuration_of_dlt_names_is_reserved():
    named = re.compile(r'__section__(?:: ClassVar\[str\])? = "(\w+)"')
    sections = {name for file in DLT.rglob("*.py") for name in named.findall(file.read_text(encoding="utf-8"))}

    assert "runtime" in sections
    assert sections <= RESERVED
