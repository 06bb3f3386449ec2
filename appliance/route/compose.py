"""Owns the exact bytes of an object: a small head written here, then slices as they lie. Pure.

The head of a data set that came and must change is read back from the spool; nothing else is
read, and pixels never are.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

from pydicom.tag import Tag

from appliance.errors import CannotEdit
from appliance.model import BodyKind, Instance, Origin, Slice, size_of
from appliance.route import uids
from appliance.route.edit import TYPE_2_OF_A_PATIENT, edited, is_of_a_patient
from appliance.route.encode import UNICODE, can_say, encoded
from appliance.route.iod import edits, image_values
from appliance.settings.keywords import TEXTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from appliance.model import Body, Evidence, Identity, Piece
    from appliance.settings.schema import Destination, Profile

_MAX_HEAD_BYTES = 64 << 20
_MAX_NATIVE_BYTES = 0xFFFFFFFE
_UNDEFINED = 0xFFFFFFFF
_BYTE_BITS = 8
_PERSON = "person"
_PIXEL_DATA = (0x7FE0, 0x0010)
_DOCUMENT = (0x0042, 0x0011)
_ITEM = b"\xfe\xff\x00\xe0"
_SEQUENCE_END = b"\xfe\xff\xdd\xe0" + bytes(4)

_DATES = ("StudyDate", "AcquisitionDate", "ContentDate", "SeriesDate")
_TIMES = ("StudyTime", "AcquisitionTime", "ContentTime", "SeriesTime")
_FAMILIES = {"StudyDate": _DATES, "StudyTime": _TIMES}
"""Where a header has no StudyDate, another date of its own serves as one and changes nothing."""


def read_slice(piece: Slice) -> bytes:
    """The bytes of a slice; OSErrors fly."""
    with piece.path.open("rb") as file:
        file.seek(piece.offset)
        return file.read(piece.length)


def compose(
    body: Body,
    *,
    evidence: Evidence,
    identity: Identity,
    profile: Profile | None,
    destination: Destination,
    source: str,
    arrived_at: datetime,
) -> Instance:
    """One object as one destination gets it; the same input gives the same bytes, on any box.

    Raises BadValue and CannotEdit.
    """
    if body.kind is not BodyKind.DATASET:
        return _made(body, identity, profile, source, arrived_at)
    moves = _is_of_another(evidence, identity)
    told = _told_otherwise(evidence, identity, anew=moves)
    changes: dict[str, str] = {}
    if moves or (told and identity.proof == _PERSON):
        changes["SOPInstanceUID"] = uids.sop_instance_uid(body, identity)
    if moves:
        changes |= _another_study(body, identity, source)
    return _carried(body, {**told, **changes, **edits(profile)}, destination, forget=moves)


# --- pixels and documents that came without a data set ---------------------------------------


def _made(
    body: Body, identity: Identity, profile: Profile | None, source: str, arrived_at: datetime
) -> Instance:
    values = image_values(body, identity, profile, arrived_at)
    values["StudyInstanceUID"] = study = uids.study_uid(identity, source)
    modality = str(values["Modality"])
    values["SeriesInstanceUID"] = uids.series_uid(study, modality, source, values)
    # Never one that a name or a sidecar tells: the original may be in the PACS under it.
    values["SOPInstanceUID"] = uids.sop_instance_uid(body, identity)
    if not all(can_say("", str(value)) for value in values.values()):
        values["SpecificCharacterSet"] = UNICODE
    behind = _behind_the_content(body, values)
    before, after = _around(body)
    head = encoded({k: v for k, v in values.items() if k not in behind}) + before
    tail = after + (encoded(behind) if behind else b"")
    pieces: tuple[Piece, ...] = (head, *body.slices, tail) if tail else (head, *body.slices)
    said = head + (tail if behind else b"") + body.digest.encode()
    return _instance(body, values, pieces, hashlib.sha256(said).hexdigest())


def _behind_the_content(body: Body, values: Mapping[str, object]) -> dict[str, object]:
    """Elements are in the order of their tags (PS3.5 7.1); pixels are the last of them."""
    if body.kind is not BodyKind.DOCUMENT:
        return {}
    return {k: v for k, v in values.items() if Tag(k) > Tag(_DOCUMENT)}


def _around(body: Body) -> tuple[bytes, bytes]:
    """What stands before and behind the content: the element's header and padding (PS3.5 A.4)."""
    length = sum(map(size_of, body.slices))
    padding = b"\0" * (length % 2)
    if body.kind is BodyKind.DOCUMENT:
        return _long_element(*_DOCUMENT, b"OB", length + len(padding)), padding
    if body.kind is BodyKind.STREAM:
        item = _ITEM + struct.pack("<L", length + len(padding))
        empty_offset_table = _ITEM + bytes(4)
        return _long_element(
            *_PIXEL_DATA, b"OB", _UNDEFINED
        ) + empty_offset_table + item, padding + _SEQUENCE_END
    allocated = body.attributes["BitsAllocated"]
    vr = b"OB" if allocated == _BYTE_BITS else b"OW"
    return _long_element(*_PIXEL_DATA, vr, length + len(padding)), padding


