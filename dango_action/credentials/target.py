"""What a target's own processes may see: dlt's settings for it. No source gets any of it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dango_action.credentials.strength import is_word

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from dango_action.config.target import Target

_TOKEN = "MOTHERDUCK_TOKEN"  # noqa: S105 - the name of MotherDuck's own variable; dlt takes it in small letters too
# dlt's settings for every step, which a load has use for
_OF_LOADS = ("data_writer", "load", "runtime")
# What says where data goes, and by whose hand; a password is none of it.
_PLAIN = frozenset(
    {
        "automatic_migration", "bucket_url", "custom_user_agent", "database", "drivername", "ducklake_name",
        "endpoint_url", "host", "metadata_schema", "override_data_path", "port", "region_name", "s3_url_style",
        "username",
    }
)  # fmt: skip


def is_of_target(variable: str, target: Target) -> bool:
    """Tell whether a variable belongs to a target; a file needs none."""
    if target.kind == "motherduck" and variable.upper() == _TOKEN:
        return True
    return target.kind != "duckdb" and variable.upper().startswith(f"DESTINATION__{target.kind.upper()}__")


def target_sections(document: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """Return what a target's processes may see of one of dlt's files."""
    below = document.get("destination")
    own = below.get(target.kind) if isinstance(below, dict) else None
    shared = {key: value for key, value in document.items() if key in _OF_LOADS}
    return {**shared, "destination": {target.kind: own}} if isinstance(own, dict) else shared


def is_plain(variable: str, text: str) -> bool:
    """Tell whether a target's setting says where it is, and no more, like an address without a password."""
    parts = variable.lower().split("__")
    if parts[0] != "destination":
        return False
    return parts[-1] in _PLAIN or is_word(text) or _has_no_password(text)


def _has_no_password(text: str) -> bool:
    try:
        url = urlsplit(text)
    except ValueError:
        return False
    return bool(url.scheme) and "://" in text and not url.password and not url.query
