"""Files as a source: the block `filesystem:` of a definition, and what a user may say of the files of a table."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from dango_action.config.fields import Count, Text, Texts

Format: TypeAlias = Literal["csv", "jsonl", "json", "parquet"]
DataType: TypeAlias = Literal["text", "bigint", "double", "decimal", "bool", "timestamp", "date"]
"""The types of dlt that a column of a CSV file can have."""


def _to_list(value: object) -> object:
    """Accept one text where several may stand."""
    return [value] if isinstance(value, str) else value


OneOrMore: TypeAlias = Annotated[Texts, Field(min_length=1), BeforeValidator(_to_list)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Filesystem(_Model):
    """The block `filesystem:` of a definition, for `engine: filesystem`.

    The parameters of such a definition have names that the engine knows: `bucket_url` (without it, the files are
    the project's), `path`, `table`, `tables`, the fields of `Table`, and the credentials of the stores.
    """

    format: Format | None = None
    """The format of all files; without it, each file's name tells it."""

    table_per_file: bool = False
    """Whether `path` is a folder each file of which has a table of its own, unless `tables` says otherwise."""


class Table(_Model):
    """The files of one table, and how they are read and loaded."""

    path: Annotated[OneOrMore, Field(examples=["orders/*.csv"])]
    """One or more paths, which may hold `*`, `?`, `[...]` and `**`."""

    format: Format | None = None
    """The format, if the names of the files don't tell it."""

    delimiter: Annotated[Text | None, Field(examples=[";"])] = None
    """CSV: what stands between two values; a comma, or a tab in files that end with .tsv."""

    quote: Text = '"'
    """CSV: what values are quoted with."""

    header: Annotated[bool | OneOrMore, Field(union_mode="left_to_right")] = True
    """CSV: whether the first line names the columns; where none does, `false`, or the list of the names."""

    skip_rows: Count = 0
    """CSV: lines to leave out at the top."""

    encoding: Annotated[Text, Field(examples=["latin-1"])] = "utf-8"
    """CSV: the encoding of the text; a byte order mark wins."""

    columns: dict[Text, DataType] = {}
    """CSV: the types of columns that are not to be text."""

    primary_key: OneOrMore | None = None
    """The columns that tell one row from another: rows are merged by them."""

    write_disposition: Literal["merge", "append", "replace"] = "merge"
    """`merge` replaces rows by key, or without one by file; `append` adds; `replace` reads all files each time."""