def _long_element(group: int, element: int, vr: bytes, length: int) -> bytes:
    if length > _MAX_NATIVE_BYTES and length != _UNDEFINED:
        raise CannotEdit(destination="any PACS", why=f"{length} bytes in one element are too many")
    return struct.pack("<HH2sHL", group, element, vr, 0, length)


# --- a data set that came ------------------------------------------------------------------------


def _told_otherwise(evidence: Evidence, identity: Identity, *, anew: bool) -> dict[str, str]:
    """What was decided and is not what the header says; `anew`, all that is said of a patient."""
    said = {k: v for k, v in identity.values.items() if k in TEXTS}
    other = {k: v for k, v in said.items() if not _is_in_header(evidence, k, v)}
    if not anew:
        return other
    blank = dict.fromkeys(TYPE_2_OF_A_PATIENT, "")
    return {**blank, **{k: v for k, v in said.items() if is_of_a_patient(k)}, **other}


def _is_in_header(evidence: Evidence, keyword: str, value: str) -> bool:
    if keyword in _FAMILIES and not evidence.get("StudyDate", Origin.HEADER):
        return not value or value in {evidence.get(k, Origin.HEADER) for k in _FAMILIES[keyword]}
    return value == evidence.get(keyword, Origin.HEADER)


def _is_of_another(evidence: Evidence, identity: Identity) -> bool:
    """Whether the header names one patient and the decision another."""
    before = evidence.get("PatientID", Origin.HEADER)
    return bool(before) and before != identity.values.get("PatientID", before)


def _another_study(body: Body, identity: Identity, source: str) -> dict[str, str]:
    """One study must not be of two patients."""
    study = uids.study_uid(identity, source)
    modality = str(body.attributes.get("Modality", ""))
    evidence = {**identity.values, "SeriesInstanceUID": body.attributes["SeriesInstanceUID"]}
    series = uids.series_uid(study, modality, source, evidence)
    return {"StudyInstanceUID": study, "SeriesInstanceUID": series}


def _carried(
    body: Body, changes: Mapping[str, str], destination: Destination, *, forget: bool
) -> Instance:
    """The data set with changes; `forget` whatever else it says of the patient and the order."""
    untouched = _instance(body, body.attributes, _joined(body.slices), body.digest)
    if not changes:
        return untouched
    head, *rest = body.slices
    if head.length > _MAX_HEAD_BYTES:
        raise CannotEdit(destination=destination.name, why="its header is too long")
    old = read_slice(head)
    new = edited(old, body.transfer_syntax_uid, changes, destination.name, forget=forget)
    if new == old:
        return untouched
    digest = hashlib.sha256(new + body.digest.encode()).hexdigest()
    return _instance(body, {**body.attributes, **changes}, (new, *_joined(rest)), digest)


def _joined(slices: tuple[Slice, ...] | list[Slice]) -> tuple[Slice, ...]:
    """Slices, neighbours in one file as one."""
    found: list[Slice] = []
    for each in slices:
        last = found[-1] if found else None
        if last and last.path == each.path and last.offset + last.length == each.offset:
            found[-1] = Slice(last.path, last.offset, last.length + each.length)
        else:
            found.append(each)
    return tuple(found)


def _instance(
    body: Body, values: Mapping[str, object], pieces: tuple[Piece, ...], digest: str
) -> Instance:
    return Instance(
        number=body.number,
        sop_class_uid=str(values["SOPClassUID"]),
        sop_instance_uid=str(values["SOPInstanceUID"]),
        study_instance_uid=str(values["StudyInstanceUID"]),
        series_instance_uid=str(values["SeriesInstanceUID"]),
        transfer_syntax_uid=body.transfer_syntax_uid,
        digest=digest,
        pieces=pieces,
    )
