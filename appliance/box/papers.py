"""Owns where the page's certificate lies and what it says: the box's own, or the hospital's.

Each is one file with key and certificates, which only root may write and only the page's user
read; so it is there whole or not at all. What the page shows of them lies beside, for everybody.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from appliance import certificate
from appliance.peek import Garbled

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.certificate import Certificate


def folder(root: Path) -> Path:
    """Where they lie, below the data partition."""
    return root / "box" / "tls"


def own(root: Path) -> Path:
    """The key and certificate that the box made itself."""
    return folder(root) / "own.pem"


def hospital(root: Path) -> Path:
    """The key and certificates that somebody brought; not there where nobody did."""
    return folder(root) / "hospital.pem"


def page_papers(root: Path) -> tuple[Path, ...]:
    """The files that the page may show, the one that it should show first."""
    return (hospital(root), own(root))


def shown(root: Path) -> Path:
    """The certificate that the page shows, without its key; for everybody to read."""
    return folder(root) / "shown.pem"


def read(root: Path) -> Certificate | None:
    """What the page's certificate says of itself; None where there is none."""
    with suppress(OSError, Garbled):
        return certificate.from_pem(shown(root).read_bytes())
    return None


def fingerprint(root: Path) -> str:
    """SHA-256 of the page's certificate, as browsers show it; "" where there is none."""
    found = read(root)
    return found.fingerprint if found else ""
