import textwrap

import pytest

from dango_action.sources.factories import factories


def found(code, module="shop"):
    return factories(textwrap.dedent(code).encode(), module)


def functions(code):
    return [factory.function for factory in found(code)]


@pytest.mark.parametrize(
    "code",
    [
        "import dlt\n@dlt.source\ndef shop(): ...",
        "import dlt\n@dlt.source(name='x')\ndef shop(): ...",
        "import dlt as d\n@d.source\ndef shop(): ...",
        "from dlt import source\n@source\ndef shop(): ...",
        "from dlt import source as s\n@s()\ndef shop(): ...",
        "import dlt\n@dlt.source\nasync def shop(): ...",
        "import dlt\nimport dlt.sources.helpers\n@cached\n@dlt.source\ndef shop(): ...",
        "import dlt\n@dlt.resource\ndef shop(): ...",
    ],
)
def test_a_source_is_found_however_dlt_is_called(code):
    assert functions(code) == ["shop"]


@pytest.mark.parametrize(
    "code",
    [
        "@dlt.source\ndef shop(): ...",
        "import other as dlt\n@dlt.source\ndef shop(): ...",
        "import dlt\n@dlt.transformer\ndef shop(): ...",
        "import dlt\n@dlt.resource(data_from=x)\ndef shop(): ...",
        "import dlt\ndef shop(): ...",
        "import dlt\n@dlt.source\ndef café(): ...",
        "",
    ],
)
def test_what_is_no_source_of_dlt_is_not_found(code):
    assert functions(code) == []


def test_the_resources_inside_and_beside_a_source_are_its_own():
    code = """
        import dlt

        @dlt.resource
        def orders(): ...

        @dlt.source
        def shop():
            @dlt.resource
            def items(): ...
            return orders, items
        """
    assert functions(code) == ["shop"]


def test_parameters_without_a_value_and_secrets_are_told_apart():
    [shop] = found(
        """
        import dlt

        @dlt.source
        def shop(url, /, region, pages=3, api_key: str = dlt.secrets.value, *, since, token=dlt.secrets.value): ...
        """
    )
    assert shop.needs == ("url", "region", "since")
    assert shop.secrets == ("api_key", "token")


def test_nothing_of_the_file_runs_and_what_is_odd_about_it_is_not_printed(capfd):
    assert functions("import dlt\nprint('\\d')\nraise SystemExit\n@dlt.source\ndef shop(): ...") == ["shop"]

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("code", [b"def", b"\0", b"\xff", b"x = " + b"(" * 5000, b"x = " + b"-" * 200_000 + b"1"])
def test_what_is_no_python_is_an_error_of_two_kinds(code):
    with pytest.raises((SyntaxError, ValueError)):
        factories(code, "shop")
