"""Owns what is known of an item when its objects are composed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from appliance.model import Evidence, Identity, Item
    from appliance.settings.schema import Profile, Settings


@dataclass(frozen=True, slots=True)
class Case:
    """One item: whose it is and how that is known, and where it came from."""

    evidence: Evidence
    identity: Identity
    profile: Profile | None
    source: str
    arrived_at: datetime  # where the box stands
    objects: int = 1  # that the item has
    unsure: bool = False  # when it came is not known, whatever `arrived_at` says


def case_of(item: Item, identity: Identity, settings: Settings, objects: int = 1) -> Case:
    """An item of the journal as a case."""
    arrived_at = datetime.fromisoformat(item.arrived_at)
    return Case(
        item.evidence,
        identity,
        settings.profile_of(item.source),
        item.source,
        arrived_at.astimezone(ZoneInfo(settings.box.timezone)),
        objects,
        item.unsure,
    )
