"""A module that a source imports and that is not there: which package has it, and where to name it."""

from __future__ import annotations

import builtins
import difflib
import shlex
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from dango_action.errors import Problem
from dango_action.sources.lookalikes import spec_of_top

if TYPE_CHECKING:
    from dlt.common.exceptions import MissingDependencyException

    from dango_action.errors import Position

# The packages of modules that are called differently; most are called like their module.
_PACKAGES = {
    "Crypto": "pycryptodome",
    "MySQLdb": "mysqlclient",
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "facebook_business": "facebook-business",
    "google.ads": "google-ads",
    "google.analytics": "google-analytics-data",
    "google.cloud.bigquery": "google-cloud-bigquery",
    "google.cloud.storage": "google-cloud-storage",
    "googleapiclient": "google-api-python-client",
    "jwt": "pyjwt",
    "psycopg2": "psycopg2-binary",
    "simple_salesforce": "simple-salesforce",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
_LISTED = 10
# What source code mostly means by a name that it has not imported; dlt's `requests` tries again by itself
_HELPERS = {"dlt": "import dlt", "requests": "from dlt.sources.helpers import requests"}


def missing_module(cause: ModuleNotFoundError, needs: str, at: Position | None) -> Problem:
    """Return what to do about a module that `needs`, or code that it runs, wants to import."""
    name = cause.name or "of no name"
    importer = _importer(cause)
    if importer and "." not in name and importer.with_name(f"{name}.py").is_file():
        hint = f"{name}.py lies beside {importer.name}: write `from . import {name}`"
    elif importer and (lines := _requirements_beside(importer)):
        hint = f"its own requirements.txt has {', '.join(lines)}: {_where('these')}"
    else:
        hint = _where(f"the package that has it, which mostly is `{_package(name)}`,")
    return Problem(what=f"`{needs}` needs the module `{name}`, which is not installed", hint=hint, at=at)


def missing_packages(cause: MissingDependencyException, at: Position | None) -> Problem:
    """Return what to do about packages that dlt says are needed."""
    what = f"packages that {cause.caller} needs are not installed: {', '.join(cause.dependencies)}"
    return Problem(what=what, hint=_where("these"), at=at)


def undefined(cause: NameError, name: str, at: Position | None) -> Problem:
    """Return what to do about a name that is not defined: mostly it was to be imported."""
    frame = next((frame for frame, _ in reversed(list(traceback.walk_tb(cause.__traceback__)))), None)
    known = {*frame.f_locals, *frame.f_globals, *vars(builtins)} if frame else ()
    if name in _HELPERS:
        hint = f"add `{_HELPERS[name]}` at the top of the file"
    elif name in sys.stdlib_module_names or spec_of_top(name):
        hint = f"add `import {name}` at the top of the file"
    elif near := difflib.get_close_matches(name, known, 1):
        hint = f"did you mean `{near[0]}`?"
    else:
        hint = "define it, or import it, above this line"
    return Problem(what=f"NameError: `{name}` is not defined", hint=hint, at=at)


def _where(packages: str) -> str:
    name = f"name {packages} in .dango/requirements.txt, which the Action installs before a sync"
    here = f"uv pip install --python {shlex.quote(sys.executable)} -r .dango/requirements.txt"
    return f"{name}; on your machine, that is `{here}`"


def _package(module: str) -> str:
    known = (package for name, package in _PACKAGES.items() if f"{module}.".startswith(f"{name}."))
    return next(known, module.partition(".")[0])


def _importer(cause: ModuleNotFoundError) -> Path | None:
    """Return the file with the import that has failed; Python's own import system has no file."""
    files = (Path(frame.filename) for frame in reversed(traceback.extract_tb(cause.__traceback__)))
    return next((file for file in files if file.is_file()), None)


def _requirements_beside(importer: Path) -> list[str]:
    """Return the lines of the requirements.txt of a verified source, other than dlt, which is there."""
    package = importer.parent
    while (package.parent / "__init__.py").is_file():
        package = package.parent
    try:
        text = (package / "requirements.txt").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    # an address may hold a login
    return [line for line in lines if line and "://" not in line and not line.startswith(("-", "dlt"))][:_LISTED]
