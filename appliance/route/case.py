"""Owns what is known of an item when its objects are composed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from appliance.model import Evidence, Identity
    from appliance.settings.schema import Profile


@dataclass(frozen=True, slots=True)
class Case:
    """One item: whose it is and how that is known, and where it came from."""

    evidence: Evidence
    identity: Identity
    profile: Profile | None
    source: str
    arrived_at: datetime
    objects: int = 1  # that the item has
