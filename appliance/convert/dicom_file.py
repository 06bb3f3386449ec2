"""Owns reading DICOM Part 10: the data set stays as it came, its header is the evidence."""

from __future__ import annotations

import hashlib
import re
import zlib
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_VR, tag_for_keyword

from appliance import elements
from appliance.convert import charset, pixels
from appliance.convert.claims import claims
from appliance.convert.source import Found, decoding
from appliance.errors import MediaDirectory, UnencodableName, Unreadable
from appliance.model import BodyKind, Origin, Slice
from appliance.part10 import MEDIA_DIRECTORY
from appliance.peek import EndsEarly, Format, opened, within
from appliance.settings.keywords import TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.convert.source import Source
    from appliance.elements import Element, FileHead
    from appliance.peek import Peek

_CHARSET = "SpecificCharacterSet"
_UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_UID = re.compile(r"[0-9.]{1,64}")
_WANTED = {tag_for_keyword(keyword): keyword for keyword in {*TEXTS, *_UIDS, _CHARSET}}
_MUST_BE_READ = frozenset({"PatientName", "PatientID", "IssuerOfPatientID", "AccessionNumber"})
_LETTERS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})  # that a character set rules
_MAX_VALUE_BYTES = 1 << 14
_MAX_INFLATED_BYTES = 16 << 20


def read(source: Source) -> Found:
    """One SOP Instance, by what its data set says; group 0002 is often wrong and never sent.

    Raises Quarantined, Held, Ignored (a DICOMDIR).
    """
    with decoding(source, Format.DICOM), opened(source.path) as peek:
        file = elements.file_head(peek)
        if file.sop_class_uid == MEDIA_DIRECTORY:
            raise MediaDirectory(name=source.name)
        values, slices = _looked_through(source, peek, file)
    said, doubts = _texts(source, values)
    found, notes = claims(Origin.HEADER, {k: v for k, v in said.items() if k in TEXTS})
    uids = {keyword: _uid(source, said, keyword) for keyword in _UIDS}
    return Found(
        BodyKind.DATASET,
        file.transfer_syntax_uid,
        slices,
        {**uids, "Modality": said.get("Modality", "")},
        tuple(found),
        (*notes, *doubts),
    )


def digest(found: Found) -> str:
    """SHA-256 of the data set, group 0002 aside: what makes two files the same object."""
    hashed = hashlib.sha256()
    for chunk in (chunk for piece in found.slices for chunk in pixels.chunks(piece)):
        hashed.update(chunk)
    return hashed.hexdigest()


def _looked_through(
    source: Source, peek: Peek, file: FileHead
) -> tuple[dict[str, bytes], tuple[Slice, ...]]:
    """The values that may be evidence; and head and pixels apart, so that a head can be changed.

    What follows the last element, padding of block transfers, belongs to nobody.
    """
    start = file.data_set
    if file.transfer_syntax_uid == elements.DEFLATED_LE:
        whole = Slice(source.path, start, peek.size - start)
        return _inflated_values(peek, start), (whole,)
    values: dict[str, bytes] = {}
    end = cut = 0
    for each in elements.walk(peek, start, elements.coding_of(file.transfer_syntax_uid)):
        values |= _value(peek, each)
        end = each.end
        if each.tag in elements.PIXEL_DATA:
            cut = cut or each.start
    cut = cut or end
    head = Slice(source.path, start, cut - start)
    return values, (head, Slice(source.path, cut, end - cut)) if end > cut else (head,)


def _inflated_values(peek: Peek, start: int) -> dict[str, bytes]:
    """The first megabytes of a deflated data set are enough, and bound what it may unpack to."""
    packed = peek.at(start, min(peek.size - start, _MAX_INFLATED_BYTES))
    unpacked = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, _MAX_INFLATED_BYTES)
    inner, values = within(unpacked), dict[str, bytes]()
    for each in _until_the_end(inner):
        values |= _value(inner, each)
    return values


def _until_the_end(inner: Peek) -> Iterator[Element]:
    try:
        yield from elements.walk(inner, 0, elements.coding_of(elements.DEFLATED_LE))
    except EndsEarly:
        return  # the pixels go on behind what was unpacked


def _value(peek: Peek, element: Element) -> Mapping[str, bytes]:
    keyword = _WANTED.get(element.tag)
    length = element.end - element.value
    if not keyword or length > _MAX_VALUE_BYTES:
        return {}
    return {keyword: peek.at(element.value, length)}


def _texts(source: Source, values: Mapping[str, bytes]) -> tuple[dict[str, str], list[str]]:
    """Values as text, and notes on what could not be read. Raises UnencodableName."""
    declared = values.get(_CHARSET, b"").decode("latin-1").strip("\0 ")
    said: dict[str, str] = {}
    notes: list[str] = []
    for keyword, content in values.items():
        try:
            said[keyword] = _text(source, keyword, content.strip(b"\0 "), declared)
        except ValueError as error:
            if keyword in _MUST_BE_READ:
                why = f"its letters are not of {declared or 'ASCII, and no other set is declared'}"
                raise UnencodableName(what=keyword, name=source.name, why=why) from error
            notes.append(f"The header's {keyword} cannot be read in its character set.")
    return said, notes


def _text(source: Source, keyword: str, content: bytes, declared: str) -> str:
    vr = dictionary_VR(keyword)
    if vr not in _LETTERS:
        return content.decode("ascii")
    try:
        return charset.decoded(content, declared, vr)
    except ValueError:
        # The profile's assumption counts where the device's own word is missing or untrue.
        if not source.profile.charset:
            raise
        return content.decode(source.profile.charset)


def _uid(source: Source, said: Mapping[str, str], keyword: str) -> str:
    uid = said.get(keyword, "")
    if not _UID.fullmatch(uid):
        detail = f"its {keyword} is {uid!r}" if uid else f"its {keyword} is missing"
        raise Unreadable(name=source.name, format=Format.DICOM, detail=detail)
    return uid
