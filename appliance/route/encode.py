"""Owns writing data elements: values are checked against their VR, nothing is cut or replaced."""

from __future__ import annotations

import base64
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

    A list of such mappings is a sequence; bytes are base64 text. Text beyond ASCII needs a
    SpecificCharacterSet among them. Raises BadValue.
    """
    charset = str(values.get("SpecificCharacterSet", ""))
    ds = _data_set(values, charset)
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
        in_letters_of(charset, value)
    except UnicodeEncodeError:
        return False
    return True


def in_letters_of(charset: str, value: str) -> bytes:
    """Text in a declared character set. Raises UnicodeEncodeError."""
    return value.encode(_CHARSETS.get(charset, "ascii"))


def element(keyword: str, value: object, charset: str = "") -> DataElement:
    """An attribute with a value that DICOM can hold there. Raises BadValue."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise BadValue(keyword=keyword, value=value, why="DICOM has no such attribute")
    vr = dictionary_VR(tag)
    if vr == "SQ":
        return DataElement(tag, vr, [_data_set(v, charset) for v in _items(keyword, value)])
    if isinstance(value, str):
        _check(keyword, value, charset)
    try:
        return DataElement(tag, vr, _native(vr, value), validation_mode=RAISE)
    except (ValueError, TypeError, OverflowError) as error:
        why = str(error).split(". ")[0].rstrip(".")
        raise BadValue(keyword=keyword, value=value, why=why) from error


def _data_set(values: Mapping[str, object], charset: str) -> Dataset:
    ds = Dataset()
    for keyword, value in values.items():
        ds.add(element(keyword, value, charset))
    return ds


def _items(keyword: str, value: object) -> list[Mapping[str, object]]:
    items = list(value) if isinstance(value, list | tuple) else [value]
    found = [item for item in items if isinstance(item, Mapping)]
    if len(found) < len(items):
        raise BadValue(keyword=keyword, value=value, why="it is a sequence of items")
    return found


def _native(vr: str, value: object) -> object:
    if vr in _BYTES and isinstance(value, str):
        content = base64.b64decode(value, validate=True)
        return content + b"\0" * (len(content) % 2)
    if vr in _WHOLE and isinstance(value, str):
        return int(value) if value else None
    if vr == "DS" and isinstance(value, list):
        return [_native(vr, each) for each in value]
    if vr == "DS" and isinstance(value, float):
        return f"{value:.10g}"
    return value


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


_BYTES = frozenset({"OB", "OW", "UN"})
_WHOLE = frozenset({"SL", "SS", "UL", "US"})
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
