"""Owns what an update says of itself, and whether it may be installed here; pure."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.box import image
from appliance.errors import BundleForOther, BundleTooOld, NotABundle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.errors import Problem

LARGEST_BYTES = 1 << 30
"""Far above what an update has; what is larger is something else."""

_VERSION = re.compile(r"([0-9][0-9A-Za-z.+-]*)[+.]schema\.([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the product, and the newest journal it can read.

    Written "0.4.0+schema.5" or "0.4.0+g1234567.schema.5" (semver.org, build metadata): so it
    stands in a bundle's manifest and in RAUC's status.
    """

    product: str
    schema: int

    def __str__(self) -> str:
        """As a manifest has it."""
        joint = "." if "+" in self.product else "+"
        return f"{self.product}{joint}schema.{self.schema}"


def version_of(text: str) -> Version | None:
    """The version that is written so; None where it is not one of ours."""
    found = _VERSION.fullmatch(text)
    return Version(found[1], int(found[2])) if found else None


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle's signed manifest says."""

    name: str
    compatible: str
    version: Version
    build: int
    """Its rank among builds; 0 where it does not say."""
    hash: str
    """Of what it is for and the hashes of its images: the same for the same, whoever tells it."""


@dataclass(frozen=True, slots=True)
class System:
    """What an update has to fit."""

    compatible: str
    schema: int
    """Of the journal that is kept here."""


def bundle_of(name: str, said: Mapping[str, Any]) -> Bundle:
    """The bundle `name`, from what `rauc info` says as JSON. Raises NotABundle."""
    version = version_of(text := str(said.get("version", "")))
    if version is None:
        raise NotABundle(name=name, why=f"its version is {text[:40]!r}")
    compatible = str(said.get("compatible", ""))
    told = json.dumps([compatible, str(version), sorted(_checksums(said))]).encode()
    build = image.rank(str(said.get("build", "")))
    return Bundle(name, compatible, version, build, hashlib.sha256(told).hexdigest())


def _checksums(said: object) -> Iterator[str]:
    """Of the images, wherever this version of RAUC tells them."""
    if isinstance(said, dict):
        for key, value in said.items():
            yield from [str(value)] if key == "checksum" else _checksums(value)
    elif isinstance(said, list):
        for value in said:
            yield from _checksums(value)


def objection(bundle: Bundle, system: System) -> Problem | None:
    """Why a well signed bundle is not for this box; None where it may be installed."""
    if bundle.compatible != system.compatible:
        return BundleForOther(name=bundle.name, theirs=bundle.compatible, ours=system.compatible)
    if bundle.version.schema < system.schema:
        return BundleTooOld(
            name=bundle.name,
            version=bundle.version.product,
            theirs=bundle.version.schema,
            ours=system.schema,
        )
    return None
