"""Owns the content of an object as pieces: slices as they lie, and the marks around them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from appliance.errors import CannotEdit
from appliance.model import BodyKind, Instance, Slice, size_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.model import Body, Piece

PIXEL_DATA = 0x7FE00010
DOCUMENT = 0x00420011

_MAX_NATIVE_BYTES = 0xFFFFFFFE
_UNDEFINED = 0xFFFFFFFF
_BYTE_BITS = 8
_ITEM = 0xFFFEE000
_EMPTY_OFFSET_TABLE = b"\xfe\xff\x00\xe0" + bytes(4)
_SEQUENCE_END = b"\xfe\xff\xdd\xe0" + bytes(4)


def read_slice(piece: Slice) -> bytes:
    """The bytes of a slice; OSErrors fly."""
    with piece.path.open("rb") as file:
        file.seek(piece.offset)
        return file.read(piece.length)


def framed(body: Body) -> list[Piece]:
    """The element that holds the content, its slices among what stands around them (PS3.5 A.4).

    Raises CannotEdit where the content is too much for one element.
    """
    if body.kind is BodyKind.STREAM:
        return _encapsulated(body)
    length = _length(body.slices)
    padding = b"\0" * (length % 2)
    tag, vr = DOCUMENT, b"OB"
    if body.kind is BodyKind.PIXELS:
        tag, vr = PIXEL_DATA, b"OB" if body.attributes["BitsAllocated"] == _BYTE_BITS else b"OW"
    return [_long_element(tag, vr, length + len(padding)), *body.slices, padding]


def _encapsulated(body: Body) -> list[Piece]:
    """One fragment for each frame, so that the offset table may be empty."""
    many = body.attributes.get("NumberOfFrames", 1) == len(body.slices)
    frames = [(each,) for each in body.slices] if many else [body.slices]
    start = _long_element(PIXEL_DATA, b"OB", _UNDEFINED) + _EMPTY_OFFSET_TABLE
    pieces = [piece for frame in frames for piece in _fragment(frame)]
    return [start, *pieces, _SEQUENCE_END]


def _fragment(slices: Iterable[Slice]) -> list[Piece]:
    whole = tuple(slices)
    length = _length(whole)
    padding = b"\0" * (length % 2)
    return [_header(_ITEM, length + len(padding)), *whole, padding]


def _header(tag: int, length: int) -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, length)


def _length(slices: Iterable[Slice]) -> int:
    return sum(map(size_of, slices))


def _long_element(tag: int, vr: bytes, length: int) -> bytes:
    if length > _MAX_NATIVE_BYTES and length != _UNDEFINED:
        raise CannotEdit(destination="any PACS", why=f"{length} bytes in one element are too many")
    return struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr, 0, length)


def joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Pieces, neighbours as one: bytes, and slices of one file."""
    found: list[Piece] = []
    for each in filter(size_of, pieces):
        last = found[-1] if found else None
        if isinstance(each, bytes) and isinstance(last, bytes):
            found[-1] = last + each
        elif isinstance(each, Slice) and isinstance(last, Slice) and _meet(last, each):
            found[-1] = Slice(last.path, last.offset, last.length + each.length)
        else:
            found.append(each)
    return tuple(found)


def _meet(one: Slice, other: Slice) -> bool:
    return one.path == other.path and one.offset + one.length == other.offset


def instance(
    body: Body, values: Mapping[str, object], pieces: Iterable[Piece], digest: str
) -> Instance:
    """The object that these values describe."""
    return Instance(
        number=body.number,
        sop_class_uid=str(values["SOPClassUID"]),
        sop_instance_uid=str(values["SOPInstanceUID"]),
        study_instance_uid=str(values["StudyInstanceUID"]),
        series_instance_uid=str(values["SeriesInstanceUID"]),
        transfer_syntax_uid=body.transfer_syntax_uid,
        digest=digest,
        pieces=tuple(pieces),
    )
