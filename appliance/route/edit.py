"""Owns changing a data set that came: some elements of its head anew, all other bytes kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.datadict import (
    dictionary_has_tag,
    dictionary_VR,
    keyword_for_tag,
    tag_for_keyword,
)

from appliance import elements
from appliance.errors import CannotEdit
from appliance.peek import Misfit, within
from appliance.route.encode import UNICODE, can_say, encoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.elements import Coding, Element

TYPE_2_OF_A_PATIENT = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
)

_CHARSET = 0x00080005
_GROUP_LENGTH = 0xFFFF

_TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})  # that a character set rules

_GROUPS_OF_A_PATIENT = frozenset({0x0010, 0x0032, 0x0038})  # patient, order, visit
_OF_A_PATIENT = frozenset(
    {
        0x00080050,  # AccessionNumber
        0x00080051,  # IssuerOfAccessionNumberSequence
        0x00081110,  # ReferencedStudySequence
        0x00081111,  # ReferencedPerformedProcedureStepSequence
        0x00081120,  # ReferencedPatientSequence
        0x00400275,  # RequestAttributesSequence
        0x00401001,  # RequestedProcedureID
        0x00402016,  # PlacerOrderNumberImagingServiceRequest
        0x00402017,  # FillerOrderNumberImagingServiceRequest
        0x04000561,  # OriginalAttributesSequence
    }
)


def edited(
    head: bytes,
    transfer_syntax_uid: str,
    changes: Mapping[str, str],
    destination: str,
    *,
    forget: bool = False,
) -> bytes:
    """`head` (all elements before the pixels) with `changes`; itself where it says so already.

    `forget` drops what else it says of a patient and an order. Raises CannotEdit and BadValue.
    """
    if transfer_syntax_uid == elements.DEFLATED_LE:
        raise CannotEdit(destination=destination, why="it is compressed as a whole (deflated)")
    coding = elements.coding_of(transfer_syntax_uid)
    try:
        old = list(elements.walk(within(head), 0, coding))
    except Misfit as error:
        raise CannotEdit(destination=destination, why=error.detail) from error
    kept = {element.tag: head[element.start : element.end] for element in old}
    new = _new(head, old, coding, changes, destination)
    gone = {each.tag for each in old if forget and each.tag not in new and _tells(each)}
    changed = {tag for tag, content in new.items() if kept.get(tag) != content}
    if not changed | gone:
        return head
    # Group lengths (retired) would be wrong now, and nobody may miss them (PS3.5 7.2).
    gone |= {tag & ~_GROUP_LENGTH for tag in changed | gone}
    result = {tag: content for tag, content in kept.items() if tag not in gone} | new
    return b"".join(result[tag] for tag in sorted(result))


def is_of_a_patient(keyword: str) -> bool:
    """Whether an attribute speaks of the patient, the visit or the order."""
    return _is_of_one(tag_for_keyword(keyword) or 0)


def _tells(element: Element) -> bool:
    """Empty elements stay: a type 2 attribute must be there."""
    return element.end > element.value and _is_of_one(element.tag)


def _is_of_one(tag: int) -> bool:
    return tag >> 16 in _GROUPS_OF_A_PATIENT or tag in _OF_A_PATIENT


def _new(
    head: bytes, old: list[Element], coding: Coding, changes: Mapping[str, str], destination: str
) -> dict[int, bytes]:
    """The changed elements, each encoded; a wider character set where nothing was declared."""
    charset = next((_text(head, each) for each in old if each.tag == _CHARSET), "")
    if not charset and not all(can_say("", value) for value in changes.values()):
        # ASCII, the default repertoire, is a part of UTF-8: what stands there stays right.
        _must_be_ascii(head, old, destination)
        charset, changes = UNICODE, {**changes, "SpecificCharacterSet": UNICODE}
    found: dict[int, bytes] = {}
    for keyword, value in changes.items():
        both = encoded({"SpecificCharacterSet": charset, keyword: value}, coding)
        for each in elements.walk(within(both), 0, coding):
            if keyword_for_tag(each.tag) == keyword:
                found[each.tag] = both[each.start : each.end]
    return found


def _must_be_ascii(head: bytes, old: list[Element], destination: str) -> None:
    for each in old:
        vr = each.vr or (dictionary_VR(each.tag) if dictionary_has_tag(each.tag) else "UN")
        if vr in _TEXT_VRS and not head[each.value : each.end].isascii():
            word = keyword_for_tag(each.tag) or f"{each.tag:08x}"
            why = f"its {word} is in letters of which it does not say the character set"
            raise CannotEdit(destination=destination, why=why)


def _text(head: bytes, element: Element) -> str:
    return head[element.value : element.end].decode("latin-1").strip("\0 ")
