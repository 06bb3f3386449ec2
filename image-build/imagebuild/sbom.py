"""Owns the list of what the image is made of, as an SPDX 2.3 document."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from imagebuild import archive, wheels
from imagebuild.command import run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagebuild.lock import Deb
    from imagebuild.release import Release
    from imagebuild.wheels import Locked

_NOTHING = "NOASSERTION"
_SPACE = "https://spdx.org/spdxdocs"
_ROOT = "SPDXRef-image"
_SUITE = "trixie"
_SIGNED = re.compile(r"(.+)-signed-[a-z0-9]+")
"""Sources that only put Debian's signature to what another has built: linux-signed-arm64."""


def document(made: Release, board: str, debs: Iterable[Deb]) -> dict[str, Any]:
    """Every Debian package and every Python package of an image, with versions and hashes."""
    packages = [debian(deb, source_of(deb)) for deb in debs]
    packages += [python(package) for package in wheels.locked()]
    name = f"jembatan-{made.version}-{board}"
    image = {
        "SPDXID": _ROOT,
        "name": name,
        "versionInfo": made.version,
        "downloadLocation": _NOTHING,
        "filesAnalyzed": False,
        "licenseDeclared": _NOTHING,
    }
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"{_SPACE}/{name}-{made.epoch_s}",
        "creationInfo": {
            "created": f"{datetime.fromtimestamp(made.epoch_s, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "creators": ["Tool: jembatan image-build"],
        },
        "packages": [image, *packages],
        "relationships": [
            _related("SPDXRef-DOCUMENT", "DESCRIBES", _ROOT),
            *(_related(_ROOT, "CONTAINS", package["SPDXID"]) for package in packages),
        ],
    }


def debian(deb: Deb, source: str) -> dict[str, Any]:
    """A Debian package; `source` is `NAME VERSION` of what it was built from."""
    identity = f"pkg:deb/debian/{quote(deb.name)}@{quote(deb.version, safe='')}"
    return {
        "SPDXID": _identifier(f"deb-{deb.name}"),
        "name": deb.name,
        "versionInfo": deb.version,
        "supplier": "Organization: Debian",
        "downloadLocation": f"{archive.MIRROR}/{deb.path}",
        "filesAnalyzed": False,
        "licenseDeclared": _NOTHING,
        "sourceInfo": f"built from: {source}",
        "checksums": [{"algorithm": "SHA256", "checksumValue": deb.sha256}],
        "externalRefs": [_purl(f"{identity}?arch={deb.architecture}&distro={_SUITE}")],
    }


def python(package: Locked) -> dict[str, Any]:
    """A Python package; the lock's hashes name every file that may have been taken."""
    hashes = [text.rpartition(":")[2] for text in package.hashes]
    return {
        "SPDXID": _identifier(f"pypi-{package.name}"),
        "name": package.name,
        "versionInfo": package.version,
        "supplier": _NOTHING,
        "downloadLocation": f"https://pypi.org/project/{package.name}/{package.version}/",
        "filesAnalyzed": False,
        "licenseDeclared": _NOTHING,
        "checksums": [{"algorithm": "SHA256", "checksumValue": digest} for digest in hashes],
        "externalRefs": [_purl(f"pkg:pypi/{package.name.lower()}@{package.version}")],
    }


def source_of(deb: Deb) -> str:
    """The source package, `NAME VERSION`, which Debian's advisories speak of."""
    return advised(run("dpkg-deb", "--field", archive.kept(deb), "Source"), deb)


def advised(field: str, deb: Deb) -> str:
    """The same, of what a package's field `Source` says; it is empty where both are one."""
    name, _, version = field.strip().partition(" ")
    name, version = name or deb.name, version.strip("()") or deb.version
    if signed := _SIGNED.fullmatch(name):
        # 6.12.117+1 has the signatures for linux 6.12.117-1.
        return f"{signed[1]} {version.replace('+', '-', 1)}"
    return f"{name} {version}"


def _purl(locator: str) -> dict[str, str]:
    kind = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl"}
    return {**kind, "referenceLocator": locator}


def _related(one: str, how: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other}


def _identifier(text: str) -> str:
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", text)
