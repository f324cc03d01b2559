"""The configuration as values. The text under each key is also what an editor shows for it."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dango_action.config.fields import (
    VARIABLE,
    Contract,
    Count,
    Duration,
    Function,
    Module,
    Name,
    Retries,
    TargetWord,
    Text,
    Texts,
    Variables,
    Version,
    own_error,
)
from dango_action.config.registry import kinds
from dango_action.config.target import DEFAULT, Target

__all__ = ["TYPES", "Check", "Config", "DltNative", "NativeSource", "Options", "Source", "SourceBase", "Target"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Options(_Model):
    """Options of a source. Under `defaults:` they hold for every source that does not set them itself."""

    enabled: bool = True
    """Whether the source is synced. Write `true` or `false`; `on`, `off`, `yes` and `no` are text."""

    tags: Annotated[Texts, Field(examples=[["shop", "daily"]])] = ()
    """Words to select sources by: `--source tag:shop`."""

    env: Annotated[Variables, Field(examples=[["SHOPEE_EXTRA"]])] = ()
    """Further environment variables that the source may see, by name. Its own `<NAME>__*` it sees anyway."""

    schema_contract: Contract | None = None
    """What happens when the data brings new tables, new columns or other types; dlt's modes."""

    on_empty_replace: Literal["block", "allow"] = "block"
    """When a `replace` load arrives without rows: `block` keeps the old ones, `allow` empties the table."""

    timeout_minutes: Annotated[Duration, Field(examples=[30, 0.5])] = 60
    """How long extraction may take. Fractions are allowed."""

    retries: Retries = 2
    """How often a source is tried again after a transient error."""


class DltNative(_Model):
    """A dlt source in Python: a file in `custom_sources/`, or an installed package."""

    source_module: Annotated[Module, Field(examples=["shopee_api", "my_package.sources"])]
    """The module: `shopee_api` for custom_sources/shopee_api.py, or the name of an installed one."""

    source_function: Annotated[Function | None, Field(examples=["shopee_source"])] = None
    """The function with `@dlt.source` or `@dlt.resource`. Not needed if the module has only one."""

    source_path: Annotated[Text | None, Field(examples=["custom_sources"])] = None
    """The folder of the module, from the project's root, if it is not `custom_sources`."""

    function_kwargs: Annotated[dict[str, Any], Field(repr=False, examples=[{"start_date": "2024-01-01"}])] = {}
    """The arguments of the function. They win over every other place; keep secrets elsewhere."""


class Check(_Model):
    """What has to hold for one table after a load."""

    table: Annotated[Text, Field(examples=["orders"])]
    """The table, without its dataset."""

    not_null: Annotated[Texts, Field(examples=[["order_sn"]])] = ()
    """Columns without nulls."""

    unique: Annotated[Texts, Field(examples=[["order_sn"]])] = ()
    """Columns that together are different in every row."""

    min_rows: Annotated[Count | None, Field(examples=[1])] = None
    """The fewest rows that the table may have."""

    max_age_hours: Annotated[Duration | None, Field(examples=[48])] = None
    """How old the newest value of `cursor` may be."""

    cursor: Annotated[Text | None, Field(examples=["updated_at"])] = None
    """The column with the time of a row; needed for `max_age_hours`."""

    @model_validator(mode="after")
    def _age_needs_cursor(self) -> Self:
        if self.max_age_hours is not None and self.cursor is None:
            raise own_error("`max_age_hours` needs `cursor`", "add `cursor:` with the column that holds the time")
        return self


class SourceBase(Options):
    """What every source has, whatever its type."""

    name: Annotated[Name, Field(examples=["shopee_sg"])]
    """The name: small letters, digits and `_`. The data goes to the dataset `raw_<name>`."""

    type: str
    """What kind of source this is. A block of the same name has what this kind needs."""

    description: str = ""
    """A text for people."""

    resources: Annotated[Texts | None, Field(min_length=1, examples=[["orders"]])] = None
    """The resources to sync. Without it, those that the source selects itself."""

    credentials_from: Annotated[Text | None, Field(examples=["google_ads"])] = None
    """Another source of this file whose credentials this one uses."""

    checks: Annotated[tuple[Check, ...], Field(strict=False)] = ()
    """What has to hold for the tables after each load."""

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the source's function: values, and as `x_env` the names of variables."""
        return {}

    @property
    def arguments_at(self) -> str:
        """Where in the file these stand, below the source."""
        return self.type

    @property
    def definition(self) -> dict[str, Any] | None:
        """What the source is, if the file itself says it in the words of a definition."""
        return None

    @property
    def named(self) -> dict[str, str]:
        """The variables that the configuration names by `x_env: NAME`, by the parameter `x`."""
        return {
            key.removesuffix("_env"): value
            for key, value in self.arguments.items()
            if key.endswith("_env") and key != "_env" and isinstance(value, str) and VARIABLE.fullmatch(value)
        }


class NativeSource(SourceBase):
    """A source of the type `dlt_native`."""

    type: Literal["dlt_native"]
    """What kind of source this is. A block of the same name has what this kind needs."""

    dlt_native: DltNative
    """Where the Python of this source is, and its arguments."""

    @property
    def arguments(self) -> dict[str, Any]:
        """`function_kwargs`."""
        return dict(self.dlt_native.function_kwargs)

    @property
    def arguments_at(self) -> str:
        """Where in the file these stand, below the source."""
        return "dlt_native.function_kwargs"


# A source of any type.
Source: TypeAlias = SourceBase


class _Types(Mapping[str, type[SourceBase]]):
    """The one table of types: each with the model of its sources, whose field of the type's name is its block.

    The models of registry types are made of their definitions, at need.
    """

    def __getitem__(self, kind: str) -> type[SourceBase]:
        if kind == "dlt_native":
            return NativeSource
        from dango_action.config import registered  # noqa: PLC0415 - it imports this module

        return registered.InlineSource if kind == "rest_api" else registered.source_model(kind)

    def __iter__(self) -> Iterator[str]:
        return iter(("dlt_native", "rest_api", *kinds()))

    def __len__(self) -> int:
        return 2 + len(kinds())

    def __contains__(self, kind: object) -> bool:
        return kind in tuple(self)


TYPES: Mapping[str, type[SourceBase]] = _Types()


class Config(_Model):
    """What is synced, and where to."""

    version: Version = "1.0"
    """The version of this file's format."""

    target: Annotated[TargetWord, Field(examples=["motherduck:my_db", "ducklake:lake"])] = DEFAULT
    """Where the data goes: `duckdb:PATH`, `motherduck:NAME` or `ducklake:NAME`."""

    defaults: Options = Options()
    """Options for every source that does not set them itself."""

    precedence: Literal["guide", "dlt"] = "guide"
    """Which place wins for a value that is in several: files before the environment, or dlt's own order."""

    sources: tuple[Source, ...] = ()
    """The sources, in the order in which they are shown."""

    def effective(self, source: Source) -> Source:
        """Return the source with the defaults for every option that it does not set itself."""
        inherited = self.defaults.model_fields_set - source.model_fields_set
        return source.model_copy(update={name: getattr(self.defaults, name) for name in inherited})

    def effective_sources(self) -> tuple[Source, ...]:
        """Return all sources, each with the defaults applied."""
        return tuple(self.effective(source) for source in self.sources)
