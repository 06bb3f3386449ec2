"""Owns what must be known of a DICOM Part 10 file before it can be sent as it is; no pydicom."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance import elements
from appliance.errors import Incomplete, Unreadable, UnsupportedFormat
from appliance.model import Slice
from appliance.peek import EndsEarly, Format, Garbled, opened, within

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.model import Instance
    from appliance.peek import Peek

MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"
IMPLEMENTATION_CLASS_UID = "2.25.227075887249492268564028909111976030524"

_META, _PREFIX = 132, b"DICM"  # behind preamble and prefix (PS3.10 7.1)
_META_SOP_CLASS_UID, _META_SOP_INSTANCE_UID = 0x00020002, 0x00020003
_TRANSFER_SYNTAX_UID = 0x00020010
_SOP_CLASS_UID, _SOP_INSTANCE_UID = 0x00080016, 0x00080018
_MAX_UID_BYTES = 64
_PACKED_HEAD_BYTES = 1 << 14
_UID = re.compile(rb"[0-9.]{1,64}")
_KEPT_UID = re.compile(r"(?=.{1,64}$)[0-9]+(\.[0-9]+)+")


def is_uid(text: str) -> bool:
    """Whether a UID that came may stay (PS3.5 9.1); leading zeros are wrong and harmless."""
    return bool(_KEPT_UID.fullmatch(text))


@dataclass(frozen=True, slots=True)
class Part10:
    """One file: what its data set is, how it is encoded and where it lies."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set_offset: int
    size_bytes: int

    @property
    def data_set(self) -> Slice:
        """Everything behind group 0002."""
        return Slice(self.path, self.data_set_offset, self.size_bytes - self.data_set_offset)


def read(path: Path) -> Part10:
    """Look into the head of a file; a few kilobytes are read, however large it is.

    The UIDs in group 0002 and in the data set must be the same: the peer is told one and gets the
    other. Raises UnsupportedFormat, Incomplete or Unreadable; OSErrors fly.
    """
    try:
        with opened(path) as peek:
            return _read(path, peek)
    except EndsEarly as error:
        raise Incomplete(name=path, detail=error.detail) from error
    except Garbled as error:
        raise Unreadable(name=path, format=Format.DICOM, detail=error.detail) from error


def _read(path: Path, peek: Peek) -> Part10:
    if peek.at(0, min(peek.size, _META))[-len(_PREFIX) :] != _PREFIX:
        raise UnsupportedFormat(name=path, detail="it is not a DICOM file with a file head")
    meta, offset = _meta(peek)
    if _TRANSFER_SYNTAX_UID not in meta:
        raise Garbled(detail="it does not say how it is encoded")
    syntax = meta[_TRANSFER_SYNTAX_UID]
    own = {} if syntax == elements.DEFLATED_LE else _first_uids(peek, offset, syntax)
    return Part10(
        path,
        _same("SOP class", meta.get(_META_SOP_CLASS_UID), own.get(_SOP_CLASS_UID)),
        _same("SOP Instance UID", meta.get(_META_SOP_INSTANCE_UID), own.get(_SOP_INSTANCE_UID)),
        syntax,
        offset,
        peek.size,
    )


def _meta(peek: Peek) -> tuple[dict[int, str], int]:
    """The UIDs of group 0002, and where the data set begins, whatever (0002,0000) claims."""
    found: dict[int, str] = {}
    end = _META
    if peek.at(end, 2) != b"\2\0":
        raise Garbled(detail="its file meta information is missing")
    for element in elements.walk(peek, _META, elements.coding_of(elements.EXPLICIT_LE)):
        end = element.end
        if element.vr == "UI":
            found[element.tag] = _uid(peek, element)
        if peek.at(end, 2) != b"\2\0":
            break
    return found, end


def uids_of_data_set(peek: Peek, offset: int, transfer_syntax_uid: str) -> tuple[str, str]:
    """SOP class and SOP Instance UID as the data set that begins at `offset` says them.

    Raises EndsEarly or Garbled.
    """
    if peek.at(offset, min(2, peek.size - offset)) == b"\2\0":
        # It would be read as part of the head, and overrule what the head says.
        raise Garbled(detail="file meta information stands in the data set")
    if transfer_syntax_uid == elements.DEFLATED_LE:
        found = _first_uids(_inflated(peek, offset), 0, elements.EXPLICIT_LE)
    else:
        found = _first_uids(peek, offset, transfer_syntax_uid)
    return found.get(_SOP_CLASS_UID, ""), found.get(_SOP_INSTANCE_UID, "")


def _inflated(peek: Peek, offset: int) -> Peek:
    """The beginning of a deflated data set."""
    packed = peek.at(offset, min(_PACKED_HEAD_BYTES, peek.size - offset))
    try:
        head = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, _PACKED_HEAD_BYTES)
    except zlib.error as error:
        raise Garbled(detail="it cannot be unpacked") from error
    return within(head)


def _first_uids(peek: Peek, offset: int, transfer_syntax_uid: str) -> dict[int, str]:
    """(0008,0016) and (0008,0018), which only a dozen small elements can precede."""
    found: dict[int, str] = {}
    for element in elements.walk(peek, offset, elements.coding_of(transfer_syntax_uid)):
        if element.tag in {_SOP_CLASS_UID, _SOP_INSTANCE_UID}:
            found[element.tag] = _uid(peek, element)
        if element.tag >= _SOP_INSTANCE_UID:
            return found
    raise EndsEarly(detail="it ends before it has said which image it is")


def _uid(peek: Peek, element: elements.Element) -> str:
    length = element.end - element.value
    content = peek.at(element.value, min(length, _MAX_UID_BYTES + 1)).rstrip(b"\0 ")
    if not _UID.fullmatch(content):
        raise Garbled(detail=f"({element.tag >> 16:04x},{element.tag & 0xFFFF:04x}) is no UID")
    return content.decode()


def _same(what: str, in_meta: str | None, in_data_set: str | None) -> str:
    if in_meta and in_data_set and in_meta != in_data_set:
        detail = f"its {what} is {in_meta} in the file's head and {in_data_set} in the data set"
        raise Garbled(detail=detail)
    if not (in_meta or in_data_set):
        raise Garbled(detail=f"its {what} is missing")
    return in_meta or in_data_set or ""


def head(instance: Instance) -> bytes:
    """What makes a file of an instance's data set."""
    return head_of(instance.sop_class_uid, instance.sop_instance_uid, instance.transfer_syntax_uid)


def head_of(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Preamble and group 0002 (PS3.10 7.1); the same for the same object, whoever sent it."""
    meta = b"".join(
        (
            _element(0x0001, b"OB", b"\0\1"),
            _element(0x0002, b"UI", sop_class_uid.encode()),
            _element(0x0003, b"UI", sop_instance_uid.encode()),
            _element(0x0010, b"UI", transfer_syntax_uid.encode()),
            _element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID.encode()),
        )
    )
    return bytes(128) + b"DICM" + _element(0x0000, b"UL", struct.pack("<L", len(meta))) + meta


def _element(number: int, vr: bytes, value: bytes) -> bytes:
    value += b"\0" * (len(value) % 2)
    length = struct.pack("<2xL" if vr == b"OB" else "<H", len(value))
    return struct.pack("<HH2s", 2, number, vr) + length + value
