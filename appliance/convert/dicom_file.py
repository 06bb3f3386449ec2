"""Owns reading DICOM Part 10: the data set stays as it came, its header is the evidence."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.datadict import dictionary_VR
from pydicom.errors import InvalidDicomError

from appliance import elements, part10
from appliance.convert.claims import claims
from appliance.convert.source import Found
from appliance.errors import Incomplete, MediaDirectory, Unreadable, UnsupportedFormat
from appliance.model import BodyKind, Origin, Slice
from appliance.peek import EndsEarly, Format, Garbled, opened
from appliance.settings.keywords import TEXTS

if TYPE_CHECKING:
    from pydicom import Dataset

    from appliance.convert.source import Source

_TYPE_1 = ("StudyInstanceUID", "SeriesInstanceUID")
_CHUNK = 1 << 20


def read(source: Source) -> Found:
    """One SOP Instance. Raises Quarantined, Ignored (a DICOMDIR)."""
    try:
        file = part10.read(source.path)
    except (Incomplete, Unreadable, UnsupportedFormat) as problem:
        raise type(problem)(**{**problem.facts, "name": source.name}) from problem
    if file.sop_class_uid == part10.MEDIA_DIRECTORY:
        raise MediaDirectory(name=source.name)
    ds = _header(source)
    said = {keyword: _text(ds, keyword) for keyword in sorted(TEXTS) if keyword in ds}
    found, notes = claims(Origin.HEADER, said)
    return Found(
        BodyKind.DATASET,
        file.transfer_syntax_uid,
        _slices(source, file),
        {
            "SOPClassUID": file.sop_class_uid,
            "SOPInstanceUID": file.sop_instance_uid,
            **{keyword: _uid(source, ds, keyword) for keyword in _TYPE_1},
            "Modality": _text(ds, "Modality"),
        },
        tuple(found),
        tuple(notes),
    )


def digest(found: Found) -> str:
    """SHA-256 of the data set, group 0002 aside: what makes two files the same object."""
    hashed = hashlib.sha256()
    for piece in found.slices:
        with piece.path.open("rb") as file:
            file.seek(piece.offset)
            left = piece.length
            while left and (chunk := file.read(min(left, _CHUNK))):
                hashed.update(chunk)
                left -= len(chunk)
    return hashed.hexdigest()


def _header(source: Source) -> Dataset:
    try:
        return dcmread(source.path, stop_before_pixels=True)
    except (InvalidDicomError, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise Unreadable(name=source.name, format=Format.DICOM, detail=error) from error


def _slices(source: Source, file: part10.Part10) -> tuple[Slice, ...]:
    """Head and pixels apart, so that a head can be rewritten without touching pixels."""
    whole = file.data_set
    if file.transfer_syntax_uid == elements.DEFLATED_LE:
        return (whole,)
    coding = elements.coding_of(file.transfer_syntax_uid)
    try:
        with opened(file.path) as peek:
            for element in elements.walk(peek, file.data_set_offset, coding):
                if element.tag in elements.PIXEL_DATA:
                    head = element.start - whole.offset
                    return (
                        replace(whole, length=head),
                        replace(whole, offset=element.start, length=whole.length - head),
                    )
    except EndsEarly as error:
        raise Incomplete(name=source.name, detail=error.detail) from error
    except Garbled as error:
        raise Unreadable(name=source.name, format=Format.DICOM, detail=error.detail) from error
    return (whole,)


def _text(ds: Dataset, keyword: str) -> str:
    value = ds.get(keyword)
    if value is None or dictionary_VR(keyword) == "SQ":
        return ""
    return "\\".join(map(str, value)) if isinstance(value, list) else str(value)


def _uid(source: Source, ds: Dataset, keyword: str) -> str:
    uid = _text(ds, keyword).strip()
    if not uid:
        raise Unreadable(name=source.name, format=Format.DICOM, detail=f"its {keyword} is missing")
    return uid
