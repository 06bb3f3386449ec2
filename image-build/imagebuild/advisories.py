"""Owns the check of what is locked against what is known to be dangerous.

Three witnesses: Debian's archive of today (is there a newer version, and does it come from the
security team?); the Debian security tracker's data and OSV's advisories for PyPI, each a file that
somebody has downloaded. What was not asked is said, never passed over.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pip._vendor.packaging.version import InvalidVersion, Version

from imagebuild import archive, lock, locks, sbom, wheels
from imagebuild.command import run, say
from imagebuild.errors import AdvisoriesUnreadable, CommandFailed
from imagebuild.recipe import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from imagebuild.lock import Deb
    from imagebuild.recipe import Recipe
    from imagebuild.wheels import Locked

TRACKER = "https://security-tracker.debian.org/tracker/data/json"
OSV = "https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip"
UNSEEN = 3
"""The exit status where Debian's archive was not reached and nobody else knew of anything."""
_MINOR = frozenset({"unimportant", "end-of-life"})


@dataclass(frozen=True)
class Finding:
    """An advisory that speaks of something in the image."""

    name: str
    version: str
    advisory: str
    fixed: str
    """The version that mends it; empty where there is none yet."""

    def __str__(self) -> str:
        """One line."""
        mended = f"mended in {self.fixed}" if self.fixed else "not mended yet"
        return f"{self.name} {self.version}: {self.advisory}, {mended}"


@dataclass(frozen=True)
class News:
    """A package that Debian has otherwise today."""

    line: str
    is_urgent: bool

    def __str__(self) -> str:
        """One line."""
        return self.line


def check(recipe: Recipe, mirror: str, debian: Path | None, pypi: Path | None) -> int:
    """Print what every witness says: 1 where something is mended already and not in the lock, or
    gone, UNSEEN where Debian's archive of today was not seen, else 0.
    """
    locked = lock.load(locks.image_file(recipe))
    boxed = [deb for name in _shipped(recipe) for deb in locked.layers.get(name, ())]
    today = _today(recipe, mirror)
    urgent = 0 if today is None else _newer(boxed, today)
    if debian is None:
        print(f"not asked: the Debian security tracker (--debian, {TRACKER})")
    else:
        archive.fetch(boxed, mirror)
        urgent += _told(by_tracker(boxed, _sources(boxed), _tracker(debian), recipe.suite))
    if pypi is None:
        print(f"not asked: OSV for PyPI (--pypi, {OSV})")
    else:
        urgent += _told(by_osv(wheels.locked(), _records(pypi)))
    if urgent:
        return 1
    return UNSEEN if today is None else 0


def _shipped(recipe: Recipe) -> tuple[str, ...]:
    return (*(layer.name for layer in recipe.layers), PARTS)


def _today(recipe: Recipe, mirror: str) -> dict[str, Deb] | None:
    """What Debian would be locked as today, by name; None where its archive is not reached."""
    try:
        here = archive.Archive.open(recipe, recipe.architecture, mirror)
        return {deb.name: deb for deb in archive.lock_image(here, recipe).debs}
    except CommandFailed as failed:
        print(f"not reached, so nothing was compared: {mirror} ({failed.facts['output']})")
        return None


def _newer(boxed: list[Deb], today: Mapping[str, Deb]) -> int:
    """How much of what is locked somebody must look at."""
    urgent = 0
    for news in newer(boxed, today):
        print(news)
        urgent += news.is_urgent
    say(f"of {len(boxed)} packages {urgent} are mended by the security team, or gone")
    return urgent


def newer(boxed: Iterable[Deb], today: Mapping[str, Deb]) -> Iterator[News]:
    """What Debian has today in the place of what is locked.

    A package that it does not have any more is another's by now: a kernel bears its version in its
    name. Whoever replaced it, somebody must look at it.
    """
    for deb in boxed:
        found = today.get(deb.name)
        if found is None:
            yield News(f"{deb.name} {deb.version}: Debian has it no more, look what it has", True)
        elif found.version != deb.version:
            from_security = found.path.startswith("debian-security/")
            by = "the security team" if from_security else "a point release"
            yield News(f"{deb.name} {deb.version}: {found.version} by {by}", from_security)


def _told(findings: Iterable[Finding]) -> int:
    """How many of them are mended already."""
    mended = 0
    for finding in findings:
        print(finding)
        mended += bool(finding.fixed)
    return mended


# Debian's security tracker


def by_tracker(
    debs: Iterable[Deb],
    sources: Mapping[str, tuple[str, str]],
    data: Mapping[str, Any],
    suite: str,
) -> Iterator[Finding]:
    """What the tracker knows of the packages' sources in this suite, but for the unimportant.

    `sources`: by package, the name and the version of its source package.
    """
    seen = set()
    for deb in debs:
        source, version = sources[deb.name]
        for advisory, told in sorted(data.get(source, {}).items()):
            here = told.get("releases", {}).get(suite, {})
            fixed = here.get("fixed_version", "")
            concerns = here.get("urgency") not in _MINOR and fixed != "0"
            is_open = here.get("status") == "open" or (fixed and older(version, fixed))
            if here and concerns and is_open and (source, advisory) not in seen:
                seen.add((source, advisory))
                yield Finding(source, version, advisory, fixed)


def older(version: str, other: str) -> bool:
    """Whether a Debian version is older than another, as dpkg compares them."""
    try:
        run("dpkg", "--compare-versions", version, "lt", other)
    except CommandFailed:
        return False
    return True


def _sources(debs: Iterable[Deb]) -> dict[str, tuple[str, str]]:
    found = {}
    for deb in debs:
        name, _, version = sbom.source_of(deb).partition(" ")
        found[deb.name] = (name, version)
    return found


def _tracker(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AdvisoriesUnreadable(file=file, why=error) from error
    if not isinstance(data, dict):
        raise AdvisoriesUnreadable(file=file, why="it is not the tracker's data")
    return data


# OSV


def by_osv(packages: Iterable[Locked], records: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    """What OSV's records say about exactly these versions."""
    wanted = {package.name.lower().replace("_", "-"): package for package in packages}
    for record in records:
        for affected in record.get("affected", ()):
            name = affected.get("package", {}).get("name", "").lower().replace("_", "-")
            package = wanted.get(name)
            if package is None or "withdrawn" in record:
                continue
            fixed = _mended(package.version, affected)
            if fixed is not None:
                yield Finding(package.name, package.version, record["id"], fixed)


def _mended(version: str, affected: Mapping[str, Any]) -> str | None:
    """The version that mends it, empty for none yet; None where this version is not affected."""
    for ranged in affected.get("ranges", ()):
        if ranged.get("type") == "ECOSYSTEM":
            fixed = _in_range(version, ranged.get("events", ()))
            if fixed is not None:
                return fixed
    return "" if version in affected.get("versions", ()) else None


def _in_range(version: str, events: Iterable[Mapping[str, str]]) -> str | None:
    inside = False
    for event in events:
        if "introduced" in event:
            inside = _reached(version, event["introduced"])
        elif "fixed" in event and inside:
            if not _reached(version, event["fixed"]):
                return event["fixed"]
            inside = False
        elif "last_affected" in event and inside and event["last_affected"] != version:
            inside = not _reached(version, event["last_affected"])
    return "" if inside else None


def _reached(version: str, bound: str) -> bool:
    try:
        return bound == "0" or Version(version) >= Version(bound)
    except InvalidVersion:
        return True


def _records(file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        with zipfile.ZipFile(file) as archived:
            for name in sorted(archived.namelist()):
                yield json.loads(archived.read(name))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise AdvisoriesUnreadable(file=file, why=error) from error
