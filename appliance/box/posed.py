"""Owns what a handover makes of the drives that the box poses as: their images stay on its card.

What was written there last is waited for while watch will take it. What cannot be taken stops
nobody: it is named, so that it is exported again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.board.drive.taken import is_settled, untaken
from appliance.box.parcel import card_in_words
from appliance.errors import (
    DriveAlmostFull,
    DriveDamaged,
    DriveFilling,
    DriveRestless,
    SourceDenied,
    UnfinishedName,
)
from appliance.settings.current import Current
from appliance.settings.links import DriveLink

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.box.handover import Machine
    from appliance.call import Handler
    from appliance.journal.journal import Journal
    from appliance.journal.session import Paths

_IS_LOOKED_AT = frozenset(
    {
        "",
        DriveAlmostFull.code,
        DriveDamaged.code,
        DriveFilling.code,
        DriveRestless.code,
        SourceDenied.code,
        UnfinishedName.code,
    }
)
"""What may be wrong with a drive of which watch goes on taking what it can."""


def operations(machine: Callable[[], Machine]) -> Mapping[str, Handler]:
    """What the steward, who may look at the images, tells of them, by name."""

    def look(_: Mapping[str, Any]) -> Mapping[str, Any]:
        """{}: the names of drives with something on them that is not stored: {"awaited": where
        it is about to be, "behind": where it is not}.
        """
        here = machine()
        with here.journal() as journal:
            is_here = journal.charge.is_here()
            coming = awaited(here.paths, journal) if is_here else []
        rest = [name for name in not_taken(here.paths) if name not in coming]
        return {"awaited": coming, "behind": rest}

    return {"spare-drives": look}


def not_taken(paths: Paths) -> list[str]:
    """The drives with something on them that is not stored. Raises CardFailed."""
    with card_in_words("what is on the drive that it poses as"):
        return [image.parent.name for image in untaken(paths.drives)]


def awaited(paths: Paths, journal: Journal) -> list[str]:
    """Those of them on which it is about to be stored. Raises CardFailed."""
    with card_in_words("what is on the drive that it poses as"):
        found = {image.parent.name for image in untaken(paths.drives) if not is_settled(image)}
    posed = _posed(paths) if found else []
    return [name for name in posed if name in found and _is_looked_at(journal, name)]


def in_words(names: list[str]) -> str:
    """Why these stand in the way, and what to do; "" for none."""
    if not names:
        return ""
    return (
        f"what the modality wrote last on the drive {', '.join(names)} is not stored yet. Let it"
        " write nothing for a few minutes, or pull its cable; a drive that was removed from the"
        " settings is not waited for"
    )


def _posed(paths: Paths) -> list[str]:
    """The drive of the settings: only the first one is ever offered to a modality."""
    sources = Current(paths.root).get().sources
    return [source.name for source in sources if isinstance(source, DriveLink)][:1]


def _is_looked_at(journal: Journal, name: str) -> bool:
    places = {(row["kind"], row["name"]): row["code"] for row in journal.ledger.places()}
    return places.get(("source", name), "") in _IS_LOOKED_AT
