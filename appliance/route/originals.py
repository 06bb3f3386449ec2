"""Owns what a changed data set tells of its change: the values before, and who changed it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance import elements
from appliance.peek import Garbled, within
from appliance.route.encode import encoded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from appliance.elements import Coding, Element

ORIGINALS = 0x04000561  # OriginalAttributesSequence
EQUIPMENT = 0x0018A001  # ContributingEquipmentSequence

_MODIFIED_ATTRIBUTES = 0x04000550
_SYSTEM = "Jembatan"
_MODIFYING_EQUIPMENT = {
    # PS3.16 CID 7005
    "CodeValue": "109103",
    "CodingSchemeDesignator": "DCM",
    "CodeMeaning": "Modifying Equipment",
}


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a data set came from and when, and whether a person decided whose it is."""

    source: str
    arrived_at: datetime | None  # None: nobody knows
    by_person: bool = False

    @property
    def moment(self) -> str:
        """When it came (DT): the same on any box, whenever it is composed again; or ""."""
        return self.arrived_at.strftime("%Y%m%d%H%M%S%z") if self.arrived_at else ""


def added(
    trace: Trace, lost: list[bytes], old: Mapping[int, Element], text: bytes, coding: Coding
) -> dict[int, bytes]:
    """The sequences that tell it; `lost` are the elements replaced or removed. Raises Misfit.

    `old` are the elements of `text`; what they tell of earlier changes is kept.
    """
    new: dict[int, bytes] = {}
    # PS3.3 C.12.1.1.9 wants to know when; the box's own history has the values all the same.
    if lost and trace.moment:
        new[ORIGINALS] = _before(trace, lost, coding)
    if trace.by_person:
        new[EQUIPMENT] = _by_whom(trace, coding)
    return {
        tag: _sequence(tag, [*_items(old.get(tag), text, coding), item], coding)
        for tag, item in new.items()
    }


def _before(trace: Trace, lost: list[bytes], coding: Coding) -> bytes:
    """PS3.3 C.12.1.1.9."""
    told = {
        "AttributeModificationDateTime": trace.moment,
        "ModifyingSystem": _SYSTEM,
        "SourceOfPreviousValues": trace.source,
        "ReasonForTheAttributeModification": "CORRECT" if trace.by_person else "COERCE",
    }
    return _sequence(_MODIFIED_ATTRIBUTES, [b"".join(lost)], coding) + encoded(told, coding)


def _by_whom(trace: Trace, coding: Coding) -> bytes:
    """PS3.3 C.12.1.1.5."""
    told = {
        "PurposeOfReferenceCodeSequence": [_MODIFYING_EQUIPMENT],
        "Manufacturer": _SYSTEM,
        **({"ContributionDateTime": trace.moment} if trace.moment else {}),
        "ContributionDescription": "A person decided whose image it is",
    }
    return encoded(told, coding)


def _items(sequence: Element | None, text: bytes, coding: Coding) -> list[bytes]:
    if sequence is None:
        return []
    if elements.inside(sequence, coding) != coding:
        raise Garbled(detail="its own account of changes is of an unknown kind")
    return [text[start:end] for start, end in elements.items(within(text), sequence, coding)]


def _sequence(tag: int, items: list[bytes], coding: Coding) -> bytes:
    mark = struct.Struct(f"{coding.order}HHL")
    value = b"".join(mark.pack(0xFFFE, 0xE000, len(item)) + item for item in items)
    start = struct.pack(f"{coding.order}HH", tag >> 16, tag & 0xFFFF)
    vr = b"SQ\0\0" if coding.explicit else b""
    return start + vr + struct.pack(f"{coding.order}L", len(value)) + value
