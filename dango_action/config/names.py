"""Which names a source may have. It becomes a dataset, a dlt pipeline, a section and a prefix of variables."""

from __future__ import annotations

import re
import unicodedata

from dango_action.config.words import show

RULE = "^[a-z][a-z0-9]*(_[a-z0-9]+)*$"
LONGEST = 64

# The sections at the top of dlt's configuration. A source sees `[<name>]` and `<NAME>__*` as its own, and dlt
# reads the same places for its settings: a source `runtime` would be handed, and could set, `RUNTIME__*`.
# (dlt/common/configuration/specs/known_sections.py, dlt/_workspace/known_sections.py, and the
# `__section__` of RuntimeConfiguration and of the launchers in dlt/_workspace/deployment/configuration.py)
_DLT_SECTIONS = frozenset(
    {
        "agent",
        "dashboard",
        "data_writer",
        "datasets",
        "dbt_cloud",
        "dbt_package_runner",
        "destination",
        "destinations",
        "extract",
        "jobs",
        "load",
        "marimo",
        "mcp",
        "normalize",
        "pipelines",
        "providers",
        "runtime",
        "schema",
        "sources",
        "streamlit",
        "workspace",
    }
)
# One letter from a section. `[source.shop]` in a TOML file is a slip that nobody finds if `source` is a source.
_NEAR_SECTIONS = frozenset({"dataset", "job", "pipeline", "provider", "source"})
# What stands beside the sources in `[sources]`: `[sources.credentials]` is where dlt looks for the credentials
# that all sources share. `config`, `secrets` and `dlt_secrets_toml` are how dlt's own providers are called.
_SHARED_KEYS = frozenset({"config", "credentials", "dlt_secrets_toml", "secrets"})
# The prefixes of the variables of dlt and of this tool, and the names of their tables and logs.
_TOOLS = frozenset({"dango", "dlt"})

# What can't be the name of a file on every system, which dlt asks of the name of a pipeline.
_DEVICES = frozenset({"aux", "con", "nul", "prn"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)})

RESERVED = _DLT_SECTIONS | _NEAR_SECTIONS | _SHARED_KEYS | _TOOLS | _DEVICES

# dlt merges by way of a second dataset, `<dataset>_staging`, whose tables it truncates at each load
# (`staging_dataset_name_layout` in dlt/common/destination/client.py).
STAGING = "_staging"

_SHAPE = re.compile(RULE)


def flaw(name: str) -> tuple[str, str] | None:
    """Return what is wrong with this name and what to do, or None if a source may have it."""
    broken = _broken_rule(name)
    if broken is None:
        return None
    return f"`{show(name)}` can't be the name of a source: {broken}", f"`{suggestion(name)}` would be a name"


def suggestion(name: str) -> str:
    """Return a name near this one that a source may have."""
    ascii_only = unicodedata.normalize("NFKD", name[:1000]).encode("ascii", "ignore").decode()
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", ascii_only).lower().strip("_")
    words = re.sub(r"_+", "_", words)
    if not words or not words[0].isalpha():
        words = f"source_{words}".strip("_")
    if words in RESERVED:
        words = f"my_{words}"
    return words[:LONGEST].strip("_")


def _broken_rule(name: str) -> str | None:
    if not name:
        return "it is empty"
    if name in RESERVED - _DEVICES:
        return "dlt or dango uses it for its own settings"
    if name in _DEVICES:
        return "no file can have it on every system"
    if len(name) > LONGEST:
        return f"it has {len(name)} characters, and the most is {LONGEST}"
    return None if _SHAPE.fullmatch(name) else _broken_shape(name)


def _broken_shape(name: str) -> str:
    if re.search(r"[A-Z]", name) and re.fullmatch(r"[A-Za-z0-9_]+", name):
        return "it has capital letters"
    if not re.fullmatch(r"[a-z0-9_]+", name):
        return "only small letters a to z, digits and `_` are allowed"
    if not name[0].isalpha():
        return "it must start with a letter"
    if "__" in name:
        return "dlt uses `__` to separate the parts of a name"
    return "it ends with `_`"
