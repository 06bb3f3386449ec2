"""Owns making items that can be composed: pictures of each modality, their patient decided."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.model import Evidence, Identity, ItemState
from tests.builders import objects
from tests.builders.part10 import CR_IMAGE, SC_IMAGE

if TYPE_CHECKING:
    from appliance.model import Body, Item
    from tests.builders.box import Box


def identified(
    box: Box, *modalities: str, name: str = "SITI", identity: Identity | None = None
) -> Item:
    """An item with an object of each modality."""
    converted(box, *modalities, name=name)
    trusted = Identity({**objects.SITI, "PatientName": name}, "trust")
    return box.identify(identity or trusted)


def converted(
    box: Box, *modalities: str, name: str = "SITI", evidence: Evidence | None = None
) -> Item:
    """One whose patient is not decided yet."""
    item = box.accept(content=name.encode().ljust(48))
    bodies = [page(box, item, n, modality) for n, modality in enumerate(modalities, 1)]
    box.journal.items.converted(box.claim(ItemState.ARRIVED), bodies, evidence or Evidence())
    return item


def page(box: Box, item: Item, number: int, modality: str) -> Body:
    colour = modality == "OT"
    plain = box.body(item, number)
    shape = objects.image(
        box.paths.root / "shape",
        bits=8 if colour else 16,
        colour=colour,
        sop_class=SC_IMAGE if colour else CR_IMAGE,
    )
    return replace(plain, attributes={**shape.attributes, "Modality": modality})
