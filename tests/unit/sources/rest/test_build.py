"""The address of a type's API is the definition's, unless the user has allowed another one in so many words."""

import pytest

from dango_action.config.registry import definition
from dango_action.errors import ConfigError
from dango_action.sources.rest.build import resources

ELSEWHERE = "http://127.0.0.1:9/"


def values(**given):
    made = definition("stripe")
    return {name: parameter.default for name, parameter in made.parameters.items()} | {"api_key": "rk_1"} | given


@pytest.mark.parametrize("allowed", [None, False, "true", 1])
def test_another_address_needs_the_permission(allowed):
    with pytest.raises(ConfigError) as raised:
        resources(definition("stripe"), values(base_url=ELSEWHERE, allow_base_url=allowed))

    assert "another address" in str(raised.value)


def test_with_the_permission_it_is_taken_and_without_an_address_the_permission_says_nothing():
    allowed = resources(definition("stripe"), values(base_url=ELSEWHERE, allow_base_url=True))
    usual = resources(definition("stripe"), values(allow_base_url=True))

    assert {resource.explicit_args["client"].base_url for resource in allowed} == {ELSEWHERE}
    assert {resource.explicit_args["client"].base_url for resource in usual} == {"https://api.stripe.com/v1/"}
