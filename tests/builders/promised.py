"""Owns waiting for what a PACS promises, and asking the journal what it made of that."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any

from appliance.journal.abilities import Way
from appliance.settings.schema import Confirm

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.dicom.association import Target
    from appliance.forward.lane import Lane
    from tests.builders.scene import Scene

ONLY: dict[str, Any] = {"confirm": Confirm.COMMITMENT}


def heard(lane: Lane, happened: Callable[[], bool]) -> None:
    """Go on as its thread would, woken by what the PACS says over the association, if any."""
    for _ in range(20):
        rest_s, fd = lane.turn(), lane.fileno()
        if happened():
            return
        if rest_s:
            assert fd is not None
            assert select.select([fd], [], [], rest_s)[0]
    raise AssertionError


def proof(scene: Scene, item_id: int) -> tuple[str, str]:
    (row,) = scene.box.journal.ledger.deliveries_of(item_id)
    return row["state"], row["confirmed_by"] or row["code"]


def done(scene: Scene) -> int:
    return scene.box.journal.ledger.item_counts().get("done", 0)


def commits(scene: Scene, target: Target) -> bool:
    """Whether it was learnt that the destination does."""
    known = scene.box.journal.abilities.known("pacs", {Way.COMMITMENT: str(target)})
    return bool(known.works.get(Way.COMMITMENT))


def passes(scene: Scene, lane: Lane, seconds: float) -> None:
    """Time goes by, and the lane has its turns."""
    scene.box.clock.passes(seconds=seconds)
    scene.turn(lane, 2)
