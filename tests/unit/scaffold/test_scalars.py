import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dango_action.config.lines import load
from dango_action.config.nodes import plain
from dango_action.scaffold.scalars import scalar, writable


@given(st.text(min_size=1).filter(writable))
def test_any_text_is_read_back_as_the_same_text(text):
    written = f"key: {scalar(text)} # a comment"

    assert yaml.safe_load(written) == {"key": text}
    assert plain(load(written.encode(), "file").root) == {"key": text}


@pytest.mark.parametrize(
    "word", ["on", "No", "null", "true", "y", ".5", ".inf", ".nan", "1e3", "a: b", "*", "-", "#a"]
)
def test_a_word_that_yaml_takes_for_something_else_stays_text(word):
    assert yaml.safe_load(scalar(word)) == word


@pytest.mark.parametrize("word", ["shop_eu", ".dango/**", "sub/folder", ".github/workflows/dango.yml"])
def test_a_word_without_need_has_no_quotes(word):
    assert scalar(word) == word


@pytest.mark.parametrize("text", ["${{ github.token }}", "a\nb", "a\x1bb", "a\u2028b", "\udcff", "\uffff"])
def test_what_a_workflow_can_not_hold_is_known(text):
    assert not writable(text)
