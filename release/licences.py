"""The licences of what the locks install: which they are, and which of them we take.

A licence is what a package says of itself in its metadata. The document is the same on every
supported Python, so what one of them doesn't install is told here.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from release.locked import Pin, pins

PRODUCT, DEMO, DEVELOPMENT = "requirements.txt", "requirements-demo.txt", "requirements-dev.txt"
# Names that packages give, by those of SPDX. Of the two of BSD some say only that it is one.
SPDX = {
    "MIT License": "MIT",
    "BSD License": "BSD",
    "BSD": "BSD",
    "Apache Software License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
# What may be shipped with a product under Apache 2.0. LGPL and MPL ask for their own parts only,
# which are installed as they are and can be replaced.
TAKEN = {
    *("MIT", "MIT-0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "ISC", "Apache-2.0"),
    *("PSF-2.0", "Unlicense", "MPL-2.0", "LGPL-3.0-only", "LGPL-3.0-or-later"),
}
# Tools that are run beside it and go to nobody.
TAKEN_IN_DEVELOPMENT = {*TAKEN, "GPL-3.0-or-later", "GPL-3.0-only"}
# What no supported Python on Linux installs, by what its own metadata says.
ELSEWHERE = {"colorama": "BSD-3-Clause"}
LONGEST = 60  # a name; some put the whole text there
ABOUT = """# Third-party notices

Made by `manage.py third_party_notices` from the locks and from what the packages say of themselves; a gate
compares, and refuses a licence that isn't on the list in `release/licences.py`.

Countinghouse itself is under [Apache 2.0](../LICENSE). Each package is installed as it was published, with its
own text of its licence beside it (`*.dist-info`); none is altered or copied into this tree. psycopg is under the
LGPL: it is a library that is imported, and that may be replaced by any version that works."""  # noqa: E501
TITLES = {
    PRODUCT: "With the product",
    DEMO: "With demo and tests: the embedded PostgreSQL, itself under the PostgreSQL licence",
    DEVELOPMENT: "For development and CI alone",
}
IN_THE_TREE = {
    "config/tests/axe/axe.min.js": "axe-core, MPL-2.0, as it is published; the tests use it"
}


@dataclass(frozen=True)
class Package:
    """A locked package, and its licence in SPDX's words; nothing where it says none."""

    pin: Pin
    licence: str
    of: str  # whose lock names it first


def licence_of(name: str) -> str:
    """What a package says of its licence, by expression, classifier or field, in this order."""
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return ELSEWHERE.get(name, "")
    if "License-Expression" in said:
        return said["License-Expression"]
    classifiers = [
        each.rpartition(" :: ")[2]
        for each in said.get_all("Classifier") or []
        if each.startswith("License :: ") and each != "License :: OSI Approved"
    ]
    names = classifiers or ([said["License"].strip()] if "License" in said else [])
    return " AND ".join(SPDX.get(each, each) for each in names if len(each) <= LONGEST)


def packages(base: Path) -> list[Package]:
    """All that the locks install, each with the smallest lock that names it."""
    found: dict[str, Package] = {}
    for lock in (PRODUCT, DEMO, DEVELOPMENT):
        for pin in pins(base / lock):
            if pin.name not in found:
                found[pin.name] = Package(pin, licence_of(pin.name), lock)
    return sorted(found.values(), key=lambda package: package.pin.name)


def is_taken(licence: str, taken: set[str]) -> bool:
    """Whether an expression can be met: each part of AND by one of its ways of OR."""
    words = licence.replace("(", "").replace(")", "")
    return bool(words) and all(
        any(way.strip() in taken for way in part.split(" OR ")) for part in words.split(" AND ")
    )


def refused(found: list[Package]) -> list[str]:
    """What can't be taken, a line each."""
    return [
        f"{package.pin.name} {package.pin.version} ({package.of}): "
        + (package.licence or "says no licence")
        for package in found
        if not is_taken(
            package.licence, TAKEN_IN_DEVELOPMENT if package.of == DEVELOPMENT else TAKEN
        )
    ]


def document(found: list[Package]) -> str:
    """The notices."""
    lines = [ABOUT]
    for lock, title in TITLES.items():
        lines += ["", f"## {title}", "", "| package | version | licence |", "| - | - | - |"]
        lines += [
            f"| {package.pin.name} | {package.pin.version} | {package.licence} |"
            for package in found
            if package.of == lock
        ]
    lines += ["", "## In this tree", ""]
    lines += [f"- `{path}`: {words}" for path, words in IN_THE_TREE.items()]
    return "\n".join([*lines, ""])
