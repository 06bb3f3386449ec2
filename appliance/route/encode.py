"""Owns writing data elements: values are checked against their VR, nothing is cut or replaced."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING

from pydicom import Dataset
from pydicom.config import RAISE
from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from appliance.elements import EXPLICIT_LE, coding_of
from appliance.errors import BadValue

if TYPE_CHECKING:
    from appliance.elements import Coding

UNICODE = "ISO_IR 192"
_EXPLICIT = coding_of(EXPLICIT_LE)
_CHARSETS = {"": "ascii", "ISO_IR 6": "ascii", "ISO_IR 100": "latin-1", UNICODE: "utf-8"}
"""Repertoires that new values are written in; text in any other one is not added to."""


def encoded(values: Mapping[str, object], coding: Coding = _EXPLICIT) -> bytes:
    """Data elements in order of their tags; `values` maps keywords to text, numbers or lists.

    Text beyond ASCII needs a SpecificCharacterSet among them. Raises BadValue.
    """
    charset = str(values.get("SpecificCharacterSet", ""))
    ds = Dataset()
    for keyword, value in values.items():
        ds.add(_element(keyword, value, charset))
    if charset not in _CHARSETS:
        # All of the text is ASCII, and the declaration stays where it was read.
        del ds.SpecificCharacterSet
    target = DicomBytesIO()
    target.is_implicit_VR = not coding.explicit
    target.is_little_endian = coding.order == "<"
    write_dataset(target, ds)
    return target.getvalue()


def can_say(charset: str, value: str) -> bool:
    """Whether text fits a declared character set."""
    try:
        value.encode(_CHARSETS.get(charset, "ascii"))
    except UnicodeEncodeError:
        return False
    return True


def _element(keyword: str, value: object, charset: str) -> DataElement:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise BadValue(keyword=keyword, value=value, why="DICOM has no such attribute")
    if isinstance(value, str):
        _check(keyword, value, charset)
    elif isinstance(value, float):
        value = f"{value:.10g}"
    try:
        return DataElement(tag, dictionary_VR(tag), value, validation_mode=RAISE)
    except (ValueError, TypeError, OverflowError) as error:
        why = str(error).split(". ")[0].rstrip(".")
        raise BadValue(keyword=keyword, value=value, why=why) from error


def _check(keyword: str, value: str, charset: str) -> None:
    """What pydicom lets pass (PS3.5 6.2)."""
    vr = dictionary_VR(keyword)
    if why := next((why for fault, why in _FAULTS.get(vr, _TEXT_FAULTS) if fault(value)), ""):
        raise BadValue(keyword=keyword, value=value, why=why)
    if "\\" in value and vr not in _LONG_TEXTS and dictionary_VM(keyword) == "1":
        raise BadValue(keyword=keyword, value=value, why="it may have one value only")
    if not can_say(charset, value):
        why = f"the character set {charset or 'ASCII'} of the data set has no such letters"
        raise BadValue(keyword=keyword, value=value, why=why)


def _is_no_date(value: str) -> bool:
    try:
        date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        return bool(value)
    return not value.isdigit()


_LONG_TEXTS = ("LT", "ST", "UT")  # lines, and backslashes that separate nothing
_Fault = tuple[Callable[[str], object], str]
_TEXT_FAULTS: tuple[_Fault, ...] = (
    (re.compile(r"[\x00-\x1f\x7f]").search, "it has control characters"),
)
_LONG_TEXT_FAULTS: tuple[_Fault, ...] = (
    (re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]").search, "it has control characters"),
)
_FAULTS: Mapping[str, tuple[_Fault, ...]] = {
    "DA": ((_is_no_date, "it is no date such as 20260314"),),
    "TM": ((re.compile("-").search, "it is no time such as 141500"),),
    "PN": (
        *_TEXT_FAULTS,
        (re.compile(r"(\^[^=]*){5}").search, "a name has five components at most"),
    ),
    **dict.fromkeys(_LONG_TEXTS, _LONG_TEXT_FAULTS),
}
