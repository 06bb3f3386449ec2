"""Owns what the system that runs says of itself: which build it is."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_TOLD = "usr/lib/os-release"
_BUILD = "JEMBATAN_BUILD="


def build(root: Path = Path("/")) -> int:
    """Its rank among builds, as `build` in an update's manifest: the journal's schema, then its
    date. 0 where it does not say, as on a machine that is no card.
    """
    with suppress(OSError):
        for line in (root / _TOLD).read_text(encoding="utf-8").splitlines():
            if line.startswith(_BUILD):
                return rank(line.removeprefix(_BUILD))
    return 0


def rank(text: str) -> int:
    """The rank that is written so; 0 where it is none."""
    return int(text) if text.isascii() and text.isdigit() else 0
