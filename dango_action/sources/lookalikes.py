"""A module that is nowhere: where it was looked for, and what may have been meant."""

from __future__ import annotations

import difflib
import importlib.metadata
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dango_action.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec

    from dango_action.errors import Position

# The folders of dlt's repository of verified sources: they are checked out, and in no package.
VERIFIED = frozenset(
    {
        "airtable", "asana_dlt", "bing_webmaster", "chess", "facebook_ads", "freshdesk", "github", "google_ads",
        "google_analytics", "google_sheets", "hubspot", "inbox", "jira", "kafka", "kinesis", "matomo", "mongodb",
        "mux", "notion", "personio", "pg_replication", "pipedrive", "pokemon", "salesforce", "scraping",
        "shopify_dlt", "slack", "strapi", "stripe_analytics", "unstructured_data", "workable", "zendesk",
    }
)  # fmt: skip
CORE = frozenset({"filesystem", "rest_api", "sql_database"})
"""The sources that dlt's package has itself."""
_LISTED = 20


def not_found(project: Path, folder: Path, dotted: str, at: Position | None, *, only: bool) -> Problem:
    """Return the problem of a module that is not in `folder`, nor, unless `only` that counts, installed."""
    shown = folder.relative_to(project).as_posix()
    what = f"there is no module `{dotted}` in {shown}/{'' if only else ', nor among the installed packages'}"
    return Problem(what=what, hint=_hint(project, folder, dotted, only=only), at=at)


def _hint(project: Path, folder: Path, dotted: str, *, only: bool) -> str:
    parent, _, last = dotted.rpartition(".")
    installed = package_folders(parent) if parent and not only else []
    inside = installed or [folder.joinpath(*parent.split(".")) if parent else folder]
    here = sorted({name for each in inside for name in modules_in(each)})
    near = difflib.get_close_matches(last, here, 1)
    if not near and not only and not parent:  # there are hundreds of packages, so one is easily near
        near = difflib.get_close_matches(last, _packages(), 1, cutoff=0.85)
    if near:
        return f"did you mean `{f'{parent}.' if parent else ''}{near[0]}`?"
    listed = ", ".join(here[:_LISTED]) or "no modules"
    if installed:
        return f"`{parent}` has: {listed}"
    if known := _elsewhere(project, dotted.partition(".")[0]):
        return known
    path = (folder.relative_to(project) / f"{dotted.replace('.', '/')}.py").as_posix()
    has = f" ({inside[0].relative_to(project).as_posix()}/ has: {listed})" if here else ""
    other = "correct `source_path`" if only else "name the package that has it in .dango/requirements.txt"
    return f"create {path}{has}, or {other}"


def _elsewhere(project: Path, top: str) -> str | None:
    """Return what to do about a module that is known to be in another place."""
    if beside := next((path for path in (project / f"{top}.py", project / top) if path.exists()), None):
        name = f"{top}.py" if beside.suffix else f"{top}/"
        return f"{name} lies beside .dango: move it into custom_sources/, or set `source_path: .`"
    if top in CORE:
        return f"dlt itself has it: write `dlt.sources.{top}`"
    if top in VERIFIED:
        return (
            "it is one of dlt's verified sources, which no package has: check their repository out, and set "
            "`source_path: vendor/verified-sources/sources`"
        )
    return None


def modules_in(folder: Path) -> Iterator[str]:
    """Give the names of the modules and packages right below a folder."""
    for path in folder.glob("*"):
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists():
            yield path.stem


def spec_of_top(top: str) -> ModuleSpec | None:
    """Return where Python would import a module from that is below no other; nothing is imported.

    Every finder is asked: a project that was installed in place may have brought one of its own.
    """
    finders = (getattr(finder, "find_spec", None) for finder in sys.meta_path)
    return next((spec for find in finders if find and (spec := find(top, None))), None)


def package_folders(dotted: str) -> list[Path]:
    """Return the folders of an installed package, found without importing it; none if there is no such one."""
    top, *below = dotted.split(".")
    spec = spec_of_top(top)
    folders = [Path(path) for path in (spec.submodule_search_locations if spec else None) or ()]
    return [folder.joinpath(*below) for folder in folders if folder.joinpath(*below).is_dir()]


def _packages() -> list[str]:
    return [name for name in importlib.metadata.packages_distributions() if not name.startswith("_")]
