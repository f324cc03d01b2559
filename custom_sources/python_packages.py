"""The Python packages installed beside this interpreter, and what they require, as tables.

sources:
  - name: python_packages
    type: dlt_native
    dlt_native: {source_module: python_packages, source_function: python_packages}
"""

import logging
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageMetadata, distributions
from typing import Any, NamedTuple

import dlt
from dlt.extract import DltResource
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

# What setuptools once wrote for "not given".
UNKNOWN = "UNKNOWN"
PARTS = ("requirement", "specifier", "extras", "marker")

Row = dict[str, Any]


class Installed(NamedTuple):
    """What one package adds to the two tables."""

    package: Row
    requirements: list[Row]


@dlt.source
def python_packages() -> tuple[DltResource, DltResource]:
    """Load `packages` and `requirements`, replaced in each run by what is installed now."""
    found = installed()
    return packages(found), requirements(found)


@dlt.resource(write_disposition="replace", primary_key="name")
def packages(found: list[Installed]) -> Iterator[list[Row]]:
    """One row a package, sorted by its normalized `name`; what its metadata leaves out is null.

    `license` is the SPDX expression if there is one, else the text of the older field. `installer` is what
    the tool that installed the package calls itself.
    """
    yield [one.package for one in found]


@dlt.resource(write_disposition="replace")
def requirements(found: list[Installed]) -> Iterator[list[Row]]:
    """One row a requirement, by package and then in the order of its metadata.

    `raw` is the text as it stands there. If that is not a requirement (PEP 508), its parts are null.
    """
    yield [row for one in found for row in one.requirements]


def installed() -> list[Installed]:
    """Read what is on sys.path, sorted by name. Of two with one name the first counts, as for `import`."""
    by_name: dict[str, Installed] = {}
    for distribution in distributions():
        if found := read(distribution):
            by_name.setdefault(found.package["name"], found)
    return [by_name[name] for name in sorted(by_name)]


def read(distribution: Distribution) -> Installed | None:
    """Read one package, or nothing where an interrupted installation left metadata that names none."""
    try:
        package = package_of(distribution)
        texts = distribution.requires or ()
    except UnicodeDecodeError:
        package = None
    if package is None:
        folder = distribution.locate_file("")
        logging.getLogger(__name__).warning("left out a package in %s: its metadata is unreadable", folder)
        return None
    return Installed(package, [{"package": package["name"], **requirement(text)} for text in texts])


def package_of(distribution: Distribution) -> Row | None:
    """Return the row of `packages`, or None without a name."""
    metadata = distribution.metadata  # parsed anew at each access
    name = field(metadata, "Name")
    if name is None:
        return None
    return {
        "name": canonicalize_name(name),
        "name_as_written": name,
        "version": field(metadata, "Version"),
        "summary": field(metadata, "Summary"),
        "license": field(metadata, "License-Expression") or field(metadata, "License"),
        "requires_python": field(metadata, "Requires-Python"),
        "homepage": homepage(metadata),
        "installer": (distribution.read_text("INSTALLER") or "").strip() or None,
    }


def field(metadata: PackageMetadata, key: str) -> str | None:
    """Return the first value of a metadata field; None if there is none, or nothing in it."""
    values = metadata.get_all(key) or [""]  # `metadata[key]` is deprecated for absent keys
    value = str(values[0]).strip()
    return value if value and value != UNKNOWN else None


def homepage(metadata: PackageMetadata) -> str | None:
    """Return the address that a project labels as its home page, in the newer field or the older one."""
    for entry in metadata.get_all("Project-URL") or ():
        label, _, address = str(entry).partition(",")
        # How labels are compared: packaging.python.org, "Well-known Project URLs in Metadata".
        if re.sub(r"[^a-z0-9]", "", label.lower()) == "homepage":
            return address.strip() or None
    return field(metadata, "Home-page")


def requirement(text: str) -> dict[str, str | None]:
    """Take a requirement apart; `extras` are sorted and separated by commas."""
    try:
        parsed = Requirement(text)
    except InvalidRequirement:
        return {**dict.fromkeys(PARTS), "raw": text}
    parts = (
        canonicalize_name(parsed.name),
        str(parsed.specifier) or None,
        ",".join(sorted(parsed.extras)) or None,
        str(parsed.marker) if parsed.marker else None,
    )
    return {**dict(zip(PARTS, parts, strict=True)), "raw": text}
