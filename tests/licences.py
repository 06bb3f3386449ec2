"""Owns the licence check: what the product installs must be free to give to a hospital.

Every distribution of the run-time lock must name licences that ask for nothing but their notice;
anything else needs an entry in `ALLOWED` with the reason. Run as `python -m tests.licences`.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = Path(__file__).parents[1] / "requirements.lock"

PERMISSIVE = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT", "MIT-CMU", "Zlib"}
    # As older packages put it, in a trove classifier or by hand:
    | {
        "BSD License",
        "ISC License (ISCL)",
        "MIT License",
        "Zope Public License",
        "zlib/libpng License",
    }
    | {"Python Software Foundation License"}
)

ALLOWED = {
    "pyudev": "LGPL: imported unchanged from its own folder, where anyone can replace it",
    "tqdm": "MPL: imported unchanged from its own folder (pysmb wants it)",
    "systemd-python": "LGPL: imported unchanged from its own folder, where anyone can replace it",
}


def installed(lock: str) -> Iterator[str]:
    """The names a lock pins."""
    for line in lock.splitlines():
        if pin := re.match(r"([\w.-]+)==", line):
            yield pin[1]


def licences(package: Distribution) -> frozenset[str]:
    """What a distribution says of itself: SPDX expression, else classifiers, else free text."""
    if expression := _field(package, "License-Expression"):
        return frozenset(re.findall(r"[\w.+-]+", expression[0])) - {"AND", "OR"}
    classifiers = [value.split(" :: ") for value in _field(package, "Classifier")]
    named = frozenset(words[-1] for words in classifiers if words[0] == "License")
    return named or frozenset(_field(package, "License"))


def _field(package: Distribution, name: str) -> list[str]:
    return package.metadata.get_all(name) or []


def objection(package: Distribution) -> str:
    """Why a distribution may not be installed on the box; else ""."""
    found = licences(package)
    if package.name in ALLOWED or (found and found <= PERMISSIVE):
        return ""
    return f"{package.name}: {', '.join(sorted(found - PERMISSIVE)) or 'names no licence'}"


def main() -> int:
    """Check what the run-time lock names; says each objection and ends with 1 if there is one."""
    objections = []
    for name in installed(LOCK.read_text()):
        try:
            objections.append(objection(distribution(name)))
        except PackageNotFoundError:
            objections.append(f"{name}: not installed")
    for line in filter(None, objections):
        print(line, file=sys.stderr)
    return int(any(objections))


if __name__ == "__main__":
    sys.exit(main())
