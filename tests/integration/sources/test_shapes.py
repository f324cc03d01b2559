"""The shapes of third-party code: whatever sections it names, one name in sources.yml has its settings and secrets."""

import textwrap

import dlt
import pytest

SHAPES = {
    "a source with a name and section of its own": """
        @dlt.source(name="theirs", section="elsewhere")
        def source(key: str = dlt.secrets.value):
            return dlt.resource([{"key": key}], name="rows")
    """,
    "a source that calls another one": """
        @dlt.source(section="inner")
        def inner(key: str = dlt.secrets.value):
            return dlt.resource([{"key": key}], name="rows")

        @dlt.source
        def source():
            return inner().resources["rows"]
    """,
    "a function that returns another source": """
        @dlt.source(section="inner")
        def inner(key: str = dlt.secrets.value):
            return dlt.resource([{"key": key}], name="rows")

        def source():
            return inner()
    """,
    "a resource of the module": """
        @dlt.resource
        def rows(key: str = dlt.secrets.value):
            yield {"key": key}

        @dlt.source
        def source():
            return rows
    """,
    "a resource with a section of its own": """
        @dlt.resource(name="rows", section="theirs")
        def one(key: str = dlt.secrets.value):
            yield {"key": key}

        @dlt.source
        def source():
            return one()
    """,
    "a transformer of the module": """
        @dlt.resource(selected=False)
        def ids():
            yield {"id": 1}

        @dlt.transformer(data_from=ids)
        def rows(row, key: str = dlt.secrets.value):
            yield {**row, "key": key}

        @dlt.source
        def source():
            return ids, rows
    """,
    "a transformer alone that is fed": """
        @dlt.resource
        def ids():
            yield {"id": 1}

        @dlt.transformer(data_from=ids, name="rows")
        def source(row, key: str = dlt.secrets.value):
            yield {**row, "key": key}
    """,
    "a standalone resource whose name depends on its arguments": """
        @dlt.resource(name=lambda args: args["table"])
        def source(table: str, key: str = dlt.secrets.value):
            yield {"key": key}
    """,
    "a resource that is called already": """
        @dlt.resource(name="rows")
        def made(number, key: str = dlt.secrets.value):
            yield {"key": key}

        source = made(3)
    """,
    "a source that is called already": """
        @dlt.source
        def made():
            @dlt.resource
            def rows(key: str = dlt.secrets.value):
                yield {"key": key}
            return rows

        source = made()
    """,
    "an object that can be called": """
        class Source:
            def __call__(self):
                @dlt.resource
                def rows(key: str = dlt.secrets.value):
                    yield {"key": key}
                return rows

        source = Source()
    """,
    "a partial function": """
        import functools

        @dlt.resource
        def rows(number, key: str = dlt.secrets.value):
            yield {"key": key}

        source = functools.partial(rows, 3)
    """,
    "a partial function that yields": """
        import functools

        def rows(number, key: str = dlt.secrets.value):
            yield {"key": key}

        source = functools.partial(rows, 3)
    """,
    "a source with a schema of its own": """
        @dlt.source(schema=dlt.Schema("theirs"))
        def source(key: str = dlt.secrets.value):
            return dlt.resource([{"key": key}], name="rows")
    """,
    "a spec of its own": """
        from dlt.common.configuration import configspec
        from dlt.common.configuration.specs import CredentialsConfiguration

        @configspec
        class Keys(CredentialsConfiguration):
            key: dlt.TSecretStrValue = None

        @dlt.source
        def source(credentials: Keys = dlt.secrets.value):
            return dlt.resource([{"key": credentials.key}], name="rows")
    """,
    "settings asked for by their path": """
        @dlt.resource
        def rows():
            yield {"key": dlt.secrets["key"]}

        @dlt.source
        def source():
            return rows
    """,
    "an async generator with a secret": """
        @dlt.resource(name="rows")
        async def source(key: str = dlt.secrets.value):
            yield {"key": key}
    """,
}


@pytest.fixture(scope="module")
def synced(one_project):
    """Two instances of each shape, synced together."""
    entries, secrets = [], []
    for number, (shape, text) in enumerate(SHAPES.items()):
        one_project.module(f"shape_{number}", f"import dlt\n{textwrap.dedent(text)}")
        below = ".credentials" if "spec" in shape else ""
        kwargs = {"table": "rows"} if "depends on its arguments" in shape else {}
        for instance in ("first", "second"):
            name = f"{instance}_{number}"
            entries.append({"name": name, "module": f"shape_{number}", "kwargs": kwargs})
            secrets.append(f'[sources.{name}{below}]\nkey = "{name}"\n')
    one_project.write(".dlt/secrets.toml", "".join(secrets))
    one_project.sources(*entries)
    return one_project, one_project.sync()


@pytest.mark.parametrize("number", range(len(SHAPES)), ids=list(SHAPES))
def test_two_instances_of_any_shape_have_their_own_settings(synced, number):
    project, done = synced

    for instance in ("first", "second"):
        name = f"{instance}_{number}"
        assert done.source(name)["status"] == "ok", done.source(name)
        assert project.query(f"select key from raw_{name}.rows") == [(name,)]


def test_a_schema_beside_the_code_is_kept_under_the_name_of_the_source(project):
    folder = "vendor/shop"
    project.write(
        f"{folder}/__init__.py",
        "import dlt\n@dlt.source\ndef shop():\n    return dlt.resource([{'id': '7'}], name='orders')\n",
    )
    schema = dlt.Schema("shop")
    schema.update_table({"name": "orders", "columns": {"id": {"name": "id", "data_type": "bigint"}}})
    project.write(f"{folder}/shop.schema.yaml", schema.to_pretty_yaml())
    project.sources({"name": "mine", "module": "shop", "function": "shop", "source_path": "vendor"})

    done = project.sync()

    assert done.code == 0, done.out
    assert project.query("select id from raw_mine.orders") == [(7,)]
    assert project.query("select schema_name from raw_mine._dlt_loads") == [("mine",)]


@pytest.mark.parametrize("precedence", ["guide", "dlt"])
def test_a_resource_has_a_section_of_its_own_below_the_name_whatever_section_the_code_names(project, precedence):
    project.module(
        "shape",
        """
        import dlt

        @dlt.source(name="theirs", section="elsewhere")
        def source():
            @dlt.resource
            def rows(key: str = dlt.secrets.value):
                yield {"key": key}

            return rows
        """,
    )
    project.write(".dlt/secrets.toml", '[sources.one.rows]\nkey = "first"\n[sources.two.rows]\nkey = "second"\n')
    project.sources({"name": "one", "module": "shape"}, {"name": "two", "module": "shape"}, precedence=precedence)

    assert project.sync().code == 0
    assert project.query("select key from raw_one.rows union all select key from raw_two.rows order by 1") == [
        ("first",),
        ("second",),
    ]
