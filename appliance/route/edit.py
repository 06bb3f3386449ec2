"""Owns changing a data set that came: some elements of its head anew, all other bytes kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydicom.config import RAISE
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.valuerep import validate_value

from appliance import elements, letters
from appliance.errors import BadValue, CannotEdit
from appliance.letters import CHARSET
from appliance.peek import Misfit, within
from appliance.revise import relettered
from appliance.route.encode import UNICODE, can_say, encoded, in_letters_of
from appliance.route.lettering import Lettering, fitted, is_plain, texts
from appliance.route.originals import Trace, added

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.elements import Coding, Element
    from appliance.settings.schema import Destination

TYPE_2_OF_A_PATIENT = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
)

_GROUP_LENGTH = 0xFFFF
_ASCII = frozenset({"", "ISO_IR 6"})

_GROUPS_OF_A_PATIENT = frozenset({0x0010, 0x0032, 0x0038})  # patient, order, visit
_OF_A_PATIENT = frozenset(
    {
        0x00080050,  # AccessionNumber
        0x00080051,  # IssuerOfAccessionNumberSequence
        0x00081032,  # ProcedureCodeSequence
        0x00081110,  # ReferencedStudySequence
        0x00081111,  # ReferencedPerformedProcedureStepSequence
        0x00081120,  # ReferencedPatientSequence
        0x00400275,  # RequestAttributesSequence
        0x00401001,  # RequestedProcedureID
        0x00402016,  # PlacerOrderNumberImagingServiceRequest
        0x00402017,  # FillerOrderNumberImagingServiceRequest
    }
)


@dataclass(frozen=True, slots=True)
class Revision:
    """What is to be changed in a data set, and how that is told in it."""

    trace: Trace
    changes: Mapping[str, object] = field(default_factory=dict)
    remove: frozenset[str] = frozenset()
    forget: bool = False  # whatever else it says of the patient and the order


def edited(
    head: bytes, transfer_syntax_uid: str, revision: Revision, destination: Destination
) -> bytes:
    """`head` (all elements before the pixels) revised; itself where it says so already.

    Raises CannotEdit, CannotSay and BadValue.
    """
    if transfer_syntax_uid == elements.DEFLATED_LE:
        raise CannotEdit(
            destination=destination.name, why="it is compressed as a whole (deflated)"
        )
    coding = elements.coding_of(transfer_syntax_uid)
    try:
        return _edited(head, coding, revision, destination)
    except Misfit as error:
        raise CannotEdit(destination=destination.name, why=error.detail) from error


def is_of_a_patient(keyword: str) -> bool:
    """Whether an attribute speaks of the patient, the visit or the order."""
    return _is_of_one(tag_for_keyword(keyword) or 0)


def _edited(head: bytes, coding: Coding, revision: Revision, destination: Destination) -> bytes:
    declared = _declared(head, coding)
    lettering = _lettering(declared, revision.changes, destination)
    text = _relettered(head, coding, declared, lettering)
    old = {each.tag: each for each in elements.walk(within(text), 0, coding)}
    kept = {tag: text[each.start : each.end] for tag, each in old.items()}
    changes = fitted(revision.changes, lettering)
    new = _new(changes, lettering.charset, coding)
    if lettering.charset not in {declared, *_ASCII} and (text != head or not is_plain(changes)):
        new[CHARSET] = encoded({"SpecificCharacterSet": lettering.charset}, coding)
    gone = _gone(old.values(), revision) - new.keys()
    changed = {tag for tag, content in new.items() if kept.get(tag) != content} | gone
    if not changed and text == head:
        return head
    lost = [kept[tag] for tag in sorted(changed) if tag in old and _has_value(old[tag])]
    new |= added(revision.trace, lost, old, text, coding)
    gone |= _group_lengths(changed | new.keys(), old) if text == head else _group_lengths(old, old)
    result = {tag: content for tag, content in kept.items() if tag not in gone} | new
    return b"".join(result[tag] for tag in sorted(result))


def _gone(old: Iterable[Element], revision: Revision) -> set[int]:
    """Empty elements stay: a type 2 attribute must be there."""
    removed = {tag_for_keyword(keyword) for keyword in revision.remove}
    return {
        each.tag
        for each in old
        if each.tag in removed or (revision.forget and _has_value(each) and _is_of_one(each.tag))
    }


def _group_lengths(tags: Iterable[int], old: Mapping[int, Element]) -> set[int]:
    """Group lengths (retired) would be wrong now, and nobody may miss them (PS3.5 7.2)."""
    return {tag & ~_GROUP_LENGTH for tag in tags} & old.keys()


def _has_value(element: Element) -> bool:
    return element.end > element.value


def _is_of_one(tag: int) -> bool:
    return tag >> 16 in _GROUPS_OF_A_PATIENT or tag in _OF_A_PATIENT


def _new(changes: Mapping[str, object], charset: str, coding: Coding) -> dict[int, bytes]:
    """The changed elements, each encoded."""
    found: dict[int, bytes] = {}
    for keyword, value in changes.items():
        both = encoded({"SpecificCharacterSet": charset, keyword: value}, coding)
        for each in elements.walk(within(both), 0, coding):
            if keyword_for_tag(each.tag) == keyword:
                found[each.tag] = both[each.start : each.end]
    return found


# --- letters ---------------------------------------------------------------------------------


def _declared(head: bytes, coding: Coding) -> str:
    for each in elements.walk(within(head), 0, coding):
        if each.tag == CHARSET:
            return head[each.value : each.end].decode("latin-1").strip("\0 ")
    return ""


def _lettering(
    declared: str, changes: Mapping[str, object], destination: Destination
) -> Lettering:
    """What came stays as it is, unless a destination or new values need other letters."""
    said = all(can_say(declared, text) for text in texts(changes))
    charset = destination.charset or (declared if said else UNICODE)
    return Lettering(charset, destination.name, destination.transliterate)


def _relettered(head: bytes, coding: Coding, declared: str, lettering: Lettering) -> bytes:
    """The head in the letters wanted, without its declaration; itself where it is in them."""
    if declared == lettering.charset:
        return head

    def anew(content: bytes, vr: str, said: str) -> bytes:
        text = _readable(content, vr, said, lettering.destination)
        return in_letters_of(lettering.charset, _fitting(lettering, vr, text))

    return relettered(head, coding, anew)


def _readable(content: bytes, vr: str, declared: str, destination: str) -> str:
    try:
        return letters.decoded(content, declared, vr)
    except ValueError as error:
        why = f"it has text that is not of {declared or 'ASCII, and no other set is declared'}"
        raise CannotEdit(destination=destination, why=why) from error


def _fitting(lettering: Lettering, vr: str, text: str) -> str:
    new = lettering.fitted("A text", vr, text)
    try:
        for each in new.split("\\") if new != text else ():
            validate_value(vr, each, RAISE)
    except ValueError as error:
        why, *_ = str(error).split(". ", maxsplit=1)
        raise BadValue(keyword="A text", value=new, why=why) from error
    return new
