"""Owns a pretended RAUC: a bundle is a JSON file, and installing notes what was installed.

Like the real one it takes nothing that is unsigned or no bundle, and what it fails at leaves the
slots alone. The real one is asked in tests/image/test_bundle.py, and writes in the guests.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from appliance.box.rauc import Rauc, refusal
from appliance.errors import InstallFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from threading import Event

COMPATIBLE = "jembatan-arm64"


def bundle(
    version: str = "9.9.9+schema.99",
    *,
    compatible: str = COMPATIBLE,
    signed: bool = True,
    build: int = 9_900_000_000_010,
) -> bytes:
    said = {"compatible": compatible, "version": version, "build": str(build), "signed": signed}
    return json.dumps(said).encode()


class FakeRauc(Rauc):
    """Hand it to Updates."""

    def __init__(self, *, fails: str = "", waits: Event | None = None) -> None:
        self._fails = fails
        self._waits = waits
        self.installed_bytes: list[bytes] = []
        self.marked: list[str] = []

    @property
    def compatible(self) -> str:
        return COMPATIBLE

    def installed(self) -> dict[str, str]:
        return {"B": "0.3.0+schema.4"}

    def look(self, bundle: Path, name: str) -> dict[str, Any]:
        try:
            said: dict[str, Any] = json.loads(bundle.read_bytes())
        except ValueError:
            raise refusal(name, "Invalid bundle format", is_squashfs=False) from None
        if not said.pop("signed"):
            raise refusal(name, "signature verification failed", is_squashfs=True)
        return said

    def install(self, bundle: Path, progress: Callable[[int], None]) -> None:
        progress(50)
        if self._waits:
            self._waits.wait(10)
        if self._fails:
            raise InstallFailed(why=self._fails)
        self.installed_bytes.append(bundle.read_bytes())
        progress(100)

    def mark_good(self) -> None:
        self.marked.append("good")

    def mark_other_bad(self) -> None:
        self.marked.append("other bad")
