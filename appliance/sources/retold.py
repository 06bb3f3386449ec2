"""Owns whether a sidecar says something new of a file that was taken before it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from appliance.intake.accept import evidence_digest
from appliance.intake.sidecars import is_named_like
from appliance.journal.spool import digest_of
from appliance.model import ItemState
from appliance.sources.patience import is_junk

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.intake.sidecars import Beside
    from appliance.journal.journal import Journal
    from appliance.model import Arrival, Item
    from appliance.settings.schema import Profile

_UNSENT = frozenset(
    {
        ItemState.ARRIVED,
        ItemState.CONVERTED,
        ItemState.IDENTIFIED,
        ItemState.ROUTED,
        ItemState.HELD,
    }
)


def retold(
    earlier: Arrival, sidecar: Path, beside: Beside, profile: Profile | None, journal: Journal
) -> str:
    """What a file that was taken before holds (SHA-256), if `sidecar` says something new of it.

    Else "". The file's own sidecar is heard whenever it changes; a list of many files only until
    the image is everywhere, for it changes with each of the others. `beside` is what lies there.
    OSErrors fly.
    """
    item = journal.arrivals.item(earlier)
    if item is None or item.state is ItemState.QUARANTINED or is_junk(earlier.path.name):
        return ""
    if beside.digest(sidecar) in item.sidecars.values():
        return ""
    if not is_named_like(sidecar, earlier.path) and not _is_news(item, earlier, sidecar, journal):
        return ""
    said = {path.name: beside.digest(path) for path in beside.of(earlier.path)}
    evidence = evidence_digest(profile, earlier.name, said)
    # The item may be another file of the same image.
    sha256 = digest_of(earlier.path)
    return "" if journal.arrivals.has_said(sha256, evidence) else sha256


def _is_news(item: Item, earlier: Arrival, sidecar: Path, journal: Journal) -> bool:
    """Whether a list may say something else of an image that is still to be sent."""
    if item.state not in _UNSENT:
        return False
    before = item.sidecars.get(sidecar.name)
    if before is None or sidecar.suffix.lower() != ".csv":
        return True
    return not _only_grew(journal.spool.path(before), sidecar, earlier.path.name)


def _only_grew(before: Path, now: Path, name: str) -> bool:
    """Whether a table has got whole lines at its end, of other files.

    With every exam that is written down all images that wait for a PACS would be read again.
    """
    if not before.exists():
        return False
    old, new = before.read_bytes(), now.read_bytes()
    more = new[len(old) :].lower()
    return old.endswith(b"\n") and new.startswith(old) and os.fsencode(name).lower() not in more
