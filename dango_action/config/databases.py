"""What a definition says of a database whose tables are synced: its block `sql_database:`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Dialect = Literal["postgresql", "mysql"]


class SqlDatabase(BaseModel):
    """The kind of database. What a user gives of it, its host and tables, are the definition's parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    dialect: Dialect = Field(examples=["postgresql"])
    """Which SQL it speaks, and so which driver talks to it; MariaDB speaks `mysql`."""
