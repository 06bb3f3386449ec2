"""Owns the walk along DICOM data elements by their lengths (PS3.5 7.1), values left unread."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from appliance import dialect
from appliance.dialect import LONG, SHORT
from appliance.peek import Garbled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.dialect import Order
    from appliance.peek import Peek

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
DEFLATED_LE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE = "1.2.840.10008.1.2.2"

FLOAT_PIXEL_DATA = frozenset({0x7FE00008, 0x7FE00009})
PIXEL_DATA = FLOAT_PIXEL_DATA | {0x7FE00010}

_UNDEFINED = 0xFFFFFFFF
_DELIMITERS = 0xFFFE
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_EXPLICIT_HEADER = {order: struct.Struct(f"{order}HH2sH") for order in "<>"}
_IMPLICIT_LENGTH = {order: struct.Struct(f"{order}L") for order in "<>"}
_HEADER_BYTES = 8  # at least; those that the VR makes longer have 12
_DELIMITER_BYTES = 8
_PREAMBLE_BYTES = 132
_SOP_CLASS_UID, _TRANSFER_SYNTAX_UID = 0x00020002, 0x00020010
_MAX_UID_BYTES = 64
_MAX_STEPS = 300_000
_MAX_DEPTH = 200
_MAX_PADDING = 1 << 17


@dataclass(frozen=True, slots=True)
class Coding:
    """How elements are written: with or without VR, in which byte order."""

    explicit: bool
    order: Order


class Element(NamedTuple):
    """Where one data element lies; `vr` is "" where the coding does not say it."""

    tag: int
    vr: str
    start: int
    value: int
    end: int


def coding_of(transfer_syntax_uid: str) -> Coding:
    """Every encapsulated syntax has its data set in Explicit VR Little Endian (PS3.5 A.4)."""
    if transfer_syntax_uid == IMPLICIT_LE:
        return Coding(explicit=False, order="<")
    return Coding(explicit=True, order=">" if transfer_syntax_uid == EXPLICIT_BE else "<")


@dataclass(frozen=True, slots=True)
class FileHead:
    """What the file meta information (PS3.10 7.1) says, and how the data set really is written."""

    has_preamble: bool
    has_meta: bool  # group 0002
    sop_class_uid: str
    stated: str  # the transfer syntax it says; "" where it says none
    transfer_syntax_uid: (
        str  # the true one; "" for Implicit VR Big Endian, which only ACR-NEMA has
    )
    coding: Coding
    data_set: int


def file_head(peek: Peek) -> FileHead:
    """Read group 0002 (if there is one) of a DICOM file. Raises EndsEarly and Garbled."""
    start = _beginning(peek.at(0, min(peek.size, dialect.HEAD_BYTES)))
    said, data_set = _group_2(peek, start)
    stated = said.get(_TRANSFER_SYNTAX_UID, "")
    spelt = dialect.spelling(peek.at(data_set, min(peek.size - data_set, dialect.HEAD_BYTES)))
    if not stated and not spelt:
        peek.need_written(data_set)
        raise Garbled(detail="it does not say how it is encoded")
    coding = Coding(*spelt) if spelt else coding_of(stated)
    is_so = stated and stated != DEFLATED_LE and coding == coding_of(stated)
    true = stated if is_so or not spelt else _NATIVE_UIDS[coding]
    return FileHead(
        has_preamble=start == _PREAMBLE_BYTES,
        has_meta=data_set > start,
        sop_class_uid=said.get(_SOP_CLASS_UID, ""),
        stated=stated,
        transfer_syntax_uid=true,
        coding=coding,
        data_set=data_set,
    )


def is_undefined(peek: Peek, element: Element, coding: Coding) -> bool:
    """Whether an element ends where a delimiter says, instead of saying its length."""
    return peek.number(f"{coding.order}L", element.value - 4) == _UNDEFINED


def is_encapsulated(peek: Peek, pixels: Element, head: FileHead) -> bool:
    """Whether pixel data are in fragments (PS3.5 A.4), which only some transfer syntaxes allow.

    Raises Garbled where the file does not say how they are compressed. Pixels that are not in
    fragments were unpacked by somebody, whatever the file says.
    """
    if not is_undefined(peek, pixels, head.coding):
        return False
    if head.stated in NATIVE:
        raise Garbled(detail="its pixels are compressed, and it does not say how")
    if head.stated != head.transfer_syntax_uid:
        raise Garbled(detail="its data set is not written as its compression needs it")
    return True


_PREFIX = b"DICM"
_META = b"\2\0"
_NATIVE_UIDS = {
    Coding(explicit=False, order="<"): IMPLICIT_LE,
    Coding(explicit=True, order="<"): EXPLICIT_LE,
    Coding(explicit=True, order=">"): EXPLICIT_BE,
    Coding(explicit=False, order=">"): "",
}


NATIVE = frozenset(_NATIVE_UIDS.values())
"""Transfer syntaxes of pixels as they are, and "" for what is none."""


def _beginning(head: bytes) -> int:
    """Where group 0002 begins, or the data set; DICM may also stand at 128 by chance."""
    prefixed = head[_PREAMBLE_BYTES - len(_PREFIX) : _PREAMBLE_BYTES] == _PREFIX
    if prefixed and (head[_PREAMBLE_BYTES:].startswith(_META) or not dialect.is_data_set(head)):
        return _PREAMBLE_BYTES
    return len(_PREFIX) if head.startswith(_PREFIX) else 0


def _group_2(peek: Peek, position: int) -> tuple[dict[int, str], int]:
    """Its short values, and where it ends, whatever (0002,0000) claims; some write it implicit."""
    found: dict[int, str] = {}
    coding = coding_of(EXPLICIT_LE)
    if peek.at(position, min(6, peek.size - position))[4:] not in LONG | SHORT:
        coding = _IMPLICIT
    while peek.at(position, min(2, peek.size - position)) == _META:
        tag, _, value, length = _header(peek, position, coding)
        position = value + length
        peek.need(position)
        if length <= _MAX_UID_BYTES:
            found[tag] = peek.at(value, length).decode("latin-1").rstrip("\0 ")
    return found, position


class Steps:
    """A budget of elements; what exceeds it is nothing an imaging device writes."""

    def __init__(self, most: int = _MAX_STEPS) -> None:
        """For one walk, or for several that share it."""
        self._most = self._left = most

    def take(self, position: int) -> None:
        """Go one further. Raises Garbled."""
        self._left -= 1
        if self._left < 0:
            raise Garbled(detail=f"it has more than {self._most} elements before byte {position}")


def walk(
    peek: Peek,
    start: int,
    coding: Coding,
    stop: int | None = None,
    steps: Steps | None = None,
) -> Iterator[Element]:
    """The elements of one level from `start` to `stop` (or the file's end), each complete.

    Stops at uniform padding behind the pixel data, which block transfers leave. Raises EndsEarly
    and Garbled; a hostile file costs a bounded number of steps.
    """
    steps, stop = steps or Steps(), peek.size if stop is None else stop
    position, behind_pixels = start, False
    while position < stop and not (behind_pixels and _is_padding(peek, position)):
        tag, vr, value, length = _header(peek, position, coding)
        if length == _UNDEFINED:
            end = _end_of_undefined(peek, value, coding if vr != "UN" else _IMPLICIT, steps)
        else:
            end = value + length
        steps.take(end)
        peek.need(end)
        if end > stop < peek.size:
            raise Garbled(detail=f"the element at byte {position} is longer than what it is in")
        yield Element(tag, vr, position, value, end)
        behind_pixels = behind_pixels or tag in PIXEL_DATA
        position = end


_IMPLICIT = Coding(explicit=False, order="<")


def inside(sequence: Element, coding: Coding) -> Coding:
    """How the items of a sequence are written: plainly where its VR is unknown (PS3.5 6.2.2)."""
    return _IMPLICIT if sequence.vr == "UN" else coding


def items(
    peek: Peek, sequence: Element, coding: Coding, steps: Steps | None = None
) -> Iterator[tuple[int, int]]:
    """Where the data set of each item of a sequence begins and ends. Raises as walk does."""
    steps = steps or Steps()
    position = sequence.value
    while position < sequence.end:
        steps.take(position)
        tag, _, value, length = _header(peek, position, coding)
        if tag == _SEQUENCE_END:
            return
        if tag != _ITEM:
            raise Garbled(detail=f"there is no item at byte {position}")
        if length != _UNDEFINED:
            position = value + length
            peek.need(position)
            yield value, position
        else:
            position = _end_of_undefined(peek, value, coding, steps, is_sequence=False)
            yield value, position - _DELIMITER_BYTES


def _header(peek: Peek, at: int, coding: Coding) -> tuple[int, str, int, int]:
    """Tag, VR, offset of the value and its length."""
    head = peek.at(at, _HEADER_BYTES)
    group, element, vr, length = _EXPLICIT_HEADER[coding.order].unpack(head)
    tag = group << 16 | element
    if not tag:
        peek.need_written(at)
    if group == _DELIMITERS or not coding.explicit:
        (length,) = _IMPLICIT_LENGTH[coding.order].unpack_from(head, 4)
        return tag, "", at + _HEADER_BYTES, length
    if vr in SHORT:
        return tag, vr.decode(), at + _HEADER_BYTES, length
    if vr in LONG:
        return tag, vr.decode(), at + 12, peek.number(coding.order + "L", at + 8)
    raise Garbled(detail=f"there is no data element at byte {at}")


def _end_of_undefined(
    peek: Peek, position: int, coding: Coding, steps: Steps, *, is_sequence: bool = True
) -> int:
    """Where a sequence (or encapsulated pixel data, or an item) of undefined length ends.

    A sequence of VR UN is Implicit VR Little Endian inside (PS3.5 6.2.2 note 4).
    """
    inside: list[tuple[bool, Coding]] = [(is_sequence, coding)]  # (is a sequence, its coding)
    while inside:
        is_sequence, coding = inside[-1]
        steps.take(position)
        tag, vr, value, length = _header(peek, position, coding)
        if tag == (_SEQUENCE_END if is_sequence else _ITEM_END):
            inside.pop()
            position = value
        elif is_sequence != (tag == _ITEM) or len(inside) > _MAX_DEPTH:
            raise Garbled(detail=f"a sequence makes no sense at byte {position}")
        elif length == _UNDEFINED:
            inside.append((not is_sequence, coding if vr != "UN" else _IMPLICIT))
            position = value
        else:
            position = value + length
    return position


def _is_padding(peek: Peek, position: int) -> bool:
    length = peek.size - position
    rest = peek.at(position, length) if length <= _MAX_PADDING else b""
    return rest in {b"\0" * length, b"\x1a" * length}
