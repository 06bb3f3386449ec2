"""Owns the end of a DICOM file: elements by their lengths, pixels as many as described."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from appliance import elements
from appliance.peek import EndsEarly, Garbled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.elements import Element, FileHead
    from appliance.peek import Peek

_SAMPLES, _PHOTOMETRIC, _FRAMES = 0x00280002, 0x00280004, 0x00280008
_ROWS, _COLUMNS, _ALLOCATED = 0x00280010, 0x00280011, 0x00280100
_SOP_CLASS_UID = 0x00080016
_DESCRIPTION = {_SAMPLES, _PHOTOMETRIC, _FRAMES, _ROWS, _COLUMNS, _ALLOCATED, _SOP_CLASS_UID}
_SUBSAMPLED = {b"YBR_FULL_422": 2, b"YBR_PARTIAL_422": 2, b"YBR_PARTIAL_420": 1}

_SERIES_UID, _DIRECTORY_RECORDS = 0x0020000E, 0x00041220
_IMAGES = "1.2.840.10008.5.1.4.1.1."
_OTHERS = ("4.2", "9.", "11.", "66", "67", "68.", "77.1.5.3", "78.", "79.", "80.", "88.", "104.")
_NO_IMAGES = tuple(_IMAGES + root for root in (*_OTHERS, "481."))

_MAX_VALUE_BYTES = 64
_CHUNK = 1 << 18
_MAX_INFLATED_BYTES = 1 << 31


def dicom_end(peek: Peek) -> int:
    """Where the data set ends. Raises EndsEarly or Garbled unless the file does so with it."""
    head = elements.file_head(peek)
    if head.transfer_syntax_uid == elements.DEFLATED_LE:
        return _deflated_end(peek, head.data_set)
    return _data_set_end(peek, head)


def _data_set_end(peek: Peek, head: FileHead) -> int:
    values: dict[int, bytes] = {}
    tags: set[int] = set()
    pixels: Element | None = None
    end = head.data_set
    for element in elements.walk(peek, head.data_set, head.coding):
        end = element.end
        length = element.end - element.value
        if element.tag in _DESCRIPTION and length <= _MAX_VALUE_BYTES:
            values[element.tag] = peek.at(element.value, length)
        if element.tag in elements.PIXEL_DATA:
            pixels = element
        tags.add(element.tag)
    if pixels is None:
        sop_class = values.get(_SOP_CLASS_UID, b"").decode("latin-1").rstrip("\0 ")
        _without_pixels(tags, sop_class or head.sop_class_uid)
    elif not elements.is_encapsulated(peek, pixels, head):
        _enough(pixels.end - pixels.value, values, head)
    return end


def _without_pixels(tags: set[int], sop_class_uid: str) -> None:
    """An end between two elements looks like any other: what must still come tells."""
    is_image = sop_class_uid.startswith(_IMAGES) and not sop_class_uid.startswith(_NO_IMAGES)
    if is_image or _ROWS in tags:
        raise EndsEarly(detail="its pixels are missing")
    if not tags & {_SERIES_UID, _DIRECTORY_RECORDS}:
        raise EndsEarly(detail="it does not say which series it belongs to")


def _enough(length: int, values: Mapping[int, bytes], head: FileHead) -> None:
    """Native pixels must be as many as rows, columns and frames make them."""

    def number(tag: int, default: int = 0) -> int:
        short = values.get(tag, b"")[:2]
        return struct.unpack(head.coding.order + "H", short)[0] if short[1:] else default

    photometric = values.get(_PHOTOMETRIC, b"").strip(b"\0 ")
    samples = _SUBSAMPLED.get(photometric, number(_SAMPLES, 1))
    frames = values.get(_FRAMES, b"1").strip(b"\0 ")
    count = number(_ROWS) * number(_COLUMNS) * samples * int(frames if frames.isdigit() else 1)
    wanted = (count * number(_ALLOCATED) + 7) // 8
    if length < wanted and head.transfer_syntax_uid not in elements.NATIVE:
        raise Garbled(detail="its compressed pixels are not in fragments")
    if length < wanted:
        raise EndsEarly(detail=f"it has {length} of {wanted} bytes of pixels")


def _deflated_end(peek: Peek, start: int) -> int:
    """Where the zlib stream ends; what it holds is not looked at."""
    unpacker = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    inflated, position = 0, start
    try:
        while not unpacker.eof and position < peek.size:
            packed = peek.at(position, min(_CHUNK, peek.size - position))
            position += len(packed)
            while packed and not unpacker.eof:
                inflated += len(unpacker.decompress(packed, _CHUNK))
                packed = unpacker.unconsumed_tail
            if inflated > _MAX_INFLATED_BYTES:
                raise Garbled(detail=f"it unpacks to more than {_MAX_INFLATED_BYTES} bytes")
    except zlib.error as error:
        raise Garbled(detail="it cannot be unpacked") from error
    if not unpacker.eof:
        raise EndsEarly(detail="its compressed data set does not end")
    return position - len(unpacker.unused_data)
